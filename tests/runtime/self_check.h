/*
 * self_check.h: what the self check's files share: random layers and tensors, and the definitions in plain loops.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SELF_CHECK_H
#define SELF_CHECK_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ebnn.h"
#include "ebnn_host.h"
#include "ebnn_kernel.h"

#define BATCH 3

/* The state of `draw`. */
extern uint32_t self_check_state;

/* A random number from low to high. */
static inline int32_t draw(int32_t low, int32_t high)
{
    self_check_state ^= self_check_state << 13;
    self_check_state ^= self_check_state >> 17;
    self_check_state ^= self_check_state << 5;
    return (int32_t)((int64_t)low + (int64_t)(self_check_state % (uint32_t)((int64_t)high - low + 1)));
}

static inline void *allocate(size_t bytes)
{
    void *memory = malloc(bytes);

    if (memory == NULL) {
        fprintf(stderr, "no memory\n");
        exit(2);
    }
    memset(memory, 0xA5, bytes); /* nothing may rely on cleared memory */
    return memory;
}

static inline void fail(const char *what, unsigned int number)
{
    fprintf(stderr, "%s differs in case %u\n", what, number);
    exit(1);
}

static inline size_t values_of(const ebnn_tensor *tensor)
{
    return (size_t)tensor->height * tensor->width * tensor->channels;
}

static inline bool is_packed(const ebnn_tensor *tensor)
{
    return tensor->format == EBNN_BITS || tensor->format == EBNN_TRITS;
}

/* Value `channel`, `pixel` of a tensor in memory. */
static inline int32_t value_at(const ebnn_tensor *tensor, const void *data, uint32_t channel, uint32_t pixel)
{
    const uint32_t words = (tensor->channels + 31) / 32;
    const size_t index = (size_t)channel * tensor->height * tensor->width + pixel;
    const uint32_t *packed = (const uint32_t *)data;

    switch (tensor->format) {
    case EBNN_BITS:
        return (packed[pixel * words + channel / 32] >> (channel % 32) & 1) != 0 ? 1 : -1;
    case EBNN_TRITS:
        if ((packed[(2 * pixel + 1) * words + channel / 32] >> (channel % 32) & 1) == 0) {
            return 0;
        }
        return (packed[2 * pixel * words + channel / 32] >> (channel % 32) & 1) != 0 ? 1 : -1;
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

/* A tensor type with random planes, and random data for it: BATCH samples, one behind the other. */
static inline ebnn_tensor random_tensor(uint32_t height, uint32_t width, uint32_t channels, uint32_t format)
{
    static const uint8_t widths[] = {1, 1, 8, 8, 16, 16, 32};
    ebnn_tensor tensor;

    tensor.height = height;
    tensor.width = width;
    tensor.channels = channels;
    tensor.format = (uint8_t)format;
    tensor.planes = (uint8_t)draw(1, widths[format]);
    return tensor;
}

static inline int32_t random_value(const ebnn_tensor *tensor)
{
    const bool is_signed = tensor->format == EBNN_INT8 || tensor->format == EBNN_INT16 || tensor->format == EBNN_INT32;
    const int32_t bits = tensor->planes < 20 ? tensor->planes : 20;

    return is_signed ? draw(-(1 << (bits - 1)), (1 << (bits - 1)) - 1) : draw(0, (1 << bits) - 1);
}

static inline uint8_t *random_data(const ebnn_tensor *tensor)
{
    const size_t bytes = ebnn_tensor_bytes(tensor);
    uint8_t *all = allocate(BATCH * bytes);
    const uint32_t pixels = tensor->height * tensor->width;
    const uint32_t words = (tensor->channels + 31) / 32;

    for (uint32_t sample = 0; sample < BATCH; sample++) {
        void *data = all + sample * bytes;

        if (is_packed(tensor)) {
            uint32_t *packed = (uint32_t *)data;

            memset(data, 0, bytes);
            for (uint32_t pixel = 0; pixel < pixels; pixel++) {
                for (uint32_t channel = 0; channel < tensor->channels; channel++) {
                    const uint32_t bit = UINT32_C(1) << (channel % 32);

                    if (tensor->format == EBNN_BITS) {
                        packed[pixel * words + channel / 32] |= draw(0, 1) != 0 ? bit : 0;
                    } else if (draw(0, 2) != 0) {
                        packed[(2 * pixel + 1) * words + channel / 32] |= bit;
                        packed[2 * pixel * words + channel / 32] |= draw(0, 1) != 0 ? bit : 0;
                    }
                }
            }
            continue;
        }
        for (size_t i = 0; i < values_of(tensor); i++) {
            const int32_t value = random_value(tensor);

            switch (tensor->format) {
            case EBNN_INT8:
            case EBNN_UINT8:
                ((uint8_t *)data)[i] = (uint8_t)value;
                break;
            case EBNN_INT16:
            case EBNN_UINT16:
                ((uint16_t *)data)[i] = (uint16_t)value;
                break;
            default:
                ((int32_t *)data)[i] = value;
                break;
            }
        }
    }
    return all;
}

/* A random step function for a tensor; the caller frees thresholds and directions. */
static inline ebnn_steps random_steps(const ebnn_tensor *output, int32_t around)
{
    const uint32_t count = output->format == EBNN_BITS    ? 1
                           : output->format == EBNN_TRITS ? 2
                           : draw(0, 3) == 0              ? (uint32_t)draw(9, 40)
                                                          : (uint32_t)draw(1, 4);
    const uint32_t words = (output->channels + 31) / 32;
    int32_t *thresholds = allocate((size_t)output->channels * count * 4);
    uint32_t *directions = allocate((size_t)words * 4);
    ebnn_steps steps;

    for (uint32_t i = 0; i < output->channels * count; i++) {
        thresholds[i] = i % count == 0 ? draw(-around, around) : thresholds[i - 1] + draw(0, around);
    }
    for (uint32_t word = 0; word < words; word++) {
        directions[word] = (uint32_t)draw(0, INT32_MAX) * 2;
    }
    if (output->channels % 32 != 0) {
        directions[words - 1] &= (UINT32_C(1) << output->channels % 32) - 1;
    }
    steps.thresholds = thresholds;
    steps.directions = directions;
    steps.steps = count;
    steps.lines = NULL;
    steps.low = is_packed(output) ? -1 : draw(0, 5);
    steps.step = output->format == EBNN_BITS ? 2 : output->format == EBNN_TRITS ? 1 : draw(1, count > 4 ? 3 : 9);
    return steps;
}

static inline int32_t stepped(const ebnn_steps *steps, uint32_t channel, int32_t value)
{
    int32_t count = 0;

    if (steps->steps == 0) {
        return value;
    }
    if (steps->directions != NULL && (steps->directions[channel / 32] >> channel % 32 & 1) != 0) {
        value = ~value;
    }
    for (uint32_t k = 0; k < steps->steps; k++) {
        count += steps->thresholds[channel * steps->steps + k] <= value;
    }
    return steps->low + steps->step * count;
}

static inline ebnn_window random_window(void)
{
    ebnn_window window;

    window.kernel_height = (uint16_t)draw(1, 3);
    window.kernel_width = (uint16_t)draw(1, 4);
    window.stride_y = (uint16_t)draw(1, 3);
    window.stride_x = (uint16_t)draw(1, 3);
    window.dilation_y = (uint16_t)draw(1, 2);
    window.dilation_x = (uint16_t)draw(1, 2);
    window.pad_top = (uint16_t)draw(0, 3);
    window.pad_left = (uint16_t)draw(0, 3);
    return window;
}

/* Output extent over an input that has room for the kernel. */
static inline uint32_t extent(uint32_t input, uint32_t kernel, uint32_t stride, uint32_t dilation, uint32_t pad,
                              uint32_t end)
{
    return (input + pad + end - dilation * (kernel - 1) - 1) / stride + 1;
}

/* One random layer of each kind of integer work, held to its definition. */
void check_int8(unsigned int number);
void check_sums(unsigned int number);
void check_lines(unsigned int number);

/* The same layer on a chip makes of the BATCH samples at `source` what it has made of them without one. */
/* A border of a few zones an axis, or none. */
static inline ebnn_border random_border(const ebnn_tensor *output)
{
    const uint32_t rows = (uint32_t)draw(1, 3), columns = (uint32_t)draw(1, 3);
    const size_t starts = (size_t)rows * columns * output->channels;
    uint16_t *row = allocate(output->height * sizeof(uint16_t));
    uint16_t *column = allocate(output->width * sizeof(uint16_t));
    int32_t *start = allocate(starts * sizeof(int32_t));
    const ebnn_border made = {row, column, start, (uint32_t)draw(0, 4)};

    for (uint32_t y = 0; y < output->height; y++) {
        row[y] = (uint16_t)((uint32_t)draw(0, (int32_t)rows - 1) * columns);
    }
    for (uint32_t x = 0; x < output->width; x++) {
        column[x] = (uint16_t)draw(0, (int32_t)columns - 1);
    }
    for (size_t i = 0; i < starts; i++) {
        start[i] = draw(-100, 100);
    }
    return made;
}

static inline void free_border(const ebnn_border *border)
{
    if (border != NULL) {
        free((void *)(uintptr_t)border->rows);
        free((void *)(uintptr_t)border->columns);
        free((void *)(uintptr_t)border->start);
    }
}

/* A dot product of a neuron as the sum that it becomes at a pixel. */
static inline int32_t bordered(const ebnn_border *border, const ebnn_tensor *output, uint32_t neuron, uint32_t row,
                               uint32_t column, int64_t dot)
{
    if (border != NULL) {
        const size_t zone = (size_t)border->rows[row] + border->columns[column];

        dot = dot * ((int64_t)1 << border->shift) + border->start[zone * output->channels + neuron];
    }
    return (int32_t)dot;
}

void check_sensed(const ebnn_linear_layer *layer, const uint8_t *source, const uint8_t *expected, unsigned int number);

#endif
