/*
 * ebnn_ecg_detect.c: the beat detector: curvature, candidates, thresholds that follow beats and noise, search back.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_signal.h"
#include "ebnn_signal_shift.h"

#define CURVATURE_DELAY 4u /* samples from the middle of the curvature's nine to their newest */
#define SHARE_BITS 8
#define BETWEEN_BITS 6 /* up by a 64th of itself at a time, down by two */
#define AGES (UINT32_C(1) << 16)

static int32_t share_of(int32_t share, int32_t whole)
{
    /* at most 2^7 * 2^24 less 1, or 2^9 * 2^16 of an interval; negative where noise is above the beats */
    return ebnn_signal_shift_down(whole * share, SHARE_BITS);
}

/* The mean of the two middle ones of eight. */
static int32_t median(const int32_t *values)
{
    int32_t sorted[EBNN_ECG_LEVELS];
    for (uint32_t index = 0; index < EBNN_ECG_LEVELS; index++) {
        uint32_t place = index;
        for (; place > 0 && sorted[place - 1] > values[index]; place--) {
            sorted[place] = sorted[place - 1];
        }
        sorted[place] = values[index];
    }
    return (sorted[EBNN_ECG_LEVELS / 2 - 1] + sorted[EBNN_ECG_LEVELS / 2]) / 2;
}

static int32_t remember(int32_t *values, uint32_t *next, int32_t value)
{
    values[*next] = value;
    *next = (*next + 1) % EBNN_ECG_LEVELS;
    return median(values);
}

/*
 * How rough it is between the waves, above 25 Hz, where beats have little, wide ones and fast ones too, and muscles have
 * much: the sum of 16 second differences of single samples, and what a third of these sums lies below.
 */
static void roughen(ebnn_ecg_state *state, int32_t filtered)
{
    const uint32_t at = state->at;
    const int32_t *shape = state->shape;
    const int32_t second = filtered - 2 * shape[(at - 1) % EBNN_ECG_SHAPE] + shape[(at - 2) % EBNN_ECG_SHAPE];
    const int32_t magnitude = second < 0 ? -second : second;
    state->rough += magnitude - state->seconds[at % EBNN_ECG_SHAPE];
    state->seconds[at % EBNN_ECG_SHAPE] = magnitude;
    const int32_t step = (state->between >> BETWEEN_BITS) + 1;
    if (state->rough > state->between) {
        state->between += step;
    } else if (state->between >= 2 * step) {
        state->between -= 2 * step;
    }
}

/* The second difference of three sums of three samples: about 10 to 25 Hz, where the QRS complex is and T is not. */
static void bend(const ebnn_ecg_settings *settings, ebnn_ecg_state *state, int32_t filtered)
{
    const uint32_t at = ++state->at;
    const int32_t *shape = state->shape;
    state->curvature += 3 * (shape[(at - 3) % EBNN_ECG_SHAPE] - shape[(at - 6) % EBNN_ECG_SHAPE]) +
                        shape[(at - 9) % EBNN_ECG_SHAPE] - filtered;
    roughen(state, filtered);
    state->shape[at % EBNN_ECG_SHAPE] = filtered;
    const int32_t magnitude = state->curvature < 0 ? -state->curvature : state->curvature;
    state->sum += magnitude - state->magnitudes[(at - settings->width) % EBNN_ECG_CURVATURES];
    state->magnitudes[at % EBNN_ECG_CURVATURES] = magnitude;
}

/*
 * The largest curvature that the candidate's sum is made of, and the R peak: half way from there to the centre of gravity
 * of those of a quarter of it and more. A pacemaker's spike or a notched complex has its largest one at an edge.
 */
static void locate(const ebnn_ecg_settings *settings, const ebnn_ecg_state *state, ebnn_ecg_candidate *candidate)
{
    int32_t weight = 0, moment = 0; /* below 2^24, 2^28 */
    uint32_t largest = 0;
    candidate->steep = 0;
    for (uint32_t back = 0; back < settings->width; back++) {
        const int32_t magnitude = state->magnitudes[(state->at - candidate->age - back) % EBNN_ECG_CURVATURES];
        if (magnitude >= candidate->steep) { /* of equal ones the earliest */
            candidate->steep = magnitude;
            largest = back;
        }
    }
    for (uint32_t back = 0; back < settings->width; back++) {
        const int32_t magnitude = state->magnitudes[(state->at - candidate->age - back) % EBNN_ECG_CURVATURES];
        if (4 * magnitude >= candidate->steep) {
            weight += magnitude;
            moment += magnitude * (int32_t)back;
        }
    }
    /* A candidate has a height, so that its largest curvature is above 0, and so is the weight. */
    const uint32_t centre = (uint32_t)((moment + weight / 2) / weight);
    candidate->ago = candidate->age + CURVATURE_DELAY + (largest + centre + 1) / 2;
}

static uint32_t take(const ebnn_ecg_settings *settings, ebnn_ecg_state *state, const ebnn_ecg_candidate *candidate,
                     ebnn_ecg_beat *beat)
{
    const int32_t highest = 3 * state->beat_level; /* a burst of noise counts as no more */
    state->beat_level = remember(state->beats, &state->beat, candidate->height < highest ? candidate->height : highest);
    beat->ago = candidate->ago;
    beat->interval = 0;
    if (state->known && state->since_peak > candidate->ago && state->since_peak - candidate->ago <= settings->longest) {
        beat->interval = state->since_peak - candidate->ago;
        state->usual = remember(state->intervals, &state->interval, (int32_t)beat->interval);
    }
    state->steep = candidate->steep;
    state->since = candidate->age;
    state->since_peak = candidate->ago;
    state->known = 1;
    state->spare.height = 0;
    return 1;
}

/* A candidate that nothing larger came near: a beat, or noise that may turn out to have been one. */
static uint32_t judge(const ebnn_ecg_settings *settings, ebnn_ecg_state *state, int32_t threshold, ebnn_ecg_beat *beat)
{
    ebnn_ecg_candidate candidate = state->candidate;
    state->candidate.height = 0;
    state->falling = state->sum;
    const uint32_t behind = state->since - candidate.age;
    if (state->known && behind <= settings->refractory) {
        return 0;
    }
    locate(settings, state, &candidate);
    const uint32_t near = state->known && behind < settings->t_wave;
    if (candidate.height > threshold && !(near && candidate.steep < share_of(settings->t_share, state->steep))) {
        return take(settings, state, &candidate, beat);
    }
    const int32_t highest = 4 * state->beat_level;
    state->noise_level =
        remember(state->noises, &state->noise, candidate.height < highest ? candidate.height : highest);
    if (!near && candidate.height > state->spare.height) {
        state->spare = candidate;
    }
    return 0;
}

/* Between the levels of noise and of beats; higher where the signal is rough. */
static int32_t threshold_of(const ebnn_ecg_settings *settings, const ebnn_ecg_state *state)
{
    const int32_t usual = state->noise_level + share_of(settings->beat_share, state->beat_level - state->noise_level);
    const int32_t most = share_of(settings->rough_most, state->beat_level);
    const int32_t above = state->between * settings->rough_times;
    const int32_t rough = above < most ? above : most;
    const int32_t threshold = usual < rough ? rough : usual;
    return threshold < settings->lowest ? settings->lowest : threshold;
}

uint32_t ebnn_ecg_detect(const ebnn_ecg_settings *settings, ebnn_ecg_state *state, int32_t filtered,
                         ebnn_ecg_beat *beat)
{
    bend(settings, state, filtered);
    state->since += state->since < AGES;
    state->since_peak += state->since_peak < AGES;
    state->candidate.age++;
    state->spare.age++;
    state->spare.ago++;
    if (state->falling >= 0 && state->sum <= state->falling) {
        state->falling = state->sum;
    } else {
        state->falling = -1;
        if (state->sum > state->candidate.height) {
            state->candidate.height = state->sum;
            state->candidate.age = 0;
        }
    }
    const int32_t threshold = threshold_of(settings, state);
    if (state->candidate.height > 0 && state->candidate.age >= settings->merge) {
        return judge(settings, state, threshold, beat);
    }
    if (state->spare.height > settings->lowest && (int32_t)state->since > share_of(settings->late, state->usual) &&
        state->spare.height > share_of(settings->back_share, threshold)) {
        const ebnn_ecg_candidate spare = state->spare;
        return take(settings, state, &spare, beat);
    }
    if (state->since >= settings->longest && state->since % (settings->longest / 4) == 0 && state->since < AGES) {
        for (uint32_t index = 0; index < EBNN_ECG_LEVELS; index++) {
            state->beats[index] -= state->beats[index] / 8;
        }
        state->beat_level = median(state->beats);
    }
    return 0;
}
