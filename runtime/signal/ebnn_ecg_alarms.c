/*
 * ebnn_ecg_alarms.c: rhythms that call for help, from beats and what they were called.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_signal.h"

#define NOBODY_KNOWS 2u

void ebnn_ecg_alarms_start(ebnn_ecg_alarms *alarms)
{
    static const ebnn_ecg_alarms nothing;
    *alarms = nothing;
    alarms->before = NOBODY_KNOWS;
}

static uint32_t tell(ebnn_ecg_event *event, ebnn_ecg_alarm kind, uint32_t ongoing, const ebnn_ecg_stretch *stretch)
{
    event->kind = (uint32_t)kind;
    event->ongoing = ongoing;
    event->start = stretch->start;
    event->end = stretch->end;
    event->beats = stretch->beats;
    return 1;
}

/* From one code to another, of an alarm without beats. */
static uint32_t tell_time(ebnn_ecg_event *event, ebnn_ecg_alarm kind, uint32_t ongoing, uint32_t start, uint32_t end)
{
    const ebnn_ecg_stretch stretch = {start, end, 0};
    return tell(event, kind, ongoing, &stretch);
}

static uint32_t pause_up_to(const ebnn_ecg_alarm_settings *settings, const ebnn_ecg_alarms *alarms, uint32_t code,
                            ebnn_ecg_event *events)
{
    return code - alarms->edge > settings->pause ? tell_time(events, EBNN_ECG_PAUSE, 0, alarms->edge, code) : 0;
}

uint32_t ebnn_ecg_alarms_step(const ebnn_ecg_alarm_settings *settings, ebnn_ecg_alarms *alarms, uint32_t flags,
                              const ebnn_ecg_beat *beat, ebnn_ecg_event *events)
{
    const uint32_t now = alarms->now++;
    uint32_t told = 0;
    if ((flags & EBNN_ECG_LEAD_OFF) != 0) {
        if (alarms->on || !alarms->gone) {
            told += alarms->on ? pause_up_to(settings, alarms, now, events) : 0;
            alarms->off = now;
            alarms->gone = 1;
            alarms->on = 0;
        }
        if (now - alarms->off + 1 == settings->lead_off) {
            told += tell_time(events + told, EBNN_ECG_OFF, 1, alarms->off, now);
        }
        return told;
    }
    if (!alarms->on) {
        if (alarms->gone && now - alarms->off >= settings->lead_off) {
            told += tell_time(events, EBNN_ECG_OFF, 0, alarms->off, now);
        }
        alarms->on = 1;
        alarms->stretch = alarms->edge = now;
    }
    if ((flags & EBNN_ECG_BEAT) != 0) {
        const uint32_t ago = 2 * beat->ago + 1, most = now - alarms->stretch;
        const uint32_t peak = now - (ago < most ? ago : most);
        if (peak - alarms->stretch > alarms->edge - alarms->stretch) {
            told += pause_up_to(settings, alarms, peak, events + told);
            alarms->edge = peak;
        }
    }
    if (now - alarms->edge == settings->pause + settings->certain) {
        told += tell_time(events + told, EBNN_ECG_PAUSE, 1, alarms->edge, now);
    }
    return told;
}

static uint32_t end_rate(ebnn_ecg_stretch *rate, ebnn_ecg_alarm kind, ebnn_ecg_event *events)
{
    const uint32_t told = rate->beats ? tell(events, kind, 0, rate) : 0;
    rate->beats = 0;
    return told;
}

/* Bradycardia or tachycardia, as long as the last eight intervals say so. */
static uint32_t follow_rate(ebnn_ecg_stretch *rate, ebnn_ecg_alarm kind, uint32_t wrong, uint32_t first, uint32_t peak,
                            ebnn_ecg_event *events)
{
    if (!wrong) {
        return end_rate(rate, kind, events);
    }
    const uint32_t begins = rate->beats == 0;
    if (begins) {
        rate->start = first;
    }
    rate->end = peak;
    rate->beats = begins ? EBNN_ECG_RATE_BEATS : rate->beats + 1;
    return begins ? tell(events, kind, 1, rate) : 0;
}

static uint32_t end_run(ebnn_ecg_alarms *alarms, ebnn_ecg_event *events)
{
    ebnn_ecg_stretch *run = &alarms->run;
    const uint32_t told = run->beats >= 2 ? tell(events, run->beats == 2 ? EBNN_ECG_COUPLET : EBNN_ECG_RUN, 0, run) : 0;
    run->beats = 0;
    return told;
}

static uint32_t end_bigeminy(ebnn_ecg_alarms *alarms, ebnn_ecg_event *events)
{
    ebnn_ecg_stretch *bigeminy = &alarms->bigeminy;
    const uint32_t told = bigeminy->beats >= EBNN_ECG_BIGEMINY ? tell(events, EBNN_ECG_BIGEMINAL, 0, bigeminy) : 0;
    bigeminy->beats = 0;
    return told;
}

static uint32_t end_rates(ebnn_ecg_alarms *alarms, ebnn_ecg_event *events)
{
    const uint32_t told = end_rate(&alarms->slow, EBNN_ECG_BRADYCARDIA, events);
    alarms->count = 0;
    return told + end_rate(&alarms->fast, EBNN_ECG_TACHYCARDIA, events + told);
}

static uint32_t rates(const ebnn_ecg_alarm_settings *settings, ebnn_ecg_alarms *alarms, uint32_t peak,
                      ebnn_ecg_event *events)
{
    alarms->peaks[alarms->peak] = peak;
    alarms->peak = (alarms->peak + 1) % EBNN_ECG_RATE_BEATS;
    alarms->count += alarms->count < EBNN_ECG_RATE_BEATS;
    if (alarms->count < EBNN_ECG_RATE_BEATS) {
        return 0;
    }
    const uint32_t first = alarms->peaks[alarms->peak], lasts = peak - first;
    const uint32_t told = follow_rate(&alarms->slow, EBNN_ECG_BRADYCARDIA, lasts > settings->slow, first, peak, events);
    return told + follow_rate(&alarms->fast, EBNN_ECG_TACHYCARDIA, lasts < settings->fast, first, peak, events + told);
}

static void lengthen(ebnn_ecg_stretch *stretch, uint32_t peak)
{
    if (stretch->beats++ == 0) {
        stretch->start = peak;
    }
    stretch->end = peak;
}

/* Couplets, runs and bigeminy of beats that somebody judged, one behind the other. */
static uint32_t ectopic(ebnn_ecg_alarms *alarms, uint32_t peak, uint32_t is_pvc, ebnn_ecg_event *events)
{
    uint32_t told = 0;
    if (is_pvc) {
        lengthen(&alarms->run, peak);
        told += alarms->run.beats == 3 ? tell(events, EBNN_ECG_RUN, 1, &alarms->run) : 0;
    } else {
        told += end_run(alarms, events);
    }
    if (is_pvc == alarms->before) {
        told += end_bigeminy(alarms, events + told);
    }
    if (is_pvc) {
        lengthen(&alarms->bigeminy, peak);
        told += alarms->bigeminy.beats == EBNN_ECG_BIGEMINY
                    ? tell(events + told, EBNN_ECG_BIGEMINAL, 1, &alarms->bigeminy)
                    : 0;
    }
    alarms->before = is_pvc;
    return told;
}

static uint32_t burden(const ebnn_ecg_alarm_settings *settings, ebnn_ecg_alarms *alarms, uint32_t peak, uint32_t is_pvc,
                       ebnn_ecg_event *events)
{
    lengthen(&alarms->block, peak);
    alarms->burden += is_pvc;
    if (alarms->block.beats < settings->block) {
        return 0;
    }
    const ebnn_ecg_stretch premature = {alarms->block.start, peak, alarms->burden};
    alarms->block.beats = alarms->burden = 0;
    return premature.beats > settings->burden ? tell(events, EBNN_ECG_BURDEN, 0, &premature) : 0;
}

static uint32_t end_ectopic(ebnn_ecg_alarms *alarms, ebnn_ecg_event *events)
{
    const uint32_t told = end_run(alarms, events);
    alarms->before = NOBODY_KNOWS;
    return told + end_bigeminy(alarms, events + told);
}

uint32_t ebnn_ecg_alarms_turn(const ebnn_ecg_alarm_settings *settings, ebnn_ecg_alarms *alarms,
                              const ebnn_ecg_turn *turn, uint32_t is_pvc, ebnn_ecg_event *events)
{
    const uint32_t peak = alarms->now - 1 - turn->ago;
    uint32_t told = turn->gap ? end_rates(alarms, events) : 0;
    if (turn->gap || !turn->judged) {
        told += end_ectopic(alarms, events + told);
    }
    told += rates(settings, alarms, peak, events + told);
    if (turn->judged) {
        told += ectopic(alarms, peak, is_pvc != 0, events + told);
        told += burden(settings, alarms, peak, is_pvc != 0, events + told);
    }
    return told;
}

uint32_t ebnn_ecg_alarms_end(const ebnn_ecg_alarm_settings *settings, ebnn_ecg_alarms *alarms, ebnn_ecg_event *events)
{
    uint32_t told = alarms->on ? pause_up_to(settings, alarms, alarms->now, events) : 0;
    if (!alarms->on && alarms->gone && alarms->now - alarms->off >= settings->lead_off) {
        told += tell_time(events, EBNN_ECG_OFF, 0, alarms->off, alarms->now);
    }
    told += end_rates(alarms, events + told);
    return told + end_ectopic(alarms, events + told);
}
