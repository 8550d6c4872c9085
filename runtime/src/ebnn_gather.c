/*
 * ebnn_gather.c: see ebnn_gather.h. Taps lie one behind the other without gaps, so copies of bits start anywhere.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_gather.h"

/* The lowest `count` bits, 1 to 32 of them. */
static inline uint32_t low_bits(uint32_t count)
{
    return UINT32_MAX >> (EBNN_WORD_BITS - count);
}

/* Bits `at` to `at + count` of a cleared vector become the lowest bits of `word`; count is 1 to 32. */
static inline void put_bits(uint32_t *vector, uint32_t at, uint32_t count, uint32_t word)
{
    const uint32_t shift = at % EBNN_WORD_BITS;

    vector += at / EBNN_WORD_BITS;
    vector[0] |= word << shift;
    if (shift + count > EBNN_WORD_BITS) {
        vector[1] |= word >> (EBNN_WORD_BITS - shift);
    }
}

static void copy_bits(uint32_t *vector, uint32_t at, const uint32_t *source, uint32_t from, uint32_t count)
{
    if (at % EBNN_WORD_BITS == 0 && from % EBNN_WORD_BITS == 0 && count % EBNN_WORD_BITS == 0) {
        vector += at / EBNN_WORD_BITS;
        source += from / EBNN_WORD_BITS;
        for (uint32_t i = 0; i < count / EBNN_WORD_BITS; i++) {
            vector[i] = source[i];
        }
        return;
    }
    while (count > 0) {
        const uint32_t taken = count < EBNN_WORD_BITS ? count : EBNN_WORD_BITS;
        const uint32_t shift = from % EBNN_WORD_BITS;
        uint32_t word = source[from / EBNN_WORD_BITS] >> shift;

        if (shift + taken > EBNN_WORD_BITS) {
            word |= source[from / EBNN_WORD_BITS + 1] << (EBNN_WORD_BITS - shift);
        }
        put_bits(vector, at, taken, word & low_bits(taken));
        at += taken;
        from += taken;
        count -= taken;
    }
}

static void set_bits(uint32_t *vector, uint32_t at, uint32_t count)
{
    while (count > 0) {
        const uint32_t taken = count < EBNN_WORD_BITS ? count : EBNN_WORD_BITS;

        put_bits(vector, at, taken, low_bits(taken));
        at += taken;
        count -= taken;
    }
}

static ebnn_gathered gather_packed(const ebnn_linear_layer *layer, const uint32_t *input, uint32_t group, uint32_t row,
                                   uint32_t column, uint32_t *values, uint32_t *mask)
{
    const ebnn_tensor *tensor = &layer->input;
    const ebnn_window *window = &layer->window;
    const bool trits = tensor->format == EBNN_TRITS;
    const uint32_t channels = tensor->channels / layer->groups;
    const uint32_t from = group * channels;
    const uint32_t words = ebnn_words(tensor->channels);
    const uint32_t pixel_words = ebnn_pixel_words(tensor);
    /* neighbouring pixels without unused bits between them are copied at once; a flattened map is one run a row */
    const bool runs = !trits && layer->groups == 1 && window->dilation_x == 1 && tensor->channels % EBNN_WORD_BITS == 0;
    ebnn_gathered gathered = {0, !trits};
    uint32_t at = 0;

    for (uint32_t i = 0; i < layer->row_words; i++) {
        values[i] = 0;
        mask[i] = 0;
    }
    for (uint32_t ky = 0; ky < window->kernel_height; ky++) {
        /* a row above the first one wraps to a huge number, and is outside too */
        const uint32_t y = row * window->stride_y + ky * window->dilation_y - window->pad_top;

        for (uint32_t kx = 0; kx < window->kernel_width;) {
            const uint32_t x = column * window->stride_x + kx * window->dilation_x - window->pad_left;
            uint32_t taps = 1;

            if (y < tensor->height && x < tensor->width) {
                const uint32_t *pixel = input + ((size_t)y * tensor->width + x) * pixel_words;

                if (runs) {
                    const uint32_t wanted = window->kernel_width - kx;
                    const uint32_t there = tensor->width - x;

                    taps = wanted < there ? wanted : there;
                }
                copy_bits(values, at, pixel, from, taps * channels);
                if (trits) {
                    copy_bits(mask, at, pixel + words, from, channels);
                } else {
                    set_bits(mask, at, taps * channels);
                }
            } else if (layer->pad_value != 0) {
                if (layer->pad_value > 0) {
                    set_bits(values, at, channels);
                }
                set_bits(mask, at, channels);
            } else {
                gathered.whole = false;
            }
            at += taps * channels;
            kx += taps;
        }
    }
    if (gathered.whole) {
        gathered.total = at;
    } else {
        for (uint32_t i = 0; i < layer->row_words; i++) {
            gathered.total += ebnn_popcount(mask[i]);
        }
    }
    return gathered;
}

/* Up to 32 inputs waiting to become one word of each plane. */
typedef struct elements {
    uint32_t values[32];
    uint32_t count;
    uint32_t word;
} elements;

static void flush(elements *waiting, uint32_t *vectors, uint32_t planes, uint32_t row_words)
{
    for (uint32_t plane = 0; plane < planes; plane++) {
        uint32_t word = 0;

        for (uint32_t i = 0; i < waiting->count; i++) {
            word |= ((waiting->values[i] >> plane) & 1) << i;
        }
        vectors[(size_t)plane * row_words + waiting->word] = word;
    }
    waiting->count = 0;
    waiting->word++;
}

static ebnn_gathered gather_elements(const ebnn_linear_layer *layer, const void *input, uint32_t group, uint32_t row,
                                     uint32_t column, uint32_t *vectors)
{
    const ebnn_tensor *tensor = &layer->input;
    const ebnn_window *window = &layer->window;
    const uint32_t channels = tensor->channels / layer->groups;
    const size_t pixels = ebnn_map(tensor);
    elements waiting;
    ebnn_gathered gathered = {0, true};

    waiting.count = 0;
    waiting.word = 0;
    for (uint32_t ky = 0; ky < window->kernel_height; ky++) {
        const uint32_t y = row * window->stride_y + ky * window->dilation_y - window->pad_top;

        for (uint32_t kx = 0; kx < window->kernel_width; kx++) {
            const uint32_t x = column * window->stride_x + kx * window->dilation_x - window->pad_left;
            const bool inside = y < tensor->height && x < tensor->width;
            size_t index = (size_t)(group * channels) * pixels + ebnn_at(y, tensor->width, x);

            for (uint32_t channel = 0; channel < channels; channel++) {
                const int32_t value = inside ? ebnn_load_element(tensor->format, input, index) : layer->pad_value;

                index += pixels;
                gathered.total += (uint32_t)value;
                waiting.values[waiting.count++] = (uint32_t)value;
                if (waiting.count == EBNN_WORD_BITS) {
                    flush(&waiting, vectors, tensor->planes, layer->row_words);
                }
            }
        }
    }
    /* the words behind the last input, which a row padded for wide registers has more of */
    while (waiting.word < layer->row_words) {
        flush(&waiting, vectors, tensor->planes, layer->row_words);
    }
    return gathered;
}

ebnn_gathered ebnn_gather(const ebnn_linear_layer *layer, const void *input, uint32_t group, uint32_t row,
                          uint32_t column, uint32_t *vectors)
{
    if (ebnn_is_packed(layer->input.format)) {
        return gather_packed(layer, (const uint32_t *)input, group, row, column, vectors, vectors + layer->row_words);
    }
    return gather_elements(layer, input, group, row, column, vectors);
}

/* Bits that a window sees, where they lie in the map one behind the other as in a row of weights; NULL: elsewhere. */
static const uint32_t *row_in_place(const ebnn_linear_layer *layer, const void *input, uint32_t row, uint32_t column)
{
    const ebnn_tensor *map = &layer->input;
    const ebnn_window *window = &layer->window;
    const uint32_t words = ebnn_words(map->channels);
    const uint32_t taps = (uint32_t)window->kernel_height * window->kernel_width;
    /* before the first row or column these wrap to huge numbers, which lie outside too */
    const uint32_t y = row * window->stride_y - window->pad_top, x = column * window->stride_x - window->pad_left;
    const bool inside = y < map->height && window->kernel_height <= map->height - y && x < map->width &&
                        window->kernel_width <= map->width - x;
    const bool rows = window->kernel_height == 1 || (window->kernel_width == map->width && window->dilation_y == 1);
    const bool columns = window->kernel_width == 1 || window->dilation_x == 1;

    if (map->format != EBNN_BITS || layer->groups != 1 || layer->row_words != taps * words || !inside || !rows ||
        !columns || (taps != 1 && map->channels % EBNN_WORD_BITS != 0)) {
        return NULL;
    }
    return (const uint32_t *)input + ((size_t)y * map->width + x) * words;
}

ebnn_inputs ebnn_inputs_at(const ebnn_linear_layer *layer, const void *input, uint32_t group, uint32_t row,
                           uint32_t column, uint32_t *scratch)
{
    const ebnn_window *window = &layer->window;
    ebnn_inputs inputs = {{0, true}, row_in_place(layer, input, row, column), NULL};

    if (inputs.values != NULL) {
        inputs.gathered.total = (uint32_t)window->kernel_height * window->kernel_width * layer->input.channels;
        return inputs;
    }
    inputs.gathered = ebnn_gather(layer, input, group, row, column, scratch);
    inputs.values = scratch;
    inputs.mask = scratch + layer->row_words;
    return inputs;
}
