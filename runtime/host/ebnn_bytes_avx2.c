/*
 * ebnn_bytes_avx2.c: bytes and integers of 16 bits with AVX2.
 *
 * Against weights that are bits or trits, bytes are looked up as bits are, in tables of the sums of all choices of four
 * values that are made for each vector: one of the sums' low bits and one of their high ones.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_kernel.h"

#if defined(__x86_64__)

#include "ebnn_fetch_ahead.h"
#include "ebnn_panels_avx2.h"

/* Octets at a time, whose values, 8 * 255 each, can be added up in 16 bits. */
#define RANGE_OCTETS UINT32_C(32)
/* Their parts, 8 * 31 of low ones or of high ones, can be added up in bytes. */
#define STEP_OCTETS 4
#define PART_BITS 5
/* Vectors whose tables are made before weights are spread out, which all of them share. */
#define BLOCK_VECTORS 16
/* From so many on it pays to spread them out. */
#define SHARING_VECTORS 3
#define TILE_PANELS 4

/* The tables of an octet: the low parts of the sums of its first four values and of the other four, then the high. */
#define OCTET_TABLES 2
#define TABLE_BYTES 16

/* GCC would add up look-ups before it adds them to what is there, and run out of registers. */
#define IN_THIS_ORDER(value) __asm__("" : "+x"(value))

/*
 * The sums of all choices of four values have 10 bits, and two tables, of their low and their high 5. Two lanes of 16
 * sums each are made as two registers, whose lanes have the choices without the last value, and those with it.
 */
AVX2_INLINE void make_tables(const uint8_t *values, __m256i *tables)
{
    const __m256i pairs = _mm256_setr_epi8(0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 4, 5, 4, 5, 4, 5, 4, 5, 4, 5,
                                           4, 5, 4, 5, 4, 5);
    const __m256i chosen = _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 0, 1, 0, 0, 1, 1, 1, 0, 0, 1, 0, 0, 1, 1, 1));
    const __m256i third = _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 1, 0, 1, 0));
    const __m256i low = _mm256_set1_epi16((1 << PART_BITS) - 1);
    const __m256i octet = _mm256_broadcastq_epi64(_mm_loadl_epi64((const __m128i *)(const void *)values));
    const __m256i former = _mm256_shuffle_epi8(octet, pairs);
    const __m256i latter = _mm256_shuffle_epi8(octet, _mm256_add_epi8(pairs, _mm256_set1_epi8(2)));
    const __m256i without = _mm256_add_epi16(_mm256_maddubs_epi16(former, chosen), _mm256_maddubs_epi16(latter, third));
    const __m256i with = _mm256_add_epi16(without, _mm256_srli_epi16(latter, 8));

    tables[0] = _mm256_packus_epi16(_mm256_and_si256(without, low), _mm256_and_si256(with, low));
    tables[1] = _mm256_packus_epi16(_mm256_srli_epi16(without, PART_BITS), _mm256_srli_epi16(with, PART_BITS));
}

/* The low and the high parts of what a panel's rows add up. */
typedef struct parts {
    __m256i low;
    __m256i high;
} parts;

AVX2_INLINE void add_parts(parts *sums, __m256i choices, __m256i low, __m256i high)
{
    IN_THIS_ORDER(choices);
    sums->low = _mm256_add_epi8(sums->low, _mm256_shuffle_epi8(low, choices));
    IN_THIS_ORDER(sums->low);
    sums->high = _mm256_add_epi8(sums->high, _mm256_shuffle_epi8(high, choices));
    IN_THIS_ORDER(sums->high);
}

AVX2_INLINE void widen(const parts *sums, __m256i wide[2])
{
    const __m256i worth = _mm256_set1_epi16(((1 << PART_BITS) << 8) + 1);
    const __m256i first = _mm256_unpacklo_epi8(sums->low, sums->high);
    const __m256i second = _mm256_unpackhi_epi8(sums->low, sums->high);

    wide[0] = _mm256_add_epi16(wide[0], _mm256_maddubs_epi16(first, worth));
    wide[1] = _mm256_add_epi16(wide[1], _mm256_maddubs_epi16(second, worth));
}

/* One pass over the weights: octets `begin` to `end` of which rows, and what they count for. */
typedef struct byte_pass {
    const ebnn_byte_panels *work;
    const uint8_t *rows;
    uint32_t factor;
    uint32_t begin;
    uint32_t end;
} byte_pass;

/* Where a few panels' weights lie: as they are, or spread out to choices of four values, panel beside panel. */
typedef struct panel_weights {
    const uint8_t *rows;
    size_t panel_bytes;
    const __m256i *spread;
} panel_weights;

/* Constants where functions are inlined: how many panels, and whether their weights are spread out. */
typedef struct shape {
    int panels;
    bool spread;
} shape;

/* What a panel's rows choose of half an octet, its first four values or the other four. */
AVX2_INLINE __m256i choices_at(const panel_weights *weights, uint32_t half, int panel, shape of)
{
    __m256i octet;

    if (of.spread) {
        return weights->spread[(int)half * of.panels + panel];
    }
    octet = load(weights->rows + (size_t)panel * weights->panel_bytes + (size_t)(half / 2) * EBNN_PANEL_ROWS);
    return _mm256_and_si256(half % 2 == 0 ? octet : _mm256_srli_epi16(octet, 4), _mm256_set1_epi8(15));
}

/* What four panels, or one, add up. Not an array, which GCC would keep in memory. */
typedef struct tile {
    parts first;
    parts second;
    parts third;
    parts fourth;
} tile;

AVX2_INLINE void add_half(tile *sums, const __m256i *tables, const panel_weights *weights, uint32_t half, shape of)
{
    const uint8_t *table = (const uint8_t *)(tables + (size_t)(half / 2) * OCTET_TABLES) + half % 2 * TABLE_BYTES;
    const __m256i low = table_at(table), high = table_at(table + sizeof(__m256i));

    add_parts(&sums->first, choices_at(weights, half, 0, of), low, high);
    if (of.panels > 1) {
        add_parts(&sums->second, choices_at(weights, half, 1, of), low, high);
        add_parts(&sums->third, choices_at(weights, half, 2, of), low, high);
        add_parts(&sums->fourth, choices_at(weights, half, 3, of), low, high);
    }
}

AVX2_INLINE void add_octet(tile *sums, const __m256i *tables, const panel_weights *weights, uint32_t octet, shape of)
{
    add_half(sums, tables, weights, 2 * octet, of);
    add_half(sums, tables, weights, 2 * octet + 1, of);
}

/* One vector against four panels or one. */
AVX2_INLINE void add_bytes_tile(const byte_pass *at, size_t panel, size_t vector, const __m256i *tables,
                                const panel_weights *weights, shape of)
{
    const parts none = {_mm256_setzero_si256(), _mm256_setzero_si256()};
    const size_t row = panel * EBNN_PANEL_ROWS, rows = at->work->rows - row;
    uint32_t *sums = at->work->sums + vector * at->work->sums_stride + row;
    panel_weights here = *weights;
    __m256i wide[TILE_PANELS][2];

    ebnn_fetch_ahead(sums, (size_t)of.panels * EBNN_PANEL_ROWS * sizeof *sums);
    for (int p = 0; p < of.panels; p++) {
        wide[p][0] = wide[p][1] = _mm256_setzero_si256();
    }
    for (uint32_t octet = at->begin; octet < at->end; octet += STEP_OCTETS) {
        tile added = {none, none, none, none};

        add_octet(&added, tables, &here, 0, of);
        add_octet(&added, tables, &here, 1, of);
        add_octet(&added, tables, &here, 2, of);
        add_octet(&added, tables, &here, 3, of);
        tables += STEP_OCTETS * OCTET_TABLES;
        if (of.spread) {
            here.spread += 2 * STEP_OCTETS * of.panels;
        } else {
            here.rows += STEP_OCTETS * EBNN_PANEL_ROWS;
        }
        widen(&added.first, wide[0]);
        if (of.panels > 1) {
            widen(&added.second, wide[1]);
            widen(&added.third, wide[2]);
            widen(&added.fourth, wide[3]);
        }
    }
    if (rows >= (size_t)of.panels * EBNN_PANEL_ROWS) {
        for (int p = 0; p < of.panels; p++) {
            add_wide(sums + p * EBNN_PANEL_ROWS, wide[p], at->factor, EBNN_PANEL_ROWS);
        }
    } else {
        for (int p = 0; p < of.panels; p++) {
            add_wide(sums + p * EBNN_PANEL_ROWS, wide[p], at->factor, rows - (size_t)p * EBNN_PANEL_ROWS);
        }
    }
}

/* A block of vectors against a few panels, whose weights are spread out where several vectors share them. */
AVX2_INLINE void add_bytes_panels(const byte_pass *at, size_t panel, size_t vector, size_t vectors,
                                  const __m256i *tables, int panels)
{
    const shape packed = {panels, false}, shared = {panels, true};
    __m256i spread[2 * RANGE_OCTETS * TILE_PANELS];
    panel_weights weights;

    weights.panel_bytes = (size_t)at->work->octets * EBNN_PANEL_ROWS;
    weights.rows = at->rows + panel * weights.panel_bytes + (size_t)at->begin * EBNN_PANEL_ROWS;
    weights.spread = spread;
    if (vectors < SHARING_VECTORS) {
        for (size_t v = 0; v < vectors; v++) {
            add_bytes_tile(at, panel, vector + v, tables + v * RANGE_OCTETS * OCTET_TABLES, &weights, packed);
        }
        return;
    }
    for (uint32_t octet = 0; octet < at->end - at->begin; octet++) {
        __m256i *choices = spread + 2 * (size_t)octet * (size_t)panels;

        for (int p = 0; p < panels; p++) {
            choices[p] = choices_at(&weights, 2 * octet, p, packed);
            choices[panels + p] = choices_at(&weights, 2 * octet + 1, p, packed);
        }
    }
    for (size_t v = 0; v < vectors; v++) {
        add_bytes_tile(at, panel, vector + v, tables + v * RANGE_OCTETS * OCTET_TABLES, &weights, shared);
    }
}

AVX2 static void add_bytes_pass(const byte_pass *at, size_t vector, size_t vectors, const __m256i *tables)
{
    const size_t panels = (at->work->rows + EBNN_PANEL_ROWS - 1) / EBNN_PANEL_ROWS;
    size_t panel = 0;

    for (; panel + TILE_PANELS <= panels; panel += TILE_PANELS) {
        add_bytes_panels(at, panel, vector, vectors, tables, TILE_PANELS);
    }
    for (; panel < panels; panel++) {
        add_bytes_panels(at, panel, vector, vectors, tables, 1);
    }
}

AVX2_INLINE void add_bytes_range(const ebnn_byte_panels *work, uint32_t begin, uint32_t end, size_t vector,
                                 size_t vectors)
{
    const byte_pass plus = {work, work->plus, work->factor, begin, end};
    const byte_pass minus = {work, work->minus, 0 - work->factor, begin, end};
    __m256i tables[BLOCK_VECTORS * RANGE_OCTETS * OCTET_TABLES];

    for (size_t v = 0; v < vectors; v++) {
        const uint8_t *values = work->values + (vector + v) * work->values_stride;

        for (uint32_t octet = begin; octet < end; octet++) {
            make_tables(values + 8 * (size_t)octet, tables + (v * RANGE_OCTETS + octet - begin) * OCTET_TABLES);
        }
    }
    add_bytes_pass(&plus, vector, vectors, tables);
    if (work->minus != NULL) {
        add_bytes_pass(&minus, vector, vectors, tables);
    }
}

AVX2 void ebnn_add_bytes_avx2(const ebnn_byte_panels *work)
{
    for (uint32_t begin = 0; begin < work->octets; begin += RANGE_OCTETS) {
        const uint32_t left = work->octets - begin, end = begin + (left < RANGE_OCTETS ? left : RANGE_OCTETS);

        for (size_t vector = 0; vector < work->vectors; vector += BLOCK_VECTORS) {
            const size_t others = work->vectors - vector;

            add_bytes_range(work, begin, end, vector, others < BLOCK_VECTORS ? others : BLOCK_VECTORS);
        }
    }
}

#define REGISTER_VALUES 16

/* The sum of the eight 32-bit lanes, modulo 2^32. */
AVX2_INLINE uint32_t sum_eight(__m256i lanes)
{
    const __m128i four = _mm_add_epi32(_mm256_castsi256_si128(lanes), _mm256_extracti128_si256(lanes, 1));
    const __m128i two = _mm_add_epi32(four, _mm_shuffle_epi32(four, _MM_SHUFFLE(1, 0, 3, 2)));

    return (uint32_t)_mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32(two, _MM_SHUFFLE(2, 3, 0, 1))));
}

#define DOT_ROWS 2
#define DOT_VECTORS 4

AVX2_INLINE __m256i widened(const int8_t *weights)
{
    return _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(const void *)weights));
}

/* A weight has eight bits, so the pairs that are added before they are widened stay inside 32. */
AVX2_INLINE void dot_tile(const ebnn_dots *work, size_t row, size_t vector, int rows, int vectors)
{
    const int8_t *weights = work->rows + row * work->length;
    const int16_t *values = work->vectors + vector * work->length;
    __m256i totals[DOT_ROWS][DOT_VECTORS];

    for (int r = 0; r < rows; r++) {
        for (int v = 0; v < vectors; v++) {
            totals[r][v] = _mm256_setzero_si256();
        }
    }
    for (size_t i = 0; i < work->length; i += REGISTER_VALUES) {
        __m256i row_values[DOT_ROWS];

        for (int r = 0; r < rows; r++) {
            row_values[r] = widened(weights + (size_t)r * work->length + i);
        }
        for (int v = 0; v < vectors; v++) {
            const __m256i inputs = load(values + (size_t)v * work->length + i);

            for (int r = 0; r < rows; r++) {
                totals[r][v] = _mm256_add_epi32(totals[r][v], _mm256_madd_epi16(row_values[r], inputs));
            }
        }
    }
    for (int r = 0; r < rows; r++) {
        for (int v = 0; v < vectors; v++) {
            work->sums[(vector + (size_t)v) * work->sums_stride + row + (size_t)r] = sum_eight(totals[r][v]);
        }
    }
}

/* A few vectors, which stay in the nearest cache, against all rows. */
AVX2_INLINE void dot_vectors(const ebnn_dots *work, size_t vector, int vectors)
{
    size_t row = 0;

    for (; row + DOT_ROWS <= work->row_count; row += DOT_ROWS) {
        dot_tile(work, row, vector, DOT_ROWS, vectors);
    }
    for (; row < work->row_count; row++) {
        dot_tile(work, row, vector, 1, vectors);
    }
}

AVX2 void ebnn_dot_values_avx2(const ebnn_dots *work)
{
    size_t vector = 0;

    for (; vector + DOT_VECTORS <= work->vector_count; vector += DOT_VECTORS) {
        dot_vectors(work, vector, DOT_VECTORS);
    }
    for (; vector < work->vector_count; vector++) {
        dot_vectors(work, vector, 1);
    }
}

#else

/* a translation unit may not be empty */
typedef int ebnn_no_avx2_bytes;

#endif
