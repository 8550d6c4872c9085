/*
 * ebnn_devices_avx2.c: rows of cells, eight columns at a time.
 *
 * Multiplications and additions stay apart: a fused one would round once instead of twice.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_devices_kernel.h"

#if defined(__x86_64__)

#include "ebnn_philox_avx2.h"

#define LANES 8

/* A chord for each of eight segments: a value and a slope lie side by side, so one gathered lane brings both. */
EBNN_AVX2_INLINE void find_chords(const float *chords, __m256i segment, __m256 *value, __m256 *slope)
{
    const long long *pairs = (const long long *)(const void *)chords;
    /* in the order in which the shuffles below want the pairs: 0 1 4 5 and 2 3 6 7 */
    const __m256i order = _mm256_permute4x64_epi64(segment, _MM_SHUFFLE(3, 1, 2, 0));
    const __m256 first = _mm256_castsi256_ps(_mm256_i32gather_epi64(pairs, _mm256_castsi256_si128(order), 8));
    const __m256 second = _mm256_castsi256_ps(_mm256_i32gather_epi64(pairs, _mm256_extracti128_si256(order, 1), 8));

    *value = _mm256_shuffle_ps(first, second, _MM_SHUFFLE(2, 0, 2, 0));
    *slope = _mm256_shuffle_ps(first, second, _MM_SHUFFLE(3, 1, 3, 1));
}

/* ebnn_normal of eight words. */
EBNN_AVX2_INLINE __m256 normal_eight(const float *chords, __m256i words)
{
    const __m256i odd = _mm256_or_si256(_mm256_srli_epi32(words, 8), ebnn_all_lanes(1));
    const __m256i bits = _mm256_castps_si256(_mm256_cvtepi32_ps(odd));
    const __m256i segment =
        _mm256_sub_epi32(_mm256_srli_epi32(bits, EBNN_NORMAL_REST_BITS), ebnn_all_lanes(EBNN_NORMAL_FIRST));
    const __m256i rest = _mm256_and_si256(bits, ebnn_all_lanes((UINT32_C(1) << EBNN_NORMAL_REST_BITS) - 1));
    const __m256i minus = _mm256_andnot_si256(_mm256_slli_epi32(words, 31), ebnn_all_lanes(UINT32_C(1) << 31));
    __m256 value, slope, magnitude;

    find_chords(chords, segment, &value, &slope);
    magnitude = _mm256_add_ps(value, _mm256_mul_ps(slope, _mm256_cvtepi32_ps(rest)));
    return _mm256_xor_ps(magnitude, _mm256_castsi256_ps(minus));
}

/* ebnn_normal_bound of eight words. */
EBNN_AVX2_INLINE __m256 bound_eight(const float lines[2][2], __m256i words)
{
    const __m256i odd = _mm256_or_si256(_mm256_srli_epi32(words, 8), ebnn_all_lanes(1));
    const __m256 place = _mm256_cvtepi32_ps(_mm256_castps_si256(_mm256_cvtepi32_ps(odd)));
    const __m256 first = _mm256_mul_ps(_mm256_set1_ps(lines[0][1]), place);
    const __m256 second = _mm256_mul_ps(_mm256_set1_ps(lines[1][1]), place);

    return _mm256_min_ps(_mm256_add_ps(_mm256_set1_ps(lines[0][0]), first),
                         _mm256_add_ps(_mm256_set1_ps(lines[1][0]), second));
}

/* Eight columns of a row, from `column` on. */
typedef struct eight_columns {
    uint64_t seed;
    uint32_t bank_row;
    uint32_t column;
} eight_columns;

/* The words of a block of `domain` for eight columns. */
EBNN_AVX2_INLINE void draw_block(__m256i words[4], const eight_columns *at, uint32_t domain, uint64_t event,
                                 uint32_t block)
{
    const ebnn_philox_row row = ebnn_philox_begin(at->seed, domain, at->bank_row, event, block);

    ebnn_philox_columns(words, &row, at->column);
}

EBNN_AVX2_INLINE void draw_eight(__m256i words[4], const eight_columns *at, uint32_t domain, uint64_t event)
{
    draw_block(words, at, domain, event, 0);
}

/* All bits of a lane where its bit of `flags` is set. */
EBNN_AVX2_INLINE __m256 lanes_of(uint32_t flags)
{
    const __m256i places = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);

    return _mm256_castsi256_ps(_mm256_cmpeq_epi32(_mm256_and_si256(ebnn_all_lanes(flags), places), places));
}

/* The sign bit of each lane. */
EBNN_AVX2_INLINE uint32_t flags_of(__m256 lanes)
{
    return (uint32_t)_mm256_movemask_ps(lanes);
}

/* Lane by lane that of two numbers which belongs to the device's state. */
EBNN_AVX2_INLINE __m256 of_state(const float both[2], uint32_t low)
{
    return _mm256_blendv_ps(_mm256_set1_ps(both[0]), _mm256_set1_ps(both[1]), lanes_of(low));
}

/* All bits of a lane where its word is below `limit`, at most 2^32. */
EBNN_AVX2_INLINE __m256 lanes_below(__m256i words, uint64_t limit)
{
    const __m256i sign = ebnn_all_lanes(UINT32_C(1) << 31);

    if (limit >> 32 != 0) {
        return _mm256_castsi256_ps(_mm256_set1_epi32(-1));
    }
    /* of unsigned words by a signed comparison */
    return _mm256_castsi256_ps(
        _mm256_cmpgt_epi32(_mm256_xor_si256(ebnn_all_lanes((uint32_t)limit), sign), _mm256_xor_si256(words, sign)));
}

/* Pulses that went astray are `tail_width` times as large. */
EBNN_AVX2_INLINE __m256 with_tails(const ebnn_devices *devices, __m256 pulse, __m256i words)
{
    return _mm256_blendv_ps(pulse, _mm256_mul_ps(_mm256_set1_ps(devices->tail_width), pulse),
                            lanes_below(words, devices->astray));
}

/* The random words of eight cells, each by side, and their states. */
typedef struct drawn_cells {
    __m256i own[2];   /* of the devices' own deviations */
    __m256i pulse[2]; /* of the pulses in force */
    __m256i settling[2];
    __m256i tail[2];
    uint32_t low[2];
    uint32_t stuck[2];
} drawn_cells;

/* What pulse `pulse` drew, and how the devices settled then; `first` are the words of event 0. */
EBNN_AVX2_INLINE void draw_pulse(const ebnn_devices *devices, const eight_columns *at, uint64_t pulse,
                                 const __m256i first[4], drawn_cells *cells)
{
    __m256i words[4] = {first[0], first[1], first[2], first[3]}, settling[4];

    for (uint32_t word = 0; word < 4; word++) {
        settling[word] = _mm256_setzero_si256();
    }
    if (pulse > 0) {
        draw_eight(words, at, EBNN_DOMAIN_DEVICE, (pulse + 1) >> 1);
    }
    if (ebnn_devices_settle(devices)) {
        draw_eight(settling, at, EBNN_DOMAIN_SETTLING, pulse);
    }
    for (uint32_t side = 0; side < 2; side++) {
        cells->pulse[side] = ((pulse + 1) & 1) != 0 ? words[2 + side] : words[side];
        cells->settling[side] = settling[side];
        cells->tail[side] = settling[2 + side];
    }
}

/* Lane by lane that of two words which is flagged. */
EBNN_AVX2_INLINE __m256i choose(__m256i otherwise, __m256i flagged, __m256 flags)
{
    return _mm256_blendv_epi8(otherwise, flagged, _mm256_castps_si256(flags));
}

/* Devices that are stuck stay in their state at the resistance that their pulse 0 gave them. */
EBNN_AVX2_INLINE void hold_stuck(const ebnn_devices *devices, const eight_columns *at, const __m256i first[4],
                                 drawn_cells *cells)
{
    __m256i words[4];
    drawn_cells held;

    draw_eight(words, at, EBNN_DOMAIN_STUCK, 0);
    for (uint32_t side = 0; side < 2; side++) {
        const uint32_t low = flags_of(lanes_below(words[side], devices->stuck_low[side]));
        const uint32_t high = (uint32_t)0xFF & ~flags_of(lanes_below(words[side], devices->stuck_high[side]));

        cells->stuck[side] = low | high;
        cells->low[side] = low | (cells->low[side] & ~high);
    }
    if ((cells->stuck[0] | cells->stuck[1]) == 0) {
        return;
    }
    draw_pulse(devices, at, 0, first, &held);
    for (uint32_t side = 0; side < 2; side++) {
        const __m256 stuck = lanes_of(cells->stuck[side]);

        cells->pulse[side] = choose(cells->pulse[side], held.pulse[side], stuck);
        cells->settling[side] = choose(cells->settling[side], held.settling[side], stuck);
        cells->tail[side] = choose(cells->tail[side], held.tail[side], stuck);
    }
}

EBNN_AVX2_INLINE void draw_cells(const ebnn_devices *devices, const eight_columns *at, const ebnn_device_row *row,
                                 drawn_cells *cells)
{
    __m256i first[4];

    draw_eight(first, at, EBNN_DOMAIN_DEVICE, 0);
    draw_pulse(devices, at, row->pulse, first, cells);
    for (uint32_t side = 0; side < 2; side++) {
        cells->own[side] = first[side];
        cells->low[side] = row->low[side] >> at->column & 0xFF;
        cells->stuck[side] = 0;
    }
    if (ebnn_devices_stick(devices)) {
        hold_stuck(devices, at, first, cells);
    }
}

EBNN_AVX2_INLINE __m256 ln_resistance(const ebnn_devices *devices, uint32_t side, const drawn_cells *cells)
{
    const uint32_t low = cells->low[side];
    __m256 pulse = normal_eight(devices->chords, cells->pulse[side]);
    __m256 deviation =
        _mm256_mul_ps(of_state(devices->device_spread, low), normal_eight(devices->chords, cells->own[side]));

    if (devices->astray > 0) {
        pulse = with_tails(devices, pulse, cells->tail[side]);
    }
    deviation = _mm256_add_ps(deviation, _mm256_mul_ps(of_state(devices->cycle_spread, low), pulse));
    if (ebnn_devices_relax(devices)) {
        const __m256 relaxed = normal_eight(devices->chords, cells->settling[side]);

        deviation = _mm256_add_ps(deviation, _mm256_mul_ps(of_state(devices->relaxation_spread, low), relaxed));
    }
    return _mm256_add_ps(of_state(devices->ln_median[side], low), deviation);
}

EBNN_AVX2_INLINE void store_resistances(const ebnn_devices *devices, const drawn_cells *cells, uint32_t column,
                                        ebnn_device_row *row)
{
    for (uint32_t side = 0; side < 2; side++) {
        _mm256_storeu_ps(row->ln_resistance[side] + column, ln_resistance(devices, side, cells));
    }
}

EBNN_AVX2 static void draw_offsets(const ebnn_devices *devices, uint32_t bank_row, float offsets[EBNN_COLUMNS])
{
    for (uint32_t column = 0; column < EBNN_COLUMNS; column += LANES) {
        const eight_columns at = {devices->seed, bank_row, column};
        __m256i words[4];

        draw_eight(words, &at, EBNN_DOMAIN_OFFSET, 0);
        _mm256_storeu_ps(offsets + column,
                         _mm256_mul_ps(_mm256_set1_ps(devices->offset), normal_eight(devices->chords, words[0])));
    }
}

EBNN_AVX2 static void draw_row(const ebnn_devices *devices, ebnn_device_row *row)
{
    for (uint32_t column = 0; column < EBNN_COLUMNS; column += LANES) {
        const eight_columns at = {devices->seed, row->bank_row, column};
        drawn_cells cells;

        draw_cells(devices, &at, row, &cells);
        store_resistances(devices, &cells, column, row);
    }
}

/* The bound of a side's words where their signs bring the lines together; `apart`: the sign bit of those that do not. */
EBNN_AVX2_INLINE __m256 harm(const ebnn_devices *devices, __m256i words, __m256i apart)
{
    const __m256i sign = _mm256_xor_si256(_mm256_slli_epi32(words, 31), apart);

    return _mm256_blendv_ps(_mm256_setzero_ps(), bound_eight(devices->bound, words), _mm256_castsi256_ps(sign));
}

/* By how much the deviations bring the lines together at most; `plus`: where BL has the lower resistance. */
EBNN_AVX2_INLINE __m256 approach(const ebnn_devices *devices, const ebnn_device_near *near, uint32_t plus,
                                 const drawn_cells *cells)
{
    /* a set bit is a positive number: it harms BL where that is to be the lower one, and BLb elsewhere */
    const __m256i of_plus = _mm256_sllv_epi32(ebnn_all_lanes(plus), _mm256_setr_epi32(31, 30, 29, 28, 27, 26, 25, 24));
    const __m256i apart[2] = {_mm256_xor_si256(of_plus, _mm256_set1_epi32(-1)), of_plus};
    __m256 own = _mm256_setzero_ps(), pulses = own, relaxed = own;

    for (uint32_t side = 0; side < 2; side++) {
        __m256 pulse = harm(devices, cells->pulse[side], apart[side]);

        if (devices->astray > 0) {
            pulse = with_tails(devices, pulse, cells->tail[side]);
        }
        own = _mm256_add_ps(own, harm(devices, cells->own[side], apart[side]));
        pulses = _mm256_add_ps(pulses, pulse);
        if (ebnn_devices_relax(devices)) {
            relaxed = _mm256_add_ps(relaxed, harm(devices, cells->settling[side], apart[side]));
        }
    }
    own = _mm256_add_ps(_mm256_mul_ps(_mm256_set1_ps(near->device_spread), own),
                        _mm256_mul_ps(_mm256_set1_ps(near->cycle_spread), pulses));
    return _mm256_add_ps(own, _mm256_mul_ps(_mm256_set1_ps(near->relaxation_spread), relaxed));
}

EBNN_AVX2_INLINE __m256 magnitude(__m256 lanes)
{
    return _mm256_and_ps(lanes, _mm256_castsi256_ps(ebnn_all_lanes(UINT32_MAX >> 1)));
}

/* Lanes whose distance from 0 is not more than `reach`. */
EBNN_AVX2_INLINE __m256 lanes_within(__m256 margin, float reach)
{
    return _mm256_cmp_ps(magnitude(margin), _mm256_set1_ps(reach), _CMP_NGT_UQ);
}

/* The resistances of eight columns, and what those answer that are `near`. */
EBNN_AVX2_INLINE void read_near(const ebnn_devices *devices, const drawn_cells *cells, uint32_t column, __m256 offset,
                                const ebnn_device_near *near, uint32_t near_columns, ebnn_device_row *row,
                                ebnn_row_answer *answer)
{
    const __m256 bl = ln_resistance(devices, 0, cells), blb = ln_resistance(devices, 1, cells);
    const __m256 margin = _mm256_sub_ps(blb, bl);
    const __m256 margins[2] = {_mm256_sub_ps(margin, offset), _mm256_add_ps(margin, offset)};
    const __m256 open = _mm256_or_ps(lanes_within(margins[0], near->reach), lanes_within(margins[1], near->reach));

    _mm256_storeu_ps(row->ln_resistance[0] + column, bl);
    _mm256_storeu_ps(row->ln_resistance[1] + column, blb);
    answer->open |= (flags_of(open) & near_columns) << column;
    for (uint32_t input = 0; input < 2; input++) {
        const uint32_t minus = flags_of(_mm256_cmp_ps(margins[input], _mm256_setzero_ps(), _CMP_LT_OQ));

        answer->minus[input] &= ~(near_columns << column);
        answer->minus[input] |= (minus & near_columns) << column;
    }
}

EBNN_AVX2_INLINE uint32_t near_columns(const ebnn_devices *devices, const float offsets[EBNN_COLUMNS],
                                       const ebnn_device_near *near, const ebnn_device_row *row)
{
    uint32_t found = 0;

    for (uint32_t column = 0; column < EBNN_COLUMNS; column += LANES) {
        const eight_columns at = {devices->seed, row->bank_row, column};
        const __m256 offset = magnitude(_mm256_loadu_ps(offsets + column));
        drawn_cells cells;
        __m256 most;

        draw_cells(devices, &at, row, &cells);
        most = _mm256_add_ps(approach(devices, near, row->low[0] >> column, &cells), offset);
        found |= flags_of(_mm256_cmp_ps(most, _mm256_set1_ps(near->distance), _CMP_NLT_UQ)) << column;
        found |= (cells.stuck[0] | cells.stuck[1]) << column;
    }
    return found;
}

EBNN_AVX2 static uint32_t near_row(const ebnn_devices *devices, const float offsets[EBNN_COLUMNS],
                                   const ebnn_device_near *near, const ebnn_device_row *row)
{
    ebnn_devices plain;
    ebnn_device_row fresh;

    if (!ebnn_devices_plain(devices, row)) {
        return near_columns(devices, offsets, near, row);
    }
    /* What is left out of the usual case is left out of its code, which takes three quarters of the time. */
    plain = *devices;
    plain.astray = 0;
    plain.relaxation_spread[0] = plain.relaxation_spread[1] = 0;
    plain.stuck_low[0] = plain.stuck_low[1] = 0;
    plain.stuck_high[0] = plain.stuck_high[1] = UINT64_C(1) << 32;
    fresh.bank_row = row->bank_row;
    fresh.pulse = 0;
    fresh.low[0] = row->low[0];
    fresh.low[1] = row->low[1];
    return near_columns(&plain, offsets, near, &fresh);
}

EBNN_AVX2 static void read_row(const ebnn_devices *devices, const float offsets[EBNN_COLUMNS],
                               const ebnn_device_near *near, uint32_t columns, ebnn_device_row *row,
                               ebnn_row_answer *answer)
{
    for (uint32_t column = 0; column < EBNN_COLUMNS; column += LANES) {
        const uint32_t found = columns >> column & 0xFF;

        if (found != 0) {
            const eight_columns at = {devices->seed, row->bank_row, column};
            drawn_cells cells;

            draw_cells(devices, &at, row, &cells);
            read_near(devices, &cells, column, _mm256_loadu_ps(offsets + column), near, found, row, answer);
        }
    }
}

EBNN_AVX2 static void raise_row(const ebnn_devices *devices, ebnn_device_row *row)
{
    const __m256 step = _mm256_set1_ps(EBNN_TELEGRAPH_STEP);

    for (uint32_t column = 0; column < EBNN_COLUMNS; column += LANES) {
        const eight_columns at = {devices->seed, row->bank_row, column};
        __m256i amplitudes[4], states[4];

        draw_eight(amplitudes, &at, EBNN_DOMAIN_TELEGRAPH, 0);
        draw_block(states, &at, EBNN_DOMAIN_VERIFY, 0, EBNN_UPPER_BLOCK);
        for (uint32_t side = 0; side < 2; side++) {
            const __m256 share = _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_srli_epi32(amplitudes[side], 8)), step);
            const __m256 above = _mm256_mul_ps(_mm256_set1_ps(devices->amplitude), share);
            const __m256 upper = lanes_below(states[2 * side + 1], devices->upper);
            float *const place = row->ln_resistance[side] + column;

            _mm256_storeu_ps(place, _mm256_add_ps(_mm256_loadu_ps(place), _mm256_and_ps(above, upper)));
        }
    }
}

/* Which margins are below 0 with the noise of their reads, bit = column of eight; those far from 0 need no draw. */
EBNN_AVX2_INLINE uint32_t negative_eight(const ebnn_devices *devices, uint32_t bank_row, uint32_t column, __m256 margin)
{
    const __m256 size = _mm256_andnot_ps(_mm256_set1_ps(-0.0F), margin);
    const __m256 limit = _mm256_set1_ps(EBNN_LARGEST_NORMAL * devices->noise);
    uint32_t negative = flags_of(_mm256_cmp_ps(margin, _mm256_setzero_ps(), _CMP_LT_OQ));
    uint32_t near = flags_of(_mm256_cmp_ps(size, limit, _CMP_LT_OQ));
    float margins[LANES];

    if (near == 0) {
        return negative;
    }
    _mm256_storeu_ps(margins, margin);
    for (uint32_t lane = 0; lane < LANES; lane++) {
        if ((near >> lane & 1) != 0) {
            const float read = ebnn_devices_read(devices, bank_row, column + lane, margins[lane]);

            negative = (negative & ~(UINT32_C(1) << lane)) | (uint32_t)(read < 0) << lane;
        }
    }
    return negative;
}

/* Whether the devices of a side are on the wrong side of the reference, bit = column. */
EBNN_AVX2_INLINE uint32_t compare_eight(__m256 ln_resistance, float reference, uint32_t low)
{
    const __m256 limit = _mm256_set1_ps(reference);
    const __m256 above = _mm256_cmp_ps(ln_resistance, limit, _CMP_GT_OQ);
    const __m256 below = _mm256_cmp_ps(ln_resistance, limit, _CMP_LT_OQ);

    return flags_of(_mm256_blendv_ps(below, above, lanes_of(low)));
}

EBNN_AVX2 static void compare_row(const ebnn_devices *devices, const ebnn_device_row *row,
                                  const float offsets[EBNN_COLUMNS], uint32_t wrong[EBNN_DEVICE_ERRORS])
{
    uint32_t minus = 0;

    wrong[EBNN_WRONG_BL] = wrong[EBNN_WRONG_BLB] = 0;
    for (uint32_t column = 0; column < EBNN_COLUMNS; column += LANES) {
        const __m256 bl = _mm256_loadu_ps(row->ln_resistance[0] + column);
        const __m256 blb = _mm256_loadu_ps(row->ln_resistance[1] + column);
        const __m256 margin = _mm256_add_ps(_mm256_sub_ps(blb, bl), _mm256_loadu_ps(offsets + column));

        minus |= negative_eight(devices, row->bank_row, column, margin) << column;
        wrong[EBNN_WRONG_BL] |= compare_eight(bl, devices->reference, row->low[0] >> column) << column;
        wrong[EBNN_WRONG_BLB] |= compare_eight(blb, devices->reference, row->low[1] >> column) << column;
    }
    wrong[EBNN_WRONG_PAIR] = (row->low[0] & minus) | (row->low[1] & ~minus);
}

const ebnn_devices_kernel ebnn_devices_avx2 = {draw_offsets, draw_row, raise_row, near_row, read_row, compare_row};

#else

/* a translation unit may not be empty */
typedef int ebnn_no_devices_avx2;

#endif
