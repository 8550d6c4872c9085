/*
 * ebnn_steps.c: step functions with many steps: on a line, or by search in a table.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_writer.h"

static bool is_exception(const ebnn_lines *lines, uint32_t channel, uint32_t entry)
{
    for (uint32_t i = lines->first_exception[channel]; i < lines->first_exception[channel + 1]; i++) {
        if (lines->exceptions[i] == entry) {
            return true;
        }
    }
    return false;
}

static uint32_t count_on_line(const ebnn_lines *lines, uint32_t steps, uint32_t channel, int32_t value)
{
    const int32_t multiplier = lines->multiplier[channel];
    const uint32_t shift = lines->shift[channel];
    const uint64_t on_line = ebnn_line(multiplier, lines->offset + 2 * (size_t)channel, value);
    const int32_t last = (int32_t)steps;
    int32_t count = ebnn_shift_down(on_line, shift);

    if (lines->first_exception != NULL) {
        /* Only the first value of a level can be one too early, only the last one of a level one too late. */
        const uint64_t level = UINT64_C(1) << shift;
        const uint64_t above = on_line & (level - 1);
        const uint64_t slope = multiplier < 0 ? 0 - (uint64_t)multiplier : (uint64_t)multiplier;

        if (above < slope && count > 0 && count <= last && is_exception(lines, channel, 2 * (uint32_t)count - 1)) {
            return (uint32_t)count - 1;
        }
        if (above + slope >= level && count >= 0 && count < last && is_exception(lines, channel, 2 * (uint32_t)count)) {
            return (uint32_t)count + 1;
        }
    }
    if (count < 0) {
        return 0;
    }
    return count > last ? steps : (uint32_t)count;
}

static uint32_t count_in_table(const int32_t *thresholds, uint32_t steps, int32_t value)
{
    uint32_t below = 0;

    /* The first `below` thresholds are <= value, and those from `below` + `left` on are not. */
    for (uint32_t left = steps; left > 0;) {
        const uint32_t half = left / 2;

        if (thresholds[below + half] <= value) {
            below += half + 1;
            left -= half + 1;
        } else {
            left = half;
        }
    }
    return below;
}

uint32_t ebnn_count_many_steps(const ebnn_steps *steps, uint32_t channel, int32_t value)
{
    if (steps->lines != NULL) {
        return count_on_line(steps->lines, steps->steps, channel, value);
    }
    return count_in_table(steps->thresholds + (size_t)channel * steps->steps, steps->steps,
                          ebnn_bit(steps->directions, channel) != 0 ? ~value : value);
}
