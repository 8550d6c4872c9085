/*
 * ebnn_device_answers.c: see ebnn_device_answers.h. Additions and multiplications in the order of edgebnn/chip/device/sensing.py.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_device_answers.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

#include "ebnn_devices_kernel.h"

#define WHOLE (UINT64_C(1) << 32)
/* Of the table of probabilities. */
#define REACH 8
#define STEPS 256
/* What a float32 may be off by, with room to spare. */
#define ROUNDING 1e-5F

/* A chip's rows at work. */
typedef struct device_reading {
    const ebnn_devices *devices;
    const ebnn_device_reads *reads;
    ebnn_devices_kernel kernel;
    ebnn_device_near near;
    float offsets[EBNN_COLUMNS];
} device_reading;

/* What a column answers: 2^32 times the probabilities of -1, and of at most 0. */
typedef struct column_answer {
    uint64_t minus;
    uint64_t at_most_zero;
} column_answer;

uint32_t ebnn_device_reads_bytes(void)
{
    return (uint32_t)(sizeof(ebnn_device_reads) + sizeof(ebnn_device_verify));
}

/* 2^32 times the probability that a normal number of this spread is less than the margin. */
static uint64_t below(const uint64_t *table, float margin, double spread)
{
    double place, low, high;
    int32_t index;

    if (spread == 0) {
        return margin > 0 ? WHOLE : 0;
    }
    place = (double)margin / spread;
    place = place < -REACH ? -REACH : place > REACH ? REACH : place;
    place = (place + REACH) * STEPS;
    index = (int32_t)place;
    index = index < 2 * REACH * STEPS ? index : 2 * REACH * STEPS - 1;
    low = (double)table[index];
    high = (double)table[index + 1];
    return (uint64_t)(low + (high - low) * (place - index) + 0.5);
}

/* The product of two probabilities, rounded down as edgebnn/chip/device/sensing.py does. */
static uint64_t multiply(uint64_t a, uint64_t b)
{
    return (a * (b >> 1)) >> 31;
}

static column_answer read_steadily(const ebnn_device_reads *reads, float bl, float blb, float offset, bool ternary)
{
    const float margin = (blb - bl) + offset;
    const uint64_t minus = below(reads->below, -margin, reads->noise);
    column_answer found = {minus, minus};

    if (ternary) {
        const float fastest = bl < blb ? bl : blb;
        const uint64_t zero = below(reads->below, fastest - reads->window, reads->window_spread);

        found.minus = multiply(WHOLE - zero, minus);
        found.at_most_zero = found.minus + zero;
    }
    return found;
}

/* `raised`: by how much BL and BLb are higher in their upper states. */
static column_answer read_telegraph(const ebnn_device_reads *reads, float bl, float blb, const float raised[2],
                                    float offset, bool ternary)
{
    column_answer found = {0, 0};

    for (uint32_t state = 0; state < 4; state++) {
        const float upper_bl = (state & 1) != 0 ? bl + raised[0] : bl;
        const float upper_blb = (state & 2) != 0 ? blb + raised[1] : blb;
        const column_answer steady = read_steadily(reads, upper_bl, upper_blb, offset, ternary);

        found.minus += multiply(reads->chances[state], steady.minus);
        found.at_most_zero += multiply(reads->chances[state], steady.at_most_zero);
    }
    return found;
}

/* The nearest whole number, of two the even one; 0 to 2^33. */
static uint64_t rounded(double number)
{
    const double ones = 4503599627370496.0; /* 2^52, above which there is nothing but whole numbers */

    return (uint64_t)((number + ones) - ones);
}

/* Each XNOR is wrong besides: as edgebnn/chip/errors/weight_flips.py has it. */
static column_answer misread(column_answer answer, double rate, bool ternary)
{
    const double negative = (double)answer.minus, zero = (double)(answer.at_most_zero - answer.minus);
    const double positive = (double)WHOLE - negative - zero;
    const double new_negative = negative * (1 - rate) + (ternary ? zero / 2 : positive) * rate;
    const double new_zero = ternary ? zero * (1 - rate) + (negative + positive) * rate : 0.0;
    column_answer found = {rounded(new_negative), 0};

    found.at_most_zero = found.minus + rounded(new_zero);
    found.at_most_zero = found.at_most_zero > WHOLE ? WHOLE : found.at_most_zero;
    return found;
}

/* By how much ln R of a column's devices is higher in their upper states, of `amplitude` at most. */
static void draw_amplitudes(const ebnn_devices *devices, float amplitude, uint32_t bank_row, uint32_t column,
                            float raised[2])
{
    uint32_t words[4];

    ebnn_draw(words, devices->seed, EBNN_DOMAIN_TELEGRAPH, bank_row, column, 0, 0);
    for (uint32_t side = 0; side < 2; side++) {
        raised[side] = amplitude * ((float)(words[side] >> 8) * EBNN_TELEGRAPH_STEP);
    }
}

/* The weight that a column is meant to hold. */
static int32_t meant(const ebnn_device_row *cells, uint32_t column)
{
    return (int32_t)(cells->low[0] >> column & 1) - (int32_t)(cells->low[1] >> column & 1);
}

/* Whether a read back with one input is right: `margin` of the lines, `behind`: the first one less the window. */
static bool is_right(float guard, int32_t weight, float margin, float behind, bool ternary)
{
    if (weight > 0 ? !(margin >= guard) : weight < 0 && !(-margin > guard)) {
        return false;
    }
    return !ternary || (weight != 0 ? -behind >= guard : behind > guard);
}

/* Whether a column of +-1 reads right whatever the noise of its reads. */
static bool is_surely_right(const ebnn_device_verify *verify, int32_t weight, float margin, float offset)
{
    const float noise = EBNN_LARGEST_NORMAL * verify->devices->noise;

    return (weight > 0 ? margin : -margin) - fabsf(offset) - noise >
           verify->guard_band + ROUNDING * (fabsf(margin) + fabsf(offset) + noise);
}

/* Whether a column reads right with either input, right after a pulse. */
static bool accepts(const device_reading *at, uint64_t row, const ebnn_device_row *cells, uint32_t column)
{
    const ebnn_device_verify *verify = at->reads->verify;
    const ebnn_devices *devices = verify->devices;
    const bool ternary = at->reads->ternary[row] != 0, switches = ebnn_devices_switch(devices) != 0;
    const float bl = cells->ln_resistance[0][column], blb = cells->ln_resistance[1][column];
    const int32_t weight = meant(cells, column);
    float raised[2] = {0, 0};
    uint32_t words[4], states[4] = {0};

    if (!ternary && !switches && is_surely_right(verify, weight, blb - bl, at->offsets[column])) {
        return true;
    }
    ebnn_draw(words, devices->seed, EBNN_DOMAIN_VERIFY, cells->bank_row, column, cells->pulse, 0);
    if (switches) {
        draw_amplitudes(devices, devices->amplitude, cells->bank_row, column, raised);
        ebnn_draw(states, devices->seed, EBNN_DOMAIN_VERIFY, cells->bank_row, column, cells->pulse, EBNN_UPPER_BLOCK);
    }
    for (uint32_t input = 0; input < 2; input++) {
        const float offset = input != 0 ? at->offsets[column] : -at->offsets[column];
        const float noise = devices->noise * ebnn_normal(devices->chords, words[input]);
        const float first = switches && states[input] < devices->upper ? bl + raised[0] : bl;
        const float second = switches && states[2 + input] < devices->upper ? blb + raised[1] : blb;
        const float late = verify->window_spread * ebnn_normal(devices->chords, words[2 + input]);
        const float behind = (first < second ? first : second) - (verify->window + late);

        if (!is_right(verify->guard_band, weight, ((second - first) + offset) + noise, behind, ternary)) {
            return false;
        }
    }
    return true;
}

/* Programs a row until every column is accepted, or as often as is allowed, and draws what it has become since. */
static void program_verified(const device_reading *at, uint64_t row, ebnn_device_row *cells)
{
    const ebnn_device_verify *verify = at->reads->verify;
    uint32_t rejected = UINT32_MAX;

    for (uint32_t attempt = 0; attempt < verify->attempts && rejected != 0; attempt++) {
        ebnn_device_row tried = *cells;

        tried.pulse = at->reads->pulse + attempt;
        at->kernel.draw_row(at->devices, &tried);
        for (uint32_t column = 0; column < EBNN_COLUMNS; column++) {
            for (uint32_t side = 0; side < 2 && (rejected >> column & 1) != 0; side++) {
                cells->ln_resistance[side][column] = tried.ln_resistance[side][column];
            }
        }
        if (attempt + 1 == verify->attempts) {
            break;
        }
        at->kernel.draw_row(verify->devices, &tried);
        for (uint32_t column = 0; column < EBNN_COLUMNS; column++) {
            if ((rejected >> column & 1) != 0 && accepts(at, row, &tried, column)) {
                rejected &= ~(UINT32_C(1) << column);
            }
        }
    }
}

/* One column with either input, of which the resistances are known. */
static void answer_column(const device_reading *at, uint64_t row, uint32_t column, const ebnn_device_row *cells,
                          column_answer both[2])
{
    const ebnn_device_reads *reads = at->reads;
    const float bl = cells->ln_resistance[0][column], blb = cells->ln_resistance[1][column];
    const bool ternary = reads->ternary[row] != 0;
    float raised[2] = {0, 0};

    if (reads->amplitude > 0) {
        draw_amplitudes(at->devices, reads->amplitude, reads->bank_row[row], column, raised);
    }
    for (uint32_t input = 0; input < 2; input++) {
        const float offset = input != 0 ? at->offsets[column] : -at->offsets[column];

        both[input] = reads->amplitude > 0 ? read_telegraph(reads, bl, blb, raised, offset, ternary)
                                           : read_steadily(reads, bl, blb, offset, ternary);
    }
}

/* A row some of whose columns are open, or one of trits, all of whose are; the others answer as `answer` says. */
static void answer_open(const device_reading *at, uint64_t row, const ebnn_device_row *cells,
                        const ebnn_row_answer *answer, ebnn_answers *answers)
{
    const double rate = at->reads->misread;
    uint64_t minus[2 * EBNN_COLUMNS], at_most_zero[2 * EBNN_COLUMNS];

    for (uint32_t column = 0; column < EBNN_COLUMNS; column++) {
        column_answer both[2];

        for (uint32_t input = 0; input < 2; input++) {
            both[input].minus = both[input].at_most_zero = (answer->minus[input] >> column & 1) != 0 ? WHOLE : 0;
        }
        if ((answer->open >> column & 1) != 0) {
            answer_column(at, row, column, cells, both);
        }
        for (uint32_t input = 0; input < 2; input++) {
            const column_answer found =
                rate > 0 ? misread(both[input], rate, at->reads->ternary[row] != 0) : both[input];

            minus[2 * column + input] = found.minus;
            at_most_zero[2 * column + input] = found.at_most_zero;
        }
    }
    ebnn_answer_row(answers, row, minus, at_most_zero);
}

/* What a row of +-1 answers, all of whose resistances are known. */
static ebnn_row_answer find_answer(const device_reading *at, const ebnn_device_row *cells)
{
    ebnn_row_answer found = {{0, 0}, 0};

    for (uint32_t column = 0; column < EBNN_COLUMNS; column++) {
        const float margin = cells->ln_resistance[1][column] - cells->ln_resistance[0][column];

        ebnn_devices_answer(&at->near, column, margin, at->offsets[column], &found);
    }
    return found;
}

static void answer_row(const device_reading *at, uint64_t row, ebnn_answers *answers)
{
    const ebnn_device_reads *reads = at->reads;
    const uint32_t sign = reads->sign[row], nonzero = reads->nonzero[row];
    ebnn_row_answer answer = {{0, 0}, UINT32_MAX};
    ebnn_device_row cells;
    uint32_t near;

    cells.bank_row = reads->bank_row[row];
    cells.pulse = reads->pulse;
    cells.low[0] = sign & nonzero;
    cells.low[1] = ~sign & nonzero;
    if (reads->verify != NULL) {
        program_verified(at, row, &cells);
        if (reads->ternary[row] == 0 && nonzero == UINT32_MAX) {
            answer = find_answer(at, &cells);
        }
    } else if (reads->ternary[row] != 0 || nonzero != UINT32_MAX) {
        at->kernel.draw_row(at->devices, &cells);
    } else {
        answer.minus[0] = answer.minus[1] = cells.low[1];
        answer.open = 0;
        near = at->kernel.near_row(at->devices, at->offsets, &at->near, &cells);
        if (near != 0) {
            at->kernel.read_row(at->devices, at->offsets, &at->near, near, &cells, &answer);
        }
    }
    if (answer.open == 0 && reads->misread == 0) {
        ebnn_answer_surely(answers, row, answer.minus);
    } else {
        answer_open(at, row, &cells, &answer, answers);
    }
}

static float larger(const float both[2])
{
    return both[0] > both[1] ? both[0] : both[1];
}

/* Which cells are far: lines of a weight +-1 that stay further apart than noise and telegraph noise can bring them. */
static ebnn_device_near find_near(const ebnn_devices *devices, const ebnn_device_reads *reads)
{
    const float plus = devices->ln_median[1][0] - devices->ln_median[0][1];
    const float minus = devices->ln_median[0][0] - devices->ln_median[1][1];
    const float tails = devices->tail_width > 1 ? devices->tail_width : 1;
    const float medians = fabsf(devices->ln_median[0][0]) + fabsf(devices->ln_median[0][1]) +
                          fabsf(devices->ln_median[1][0]) + fabsf(devices->ln_median[1][1]);
    ebnn_device_near found = {0};
    float deviations;

    found.device_spread = larger(devices->device_spread);
    found.cycle_spread = larger(devices->cycle_spread);
    found.relaxation_spread = larger(devices->relaxation_spread);
    deviations = EBNN_LARGEST_NORMAL * (found.device_spread + tails * found.cycle_spread + found.relaxation_spread);
    found.reach = REACH * (float)reads->noise + reads->amplitude;
    found.reach += ROUNDING * found.reach;
    found.distance = (plus < minus ? plus : minus) - found.reach - ROUNDING * (medians + deviations);
    return found;
}

void ebnn_answer_devices(const ebnn_devices *devices, const ebnn_device_reads *reads, ebnn_answers *answers,
                         int32_t kernel)
{
    device_reading at = {devices, reads, ebnn_devices_kernel_of(kernel), find_near(devices, reads), {0}};

    for (uint64_t row = 0; row < reads->rows; row++) {
        const uint32_t stripe = reads->bank_row[row] >> reads->row_bits;

        if (row == 0 || stripe != reads->bank_row[row - 1] >> reads->row_bits) {
            ebnn_devices_offsets(&at.kernel, devices, stripe, reads->row_bits, reads->words, reads->sharing,
                                 at.offsets);
        }
        answer_row(&at, row, answers);
    }
}
