/*
 * ebnn_host_ecg.h: the streaming ECG chain over blocks of codes, with one call a block. Firmware has no use for it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef EBNN_HOST_ECG_H
#define EBNN_HOST_ECG_H

#include <stddef.h>

#include "ebnn_signal.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes of the settings and of the states, for whoever allocates them without knowing their members. */
size_t ebnn_host_ecg_settings_bytes(void);
size_t ebnn_host_ecg_state_bytes(void);
size_t ebnn_host_ecg_windows_bytes(void);
size_t ebnn_host_ecg_alarms_bytes(void);

/* A beat: with which code of the block it became certain, and what ebnn_ecg_beat says of it. */
typedef struct ebnn_host_ecg_beat {
    uint32_t place, ago, interval;
} ebnn_host_ecg_beat;

/*
 * ebnn_ecg_step of `count` codes, one after the other. flags: the answer to each. filtered: what is filtered behind each,
 * where its flag says that it is new, else 0. beats: room for `count`; the answer is how many there are.
 */
uint32_t ebnn_host_ecg_run(const ebnn_ecg_settings *settings, ebnn_ecg_state *state, const int16_t *codes,
                           uint32_t count, uint8_t *flags, int32_t *filtered, ebnn_host_ecg_beat *beats);

/* A beat whose turn it was: with which code of the block, and what ebnn_ecg_turn says of it. */
typedef struct ebnn_host_ecg_turn {
    uint32_t place, ago, interval, judged, gap;
} ebnn_host_ecg_turn;

/*
 * ebnn_ecg_windows_step of the codes that ebnn_host_ecg_run had, with its answers: flags, and the `beats` of the block.
 * turns: room for beats and EBNN_ECG_PENDING; inputs: of each turn EBNN_ECG_CHANNELS * EBNN_ECG_LENGTH, 0 where it is not
 * judged. The answer is how many turns there were.
 */
uint32_t ebnn_host_ecg_cut(ebnn_ecg_windows *windows, const int16_t *codes, uint32_t count, const uint8_t *flags,
                           const ebnn_host_ecg_beat *beats, ebnn_host_ecg_turn *turns, int8_t *inputs);

/* What is told of codes, and where it goes. */
typedef struct ebnn_host_ecg_telling {
    const uint8_t *flags;            /* of `codes` codes: what ebnn_ecg_step answered */
    const ebnn_host_ecg_beat *beats; /* of these codes */
    const ebnn_host_ecg_turn *turns; /* `turned` of them, in order; several may have one place */
    const uint8_t *is_pvc;           /* of each turn */
    ebnn_ecg_event *events;          /* room for `room` */
    uint8_t *log;                    /* `log_bytes` of them, a log that is made anew */
    uint32_t codes, turned, room, log_bytes, rate_hz;
} ebnn_host_ecg_telling;

/* The alarms of a lead from its first code to its last one, and the log that a device has behind it. The answer is how many
 * events there were; more than `room` are counted, and in the log, but not written. */
uint32_t ebnn_host_ecg_tell(const ebnn_ecg_alarm_settings *settings, ebnn_ecg_alarms *alarms,
                            const ebnn_host_ecg_telling *telling);

#ifdef __cplusplus
}
#endif

#endif
