/*
 * ebnn_macro.h: the RRAM macro as the firmware sees it.
 *
 * The macro is a sequencer between the RRAM banks and SRAM. The firmware fills in the registers of a command and
 * starts it; the macro works alone and raises its interrupt when it is done. `ebnn_linear` of ebnn.h is implemented
 * on it, so a model's code is the same on a chip with RRAM and on one without. Addresses and codes come from
 * `ebnn_target.h`, which is generated from the target's description.
 *
 * While the macro works, the CPU sleeps (`wfi`) until the macro's interrupt, the core's external one, is pending. It is
 * enabled in `mie`, but not taken as long as mstatus.MIE is 0, as after a reset; a firmware that sets it needs a handler,
 * which may return without doing anything.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef EBNN_MACRO_H
#define EBNN_MACRO_H

#include "ebnn.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Programs all the layer's weights into its banks, under the programming policy of index `policy` (the order of the
 * target's description). Row r of a bank holds neuron r of the tile's block of EBNN_ARRAY_ROWS neurons,
 * EBNN_ARRAY_ROW_WORDS words of it; words of a row behind the layer's last input are not programmed.
 * EBNN_ERROR_BANKS where the layer has no banks, EBNN_ERROR_DEVICE where the macro refuses a row.
 *
 * A macro that verifies what it programs makes `attempts` at a word at most, as many as it does where that is 0.
 * Where `verified` is not NULL it has a bit for each word of each neuron (bit i % 32 of verified[i / 32] for word i):
 * words whose bit is 0 are programmed once.
 */
int32_t ebnn_macro_program(const ebnn_linear_layer *layer, uint32_t policy, uint32_t attempts,
                           const uint32_t *verified);

/*
 * Reads all the layer's weights back, once, and counts those that are not what the layer says: what an inference reads
 * otherwise too, but for what each read adds. A negative status as above. Needs a macro that reads words back.
 */
int32_t ebnn_macro_verify(const ebnn_linear_layer *layer);

/*
 * How a chip trims a layer, whose border is not NULL. A wrong weight shifts its neuron's sum by so many times the mean of
 * its input; the sums start from as much less.
 */
typedef struct ebnn_trimming {
    const int16_t *means; /* of a neuron's inputs in the order of its row, group after group, in units of 2^-fraction */
    int32_t fraction;     /* -16 to 14; the border's shift is at most 31 above it */
    int32_t most;         /* by which a sum is shifted either way */
    uint32_t zones;       /* of the border */
} ebnn_trimming;

/*
 * Reads all the layer's weights back, once, and writes what its sums start from on this chip: an int32 for each zone and
 * channel. EBNN_ERROR_BORDER where the layer has no border, else a negative status as above. Needs a macro that reads words
 * back.
 */
int32_t ebnn_macro_trim(const ebnn_linear_layer *layer, const ebnn_trimming *trimming, int32_t *start);

/* `ebnn_linear` with what was found to start from. */
int32_t ebnn_linear_trimmed(const ebnn_linear_layer *layer, const int32_t *start, const void *input, void *output);

/*
 * A check of `count` words behind the one that it is kept in: of one model, by its `identity`, and of no other. 0 is the
 * check of none.
 */
uint32_t ebnn_trim_check(uint32_t identity, const int32_t *words, uint32_t count);

/*
 * The marker: `count` words that stand for the weights of a model, drawn from their hash. A chip bears it in the rows of
 * its last banks, from `bank` on, row after row and, where these are full, word after word and bank after bank. Its cells
 * err as all others do: it is there where no more than `most_wrong` of them all read otherwise. The marker of other
 * weights differs in about half of the cells.
 */
typedef struct ebnn_marker {
    const uint32_t *words;
    uint32_t count;
    uint32_t bank;
    uint32_t policy; /* index of the programming policy */
    int32_t most_wrong;
} ebnn_marker;

/* Writes the marker; the weights that it stands for are in the banks. */
int32_t ebnn_macro_mark(const ebnn_marker *marker);

/* Spoils this marker and every other one, before any weights change. */
int32_t ebnn_macro_unmark(const ebnn_marker *marker);

/* 1 where the chip bears this marker, 0 where it does not, or EBNN_ERROR_DEVICE. */
int32_t ebnn_macro_is_marked(const ebnn_marker *marker);

#ifdef __cplusplus
}
#endif

#endif
