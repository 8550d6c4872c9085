/*
 * ebnn_panels_avx512.c: bits and trits with AVX-512 and VPOPCNTDQ.
 *
 * A lane of 32 bits is a row of weights, so that set bits are counted where they are added up (vpopcntd). A tile of one
 * panel, two registers, x vectors stays in registers.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_kernel.h"

#if defined(__x86_64__)

#include <string.h>

#include "ebnn_listing.h"
#include "ebnn_panels_avx2.h"
#include "ebnn_panels_avx512.h"
#include "ebnn_writer.h"

#define TILE_VECTORS 8

/* Four octets of a panel, a byte of each row at a time, as a word of each row. */
AVX512_INLINE void load_words(const uint8_t *octets, __m512i words[HALVES])
{
    const __m512i former = _mm512_loadu_si512(octets), latter = _mm512_loadu_si512(octets + 2 * EBNN_PANEL_ROWS);
    /* byte 4 r + o is byte r of octet o */
    const __m512i rows = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    const __m512i order = _mm512_add_epi32(_mm512_mullo_epi32(rows, broadcast(0x01010101)), broadcast(0x60402000));

    words[0] = _mm512_permutex2var_epi8(former, order, latter);
    words[1] = _mm512_permutex2var_epi8(former, _mm512_add_epi32(order, broadcast(0x10101010)), latter);
}

/* Words at a time: those of a tile's vectors stay in the nearest cache. */
#define RANGE_WORDS UINT32_C(128)

/* 32 inputs of a vector: their values, and which of them count. */
typedef struct input_word {
    uint32_t values;
    uint32_t counting;
} input_word;

/* Words `begin` to `end` of a few vectors. */
typedef struct word_range {
    const ebnn_bit_panels *work;
    size_t vector;
    uint32_t begin;
    uint32_t end;
    bool whole; /* whether all of these inputs count */
    input_word inputs[RANGE_WORDS][TILE_VECTORS];
} word_range;

AVX512_INLINE void take_inputs(word_range *range, int vectors)
{
    uint32_t all = UINT32_MAX;

    for (int v = 0; v < vectors; v++) {
        const uint8_t *codes = range->work->codes + (range->vector + (size_t)v) * range->work->codes_stride;

        for (uint32_t word = range->begin; word < range->end; word++) {
            input_word *input = &range->inputs[word - range->begin][v];
            uint64_t eight;

            memcpy(&eight, codes + 8 * (size_t)word, sizeof eight);
            input->values = (uint32_t)_pext_u64(eight, UINT64_C(0x0F0F0F0F0F0F0F0F));
            input->counting = (uint32_t)_pext_u64(eight, UINT64_C(0xF0F0F0F0F0F0F0F0));
            all &= input->counting;
        }
    }
    range->whole = all == UINT32_MAX;
}

/* The weights of a word: which are +1, and which are not 0. */
AVX512_INLINE void load_weights(const ebnn_bit_panels *work, size_t offset, __m512i plus[HALVES],
                                __m512i nonzero[HALVES], bool ternary)
{
    load_words(work->plus + offset, plus);
    if (ternary) {
        __m512i minus[HALVES];

        load_words(work->minus + offset, minus);
        for (int half = 0; half < HALVES; half++) {
            nonzero[half] = _mm512_or_si512(plus[half], minus[half]);
        }
    }
}

/* (first ^ second) & third */
#define UNLIKE_AND 0x28

/* How many inputs that count are unlike their weights, those of 0 left out, for a panel; added with the factor. Where the
 * whole range counts, that is not looked at. */
AVX512_INLINE void add_tile(const word_range *range, size_t panel, uint32_t factor, int vectors, bool ternary,
                            bool whole)
{
    const ebnn_bit_panels *work = range->work;
    const size_t offset = (panel * work->octets + 4 * (size_t)range->begin) * EBNN_PANEL_ROWS;
    const size_t first = panel * EBNN_PANEL_ROWS;
    __m512i totals[TILE_VECTORS][HALVES];

    for (int v = 0; v < vectors; v++) {
        totals[v][0] = totals[v][1] = _mm512_setzero_si512();
    }
    for (uint32_t word = 0; word < range->end - range->begin; word++) {
        const input_word *inputs = range->inputs[word];
        __m512i plus[HALVES], nonzero[HALVES];

        load_weights(work, offset + 4 * (size_t)word * EBNN_PANEL_ROWS, plus, nonzero, ternary);
        for (int v = 0; v < vectors; v++) {
            const __m512i values = broadcast(inputs[v].values), counting = broadcast(inputs[v].counting);

            for (int half = 0; half < HALVES; half++) {
                __m512i unlike = _mm512_xor_si512(plus[half], values);

                if (ternary && whole) {
                    unlike = _mm512_ternarylogic_epi32(values, plus[half], nonzero[half], UNLIKE_AND);
                } else if (!whole) {
                    const __m512i looked_at = ternary ? _mm512_and_si512(nonzero[half], counting) : counting;

                    unlike = _mm512_ternarylogic_epi32(values, plus[half], looked_at, UNLIKE_AND);
                }
                totals[v][half] = _mm512_add_epi32(totals[v][half], _mm512_popcnt_epi32(unlike));
            }
        }
    }
    for (int v = 0; v < vectors; v++) {
        add_totals(work->sums + (range->vector + (size_t)v) * work->sums_stride + first, totals[v], factor,
                   work->rows - first);
    }
}

/* How many inputs that count have a weight that is not 0: where all count, the same for every vector. */
AVX512_INLINE void add_counted(const word_range *range, size_t panel, int vectors)
{
    const ebnn_bit_panels *work = range->work;
    const size_t offset = (panel * work->octets + 4 * (size_t)range->begin) * EBNN_PANEL_ROWS;
    const size_t first = panel * EBNN_PANEL_ROWS;
    const int counted = range->whole ? 1 : vectors;
    __m512i totals[TILE_VECTORS][HALVES];

    for (int v = 0; v < counted; v++) {
        totals[v][0] = totals[v][1] = _mm512_setzero_si512();
    }
    for (uint32_t word = 0; word < range->end - range->begin; word++) {
        __m512i plus[HALVES], nonzero[HALVES];

        load_weights(work, offset + 4 * (size_t)word * EBNN_PANEL_ROWS, plus, nonzero, true);
        for (int v = 0; v < counted; v++) {
            const __m512i counting = broadcast(range->inputs[word][v].counting);

            for (int half = 0; half < HALVES; half++) {
                const __m512i found = _mm512_popcnt_epi32(_mm512_and_si512(nonzero[half], counting));

                totals[v][half] = _mm512_add_epi32(totals[v][half], found);
            }
        }
    }
    for (int v = 0; v < vectors; v++) {
        add_totals(work->sums + (range->vector + (size_t)v) * work->sums_stride + first, totals[v % counted],
                   work->factor, work->rows - first);
    }
}

AVX512_INLINE void add_vectors(word_range *range, int vectors, bool ternary)
{
    const uint32_t factor = ternary ? 0 - 2 * range->work->factor : range->work->factor;

    take_inputs(range, vectors);
    for (size_t panel = 0; panel * EBNN_PANEL_ROWS < range->work->rows; panel++) {
        if (range->whole) {
            add_tile(range, panel, factor, vectors, ternary, true);
        } else {
            add_tile(range, panel, factor, vectors, ternary, false);
        }
        if (ternary) {
            add_counted(range, panel, vectors);
        }
    }
}

AVX512_INLINE void add_bits(const ebnn_bit_panels *work, bool ternary)
{
    const uint32_t words = work->octets / 4;
    word_range range;

    range.work = work;
    for (range.begin = 0; range.begin < words; range.begin = range.end) {
        range.end = words - range.begin < RANGE_WORDS ? words : range.begin + RANGE_WORDS;
        for (range.vector = 0; range.vector + TILE_VECTORS <= work->vectors; range.vector += TILE_VECTORS) {
            add_vectors(&range, TILE_VECTORS, ternary);
        }
        for (; range.vector < work->vectors; range.vector++) {
            add_vectors(&range, 1, ternary);
        }
    }
}

AVX512 static void add_unlike(const ebnn_bit_panels *work)
{
    add_bits(work, false);
}

AVX512 static void add_products(const ebnn_bit_panels *work)
{
    add_bits(work, true);
}

AVX512 static void threshold_bits(const ebnn_steps *steps, const uint32_t *sums, uint32_t channels, uint32_t *words)
{
    memset(words, 0, (channels + EBNN_WORD_BITS - 1) / EBNN_WORD_BITS * sizeof *words);
    for (uint32_t first = 0; first < channels; first += LANES) {
        const __mmask16 lanes = lanes_below(channels - first);
        const uint32_t down = steps->directions != NULL ? steps->directions[first / EBNN_WORD_BITS] : 0;
        const __m512i flip = _mm512_maskz_set1_epi32((__mmask16)(down >> first % EBNN_WORD_BITS), -1);
        const __m512i sum = _mm512_xor_si512(_mm512_maskz_loadu_epi32(lanes, sums + first), flip);
        const __m512i threshold = _mm512_maskz_loadu_epi32(lanes, steps->thresholds + first);
        const uint32_t reached = _mm512_mask_cmpge_epi32_mask(lanes, sum, threshold);

        words[first / EBNN_WORD_BITS] |= reached << first % EBNN_WORD_BITS;
    }
}

const ebnn_kernel ebnn_kernel_avx512 = {
    add_unlike,
    add_products,
    ebnn_add_bytes_avx2,
    ebnn_count_bits_avx2,
    ebnn_list_bits_avx2,
    ebnn_answer_avx512,
    ebnn_sum_listed_avx512,
    threshold_bits,
    ebnn_dot_values_avx512,
    ebnn_dot_bytes_avx512,
    ebnn_philox_rows_avx2,
};

#else

/* a translation unit may not be empty */
typedef int ebnn_no_avx512;

#endif
