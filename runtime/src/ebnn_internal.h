/*
 * ebnn_internal.h: what the runtime's functions share: words and bits, elements of any width, checks of descriptors.
 *
 * Arithmetic on accumulators is done modulo 2^32 on uint32_t: partial sums may leave the range of int32_t, the final
 * value may not (the compiler guarantees it), and so it comes out right without ever overflowing a signed integer.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef EBNN_INTERNAL_H
#define EBNN_INTERNAL_H

#include <stdbool.h>

#include "ebnn.h"

#define EBNN_WORD_BITS UINT32_C(32)

/* Small functions of the innermost loops: at -Os gcc would rather call them, which costs more than they do. */
#if defined(__GNUC__)
#define EBNN_INLINE static inline __attribute__((always_inline))
#else
#define EBNN_INLINE static inline
#endif

EBNN_INLINE uint32_t ebnn_popcount(uint32_t word)
{
    word -= (word >> 1) & UINT32_C(0x55555555);
    word = (word & UINT32_C(0x33333333)) + ((word >> 2) & UINT32_C(0x33333333));
    word = (word + (word >> 4)) & UINT32_C(0x0F0F0F0F);
    return (word * UINT32_C(0x01010101)) >> 24;
}

/* Words that hold `count` bits. */
static inline uint32_t ebnn_words(uint32_t count)
{
    return (count + EBNN_WORD_BITS - 1) / EBNN_WORD_BITS;
}

/* Bit `index` of packed words, 0 where there are no words. */
static inline uint32_t ebnn_bit(const uint32_t *words, uint32_t index)
{
    return words == NULL ? 0 : (words[index / EBNN_WORD_BITS] >> (index % EBNN_WORD_BITS)) & 1;
}

static inline bool ebnn_is_packed(uint32_t format)
{
    return format == EBNN_BITS || format == EBNN_TRITS;
}

/* Words of one pixel of a packed tensor. */
static inline uint32_t ebnn_pixel_words(const ebnn_tensor *tensor)
{
    return ebnn_words(tensor->channels) * (tensor->format == EBNN_TRITS ? 2U : 1U);
}

/*
 * The place of entry `entry` of row `row`, where a row has `width` entries. Where size_t has 16 bits it is narrower than
 * its parts: a buffer that the caller owns has no place beyond it.
 */
EBNN_INLINE size_t ebnn_at(uint32_t row, uint32_t width, uint32_t entry)
{
    return (size_t)row * (size_t)width + (size_t)entry;
}

/* Elements of one channel of a tensor that is not packed. */
EBNN_INLINE size_t ebnn_map(const ebnn_tensor *tensor)
{
    return ebnn_at(tensor->height, tensor->width, 0);
}

/* Whether the highest plane of a format counts negative. */
static inline bool ebnn_is_signed(uint32_t format)
{
    return format == EBNN_INT8 || format == EBNN_INT16 || format == EBNN_INT32;
}

static inline int32_t ebnn_load_element(uint32_t format, const void *data, size_t index)
{
    switch (format) {
    case EBNN_INT8:
        return ((const int8_t *)data)[index];
    case EBNN_UINT8:
        return ((const uint8_t *)data)[index];
    case EBNN_INT16:
        return ((const int16_t *)data)[index];
    case EBNN_UINT16:
        return ((const uint16_t *)data)[index];
    default:
        return ((const int32_t *)data)[index];
    }
}

static inline void ebnn_store_element(uint32_t format, void *data, size_t index, int32_t value)
{
    switch (format) {
    case EBNN_INT8:
        ((int8_t *)data)[index] = (int8_t)value;
        break;
    case EBNN_UINT8:
        ((uint8_t *)data)[index] = (uint8_t)value;
        break;
    case EBNN_INT16:
        ((int16_t *)data)[index] = (int16_t)value;
        break;
    case EBNN_UINT16:
        ((uint16_t *)data)[index] = (uint16_t)value;
        break;
    default:
        ((int32_t *)data)[index] = value;
        break;
    }
}

/* The value of a channel at a pixel, of any format; `pixels` is how many pixels the tensor has. */
EBNN_INLINE int32_t ebnn_load_value(const ebnn_tensor *tensor, const void *data, uint32_t channel, uint32_t pixel,
                                    uint32_t pixels)
{
    const uint32_t *words;

    if (!ebnn_is_packed(tensor->format)) {
        return ebnn_load_element(tensor->format, data, ebnn_at(channel, pixels, pixel));
    }
    words = (const uint32_t *)data + ebnn_at(pixel, ebnn_pixel_words(tensor), 0);
    if (tensor->format == EBNN_TRITS && ebnn_bit(words + ebnn_words(tensor->channels), channel) == 0) {
        return 0;
    }
    return ebnn_bit(words, channel) != 0 ? 1 : -1;
}

/* multiplier * x + offset modulo 2^64, the offset as two words. */
EBNN_INLINE uint64_t ebnn_line(int32_t multiplier, const uint32_t *offset, int32_t x)
{
    return (uint64_t)((int64_t)multiplier * x) + (((uint64_t)offset[1] << 32) | offset[0]);
}

/*
 * A 64-bit two's complement over 2^shift, rounded down, modulo 2^32. The sign is moved away before the shift, since C
 * leaves open what a shift makes of negative numbers.
 */
EBNN_INLINE int32_t ebnn_shift_down(uint64_t value, uint32_t shift)
{
    const uint64_t sign = UINT64_C(1) << 63;

    return (int32_t)(uint32_t)(((value ^ sign) >> shift) - (sign >> shift));
}

struct ebnn_active_lists;

struct ebnn_input_lister {
    uint32_t first_format, last_format; /* of the inputs that it takes */
    bool (*most_are_set)(const ebnn_active_layer *layer, const void *input);
    /*
     * Lists row y of a map from column x on, which lies in the padding where it is no row or column of it: a list from
     * `list` on and its starts, plane after plane.
     */
    void (*list_row)(struct ebnn_active_lists *lists, uint32_t y, uint32_t x, uint16_t *starts, uint16_t *list);
};

/* Checks of descriptors: EBNN_OK, or the status of what is wrong. */
int32_t ebnn_check_tensor(const ebnn_tensor *tensor);
int32_t ebnn_check_window(const ebnn_tensor *input, const ebnn_tensor *output, const ebnn_window *window);
int32_t ebnn_check_steps(const ebnn_steps *steps, const ebnn_tensor *output);
int32_t ebnn_check_linear(const ebnn_linear_layer *layer);
int32_t ebnn_check_active(const ebnn_active_layer *layer);
int32_t ebnn_check_halves(const ebnn_halves_layer *layer);
int32_t ebnn_check_subsets(const ebnn_subsets_layer *layer);
int32_t ebnn_check_int8(const ebnn_int8_layer *layer);
int32_t ebnn_check_pool(const ebnn_pool_layer *layer);
/* Both tensors, and that their extents are alike but for the channels. */
int32_t ebnn_check_maps(const ebnn_tensor *input, const ebnn_tensor *output);

#endif
