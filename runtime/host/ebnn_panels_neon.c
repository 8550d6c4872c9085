/*
 * ebnn_panels_neon.c: the kernels for AArch64 with NEON, which each such processor has.
 *
 * Bits: the set bits of 16 rows' octets are counted at once (cnt) and added up in bytes. Bytes are looked up in tables of
 * all choices of four values (tbl), one of the values' low halves and one of their high ones. A tile of one panel, two
 * registers, x vectors stays in registers.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_kernel.h"

#if defined(__aarch64__)

#include <arm_neon.h>

#include "ebnn_listing.h"
#include "ebnn_writer.h"

#define NEON_INLINE static inline __attribute__((always_inline))

#define LANES 16
#define HALVES (EBNN_PANEL_ROWS / LANES)
#define TILE_VECTORS 4

/* sums[r] += factor * totals[r] of a panel's rows, or of so many as there are; totals of 16 bits. */
NEON_INLINE void add_totals(uint32_t *sums, const uint16x8_t totals[HALVES][2], uint32_t factor, size_t rows)
{
    for (size_t i = 0; i < 2 * HALVES && 8 * i < rows; i++) {
        const uint16x8_t eight = totals[i / 2][i % 2];
        const uint32x4_t four[2] = {vmovl_u16(vget_low_u16(eight)), vmovl_high_u16(eight)};

        for (size_t k = 0; k < 2; k++) {
            const size_t first = 8 * i + 4 * k;

            if (first + 4 <= rows) {
                vst1q_u32(sums + first, vmlaq_n_u32(vld1q_u32(sums + first), four[k], factor));
            } else {
                uint32_t each[4];

                vst1q_u32(each, four[k]);
                for (size_t row = first; row < rows; row++) {
                    sums[row] += factor * each[row - first];
                }
            }
        }
    }
}

NEON_INLINE void widen(uint16x8_t totals[2], uint8x16_t bytes)
{
    totals[0] = vaddw_u8(totals[0], vget_low_u8(bytes));
    totals[1] = vaddw_high_u8(totals[1], bytes);
}

/* Octets at a time: counts of 8 each that can be added up in bytes. */
#define COUNTED_OCTETS UINT32_C(31)
/* What these add up to fits 16 bits. */
#define RANGE_OCTETS (128 * COUNTED_OCTETS)

/* What is counted: inputs that are unlike their weights, those of 0 left out; or those whose weights are not 0. */
typedef enum counted { UNLIKE, NONZERO } counted;

/* A tile at work: a panel against vectors from `vector` on. */
typedef struct tile {
    const ebnn_bit_panels *work;
    size_t panel;
    size_t vector;
    uint32_t begin;
    uint32_t end;
    uint32_t factor;
} tile;

NEON_INLINE void add_tile(const tile *at, int vectors, counted what, bool ternary)
{
    const ebnn_bit_panels *work = at->work;
    const size_t offset = at->panel * work->octets * EBNN_PANEL_ROWS, first = at->panel * EBNN_PANEL_ROWS;
    const uint8_t *codes = work->codes + at->vector * work->codes_stride;
    uint16x8_t totals[TILE_VECTORS][HALVES][2];

    for (int v = 0; v < vectors; v++) {
        for (int half = 0; half < HALVES; half++) {
            totals[v][half][0] = totals[v][half][1] = vdupq_n_u16(0);
        }
    }
    for (uint32_t begin = at->begin; begin < at->end; begin += COUNTED_OCTETS) {
        const uint32_t left = at->end - begin, stop = begin + (left < COUNTED_OCTETS ? left : COUNTED_OCTETS);
        uint8x16_t bytes[TILE_VECTORS][HALVES];

        for (int v = 0; v < vectors; v++) {
            bytes[v][0] = bytes[v][1] = vdupq_n_u8(0);
        }
        for (uint32_t octet = begin; octet < stop; octet++) {
            const size_t weights = offset + (size_t)octet * EBNN_PANEL_ROWS;
            uint8x16_t plus[HALVES], nonzero[HALVES];

            for (int half = 0; half < HALVES; half++) {
                plus[half] = vld1q_u8(work->plus + weights + half * LANES);
                nonzero[half] =
                    ternary ? vorrq_u8(plus[half], vld1q_u8(work->minus + weights + half * LANES)) : vdupq_n_u8(0xFF);
            }
            for (int v = 0; v < vectors; v++) {
                const uint8_t *code = codes + (size_t)v * work->codes_stride + 2 * (size_t)octet;
                const uint8x16_t values = vdupq_n_u8((uint8_t)((code[0] & 15U) | (code[1] & 15U) << 4));
                const uint8x16_t counting = vdupq_n_u8((uint8_t)((uint32_t)code[0] >> 4 | (code[1] & 0xF0U)));

                for (int half = 0; half < HALVES; half++) {
                    uint8x16_t bits = ternary ? vandq_u8(nonzero[half], counting) : counting;

                    if (what == UNLIKE) {
                        bits = vandq_u8(veorq_u8(plus[half], values), bits);
                    }
                    bytes[v][half] = vaddq_u8(bytes[v][half], vcntq_u8(bits));
                }
            }
        }
        for (int v = 0; v < vectors; v++) {
            for (int half = 0; half < HALVES; half++) {
                widen(totals[v][half], bytes[v][half]);
            }
        }
    }
    for (int v = 0; v < vectors; v++) {
        add_totals(work->sums + (at->vector + (size_t)v) * work->sums_stride + first, (const uint16x8_t(*)[2])totals[v],
                   at->factor, work->rows - first);
    }
}

NEON_INLINE void add_pass(const ebnn_bit_panels *work, uint32_t factor, counted what, bool ternary)
{
    tile at;

    at.work = work;
    at.factor = factor;
    for (at.begin = 0; at.begin < work->octets; at.begin = at.end) {
        at.end = work->octets - at.begin < RANGE_OCTETS ? work->octets : at.begin + RANGE_OCTETS;
        for (at.panel = 0; at.panel * EBNN_PANEL_ROWS < work->rows; at.panel++) {
            for (at.vector = 0; at.vector + TILE_VECTORS <= work->vectors; at.vector += TILE_VECTORS) {
                add_tile(&at, TILE_VECTORS, what, ternary);
            }
            for (; at.vector < work->vectors; at.vector++) {
                add_tile(&at, 1, what, ternary);
            }
        }
    }
}

static void add_unlike(const ebnn_bit_panels *work)
{
    add_pass(work, work->factor, UNLIKE, false);
}

static void add_products(const ebnn_bit_panels *work)
{
    add_pass(work, work->factor, NONZERO, true);
    add_pass(work, 0 - 2 * work->factor, UNLIKE, true);
}

/* Octets whose values, 8 * 255 each, can be added up in 16 bits. */
#define TABLE_OCTETS UINT32_C(32)

/* An octet's tables: of its first four values the low halves' and the high halves', then of the other four. */
typedef uint8x16_t octet_tables[4];

NEON_INLINE void make_tables(const uint8_t *values, octet_tables tables)
{
    /* all bits of entry c where bit i of c is set */
    static const uint8_t chosen[4][16] = {
        {0, 255, 0, 255, 0, 255, 0, 255, 0, 255, 0, 255, 0, 255, 0, 255},
        {0, 0, 255, 255, 0, 0, 255, 255, 0, 0, 255, 255, 0, 0, 255, 255},
        {0, 0, 0, 0, 255, 255, 255, 255, 0, 0, 0, 0, 255, 255, 255, 255},
        {0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255},
    };

    for (int i = 0; i < 4; i++) {
        tables[i] = vdupq_n_u8(0);
    }
    for (int i = 0; i < 8; i++) {
        const uint8x16_t at = vld1q_u8(chosen[i % 4]), value = vdupq_n_u8(values[i]);
        uint8x16_t *low = &tables[i / 4 * 2], *high = low + 1;

        *low = vaddq_u8(*low, vandq_u8(at, vandq_u8(value, vdupq_n_u8(15))));
        *high = vaddq_u8(*high, vandq_u8(at, vshrq_n_u8(value, 4)));
    }
}

/* 16 rows' octets `begin` to `end` against a vector whose tables are made, weighed by 1 and 16. */
NEON_INLINE void look_up(const uint8_t *weights, uint32_t octets, octet_tables *tables, uint16x8_t totals[2])
{
    uint16x8_t low[2] = {vdupq_n_u16(0), vdupq_n_u16(0)}, high[2] = {vdupq_n_u16(0), vdupq_n_u16(0)};

    for (uint32_t octet = 0; octet < octets; octet++, weights += EBNN_PANEL_ROWS) {
        const uint8x16_t both = vld1q_u8(weights);
        const uint8x16_t former = vandq_u8(both, vdupq_n_u8(15)), latter = vshrq_n_u8(both, 4);

        widen(low, vaddq_u8(vqtbl1q_u8(tables[octet][0], former), vqtbl1q_u8(tables[octet][2], latter)));
        widen(high, vaddq_u8(vqtbl1q_u8(tables[octet][1], former), vqtbl1q_u8(tables[octet][3], latter)));
    }
    for (int i = 0; i < 2; i++) {
        totals[i] = vmlaq_n_u16(low[i], high[i], 16);
    }
}

static void add_bytes_of(const ebnn_byte_panels *work, const uint8_t *rows, uint32_t factor, size_t vector,
                         uint32_t begin, uint32_t end, octet_tables *tables)
{
    for (size_t first = 0; first < work->rows; first += EBNN_PANEL_ROWS) {
        const uint8_t *weights = rows + first * work->octets + (size_t)begin * EBNN_PANEL_ROWS;
        uint16x8_t totals[HALVES][2];

        for (int half = 0; half < HALVES; half++) {
            look_up(weights + half * LANES, end - begin, tables, totals[half]);
        }
        add_totals(work->sums + vector * work->sums_stride + first, (const uint16x8_t(*)[2])totals, factor,
                   work->rows - first);
    }
}

static void add_bytes(const ebnn_byte_panels *work)
{
    for (uint32_t begin = 0; begin < work->octets; begin += TABLE_OCTETS) {
        const uint32_t left = work->octets - begin, end = begin + (left < TABLE_OCTETS ? left : TABLE_OCTETS);

        for (size_t vector = 0; vector < work->vectors; vector++) {
            const uint8_t *values = work->values + vector * work->values_stride;
            octet_tables tables[TABLE_OCTETS];

            for (uint32_t octet = begin; octet < end; octet++) {
                make_tables(values + 8 * (size_t)octet, tables[octet - begin]);
            }
            add_bytes_of(work, work->plus, work->factor, vector, begin, end, tables);
            if (work->minus != NULL) {
                add_bytes_of(work, work->minus, 0 - work->factor, vector, begin, end, tables);
            }
        }
    }
}

static void threshold_bits(const ebnn_steps *steps, const uint32_t *sums, uint32_t channels, uint32_t *words)
{
    static const uint32_t places[4] = {1, 2, 4, 8};
    const uint32x4_t bits = vld1q_u32(places);

    for (uint32_t first = 0; first < channels; first += EBNN_WORD_BITS) {
        const uint32_t count = channels - first < EBNN_WORD_BITS ? channels - first : EBNN_WORD_BITS;
        const uint32_t down = steps->directions != NULL ? steps->directions[first / EBNN_WORD_BITS] : 0;
        uint32_t word = 0, i = 0;

        for (; i + 4 <= count; i += 4) {
            const uint32x4_t flip = vtstq_u32(vdupq_n_u32(down >> i), bits);
            const int32x4_t sum = vreinterpretq_s32_u32(veorq_u32(vld1q_u32(sums + first + i), flip));
            const uint32x4_t reached = vcgeq_s32(sum, vld1q_s32(steps->thresholds + first + i));

            word |= vaddvq_u32(vandq_u32(reached, bits)) << i;
        }
        for (; i < count; i++) {
            word |= ebnn_count_steps(steps, first + i, (int32_t)sums[first + i]) << i;
        }
        words[first / EBNN_WORD_BITS] = word;
    }
}

#define DOT_ROWS 4

/* A few rows against a vector. */
NEON_INLINE void dot_tile(const ebnn_dots *work, size_t row, size_t vector, int rows)
{
    const int8_t *weights = work->rows + row * work->length;
    const int16_t *values = work->vectors + vector * work->length;
    int32x4_t totals[DOT_ROWS][2];

    for (int r = 0; r < rows; r++) {
        totals[r][0] = totals[r][1] = vdupq_n_s32(0);
    }
    for (size_t i = 0; i < work->length; i += 8) {
        const int16x8_t inputs = vld1q_s16(values + i);

        for (int r = 0; r < rows; r++) {
            const int16x8_t eight = vmovl_s8(vld1_s8(weights + (size_t)r * work->length + i));

            totals[r][0] = vmlal_s16(totals[r][0], vget_low_s16(inputs), vget_low_s16(eight));
            totals[r][1] = vmlal_high_s16(totals[r][1], inputs, eight);
        }
    }
    for (int r = 0; r < rows; r++) {
        const int32_t sum = vaddvq_s32(vaddq_s32(totals[r][0], totals[r][1]));

        work->sums[vector * work->sums_stride + row + (size_t)r] = (uint32_t)sum;
    }
}

static void dot_values(const ebnn_dots *work)
{
    for (size_t vector = 0; vector < work->vector_count; vector++) {
        size_t row = 0;

        for (; row + DOT_ROWS <= work->row_count; row += DOT_ROWS) {
            dot_tile(work, row, vector, DOT_ROWS);
        }
        for (; row < work->row_count; row++) {
            dot_tile(work, row, vector, 1);
        }
    }
}

const ebnn_kernel ebnn_kernel_neon = {
    add_unlike,
    add_products,
    add_bytes,
    ebnn_count_bits_portable,
    ebnn_list_bits_portable,
    ebnn_answer_portable,
    NULL,
    threshold_bits,
    dot_values,
    NULL,
    ebnn_philox_rows_portable,
};

#else

/* a translation unit may not be empty */
typedef int ebnn_no_neon;

#endif
