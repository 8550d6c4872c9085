/*
 * ebnn_devices_portable.c: rows of cells in plain C, in the order of operations of edgebnn/chip/device/resistances.py.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>
#include <stdbool.h>

#include "ebnn_devices_kernel.h"
#include "ebnn_lowest_bit.h"

static void draw_offsets(const ebnn_devices *devices, uint32_t bank_row, float offsets[EBNN_COLUMNS])
{
    for (uint32_t column = 0; column < EBNN_COLUMNS; column++) {
        uint32_t words[4];

        ebnn_draw(words, devices->seed, EBNN_DOMAIN_OFFSET, bank_row, column, 0, 0);
        offsets[column] = devices->offset * ebnn_normal(devices->chords, words[0]);
    }
}

/* The random words of one side of a cell. */
typedef struct drawn_device {
    uint32_t own;   /* of its own deviation */
    uint32_t pulse; /* of the pulse in force */
    uint32_t settling;
    uint32_t tail;
    uint32_t low; /* the state that it is in */
    bool stuck;
} drawn_device;

static float ln_resistance(const ebnn_devices *devices, uint32_t side, const drawn_device *device)
{
    const uint32_t low = device->low;
    float pulse = ebnn_normal(devices->chords, device->pulse);
    float deviation;

    if (device->tail < devices->astray) {
        pulse = devices->tail_width * pulse;
    }
    deviation = devices->device_spread[low] * ebnn_normal(devices->chords, device->own);
    deviation = deviation + devices->cycle_spread[low] * pulse;
    if (ebnn_devices_relax(devices)) {
        deviation = deviation + devices->relaxation_spread[low] * ebnn_normal(devices->chords, device->settling);
    }
    return devices->ln_median[side][low] + deviation;
}

/* What pulse `pulse` drew for a cell's two sides, and how they settled then; `first` are the words of event 0. */
static void draw_pulse(const ebnn_devices *devices, uint32_t bank_row, uint32_t column, uint64_t pulse,
                       const uint32_t first[4], drawn_device cell[2])
{
    uint32_t words[4] = {first[0], first[1], first[2], first[3]}, settling[4] = {0};

    if (pulse > 0) {
        ebnn_draw(words, devices->seed, EBNN_DOMAIN_DEVICE, bank_row, column, (pulse + 1) >> 1, 0);
    }
    if (ebnn_devices_settle(devices)) {
        ebnn_draw(settling, devices->seed, EBNN_DOMAIN_SETTLING, bank_row, column, pulse, 0);
    }
    for (uint32_t side = 0; side < 2; side++) {
        cell[side].pulse = words[side + ((pulse + 1) & 1) * 2];
        cell[side].settling = settling[side];
        cell[side].tail = settling[2 + side];
    }
}

/* A device that is stuck stays in its state at the resistance that its pulse 0 gave it. */
static void hold_stuck(const ebnn_devices *devices, uint32_t bank_row, uint32_t column, const uint32_t first[4],
                       drawn_device cell[2])
{
    drawn_device held[2];
    uint32_t words[4];

    ebnn_draw(words, devices->seed, EBNN_DOMAIN_STUCK, bank_row, column, 0, 0);
    for (uint32_t side = 0; side < 2; side++) {
        const bool stuck_low = words[side] < devices->stuck_low[side];

        if (stuck_low || words[side] >= devices->stuck_high[side]) {
            draw_pulse(devices, bank_row, column, 0, first, held);
            held[side].own = cell[side].own;
            held[side].low = stuck_low ? 1 : 0;
            held[side].stuck = true;
            cell[side] = held[side];
        }
    }
}

static void draw_cell(const ebnn_devices *devices, const ebnn_device_row *row, uint32_t column, drawn_device cell[2])
{
    uint32_t first[4];

    ebnn_draw(first, devices->seed, EBNN_DOMAIN_DEVICE, row->bank_row, column, 0, 0);
    draw_pulse(devices, row->bank_row, column, row->pulse, first, cell);
    for (uint32_t side = 0; side < 2; side++) {
        cell[side].own = first[side];
        cell[side].low = row->low[side] >> column & 1;
        cell[side].stuck = false;
    }
    if (ebnn_devices_stick(devices)) {
        hold_stuck(devices, row->bank_row, column, first, cell);
    }
}

static void draw_row(const ebnn_devices *devices, ebnn_device_row *row)
{
    for (uint32_t column = 0; column < EBNN_COLUMNS; column++) {
        drawn_device cell[2];

        draw_cell(devices, row, column, cell);
        for (uint32_t side = 0; side < 2; side++) {
            row->ln_resistance[side][column] = ln_resistance(devices, side, &cell[side]);
        }
    }
}

/* By how much the deviations bring the lines together at most; `plus`: BL is the one with the lower resistance. */
static float approach(const ebnn_devices *devices, const ebnn_device_near *near, bool plus, const drawn_device cell[2])
{
    float own = 0, pulses = 0, relaxed = 0;

    for (uint32_t side = 0; side < 2; side++) {
        const uint32_t harms = (side == 0) == plus ? 1 : 0; /* the lowest bit of a word that does: its sign */
        const drawn_device *device = &cell[side];

        own += (device->own & 1) == harms ? ebnn_normal_bound(devices->bound, device->own) : 0;
        if ((device->pulse & 1) == harms) {
            const float width = device->tail < devices->astray ? devices->tail_width : 1;

            pulses += width * ebnn_normal_bound(devices->bound, device->pulse);
        }
        relaxed += (device->settling & 1) == harms ? ebnn_normal_bound(devices->bound, device->settling) : 0;
    }
    return near->device_spread * own + near->cycle_spread * pulses + near->relaxation_spread * relaxed;
}

static uint32_t near_row(const ebnn_devices *devices, const float offsets[EBNN_COLUMNS], const ebnn_device_near *near,
                         const ebnn_device_row *row)
{
    uint32_t found = 0;

    for (uint32_t column = 0; column < EBNN_COLUMNS; column++) {
        drawn_device cell[2];
        float most;

        draw_cell(devices, row, column, cell);
        most = approach(devices, near, (row->low[0] >> column & 1) != 0, cell) + fabsf(offsets[column]);
        found |= (uint32_t)(cell[0].stuck || cell[1].stuck || !(most < near->distance)) << column;
    }
    return found;
}

static void read_row(const ebnn_devices *devices, const float offsets[EBNN_COLUMNS], const ebnn_device_near *near,
                     uint32_t columns, ebnn_device_row *row, ebnn_row_answer *answer)
{
    for (uint32_t rest = columns; rest != 0; rest &= rest - 1) {
        const uint32_t column = ebnn_lowest_bit(rest);
        drawn_device cell[2];

        draw_cell(devices, row, column, cell);
        for (uint32_t side = 0; side < 2; side++) {
            row->ln_resistance[side][column] = ln_resistance(devices, side, &cell[side]);
        }
        ebnn_devices_answer(near, column, row->ln_resistance[1][column] - row->ln_resistance[0][column],
                            offsets[column], answer);
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

const ebnn_devices_kernel ebnn_devices_portable = {draw_offsets, draw_row, raise_row, near_row, read_row, compare_row};
