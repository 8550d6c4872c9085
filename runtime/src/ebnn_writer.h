/*
 * ebnn_writer.h: the values of one output pixel, channel after channel, through the step function into memory.
 *
 * Packed formats are written a whole word at a time, so that neither the firmware nor a caller has to clear a buffer.
 * Everything is inline: this stands in the innermost loop of every layer.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef EBNN_WRITER_H
#define EBNN_WRITER_H

#include "ebnn_internal.h"

typedef struct ebnn_writer {
    const ebnn_tensor *tensor;
    const ebnn_steps *steps;
    void *data; /* of the whole tensor */
    uint32_t pixel;
    uint32_t pixels;
    uint32_t channel;      /* the next one */
    const int32_t *starts; /* of the pixel's sums, channel after channel; NULL: they start from 0 */
    uint32_t shift;        /* of the sums that have starts */
    uint32_t sign;         /* the word under construction */
    uint32_t nonzero;
} ebnn_writer;

static inline ebnn_writer ebnn_writer_at(const ebnn_tensor *tensor, const ebnn_steps *steps, void *data, uint32_t pixel)
{
    const ebnn_writer writer = {tensor, steps, data, pixel, tensor->height * tensor->width, 0, NULL, 0, 0, 0};

    return writer;
}

/* What the sums of an output pixel start from, channel after channel; NULL: from 0. */
static inline const int32_t *ebnn_starts_at(const ebnn_border *border, uint32_t channels, uint32_t row, uint32_t column)
{
    return border == NULL ? NULL
                          : border->start + ((size_t)border->rows[row] + border->columns[column]) * (size_t)channels;
}

/* A writer for ebnn_write_sum. */
static inline ebnn_writer ebnn_sum_writer_at(const ebnn_tensor *tensor, const ebnn_steps *steps,
                                             const ebnn_border *border, void *data, uint32_t row, uint32_t column)
{
    ebnn_writer writer = ebnn_writer_at(tensor, steps, data, row * tensor->width + column);

    writer.starts = ebnn_starts_at(border, tensor->channels, row, column);
    writer.shift = border == NULL ? 0 : border->shift;
    return writer;
}

/* Up to so many thresholds are compared one after the other, more are searched. */
#define EBNN_FEW_STEPS UINT32_C(8)

/* The same as ebnn_count_steps for lines and for tables of more than EBNN_FEW_STEPS steps. */
uint32_t ebnn_count_many_steps(const ebnn_steps *steps, uint32_t channel, int32_t value);

/* How many of the channel's thresholds the value has reached. */
EBNN_INLINE uint32_t ebnn_count_steps(const ebnn_steps *steps, uint32_t channel, int32_t value)
{
    const int32_t *thresholds = steps->thresholds;
    const int32_t counted = ebnn_bit(steps->directions, channel) != 0 ? ~value : value;
    uint32_t count = 0;

    if (thresholds == NULL || steps->steps > EBNN_FEW_STEPS) {
        return ebnn_count_many_steps(steps, channel, value);
    }
    thresholds += (size_t)channel * steps->steps;
    for (uint32_t k = 0; k < steps->steps; k++) {
        count += thresholds[k] <= counted ? 1U : 0U;
    }
    return count;
}

static inline void ebnn_store_words(const ebnn_writer *writer, uint32_t word)
{
    uint32_t *pixel = (uint32_t *)writer->data + (size_t)writer->pixel * ebnn_pixel_words(writer->tensor);

    pixel[word] = writer->sign;
    if (writer->tensor->format == EBNN_TRITS) {
        pixel[ebnn_words(writer->tensor->channels) + word] = writer->nonzero;
    }
}

/* The next channel's value. */
EBNN_INLINE void ebnn_write(ebnn_writer *writer, int32_t value)
{
    const ebnn_tensor *tensor = writer->tensor;
    const uint32_t channel = writer->channel++;
    const uint32_t steps = writer->steps->steps;
    const uint32_t count = steps != 0 ? ebnn_count_steps(writer->steps, channel, value) : 0;

    if (ebnn_is_packed(tensor->format)) {
        const uint32_t bit = channel % EBNN_WORD_BITS;

        /* bits: 0 is -1 and 1 is +1; trits: 0 is -1, 1 is 0 and 2 is +1 */
        writer->sign |= (count == steps ? UINT32_C(1) : 0) << bit;
        writer->nonzero |= (count != 1 ? UINT32_C(1) : 0) << bit;
        if (bit == EBNN_WORD_BITS - 1 || channel == tensor->channels - 1) {
            ebnn_store_words(writer, channel / EBNN_WORD_BITS);
            writer->sign = 0;
            writer->nonzero = 0;
        }
        return;
    }
    if (steps != 0) {
        value = (int32_t)((uint32_t)writer->steps->low + (uint32_t)writer->steps->step * count);
    }
    ebnn_store_element(tensor->format, writer->data, ebnn_at(channel, writer->pixels, writer->pixel), value);
}

/* The next channel's dot product, as a sum that starts where its pixel lies. */
EBNN_INLINE void ebnn_write_sum(ebnn_writer *writer, uint32_t dot)
{
    if (writer->starts != NULL) {
        dot = (dot << writer->shift) + (uint32_t)writer->starts[writer->channel];
    }
    ebnn_write(writer, (int32_t)dot);
}

/* How many of `left` channels stand in the word of the next one. */
static inline uint32_t ebnn_run_of_word(const ebnn_writer *writer, uint32_t left)
{
    const uint32_t there = EBNN_WORD_BITS - writer->channel % EBNN_WORD_BITS;

    return left < there ? left : there;
}

/* The same of the next `count` channels, all of one word. `sums` are no more afterwards. */
void ebnn_write_sums(ebnn_writer *writer, uint32_t *sums, uint32_t count);

#endif
