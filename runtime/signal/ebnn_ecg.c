/*
 * ebnn_ecg.c: the chain: what a sample goes through before the detector sees it, and what happens where there
 * is no signal.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_signal.h"
#include "ebnn_signal_shift.h"

#define NOTCH_BITS 12
#define CODE_BITS 3 /* the notch answers in eighths of a code */

void ebnn_ecg_start(const ebnn_ecg_settings *settings, ebnn_ecg_state *state)
{
    static const ebnn_ecg_state nothing;
    *state = nothing;
    for (uint32_t index = 0; index < EBNN_ECG_LEVELS; index++) {
        state->beats[index] = settings->first_level;
        state->intervals[index] = settings->first_interval;
    }
    state->beat_level = settings->first_level;
    state->usual = settings->first_interval;
    state->falling = -1;
}

/* The filters as if the code had been there for ever, so that they do not ring; nothing of before the gap is a beat. */
static void restart(const ebnn_ecg_settings *settings, ebnn_ecg_state *state, int32_t code)
{
    state->x1 = state->x2 = code;
    state->y1 = state->y2 = code * (1 << CODE_BITS);
    state->half = 0;
    state->baseline = code * (2 << CODE_BITS) * (1 << settings->baseline_shift);
    state->filtered = 0;
    for (uint32_t index = 0; index < EBNN_ECG_SHAPE; index++) {
        state->shape[index] = 0;
        state->seconds[index] = 0;
    }
    for (uint32_t index = 0; index < EBNN_ECG_CURVATURES; index++) {
        state->magnitudes[index] = 0;
    }
    state->curvature = 0;
    state->sum = 0;
    state->rough = 0;
    state->candidate.height = 0;
    state->spare.height = 0;
    state->falling = -1;
    state->known = 0;
    state->since = state->since_peak = 0;
    state->running = 1;
}

/* Whether this sample and those before it are no signal. */
static uint32_t is_off(const ebnn_ecg_settings *settings, ebnn_ecg_state *state, int32_t code)
{
    const uint32_t stays = code == state->code || code <= EBNN_ECG_LOWEST || code >= EBNN_ECG_HIGHEST;
    state->code = code;
    if (!stays) {
        state->unchanged = 0;
    } else if (state->unchanged < settings->lead_off) {
        state->unchanged++;
    }
    return state->unchanged >= settings->lead_off;
}

/* Eighths of a code. The products are below 2^13 * 2^15, 2^13 * 2^17 and 2^12 * 2^16, their sum below 2^31. */
static int32_t notch(const ebnn_ecg_settings *settings, ebnn_ecg_state *state, int32_t code)
{
    const int32_t sum = settings->notch_gain * ((code + state->x2) * (1 << CODE_BITS)) +
                        settings->notch_near * (state->x1 * (1 << CODE_BITS) - state->y1) -
                        settings->notch_far * state->y2 + (1 << (NOTCH_BITS - 1));
    state->x2 = state->x1;
    state->x1 = code;
    state->y2 = state->y1;
    state->y1 = ebnn_signal_shift_down(sum, NOTCH_BITS);
    return state->y1;
}

uint32_t ebnn_ecg_step(const ebnn_ecg_settings *settings, ebnn_ecg_state *state, int16_t code, ebnn_ecg_beat *beat)
{
    const int32_t limited = code < EBNN_ECG_LOWEST    ? EBNN_ECG_LOWEST
                            : code > EBNN_ECG_HIGHEST ? EBNN_ECG_HIGHEST
                                                      : code;
    if (code == EBNN_ECG_MISSING || is_off(settings, state, limited)) {
        state->running = 0;
        return EBNN_ECG_LEAD_OFF;
    }
    if (!state->running) {
        restart(settings, state, limited);
    }
    const int32_t clean = notch(settings, state, limited);
    state->half ^= 1u;
    if (state->half) {
        state->pair = clean;
        return 0;
    }
    const int32_t both = state->pair + clean;
    const int32_t off = both - ebnn_signal_shift_down(state->baseline, settings->baseline_shift);
    state->baseline += off;
    state->filtered = ebnn_signal_shift_down(off, 2);
    return ebnn_ecg_detect(settings, state, state->filtered, beat) ? EBNN_ECG_FILTERED | EBNN_ECG_BEAT
                                                                   : EBNN_ECG_FILTERED;
}
