/*
 * trim_check.c: what ebnn_macro_trim.c makes of words that any chip may answer, under the sanitizers. The rows are this
 * program's, in the place of a macro's; shifts are compared with those in 64 bits.
 */
#include <stdio.h>
#include <string.h>

#include "ebnn_macro.h"
#include "ebnn_macro_rows.h"

#define NEURONS 6u
#define WORDS 3u
#define FAN_IN 70u
#define ZONES 2u
#define CASES 20000u

static uint32_t state = 1;
static ebnn_row_word meant[NEURONS][WORDS];
static ebnn_row_word found[NEURONS][WORDS];

static uint32_t draw(void)
{
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

int32_t ebnn_macro_read_word(const ebnn_row_word *held, uint32_t *sign, uint32_t *nonzero)
{
    *sign = found[held->row][held->word].sign;
    *nonzero = found[held->row][held->word].nonzero;
    return held->bank == 0 ? EBNN_OK : EBNN_ERROR_DEVICE;
}

int32_t ebnn_macro_walk(const ebnn_linear_layer *layer, ebnn_word_work *work, const void *user)
{
    for (uint32_t word = 0; word < layer->row_words; word++) {
        for (uint32_t neuron = 0; neuron < layer->output.channels; neuron++) {
            const uint32_t left = FAN_IN - 32 * word, columns = left < 32 ? (UINT32_C(1) << left) - 1 : UINT32_MAX;
            const int32_t status = work(&meant[neuron][word], columns, neuron, word, user);

            if (status < 0) {
                return status;
            }
        }
    }
    return 0;
}

static int64_t weight(const ebnn_row_word *word, uint32_t column)
{
    const int64_t sign = (word->sign >> column) & 1, nonzero = (word->nonzero >> column) & 1;

    return nonzero * (2 * sign - 1);
}

/* sum * 2^up, rounded to nearest, within -most to most; up is 31 at most, and -14 at least */
static int64_t expected(int64_t sum, int32_t up, int64_t most)
{
    const int64_t scale = INT64_C(1) << (up < 0 ? -up : up);
    int64_t shift = sum * scale;

    if (up < 0) {
        shift = sum + scale / 2;
        shift = shift >= 0 ? shift / scale : -((-shift + scale - 1) / scale);
    }
    return shift > most ? most : shift < -most ? -most : shift;
}

static int check(uint32_t wrong_bank)
{
    static const int32_t fractions[] = {14, 1, 0, -1, -5, -16};
    int16_t means[2 * FAN_IN];
    int32_t border_start[ZONES * NEURONS], start[ZONES * NEURONS];
    const uint16_t zones[2] = {0, 1}, one[1] = {0};
    const int32_t fraction = fractions[draw() % 6];
    const uint32_t shift = draw() % (fraction < -5 ? 16 : 27);
    const int32_t most = draw() % 3 == 0 ? (int32_t)(draw() % 5) : (int32_t)(draw() % 0x40000000);
    const ebnn_border border = {zones, one, border_start, shift};
    const ebnn_trimming trimming = {means, fraction, most, ZONES};
    ebnn_linear_layer layer;
    int32_t status;

    memset(&layer, 0, sizeof layer);
    layer.window.kernel_height = layer.window.kernel_width = 1;
    layer.input.channels = 2 * FAN_IN;
    layer.output.channels = NEURONS;
    layer.groups = 2;
    layer.row_words = WORDS;
    layer.border = &border;
    for (uint32_t i = 0; i < 2 * FAN_IN; i++) {
        means[i] = (int16_t)(int32_t)((draw() & 0xFFFF) - 0x8000);
    }
    for (uint32_t i = 0; i < ZONES * NEURONS; i++) {
        border_start[i] = (int32_t)(draw() % 0x7FFFFFFF) / 2 * (draw() % 2 == 0 ? 1 : -1);
    }
    for (uint32_t i = 0; i < NEURONS * WORDS; i++) {
        ebnn_row_word *word = &meant[0][0] + i, *read = &found[0][0] + i;
        const ebnn_row_word held = {wrong_bank, i / WORDS, i % WORDS, draw(), draw() | draw()};

        *word = *read = held;
        read->sign ^= draw() & draw();
        read->nonzero ^= draw() & draw() & draw();
    }
    status = ebnn_macro_trim(&layer, &trimming, start);
    if (wrong_bank != 0) {
        return status == EBNN_ERROR_DEVICE;
    }
    for (uint32_t neuron = 0; status == EBNN_OK && neuron < NEURONS; neuron++) {
        int64_t sum = 0;

        for (uint32_t i = 0; i < FAN_IN; i++) {
            sum += (weight(&found[neuron][i / 32], i % 32) - weight(&meant[neuron][i / 32], i % 32)) *
                   means[neuron / (NEURONS / 2) * FAN_IN + i];
        }
        sum = expected(sum, (int32_t)shift - fraction, most);
        for (uint32_t at = neuron; at < ZONES * NEURONS; at += NEURONS) {
            if (start[at] != border_start[at] - sum) {
                return 0;
            }
        }
    }
    return status == EBNN_OK;
}

int main(void)
{
    uint32_t agree = 0, checks = 0;

    for (uint32_t i = 0; i < CASES; i++) {
        agree += (uint32_t)check(i % 100 == 0 ? 1 : 0);
    }
    for (uint32_t word = 0; word < CASES; word++) {
        int32_t words[2] = {(int32_t)draw(), (int32_t)draw()};
        const uint32_t before = ebnn_trim_check(7, words, 2);

        words[word % 2] ^= (int32_t)(UINT32_C(1) << (word % 31));
        checks += before != 0 && before != ebnn_trim_check(7, words, 2) && before != ebnn_trim_check(8, words, 2);
    }
    (void)printf("%u %u\n", agree, checks);
    return 0;
}
