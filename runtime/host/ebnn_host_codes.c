/*
 * ebnn_host_codes.c: see ebnn_host_codes.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_host_codes.h"

#include <string.h>

#include "ebnn_gather.h"
#include "ebnn_nibbles.h"

/* Bytes of an element. */
static uint32_t element_bytes(uint32_t format)
{
    if (format == EBNN_INT32) {
        return 4;
    }
    return format == EBNN_INT16 || format == EBNN_UINT16 ? 2 : 1;
}

/* Whether the codes of a pixel are whole bytes of one kind, so that those of neighbours can be copied at once. */
static bool has_map(const ebnn_linear_layer *layer)
{
    const ebnn_tensor *input = &layer->input;

    if (!ebnn_is_packed(input->format)) {
        return true;
    }
    return input->format == EBNN_BITS && layer->groups == 1 && input->channels % 8 == 0 &&
           layer->output.height * layer->output.width > 1;
}

/* Bytes that a plane of a map has for each pixel. */
static size_t pixel_bytes(const ebnn_tensor *input)
{
    return ebnn_is_packed(input->format) ? input->channels / 4 : input->channels;
}

ebnn_code_plan ebnn_plan_codes(const ebnn_linear_layer *layer)
{
    const ebnn_tensor *input = &layer->input;
    ebnn_code_plan plan;

    plan.planes = ebnn_is_packed(input->format) ? 1 : element_bytes(input->format);
    plan.plane_bytes = (size_t)layer->row_words * (ebnn_is_packed(input->format) ? 8 : 32);
    plan.vector_bytes = plan.planes * plan.plane_bytes;
    plan.map_bytes = has_map(layer) ? plan.planes * (size_t)input->height * input->width * pixel_bytes(input) : 0;
    return plan;
}

/* Byte `plane` of a value as it stands in the map. */
static uint8_t byte_of(uint32_t format, uint32_t value, uint32_t plane)
{
    const uint32_t flip = ebnn_is_signed(format) && plane + 1 == element_bytes(format) ? 128 : 0;

    return (uint8_t)((value >> (8 * plane)) ^ flip);
}

static void map_bits(const ebnn_tensor *input, const uint32_t *sample, uint8_t *map)
{
    const size_t pixels = (size_t)input->height * input->width;
    const uint32_t words = ebnn_words(input->channels), rest = input->channels % EBNN_WORD_BITS;

    for (size_t pixel = 0; pixel < pixels; pixel++) {
        for (uint32_t word = 0; word < words; word++, sample++) {
            uint8_t codes[8];
            const bool whole = rest == 0 || word + 1 < words;

            ebnn_store_codes(*sample, UINT32_MAX, codes);
            memcpy(map, codes, whole ? sizeof codes : rest / 4);
            map += whole ? sizeof codes : rest / 4;
        }
    }
}

/* A plane of a map out of values that go channel after channel, of which `bytes` has the first one's. */
static inline void map_plane(size_t channels, size_t pixels, const uint8_t *bytes, size_t size, uint8_t flip,
                             uint8_t *map)
{
    for (size_t channel = 0; channel < channels && pixels == 1; channel++) {
        map[channel] = bytes[channel * size] ^ flip;
    }
    for (size_t channel = 0; channel < channels && pixels > 1; channel++, bytes += size * pixels) {
        for (size_t pixel = 0; pixel < pixels; pixel++) {
            map[pixel * channels + channel] = bytes[pixel * size] ^ flip;
        }
    }
}

/* Byte `plane` of a value is its byte there in memory, whose order is the samples' own: the lowest one first. */
static void map_elements(const ebnn_tensor *input, const uint8_t *sample, uint8_t *map)
{
    const size_t pixels = (size_t)input->height * input->width, channels = input->channels;
    const uint32_t planes = element_bytes(input->format);

    for (uint32_t plane = 0; plane < planes; plane++, map += channels * pixels) {
        const uint8_t flip = byte_of(input->format, 0, plane);

        if (planes == 1) {
            map_plane(channels, pixels, sample, 1, flip, map);
        } else if (planes == 2) {
            map_plane(channels, pixels, sample + plane, 2, flip, map);
        } else {
            map_plane(channels, pixels, sample + plane, 4, flip, map);
        }
    }
}

void ebnn_code_map(const ebnn_linear_layer *layer, const void *sample, uint8_t *map)
{
    const ebnn_tensor *input = &layer->input;

    if (ebnn_is_packed(input->format)) {
        map_bits(input, (const uint32_t *)sample, map);
    } else {
        map_elements(input, (const uint8_t *)sample, map);
    }
}

/* What a plane holds for an input in the padding. */
static uint8_t pad_of(const ebnn_linear_layer *layer, uint32_t plane)
{
    if (!ebnn_is_packed(layer->input.format)) {
        return byte_of(layer->input.format, (uint32_t)layer->pad_value, plane);
    }
    if (layer->pad_value == 0) {
        return 0; /* no input */
    }
    return layer->pad_value > 0 ? 0xFF : 0xF0;
}

/* A plane of a window out of a map; the answer is how many taps are there. */
static uint32_t copy_window(const ebnn_linear_layer *layer, const uint8_t *map, uint8_t pad, uint32_t group,
                            uint32_t row, uint32_t column, uint8_t *codes)
{
    const ebnn_tensor *input = &layer->input;
    const ebnn_window *window = &layer->window;
    const size_t pixel = pixel_bytes(input), tap = pixel / layer->groups;
    const bool runs = layer->groups == 1 && window->dilation_x == 1;
    uint32_t there = 0;

    for (uint32_t ky = 0; ky < window->kernel_height; ky++) {
        /* a row above the first one wraps to a huge number, and is outside too */
        const uint32_t y = row * window->stride_y + ky * window->dilation_y - window->pad_top;

        for (uint32_t kx = 0; kx < window->kernel_width;) {
            const uint32_t x = column * window->stride_x + kx * window->dilation_x - window->pad_left;
            uint32_t taps = 1;

            if (y < input->height && x < input->width) {
                if (runs) {
                    const uint32_t wanted = window->kernel_width - kx, left = input->width - x;

                    taps = wanted < left ? wanted : left;
                }
                memcpy(codes, map + ((size_t)y * input->width + x) * pixel + group * tap, taps * tap);
                there += taps;
            } else {
                memset(codes, pad, tap);
            }
            codes += taps * tap;
            kx += taps;
        }
    }
    return there;
}

static uint32_t sum_bytes(const uint8_t *bytes, size_t count)
{
    uint32_t sum = 0;

    for (size_t i = 0; i < count; i++) {
        sum += bytes[i];
    }
    return sum;
}

uint32_t ebnn_code_window(const ebnn_linear_layer *layer, const ebnn_code_plan *plan, const void *sample,
                          const uint8_t *map, uint32_t group, uint32_t row, uint32_t column, uint32_t *words,
                          uint8_t *codes)
{
    const ebnn_tensor *input = &layer->input;
    const uint32_t taps = (uint32_t)layer->window.kernel_height * layer->window.kernel_width;
    uint32_t there = 0, total = 0;

    if (plan->map_bytes == 0) {
        const ebnn_gathered gathered = ebnn_gather(layer, sample, group, row, column, words);

        for (uint32_t word = 0; word < layer->row_words; word++) {
            ebnn_store_codes(words[word], words[layer->row_words + word], codes + 8 * (size_t)word);
        }
        return gathered.total;
    }
    for (uint32_t plane = 0; plane < plan->planes; plane++) {
        uint8_t *first = codes + plane * plan->plane_bytes;
        const size_t used = pixel_bytes(input) / layer->groups * taps;

        there = copy_window(layer, map + plane * (plan->map_bytes / plan->planes), pad_of(layer, plane), group, row,
                            column, first);
        memset(first + used, 0, plan->plane_bytes - used);
        total += sum_bytes(first, used) << (8 * plane);
    }
    if (ebnn_is_packed(input->format)) {
        return (layer->pad_value == 0 ? there : taps) * (input->channels / layer->groups);
    }
    return total;
}
