/*
 * ebnn_active_lists.c: see ebnn_active_lists.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_active_lists.h"

#define ENTRY_BYTES 4 /* of the word of weights that an entry stands for */

static uint32_t strip_pixels(const ebnn_active_layer *layer)
{
    return (layer->strip - 1) * layer->window.stride_x + layer->window.kernel_width;
}

/* Planes that are listed. Of bits that is one: those that are missing are added by places of the window. */
static uint32_t listed_planes(const ebnn_active_layer *layer)
{
    return layer->input.format == EBNN_BITS ? 1 : layer->planes;
}

/* Whether one window sees each input once, and nothing else. */
static bool sees_all(const ebnn_active_layer *layer)
{
    const ebnn_window *window = &layer->window;

    return layer->input.height == window->kernel_height && layer->input.width == window->kernel_width &&
           window->pad_top == 0 && window->pad_left == 0 && layer->output.height == 1 && layer->output.width == 1;
}

/* Entries of a row of the strip at most: a packed input is listed in one of two planes, if at all. */
static uint32_t row_entries(const ebnn_active_layer *layer)
{
    const uint32_t inputs = strip_pixels(layer) * layer->input.channels;

    if (layer->window.kernel_height == 1 && sees_all(layer)) { /* no more than half of all planes' bits */
        return layer->planes * inputs / 2;
    }
    return ebnn_is_packed(layer->input.format) ? inputs : layer->planes * inputs;
}

uint32_t ebnn_linear_active_scratch_words(const ebnn_active_layer *layer)
{
    const uint32_t pixels = strip_pixels(layer);
    const uint32_t values = ebnn_is_packed(layer->input.format) ? 0 : pixels * layer->input.channels;

    return (layer->window.kernel_height * (listed_planes(layer) * (pixels + 1) + row_entries(layer)) + values + 1) / 2;
}

/* The plane of elements that is turned over to make them unsigned; 0: they are. */
static uint32_t sign_plane(const ebnn_tensor *input)
{
    return ebnn_is_signed(input->format) ? UINT32_C(1) << (input->planes - 1) : 0;
}

/* The bits of two words. */
EBNN_INLINE uint32_t popcount_two(uint32_t a, uint32_t b)
{
    a -= (a >> 1) & UINT32_C(0x55555555);
    b -= (b >> 1) & UINT32_C(0x55555555);
    a = (a & UINT32_C(0x33333333)) + ((a >> 2) & UINT32_C(0x33333333)) + (b & UINT32_C(0x33333333)) +
        ((b >> 2) & UINT32_C(0x33333333));
    a = (a & UINT32_C(0x0F0F0F0F)) + ((a >> 4) & UINT32_C(0x0F0F0F0F));
    return (a * UINT32_C(0x01010101)) >> 24;
}

static uint32_t count_bits(const uint32_t *words, uint32_t count)
{
    uint32_t bits = count % 2 != 0 ? popcount_two(*words++, 0) : 0;

    for (uint32_t pairs = count / 2; pairs != 0; pairs--, words += 2) {
        bits += popcount_two(words[0], words[1]);
    }
    return bits;
}

/* Whether more bits than half are set in the input; behind the last channel none are. */
static bool most_bits_are_set(const ebnn_active_layer *layer, const void *input)
{
    const ebnn_tensor *tensor = &layer->input;
    const uint32_t pixels = tensor->height * tensor->width;

    return count_bits((const uint32_t *)input, pixels * ebnn_words(tensor->channels)) > pixels * tensor->channels / 2;
}

/* The same of those that are not 0. */
static bool most_trits_are_set(const ebnn_active_layer *layer, const void *input)
{
    const ebnn_tensor *tensor = &layer->input;
    const uint32_t words = ebnn_words(tensor->channels);
    const uint32_t *pixel = (const uint32_t *)input;
    uint32_t plus = 0, there = 0;

    for (uint32_t left = tensor->height * tensor->width; left != 0; left--, pixel += 2 * (size_t)words) {
        plus += count_bits(pixel, words);
        there += count_bits(pixel + words, words);
    }
    return plus > there / 2;
}

static bool most_planes_are_set(const ebnn_active_layer *layer, const void *input)
{
    const ebnn_tensor *tensor = &layer->input;
    const uint32_t planes = (UINT32_C(1) << tensor->planes) - 1;
    const uint32_t sign = sign_plane(tensor);
    const uint32_t elements = tensor->height * tensor->width * tensor->channels;
    uint32_t bits = 0;

    for (uint32_t i = 0; i < elements; i++) {
        bits += ebnn_popcount(((uint32_t)ebnn_load_element(tensor->format, input, (size_t)i) ^ sign) & planes);
    }
    return bits > elements * tensor->planes / 2;
}

ebnn_active_lists ebnn_active_lists_in(const ebnn_active_layer *layer, const void *input, uint32_t *scratch)
{
    const bool packed = ebnn_is_packed(layer->input.format);
    ebnn_active_lists lists = {layer, input, false, listed_planes(layer), strip_pixels(layer), 0, NULL,
                               NULL,  NULL,  NULL};
    uint16_t *halves = (uint16_t *)scratch;

    lists.turned = layer->lister->most_are_set(layer, input);
    lists.starts = halves;
    lists.values = lists.starts + layer->window.kernel_height * lists.planes * (lists.pixels + 1);
    lists.list = lists.values + (packed ? 0 : lists.pixels * layer->input.channels);
    return lists;
}

/*
 * Lists the places of four bits. A jump for them takes fewer instructions than a branch for each bit, or than finding one
 * bit after the other, as long as not far fewer than half of them are set.
 */
EBNN_INLINE uint16_t *list_four(uint16_t *list, uint32_t bits, uint32_t place)
{
    switch (bits & 15) {
    case 1:
        list[0] = (uint16_t)(place + 0 * ENTRY_BYTES);
        return list + 1;
    case 2:
        list[0] = (uint16_t)(place + 1 * ENTRY_BYTES);
        return list + 1;
    case 3:
        list[0] = (uint16_t)(place + 0 * ENTRY_BYTES);
        list[1] = (uint16_t)(place + 1 * ENTRY_BYTES);
        return list + 2;
    case 4:
        list[0] = (uint16_t)(place + 2 * ENTRY_BYTES);
        return list + 1;
    case 5:
        list[0] = (uint16_t)(place + 0 * ENTRY_BYTES);
        list[1] = (uint16_t)(place + 2 * ENTRY_BYTES);
        return list + 2;
    case 6:
        list[0] = (uint16_t)(place + 1 * ENTRY_BYTES);
        list[1] = (uint16_t)(place + 2 * ENTRY_BYTES);
        return list + 2;
    case 7:
        list[0] = (uint16_t)(place + 0 * ENTRY_BYTES);
        list[1] = (uint16_t)(place + 1 * ENTRY_BYTES);
        list[2] = (uint16_t)(place + 2 * ENTRY_BYTES);
        return list + 3;
    case 8:
        list[0] = (uint16_t)(place + 3 * ENTRY_BYTES);
        return list + 1;
    case 9:
        list[0] = (uint16_t)(place + 0 * ENTRY_BYTES);
        list[1] = (uint16_t)(place + 3 * ENTRY_BYTES);
        return list + 2;
    case 10:
        list[0] = (uint16_t)(place + 1 * ENTRY_BYTES);
        list[1] = (uint16_t)(place + 3 * ENTRY_BYTES);
        return list + 2;
    case 11:
        list[0] = (uint16_t)(place + 0 * ENTRY_BYTES);
        list[1] = (uint16_t)(place + 1 * ENTRY_BYTES);
        list[2] = (uint16_t)(place + 3 * ENTRY_BYTES);
        return list + 3;
    case 12:
        list[0] = (uint16_t)(place + 2 * ENTRY_BYTES);
        list[1] = (uint16_t)(place + 3 * ENTRY_BYTES);
        return list + 2;
    case 13:
        list[0] = (uint16_t)(place + 0 * ENTRY_BYTES);
        list[1] = (uint16_t)(place + 2 * ENTRY_BYTES);
        list[2] = (uint16_t)(place + 3 * ENTRY_BYTES);
        return list + 3;
    case 14:
        list[0] = (uint16_t)(place + 1 * ENTRY_BYTES);
        list[1] = (uint16_t)(place + 2 * ENTRY_BYTES);
        list[2] = (uint16_t)(place + 3 * ENTRY_BYTES);
        return list + 3;
    case 15:
        list[0] = (uint16_t)(place + 0 * ENTRY_BYTES);
        list[1] = (uint16_t)(place + 1 * ENTRY_BYTES);
        list[2] = (uint16_t)(place + 2 * ENTRY_BYTES);
        list[3] = (uint16_t)(place + 3 * ENTRY_BYTES);
        return list + 4;
    default:
        return list;
    }
}

/*
 * Lists the places of the bits of words, some of them turned over, from `place` on. Eight a trip: the four jumps of
 * sixteen keep GCC busy for hours.
 */
static uint16_t *list_words(uint16_t *list, const uint32_t *words, uint32_t count, uint32_t turned, uint32_t place)
{
    for (; count != 0; count--, place += EBNN_WORD_BITS * ENTRY_BYTES) {
        uint32_t at = place;

        for (uint32_t word = *words++ ^ turned; word != 0; word >>= 8, at += 8 * ENTRY_BYTES) {
            list = list_four(list, word, at);
            list = list_four(list, word >> 4, at + 4 * ENTRY_BYTES);
        }
    }
    return list;
}

static uint16_t *list_all(uint16_t *list, uint32_t count, uint32_t place)
{
    for (; count != 0; count--, place += ENTRY_BYTES) {
        *list++ = (uint16_t)place;
    }
    return list;
}

/* A pixel's channels that are in a plane; NULL: a pixel of padding. */
static uint16_t *list_trits(const ebnn_active_lists *lists, const uint32_t *pixel, uint32_t plane, uint32_t place,
                            uint16_t *list)
{
    const ebnn_active_layer *layer = lists->layer;
    const uint32_t channels = layer->input.channels;
    uint32_t left = channels;

    if (pixel == NULL) {
        const int32_t value = lists->turned ? -layer->pad_value : layer->pad_value;

        return (plane != 0 ? value > 0 : value == 0) ? list_all(list, channels, place) : list;
    }
    for (uint32_t word = 0; left != 0; word++, place += EBNN_WORD_BITS * ENTRY_BYTES) {
        const uint32_t count = left < EBNN_WORD_BITS ? left : EBNN_WORD_BITS;
        const uint32_t nonzero = pixel[ebnn_words(channels) + word];
        uint32_t set = pixel[word];

        if (plane == 0) {
            set = ~nonzero & UINT32_MAX >> (EBNN_WORD_BITS - count);
        } else if (lists->turned) {
            set ^= nonzero;
        }
        list = list_words(list, &set, 1, 0, place);
        left -= count;
    }
    return list;
}

/* Lists row y of a map of trits from column x on, which lies in the padding where it is no row or column of it. */
static void list_row_of_trits(ebnn_active_lists *lists, uint32_t y, uint32_t x, uint16_t *starts, uint16_t *list)
{
    const ebnn_tensor *tensor = &lists->layer->input;
    const uint32_t pixel_words = ebnn_pixel_words(tensor);
    const uint32_t stride = tensor->channels * ENTRY_BYTES;

    for (uint32_t plane = 0; plane < lists->planes; plane++) {
        for (uint32_t pixel = 0; pixel < lists->pixels; pixel++) {
            const uint32_t at = x + pixel;
            const bool inside = y < tensor->height && at < tensor->width;
            const uint32_t *words = (const uint32_t *)lists->input;

            words = inside ? words + ((size_t)y * tensor->width + at) * pixel_words : NULL;
            *starts++ = (uint16_t)(list - lists->list);
            list = list_trits(lists, words, plane, pixel * stride, list);
        }
        *starts++ = (uint16_t)(list - lists->list);
    }
}

/* The same of a map of bits, of which what is missing is not listed. */
static void list_row_of_bits(ebnn_active_lists *lists, uint32_t y, uint32_t x, uint16_t *starts, uint16_t *list)
{
    const ebnn_active_layer *layer = lists->layer;
    const ebnn_tensor *tensor = &layer->input;
    const uint32_t channels = tensor->channels;
    const uint32_t before_last = (channels - 1) / EBNN_WORD_BITS;
    const uint32_t turned = lists->turned ? UINT32_MAX : 0;
    const uint32_t turned_last = turned >> ((0 - channels) % EBNN_WORD_BITS);
    const bool padding_is_listed = lists->turned ? layer->pad_value < 0 : layer->pad_value > 0;
    const uint32_t width = y < tensor->height ? tensor->width : 0;
    const uint32_t *row = (const uint32_t *)lists->input + ebnn_at(y * width, before_last + 1, 0);
    uint32_t place = 0;

    for (uint32_t pixel = lists->pixels; pixel != 0; pixel--, x++, place += channels * ENTRY_BYTES) {
        const uint32_t *words;

        *starts++ = (uint16_t)(list - lists->list);
        if (x >= width) {
            if (padding_is_listed) {
                list = list_all(list, channels, place);
            }
            continue;
        }
        words = row + ebnn_at(x, before_last + 1, 0);
        if (channels <= 4) { /* a call for each pixel would cost more than its list */
            list = list_four(list, *words ^ turned_last, place);
            continue;
        }
        if (before_last != 0) {
            list = list_words(list, words, before_last, turned, place);
        }
        list =
            list_words(list, words + before_last, 1, turned_last, place + before_last * EBNN_WORD_BITS * ENTRY_BYTES);
    }
    *starts = (uint16_t)(list - lists->list);
}

/* The values u of a row of elements, pixel after pixel. */
static void load_row(const ebnn_active_lists *lists, uint32_t y, uint32_t x)
{
    const ebnn_active_layer *layer = lists->layer;
    const ebnn_tensor *tensor = &layer->input;
    const uint32_t planes = (UINT32_C(1) << tensor->planes) - 1;
    const uint32_t turned = (lists->turned ? planes : 0) ^ sign_plane(tensor);
    const size_t map = ebnn_map(tensor);
    uint16_t *values = lists->values;

    for (uint32_t pixel = 0; pixel < lists->pixels; pixel++, x++) {
        const bool inside = y < tensor->height && x < tensor->width;
        size_t index = ebnn_at(y, tensor->width, x);

        for (uint32_t channel = 0; channel < tensor->channels; channel++, index += map) {
            const int32_t value = inside ? ebnn_load_element(tensor->format, lists->input, index) : layer->pad_value;

            *values++ = (uint16_t)(((uint32_t)value ^ turned) & planes);
        }
    }
}

static void list_row_of_elements(ebnn_active_lists *lists, uint32_t y, uint32_t x, uint16_t *starts, uint16_t *list)
{
    const uint32_t channels = lists->layer->input.channels;

    load_row(lists, y, x);
    for (uint32_t plane = 0; plane < lists->layer->planes; plane++) {
        const uint32_t bit = UINT32_C(1) << plane;
        const uint16_t *values = lists->values;
        uint32_t place = 0;

        for (uint32_t pixel = 0; pixel < lists->pixels; pixel++) {
            const uint16_t *const end = values + channels;

            *starts++ = (uint16_t)(list - lists->list);
            for (; values != end; values++, place += ENTRY_BYTES) {
                if ((*values & bit) != 0) {
                    *list++ = (uint16_t)place;
                }
            }
        }
        *starts++ = (uint16_t)(list - lists->list);
    }
}

const ebnn_input_lister ebnn_bits_lister = {EBNN_BITS, EBNN_BITS, most_bits_are_set, list_row_of_bits};
const ebnn_input_lister ebnn_trits_lister = {EBNN_TRITS, EBNN_TRITS, most_trits_are_set, list_row_of_trits};
const ebnn_input_lister ebnn_elements_lister = {EBNN_INT8, EBNN_UINT16, most_planes_are_set, list_row_of_elements};

void ebnn_list_strip(ebnn_active_lists *lists, uint32_t row, uint32_t column)
{
    const ebnn_active_layer *layer = lists->layer;
    const ebnn_window *window = &layer->window;
    const uint32_t rows = window->kernel_height;
    const uint32_t entries = rows > 1 ? row_entries(layer) : 0;
    /* before the first row or column these wrap to huge numbers, which lie outside too */
    const uint32_t x = column * window->stride_x - window->pad_left;
    const uint32_t y = row * window->stride_y - window->pad_top;
    uint32_t ky = 0;

    if (row == 0) {
        lists->first_row = 0;
    } else if (window->dilation_y == 1 && window->stride_y < rows) {
        ky = rows - window->stride_y;
    }
    for (; ky < rows; ky++) { /* each new row in the place of the oldest one */
        uint16_t *starts = lists->starts + lists->first_row * lists->planes * (lists->pixels + 1);
        uint16_t *list = lists->list + lists->first_row * entries;

        layer->lister->list_row(lists, y + ky * window->dilation_y, x, starts, list);
        lists->first_row = lists->first_row + 1 < rows ? lists->first_row + 1 : 0;
    }
    lists->first_starts = lists->starts + lists->first_row * lists->planes * (lists->pixels + 1);
}
