/*
 * ebnn_macro_model.h: the RRAM macro of the emulated chip: registers, banks, sequencer, counted events.
 *
 * The model is the chip's side of the register map; the firmware's side is runtime/macro. It shares no code with the
 * runtime's kernels, so that the two can be held against each other. All memory belongs to the caller.
 *
 * The chip model, event by event (edgebnn/emulator/array_events.py has the same rules in closed form):
 *   program  one word of one row of one bank: its 32 columns are programmed; +1 and -1 take one SET and one RESET, 0
 *            two RESETs.
 *   read     one word of one row of one bank: its 32 columns are sensed once, as inputs of +1 find them, in
 *            `cycles_per_read` cycles. A row that was never programmed answers 0 in all columns.
 *   run      per output pixel, neuron and bit plane one row is read, in all banks that the neuron spans at once: all
 *            columns are sensed, those that share an amplifier one after the other, in `cycles_per_read` cycles, and
 *            each word of the row is counted; per layer `cycles_per_layer` cycles more.
 *            Per output pixel and group of channels, the gather unit fetches each tap inside the image: of a packed
 *            format the words that hold the group's channels (twice for trits), else one access an element.
 *            Thresholds: one comparison a step, or one write-back where there are none.
 *            Output: one access a word of a packed pixel, or one an element.
 *            Once per layer: thresholds, direction words, the bank table (two banks a word) and, where it has a border,
 *            the zones of its rows and columns (two a word) and what the sums of each zone start from.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef EBNN_MACRO_MODEL_H
#define EBNN_MACRO_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "ebnn_events.h"
#include "ebnn_sense.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Every register's role and its name in a target file; where it lies is the target's matter. */
#define EBNN_MACRO_ROLES(X)                                                                                            \
    X(CONTROL, "control")                                                                                              \
    X(STATUS, "status")                                                                                                \
    X(PROGRAM_BANK, "program_bank")                                                                                    \
    X(PROGRAM_ROW, "program_row")                                                                                      \
    X(PROGRAM_SIGN, "program_sign")                                                                                    \
    X(PROGRAM_NONZERO, "program_nonzero")                                                                              \
    X(PROGRAM_TERNARY, "program_ternary")                                                                              \
    X(PROGRAM_POLICY, "program_policy")                                                                                \
    X(INPUT_ADDRESS, "input_address")                                                                                  \
    X(INPUT_FORMAT, "input_format")                                                                                    \
    X(INPUT_HEIGHT, "input_height")                                                                                    \
    X(INPUT_WIDTH, "input_width")                                                                                      \
    X(INPUT_CHANNELS, "input_channels")                                                                                \
    X(KERNEL, "kernel")                                                                                                \
    X(STRIDE, "stride")                                                                                                \
    X(DILATION, "dilation")                                                                                            \
    X(PADDING, "padding")                                                                                              \
    X(PAD_VALUE, "pad_value")                                                                                          \
    X(GROUPS, "groups")                                                                                                \
    X(ROW_WORDS, "row_words")                                                                                          \
    X(BANK_TABLE, "bank_table")                                                                                        \
    X(TERNARY, "ternary")                                                                                              \
    X(OUTPUT_ADDRESS, "output_address")                                                                                \
    X(OUTPUT_FORMAT, "output_format")                                                                                  \
    X(OUTPUT_HEIGHT, "output_height")                                                                                  \
    X(OUTPUT_WIDTH, "output_width")                                                                                    \
    X(OUTPUT_CHANNELS, "output_channels")                                                                              \
    X(THRESHOLD_ADDRESS, "threshold_address")                                                                          \
    X(THRESHOLD_STEPS, "threshold_steps")                                                                              \
    X(DIRECTION_ADDRESS, "direction_address")                                                                          \
    X(OUTPUT_LOW, "output_low")                                                                                        \
    X(OUTPUT_STEP, "output_step")                                                                                      \
    X(BORDER_ROWS, "border_rows")                                                                                      \
    X(BORDER_COLUMNS, "border_columns")                                                                                \
    X(BORDER_START, "border_start")                                                                                    \
    X(BORDER_SHIFT, "border_shift")                                                                                    \
    X(READ_SIGN, "read_sign")                                                                                          \
    X(READ_NONZERO, "read_nonzero")

typedef enum ebnn_macro_role {
#define X(role, name) EBNN_ROLE_##role,
    EBNN_MACRO_ROLES(X)
#undef X
        EBNN_ROLES
} ebnn_macro_role;

/* Words of the register file's page, 4 KiB. */
#define EBNN_MACRO_PAGE_WORDS 1024

/* What a row of a bank holds. */
enum { EBNN_ROW_EMPTY = 0, EBNN_ROW_BINARY = 1, EBNN_ROW_TERNARY = 2 };

/* A memory of the chip: the host's bytes behind an address. */
typedef struct ebnn_memory {
    uint8_t *bytes;
    uint32_t base;
    uint32_t size;
} ebnn_memory;

typedef struct ebnn_macro_model {
    /* the target's register map: role of each word of the page, -1 where there is no register */
    const int32_t *roles; /* EBNN_MACRO_PAGE_WORDS entries */
    uint32_t command_program;
    uint32_t command_run;
    uint32_t status_done;
    uint32_t status_error;
    /* the target's array */
    uint32_t banks;
    uint32_t rows;
    uint32_t bank_words; /* 32-bit words of a row */
    uint32_t parallel_banks;
    uint32_t policies;
    uint32_t cycles_per_read; /* of all columns of a row */
    uint32_t cycles_per_layer;
    uint32_t command_read; /* 0 where the macro has none */
    /* what was programmed into the banks, (bank, word of a row, row); bit = column of the word */
    uint32_t *sign;
    uint32_t *nonzero;
    uint8_t *state;
    /* what a chip with errors reads in its place (NULL: a chip without), and what it must be programmed with for that */
    const ebnn_sensing *sensing;   /* of banks of the same shape */
    const uint32_t *expected_sign; /* (bank, word, row) of the banks of `sensing` */
    const uint32_t *expected_nonzero;
    const uint8_t *expected_state;
    const uint16_t *expected_policy;   /* the number of each row's programming policy */
    const uint16_t *expected_attempts; /* the most attempts at each row, 0 for as many as the macro makes */
    /* from this stripe on rows are a marker's, which may be programmed with anything; UINT32_MAX where there is none */
    uint32_t marker_stripe;
    uint32_t reads;                     /* read commands since the last reset; whoever resets the chip clears it */
    const ebnn_sensing *marker_sensing; /* of these stripes alone, with the marker in them; NULL: read as programmed */
    const uint32_t *marker_sign;        /* (stripe, row) of that marker */
    uint64_t inference;                 /* the current one's number; whoever runs the chip counts */
    ebnn_memory flash;
    ebnn_memory sram;
    uint32_t *gather; /* room for parallel_banks * bank_words * EBNN_GATHER_VECTORS words */
    /* a run that would count more words of rows than this, all runs together, is refused: no firmware can stall the host */
    uint64_t popcount_limit;
    ebnn_events *events;
    const char *complaint; /* why `error` was set last, NULL if it never was */
    uint32_t registers[EBNN_ROLES];
} ebnn_macro_model;

/* Vectors of the gather unit: sign and mask of up to 32 bit planes. */
#define EBNN_GATHER_VECTORS 64

/* Name of a role in target files, NULL behind the last role. */
const char *ebnn_macro_role_name(uint32_t role);

/* A CPU's access to the register at a byte offset; a command has done its work when the write returns. */
uint32_t ebnn_macro_model_read(ebnn_macro_model *macro, uint64_t offset);
void ebnn_macro_model_write(ebnn_macro_model *macro, uint64_t offset, uint32_t value);

/* The run command on the registers as they stand: NULL, or why it cannot be done, and then nothing was written. */
const char *ebnn_macro_run(ebnn_macro_model *macro);

#ifdef __cplusplus
}
#endif

#endif
