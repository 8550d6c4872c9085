/*
 * ebnn_ecg_log.c: events as bytes in a ring, each with a number and a check of its own.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_signal.h"

#define VERSION 1u
#define ONGOING UINT32_C(0x8000)
#define MOST_BEATS UINT32_C(0xffff)

static uint8_t *put(uint8_t *bytes, uint32_t value, uint32_t size)
{
    for (uint32_t index = 0; index < size; index++) {
        *bytes++ = (uint8_t)(value >> 8 * index & 0xff);
    }
    return bytes;
}

/* CRC-32 as zlib has it, of what lies from `begin` to `end`, put behind it. */
static void check(const uint8_t *begin, uint8_t *end)
{
    uint32_t crc = UINT32_C(0xffffffff);
    for (; begin < end; begin++) {
        crc ^= *begin;
        for (uint32_t bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ (UINT32_C(0xedb88320) & (UINT32_C(0) - (crc & 1u)));
        }
    }
    put(end, crc ^ UINT32_C(0xffffffff), 4);
}

uint32_t ebnn_ecg_log_start(ebnn_ecg_log *log, uint8_t *bytes, uint32_t size, uint16_t rate_hz)
{
    log->bytes = bytes;
    log->next = 1;
    log->records = size < EBNN_ECG_LOG_HEAD ? 0 : (size - EBNN_ECG_LOG_HEAD) / EBNN_ECG_LOG_RECORD;
    if (log->records == 0) {
        return 0;
    }
    uint8_t *at = put(bytes, UINT32_C(0x4c4e4245), 4); /* EBNL */
    at = put(at, VERSION, 2);
    at = put(at, rate_hz, 2);
    check(bytes, put(at, log->records, 4));
    for (uint32_t index = 0; index < log->records * EBNN_ECG_LOG_RECORD; index++) {
        bytes[EBNN_ECG_LOG_HEAD + index] = 0;
    }
    return log->records;
}

void ebnn_ecg_log_write(ebnn_ecg_log *log, const ebnn_ecg_event *event)
{
    if (log->records == 0) {
        return;
    }
    uint8_t *record = log->bytes + EBNN_ECG_LOG_HEAD + (log->next - 1) % log->records * EBNN_ECG_LOG_RECORD;
    uint8_t *at = put(record, log->next, 4);
    at = put(at, event->start, 4);
    at = put(at, event->end - event->start, 4);
    at = put(at, event->kind | (event->ongoing ? ONGOING : 0), 2);
    check(record, put(at, event->beats < MOST_BEATS ? event->beats : MOST_BEATS, 2));
    log->next++;
}
