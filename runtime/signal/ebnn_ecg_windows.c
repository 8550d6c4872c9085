/*
 * ebnn_ecg_windows.c: from codes and beats to what the network is asked of each beat: cut, scaled, with its rhythm.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_signal.h"
#include "ebnn_signal_shift.h"

#define HALF_A_RANGE 2048
#define SPAN (2 * EBNN_ECG_LENGTH + 1) /* codes of a window: each of its samples is of three of them */
#define LEAD (2 * EBNN_ECG_BEFORE + 1) /* of them before the R peak's code */
#define TEMPLATES (EBNN_ECG_SHAPES - 1)
#define AGES (UINT32_C(1) << 16)

void ebnn_ecg_windows_start(ebnn_ecg_windows *windows)
{
    static const ebnn_ecg_windows nothing;
    *windows = nothing;
}

/* Behind the first code with a signal its value stands for all that was before, without being a signal. */
static void begin(ebnn_ecg_windows *windows, uint16_t value)
{
    for (uint32_t index = 0; index < EBNN_ECG_RING; index++) {
        windows->codes[index] = (uint16_t)(value | 1u);
    }
    windows->begun = 1;
}

static void keep(ebnn_ecg_windows *windows, int16_t code, uint32_t lead_off)
{
    windows->now++;
    windows->since += windows->since < AGES;
    if (lead_off != 0) {
        windows->on = 0;
        windows->gap = 1;
        windows->codes[windows->now % EBNN_ECG_RING] = (uint16_t)(windows->held | 1u);
        windows->off += windows->off < EBNN_ECG_HIDES;
        windows->hidden |= windows->off == EBNN_ECG_HIDES;
        return;
    }
    const int32_t limited = code < EBNN_ECG_LOWEST    ? EBNN_ECG_LOWEST
                            : code > EBNN_ECG_HIGHEST ? EBNN_ECG_HIGHEST
                                                      : code;
    windows->off = 0;
    windows->on += windows->on < AGES;
    windows->held = (uint16_t)((limited + HALF_A_RANGE) * 2);
    if (!windows->begun) {
        begin(windows, windows->held);
    }
    windows->codes[windows->now % EBNN_ECG_RING] = windows->held;
}

/* The mean of the middle half of the last intervals, as a sum and a number. */
static void find_usual_interval(ebnn_ecg_windows *windows)
{
    uint16_t sorted[EBNN_ECG_RHYTHM];
    const uint32_t count = windows->known, edge = count / 4;
    for (uint32_t index = 0; index < count; index++) {
        uint32_t place = index;
        for (; place > 0 && sorted[place - 1] > windows->intervals[index]; place--) {
            sorted[place] = sorted[place - 1];
        }
        sorted[place] = windows->intervals[index];
    }
    windows->middle = count - 2 * edge;
    windows->total = 0;
    for (uint32_t index = edge; index < count - edge; index++) {
        windows->total += sorted[index];
    }
}

static int32_t limit(int32_t value)
{
    return value < INT8_MIN ? INT8_MIN : value > INT8_MAX ? INT8_MAX : value;
}

/* An interval over the usual one, less 1, in counts; below 2^7 * 2^10 * 2^5 on the way. 0 where none is known yet. */
static int32_t ratio(const ebnn_ecg_windows *windows, uint32_t interval)
{
    if (windows->total == 0) {
        return 0;
    }
    const int32_t whole = (int32_t)windows->total;
    const int32_t more = 2 * EBNN_ECG_RATIO * ((int32_t)(interval * windows->middle) - whole);
    return limit(more < 0 ? -((whole - more) / (2 * whole)) : (more + whole) / (2 * whole));
}

/* The last of the pending beats, which waits for the next one; 0 where there is none. */
static ebnn_ecg_pending *last_of(ebnn_ecg_windows *windows)
{
    if (windows->waiting == 0) {
        return 0;
    }
    ebnn_ecg_pending *last = &windows->pending[(windows->first + windows->waiting - 1) % EBNN_ECG_PENDING];
    return last->known ? 0 : last;
}

static void follow(ebnn_ecg_windows *windows, int32_t after)
{
    ebnn_ecg_pending *last = last_of(windows);
    if (last) {
        last->after = after;
        last->known = 1;
    }
}

static void take(ebnn_ecg_windows *windows, uint32_t said)
{
    const uint32_t ago = windows->on < AGES && said >= windows->on ? windows->on - (windows->on > 0) : said;
    if ((windows->any && windows->since <= ago) || windows->waiting == EBNN_ECG_PENDING) {
        return;
    }
    ebnn_ecg_pending beat = {windows->now - ago, 0, 0, 0, 0, 0, windows->gap | !windows->any};
    if (windows->any && !windows->hidden) {
        const uint32_t interval = windows->since - ago;
        beat.interval = interval < EBNN_ECG_LONGEST ? interval : EBNN_ECG_LONGEST;
        follow(windows, ratio(windows, beat.interval));
        windows->intervals[windows->interval] = (uint16_t)beat.interval;
        windows->interval = (windows->interval + 1) % EBNN_ECG_RHYTHM;
        windows->known += windows->known < EBNN_ECG_RHYTHM;
        find_usual_interval(windows);
        beat.before = ratio(windows, beat.interval);
        beat.early = 20 * beat.interval * windows->middle < 17 * windows->total; /* below 0.85 of the usual one */
    } else {
        follow(windows, 0);
    }
    windows->pending[(windows->first + windows->waiting) % EBNN_ECG_PENDING] = beat;
    windows->waiting++;
    windows->since = ago < AGES ? ago : AGES;
    windows->any = 1;
    windows->hidden = 0;
    windows->gap = 0;
}

/* The mean of the 60th and the 61st of 120 sums of 14 bits: the 60th bit by bit, from the highest down. */
static int32_t median_of(const int16_t *sums)
{
    int32_t found = 0;
    for (int32_t bit = 1 << 13; bit > 0; bit /= 2) {
        uint32_t below = 0;
        for (uint32_t place = 0; place < EBNN_ECG_LENGTH; place++) {
            below += sums[place] < 2 * (found + bit);
        }
        if (below < EBNN_ECG_LENGTH / 2) {
            found += bit;
        }
    }
    int32_t next = 1 << 14;
    uint32_t up_to = 0;
    for (uint32_t place = 0; place < EBNN_ECG_LENGTH; place++) {
        const int32_t sum = ebnn_signal_shift_down(sums[place], 1);
        up_to += sum <= found;
        next = sum > found && sum < next ? sum : next;
    }
    return up_to > EBNN_ECG_LENGTH / 2 ? found : (found + next + 1) / 2;
}

/* The beat's own shape, less its median, at the place of the next one: whether enough of it is a signal. */
static uint32_t cut(ebnn_ecg_windows *windows, uint32_t peak, uint32_t *lacks)
{
    int16_t *shape = windows->shapes[windows->shape];
    const uint32_t from = peak - LEAD;
    const uint32_t start = windows->codes[from % EBNN_ECG_RING];
    uint32_t missing = start % 2, differ = 0, last = start;
    *lacks = 0;
    for (uint32_t place = 0; place < EBNN_ECG_LENGTH; place++) {
        const uint32_t middle = windows->codes[(from + 2 * place + 1) % EBNN_ECG_RING];
        const uint32_t next = windows->codes[(from + 2 * place + 2) % EBNN_ECG_RING];
        const uint32_t lack = last % 2 + middle % 2 + next % 2 >= 2;
        shape[place] = (int16_t)((last / 2 + middle / 2 * 2 + next / 2) * 2 + lack); /* a sum of below 2^14 */
        missing += middle % 2 + next % 2;
        differ |= (middle ^ start) | (next ^ start);
        *lacks |= lack;
        last = next;
    }
    const int32_t median = median_of(shape);
    for (uint32_t place = 0; place < EBNN_ECG_LENGTH; place++) {
        shape[place] = (int16_t)(shape[place] - 2 * median);
    }
    return differ > 1 && 2 * missing <= SPAN;
}

/* The median at a place of those shapes that do not lack it, or of all where all do. */
static int32_t usual_at(const ebnn_ecg_windows *windows, uint32_t place)
{
    int16_t sorted[TEMPLATES];
    uint32_t count = 0;
    for (int16_t most = 0; count == 0; most++) {
        for (uint32_t back = 1; back <= windows->kept; back++) {
            const int16_t value = windows->shapes[(windows->shape - back) % EBNN_ECG_SHAPES][place];
            if ((value & 1) <= most) {
                uint32_t rank = count++;
                for (; rank > 0 && sorted[rank - 1] > value; rank--) {
                    sorted[rank] = sorted[rank - 1];
                }
                sorted[rank] = value;
            }
        }
    }
    const int32_t low = ebnn_signal_shift_down(sorted[(count - 1) / 2], 1);
    return ebnn_signal_shift_down(low + ebnn_signal_shift_down(sorted[count / 2], 1), 1);
}

/* The shape that was cut last becomes one of the usual beat's. */
static void accept(ebnn_ecg_windows *windows, uint32_t lacks)
{
    const int16_t *comes = windows->shapes[windows->shape];
    windows->shape = (windows->shape + 1) % EBNN_ECG_SHAPES;
    const int16_t *goes = windows->shapes[windows->shape];
    windows->kept += windows->kept < TEMPLATES;
    windows->whole = lacks ? 0 : windows->whole + (windows->whole < EBNN_ECG_SHAPES);
    for (uint32_t place = 0; place < EBNN_ECG_LENGTH; place++) {
        const int32_t twice = 2 * windows->usual[place];
        /* Of 15 a median stays where what comes and what goes lie on one side of it. */
        if (windows->whole < EBNN_ECG_SHAPES ||
            !((comes[place] < twice && goes[place] < twice) || (comes[place] > twice && goes[place] > twice))) {
            windows->usual[place] = (int16_t)usual_at(windows, place);
        }
    }
}

/* `peak` becomes EBNN_ECG_PEAK. */
static int8_t scaled(int32_t value, int32_t peak)
{
    const int32_t more = 2 * EBNN_ECG_PEAK * value;
    return (int8_t)limit(more < 0 ? -((peak - more) / (2 * peak)) : (more + peak) / (2 * peak));
}

static void fill(const ebnn_ecg_windows *windows, const ebnn_ecg_pending *beat, int8_t *input)
{
    const int16_t *shape = windows->shapes[windows->shape];
    int32_t peak = 1;
    for (uint32_t place = 0; place < EBNN_ECG_LENGTH; place++) {
        const int32_t value = windows->kept ? windows->usual[place] : ebnn_signal_shift_down(shape[place], 1);
        const int32_t magnitude = value < 0 ? -value : value;
        peak = magnitude > peak ? magnitude : peak;
    }
    for (uint32_t place = 0; place < EBNN_ECG_LENGTH; place++) {
        const int32_t own = ebnn_signal_shift_down(shape[place], 1);
        input[place] = scaled(own, peak);
        input[EBNN_ECG_LENGTH + place] = scaled(windows->kept ? windows->usual[place] : own, peak);
        input[2 * EBNN_ECG_LENGTH + place] = (int8_t)beat->before;
        input[3 * EBNN_ECG_LENGTH + place] = (int8_t)beat->after;
    }
}

/* Whether the next beat is known, or that it is not near. */
static uint32_t settled(ebnn_ecg_windows *windows, const ebnn_ecg_pending *beat)
{
    if (!beat->known && windows->hidden) {
        follow(windows, 0);
    } else if (!beat->known && windows->now - beat->peak >= EBNN_ECG_WAIT) {
        follow(windows, ratio(windows, EBNN_ECG_WAIT));
    }
    return beat->known;
}

uint32_t ebnn_ecg_windows_step(ebnn_ecg_windows *windows, int16_t code, uint32_t flags, const ebnn_ecg_beat *beat,
                               ebnn_ecg_turn *turn, int8_t *input)
{
    keep(windows, code, flags & EBNN_ECG_LEAD_OFF);
    if ((flags & EBNN_ECG_BEAT) != 0) {
        take(windows, 2 * beat->ago + 1); /* of a pair's two codes the first one */
    }
    const ebnn_ecg_pending *head = &windows->pending[windows->first];
    const uint32_t age = windows->now - head->peak;
    if (windows->waiting == 0 || !settled(windows, head) || age < SPAN - LEAD - 1) {
        return 0;
    }
    windows->first = (windows->first + 1) % EBNN_ECG_PENDING;
    windows->waiting--;
    turn->ago = age;
    turn->interval = head->interval;
    turn->gap = head->gap;
    uint32_t lacks;
    turn->judged = age + LEAD < EBNN_ECG_RING && cut(windows, head->peak, &lacks);
    if (turn->judged) {
        fill(windows, head, input);
        if (!head->early) {
            accept(windows, lacks);
        }
    }
    return 1;
}
