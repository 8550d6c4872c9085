/*
 * ebnn_devices_portable.c: rows of cells in plain C, in the order of operations of edgebnn/chip/devices.py.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>

#include "ebnn_devices_kernel.h"

static void draw_offsets(const ebnn_devices *devices, uint32_t bank_row, float offsets[EBNN_COLUMNS])
{
    for (uint32_t column = 0; column < EBNN_COLUMNS; column++) {
        uint32_t words[4];

        ebnn_draw(words, devices->seed, EBNN_DOMAIN_OFFSET, bank_row, column, 0, 0);
        offsets[column] = devices->offset * ebnn_normal(devices->chords, words[0]);
    }
}

/* Of the device on `side` in the state `low`; words: of its own deviation, its pulse, its relaxation, its tail. */
static float ln_resistance(const ebnn_devices *devices, uint32_t side, uint32_t low, const uint32_t words[4])
{
    float pulse = ebnn_normal(devices->chords, words[1]);
    float deviation;

    if (words[3] < devices->astray) {
        pulse = devices->tail_width * pulse;
    }
    deviation = devices->device_spread[low] * ebnn_normal(devices->chords, words[0]);
    deviation = deviation + devices->cycle_spread[low] * pulse;
    if (ebnn_devices_relax(devices)) {
        deviation = deviation + devices->relaxation_spread[low] * ebnn_normal(devices->chords, words[2]);
    }
    return devices->ln_median[side][low] + deviation;
}

/* Which state the device on `side` is in that is to be in `low`; word: of domain STUCK. */
static uint32_t held_state(const ebnn_devices *devices, uint32_t side, uint32_t low, uint32_t word)
{
    if (word < devices->stuck_low[side]) {
        return 1;
    }
    return word >= devices->stuck_high[side] ? 0 : low;
}

static void draw_row(const ebnn_devices *devices, ebnn_device_row *row)
{
    for (uint32_t column = 0; column < EBNN_COLUMNS; column++) {
        uint32_t words[4], settling[4] = {0}, stuck[4] = {0};

        ebnn_draw(words, devices->seed, EBNN_DOMAIN_DEVICE, row->bank_row, column, 0, 0);
        if (ebnn_devices_settle(devices)) {
            ebnn_draw(settling, devices->seed, EBNN_DOMAIN_SETTLING, row->bank_row, column, 0, 0);
        }
        if (ebnn_devices_stick(devices)) {
            ebnn_draw(stuck, devices->seed, EBNN_DOMAIN_STUCK, row->bank_row, column, 0, 0);
        }
        for (uint32_t side = 0; side < 2; side++) {
            const uint32_t wanted = row->low[side] >> column & 1;
            const uint32_t low = ebnn_devices_stick(devices) ? held_state(devices, side, wanted, stuck[side]) : wanted;
            const uint32_t drawn[4] = {words[side], words[2 + side], settling[side], settling[2 + side]};

            row->ln_resistance[side][column] = ln_resistance(devices, side, low, drawn);
        }
    }
}

static void raise_row(const ebnn_devices *devices, ebnn_device_row *row)
{
    for (uint32_t column = 0; column < EBNN_COLUMNS; column++) {
        uint32_t amplitudes[4], states[4];

        ebnn_draw(amplitudes, devices->seed, EBNN_DOMAIN_TELEGRAPH, row->bank_row, column, 0, 0);
        ebnn_draw(states, devices->seed, EBNN_DOMAIN_VERIFY, row->bank_row, column, 0, EBNN_UPPER_BLOCK);
        for (uint32_t side = 0; side < 2; side++) {
            if (states[2 * side + 1] < devices->upper) {
                const float share = (float)(amplitudes[side] >> 8) * EBNN_TELEGRAPH_STEP;

                row->ln_resistance[side][column] = row->ln_resistance[side][column] + devices->amplitude * share;
            }
        }
    }
}

static void compare_row(const ebnn_devices *devices, const ebnn_device_row *row, const float offsets[EBNN_COLUMNS],
                        uint32_t wrong[EBNN_DEVICE_ERRORS])
{
    uint32_t minus = 0, above[2] = {0, 0}, below[2] = {0, 0};

    for (uint32_t column = 0; column < EBNN_COLUMNS; column++) {
        const float bl = row->ln_resistance[0][column], blb = row->ln_resistance[1][column];
        float margin = (blb - bl) + offsets[column];

        if (fabsf(margin) < EBNN_LARGEST_NORMAL * devices->noise) {
            margin = ebnn_devices_read(devices, row->bank_row, column, margin);
        }
        minus |= (uint32_t)(margin < 0) << column;
        for (uint32_t side = 0; side < 2; side++) {
            above[side] |= (uint32_t)(row->ln_resistance[side][column] > devices->reference) << column;
            below[side] |= (uint32_t)(row->ln_resistance[side][column] < devices->reference) << column;
        }
    }
    wrong[EBNN_WRONG_PAIR] = (row->low[0] & minus) | (row->low[1] & ~minus);
    wrong[EBNN_WRONG_BL] = (row->low[0] & above[0]) | (~row->low[0] & below[0]);
    wrong[EBNN_WRONG_BLB] = (row->low[1] & above[1]) | (~row->low[1] & below[1]);
}

const ebnn_devices_kernel ebnn_devices_portable = {draw_offsets, draw_row, raise_row, compare_row};
