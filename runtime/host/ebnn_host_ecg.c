/*
 * ebnn_host_ecg.c: the streaming ECG chain over blocks of codes.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_host_ecg.h"

size_t ebnn_host_ecg_settings_bytes(void)
{
    return sizeof(ebnn_ecg_settings);
}

size_t ebnn_host_ecg_state_bytes(void)
{
    return sizeof(ebnn_ecg_state);
}

size_t ebnn_host_ecg_alarms_bytes(void)
{
    return sizeof(ebnn_ecg_alarms);
}

size_t ebnn_host_ecg_windows_bytes(void)
{
    return sizeof(ebnn_ecg_windows);
}

uint32_t ebnn_host_ecg_run(const ebnn_ecg_settings *settings, ebnn_ecg_state *state, const int16_t *codes,
                           uint32_t count, uint8_t *flags, int32_t *filtered, ebnn_host_ecg_beat *beats)
{
    uint32_t found = 0;
    ebnn_ecg_beat beat = {0, 0};
    for (uint32_t place = 0; place < count; place++) {
        const uint32_t answer = ebnn_ecg_step(settings, state, codes[place], &beat);
        flags[place] = (uint8_t)answer;
        filtered[place] = (answer & EBNN_ECG_FILTERED) != 0 ? state->filtered : 0;
        if ((answer & EBNN_ECG_BEAT) != 0) {
            beats[found].place = place;
            beats[found].ago = beat.ago;
            beats[found].interval = beat.interval;
            found++;
        }
    }
    return found;
}

uint32_t ebnn_host_ecg_cut(ebnn_ecg_windows *windows, const int16_t *codes, uint32_t count, const uint8_t *flags,
                           const ebnn_host_ecg_beat *beats, ebnn_host_ecg_turn *turns, int8_t *inputs)
{
    uint32_t found = 0;
    for (uint32_t place = 0; place < count; place++) {
        ebnn_ecg_beat beat = {0, 0};
        if ((flags[place] & EBNN_ECG_BEAT) != 0) {
            beat.ago = beats->ago;
            beat.interval = beats->interval;
            beats++;
        }
        ebnn_ecg_turn turn;
        int8_t *input = inputs + (size_t)found * EBNN_ECG_CHANNELS * EBNN_ECG_LENGTH;
        if (ebnn_ecg_windows_step(windows, codes[place], flags[place], &beat, &turn, input)) {
            turns[found].place = place;
            turns[found].ago = turn.ago;
            turns[found].interval = turn.interval;
            turns[found].judged = turn.judged;
            turns[found].gap = turn.gap;
            found++;
        }
    }
    return found;
}

static uint32_t write_down(const ebnn_host_ecg_telling *telling, ebnn_ecg_log *log, const ebnn_ecg_event *events,
                           uint32_t many, uint32_t told)
{
    for (uint32_t index = 0; index < many; index++) {
        ebnn_ecg_log_write(log, &events[index]);
        if (told + index < telling->room) {
            telling->events[told + index] = events[index];
        }
    }
    return told + many;
}

uint32_t ebnn_host_ecg_tell(const ebnn_ecg_alarm_settings *settings, ebnn_ecg_alarms *alarms,
                            const ebnn_host_ecg_telling *telling)
{
    ebnn_ecg_event events[EBNN_ECG_EVENTS];
    ebnn_ecg_log log;
    uint32_t told = 0, turned = 0, found = 0;
    ebnn_ecg_log_start(&log, telling->log, telling->log_bytes, (uint16_t)telling->rate_hz);
    for (uint32_t place = 0; place < telling->codes; place++) {
        ebnn_ecg_beat beat = {0, 0};
        if ((telling->flags[place] & EBNN_ECG_BEAT) != 0) {
            beat.ago = telling->beats[found++].ago;
        }
        uint32_t many = ebnn_ecg_alarms_step(settings, alarms, telling->flags[place], &beat, events);
        told = write_down(telling, &log, events, many, told);
        for (; turned < telling->turned && telling->turns[turned].place == place; turned++) {
            const ebnn_host_ecg_turn *said = &telling->turns[turned];
            const ebnn_ecg_turn turn = {said->ago, said->interval, said->judged, said->gap};
            many = ebnn_ecg_alarms_turn(settings, alarms, &turn, telling->is_pvc[turned], events);
            told = write_down(telling, &log, events, many, told);
        }
    }
    const uint32_t many = ebnn_ecg_alarms_end(settings, alarms, events);
    return write_down(telling, &log, events, many, told);
}
