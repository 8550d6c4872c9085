/*
 * ebnn_signal.h: the whole interface of the streaming ECG chain, from the codes of a 12-bit ADC to what a network sees.
 *
 * Sample by sample, integers only, nothing allocated, no globals; usable without any network. The caller owns the state,
 * one for each lead, and hands over every sample once, in order, at 240 Hz:
 *
 *   ebnn_ecg_start(&settings, &state);
 *   for each code: if (ebnn_ecg_step(&settings, &state, code, &beat) & EBNN_ECG_BEAT) ... beat.ago, beat.interval
 *
 * Who has a network that judges beats hands each step's answer on, and gets the network's input, one beat late:
 *
 *   ebnn_ecg_windows_start(&windows);
 *   for each code: if (ebnn_ecg_windows_step(&windows, code, flags, &beat, &turn, input) && turn.judged) ... input
 *
 * The stages, in order: a notch at the mains' frequency; the sum of each two samples, which leaves 120 Hz; what follows
 * the baseline, taken off; the curvature of a QRS complex (a second difference over 25 ms), its magnitude summed over
 * 0.13 s; the largest of these sums within 0.2 s, held against what beats and noise had.
 *
 * Arithmetic. No operation overflows for any sequence of codes: bounds stand beside each member, for a notch whose
 * impulse response has magnitudes that sum to at most 3.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef EBNN_SIGNAL_H
#define EBNN_SIGNAL_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The code of a sample that does not exist: the front end saw no electrode, or a recording lacks it. */
#define EBNN_ECG_MISSING INT16_MIN
/* The ends of the ADC's range, at which a code says nothing more. */
#define EBNN_ECG_LOWEST (-2048)
#define EBNN_ECG_HIGHEST 2047

/* What a step answers, any of them together. */
#define EBNN_ECG_FILTERED 1u /* every second sample: state.filtered is new */
#define EBNN_ECG_BEAT 2u     /* a beat is certain now; `beat` tells which */
#define EBNN_ECG_LEAD_OFF 4u /* there is no signal: missing, or for too long the same code or the ends of the range */

/* Lengths in samples at 120 Hz. The rings are powers of 2. */
#define EBNN_ECG_SHAPE 16u      /* > 9, the span of the curvature */
#define EBNN_ECG_CURVATURES 64u /* > merge + width */
#define EBNN_ECG_LEVELS 8u      /* beats and noises that thresholds come from */

/* What stays the same; made by edgebnn.devices.ecg_chain, which says where each number comes from. */
typedef struct ebnn_ecg_settings {
    int32_t notch_gain, notch_near, notch_far; /* Q12: y = gain (x + x2) + near (x1 - y1) - far y2 */
    uint32_t baseline_shift;                   /* 1 to 10: time constant of the baseline, 2^shift samples at 120 Hz */
    uint32_t lead_off;                         /* samples at 240 Hz */
    uint32_t width;                            /* 1 to 16: over which curvatures are summed */
    uint32_t merge;                            /* 1 to 40: a larger sum within so many takes a candidate's place */
    uint32_t refractory, t_wave;               /* behind a beat: no beat at all; none whose curvature is a T wave's */
    uint32_t longest;                          /* an interval that is longer is none, and levels start to fall */
    int32_t beat_share, t_share, back_share, late; /* Q8: threshold between noise and beats; of the last beat's
                                                      curvature; of the threshold (at most 128, a half); of the usual interval (at most 512) */
    int32_t rough_times, rough_most;               /* the threshold is so many times (at most 2^8) the roughness between
                                                      waves, but no more than that share (Q8, at most 256) of the beats */
    int32_t first_level, lowest;                   /* sums: of a beat before any is known, and the lowest threshold */
    int32_t first_interval;                        /* the usual one before any is known */
} ebnn_ecg_settings;

/* A candidate for a beat. */
typedef struct ebnn_ecg_candidate {
    int32_t height; /* 0 where there is none, to 2^24: the largest sum */
    int32_t steep;  /* 0 to 2^20: the largest curvature under it */
    uint32_t age;   /* samples since that sum */
    uint32_t ago;   /* samples since that curvature's middle: since the R peak */
} ebnn_ecg_candidate;

typedef struct ebnn_ecg_state {
    /* notch: codes, and answers in 1/8 codes, at most 3 * 2^14 */
    int32_t x1, x2, y1, y2;
    int32_t pair;     /* the first answer of a pair; */
    uint32_t half;    /* 1 where it waits for the second one */
    int32_t baseline; /* 1/16 codes << baseline_shift, below 2^27 */
    int32_t filtered; /* at 120 Hz, quarters of a code, below 2^16 */
    /* curvatures */
    int32_t shape[EBNN_ECG_SHAPE]; /* the last filtered ones */
    int32_t curvature;             /* below 12 * 2^16 */
    int32_t magnitudes[EBNN_ECG_CURVATURES];
    int32_t sum; /* below 16 * 12 * 2^16 */
    uint32_t at; /* of the newest in both rings */
    /* roughness: second differences of single samples, above 25 Hz, where no beat has much and muscles have all */
    int32_t seconds[EBNN_ECG_SHAPE]; /* their magnitudes, below 2^18 */
    int32_t rough;                   /* the sum of those, below 2^22 */
    int32_t between;                 /* what a third of these sums lies below, below 2^22 */
    /* detector */
    ebnn_ecg_candidate candidate, spare; /* the one that may be a beat, and the best one that was taken for noise */
    int32_t falling;                     /* the last sum while they fall behind a candidate; -1 once they rise */
    int32_t beats[EBNN_ECG_LEVELS], noises[EBNN_ECG_LEVELS], intervals[EBNN_ECG_LEVELS]; /* the last ones */
    uint32_t beat, noise, interval;         /* the places of the next ones */
    int32_t beat_level, noise_level, usual; /* their medians */
    int32_t steep;                          /* of the last beat */
    uint32_t since, since_peak;             /* samples since the last beat's sum and R peak, at most 2^16 */
    uint32_t known;                         /* 1 where there is a last beat, with signal all the way */
    /* lead off */
    int32_t code;       /* the last one */
    uint32_t unchanged; /* samples that it has been there, or at an end of the range */
    uint32_t running;   /* 0 where the next sample is the first one */
} ebnn_ecg_state;

/* A beat: its R peak lies `ago` samples at 120 Hz before the newest one; 0 where the interval before it is unknown. */
typedef struct ebnn_ecg_beat {
    uint32_t ago;
    uint32_t interval;
} ebnn_ecg_beat;

/* Everything as before the first sample. */
void ebnn_ecg_start(const ebnn_ecg_settings *settings, ebnn_ecg_state *state);

/* One more sample, EBNN_ECG_MISSING or a code, which is limited to 12 bits; answers EBNN_ECG_ flags. `beat` is written
 * with EBNN_ECG_BEAT alone. Behind a gap the detector starts anew with the levels that it has learnt. */
uint32_t ebnn_ecg_step(const ebnn_ecg_settings *settings, ebnn_ecg_state *state, int16_t code, ebnn_ecg_beat *beat);

/* The detector alone, for whoever has filters: one sample at 120 Hz, below 2^16 in magnitude; 1 with a beat, else 0. */
uint32_t ebnn_ecg_detect(const ebnn_ecg_settings *settings, ebnn_ecg_state *state, int32_t filtered,
                         ebnn_ecg_beat *beat);

/*
 * Windows: what the network is asked of each beat, int8 [EBNN_ECG_CHANNELS][EBNN_ECG_LENGTH] at 120 Hz. Channels: the beat
 * less its median; the patient's usual beat, the median of the last ones that did not come early; the interval before the
 * beat over the usual interval, less 1; the one behind it, likewise. edgebnn.devices.beats has the same in floats.
 */
#define EBNN_ECG_CHANNELS 4u
#define EBNN_ECG_LENGTH 120u
#define EBNN_ECG_BEFORE 48u   /* the sample of a window that lies at the R peak */
#define EBNN_ECG_RING 1024u   /* codes that are kept, > EBNN_ECG_WAIT + 97, the first of a window */
#define EBNN_ECG_SHAPES 16u   /* the usual beat's, and the one that is asked of */
#define EBNN_ECG_RHYTHM 32u   /* intervals that make the usual one, the mean of their middle half */
#define EBNN_ECG_PENDING 8u   /* beats that wait; five fit between a refractory time and the end of a window */
#define EBNN_ECG_WAIT 800u    /* codes: so long a beat waits for the next one, which then comes late at any rate */
#define EBNN_ECG_HIDES 24u    /* codes: a gap that can hide a beat, so that no interval goes across */
#define EBNN_ECG_LONGEST 960u /* codes: longer intervals count as this one */
#define EBNN_ECG_PEAK 48      /* counts that the usual beat's largest deflection gets */
#define EBNN_ECG_RATIO 128    /* counts of a ratio of 1 */

/* A beat that waits for the rest of its window, or for the next beat. */
typedef struct ebnn_ecg_pending {
    uint32_t peak;     /* its code's number */
    uint32_t interval; /* before it, 0 where unknown */
    int32_t before, after;
    uint32_t early, known; /* 1 where it came early; where `after` is known */
    uint32_t gap;
} ebnn_ecg_pending;

typedef struct ebnn_ecg_windows {
    uint32_t now;                                     /* the newest code's number, modulo 2^32 */
    uint16_t codes[EBNN_ECG_RING];                    /* (code + 2048) * 2, and 1 where there was no signal */
    int16_t shapes[EBNN_ECG_SHAPES][EBNN_ECG_LENGTH]; /* quarters of a code * 2, and 1 where there was no signal */
    int16_t usual[EBNN_ECG_LENGTH];                   /* quarters of a code: the median of the shapes */
    uint32_t shape, kept, whole;         /* the next shape's place; how many there are, at most 15; how many
                                                           of the last ones lack nothing, at most 16 */
    uint16_t intervals[EBNN_ECG_RHYTHM]; /* codes */
    uint32_t interval, known;            /* the next one's place; how many there are */
    uint32_t middle, total;              /* of the usual interval: how many were summed, and the sum */
    ebnn_ecg_pending pending[EBNN_ECG_PENDING];
    uint32_t first, waiting; /* of the pending ones, and how many */
    uint32_t since;          /* codes since the last beat's R peak, at most 2^16 */
    uint32_t any, hidden;    /* 1 where there was a beat; where a gap behind it could hide another one */
    uint32_t off;            /* codes without a signal up to here, at most EBNN_ECG_HIDES */
    uint32_t on;             /* codes with a signal up to here, at most 2^16 */
    uint32_t gap;            /* 1 where there was a code without a signal since the last beat */
    uint32_t begun;          /* 1 from the first code with a signal on */
    uint16_t held;           /* what stands for codes without a signal */
} ebnn_ecg_windows;

/* A beat whose turn it is: its R peak lies `ago` codes before the newest one; the interval before it in codes, 0 where it
 * is unknown; judged is 0 where more than half of its window lacks a signal, or all of it is flat, or it is over; gap is 1
 * where there was a code without a signal since the beat before, or there is none before. */
typedef struct ebnn_ecg_turn {
    uint32_t ago;
    uint32_t interval;
    uint32_t judged;
    uint32_t gap;
} ebnn_ecg_turn;

void ebnn_ecg_windows_start(ebnn_ecg_windows *windows);

/* One more code, with what ebnn_ecg_step answered to it; 1 where it is a beat's turn, else 0, beats in their order. `input`
 * holds EBNN_ECG_CHANNELS * EBNN_ECG_LENGTH and is written for a beat that is judged alone. A beat that is not behind the
 * last one is none, and none lies before the first code of its stretch of signal. */
uint32_t ebnn_ecg_windows_step(ebnn_ecg_windows *windows, int16_t code, uint32_t flags, const ebnn_ecg_beat *beat,
                               ebnn_ecg_turn *turn, int8_t *input);

/*
 * Alarms: what beats and their answers amount to, told as events. The caller hands over every code's flags and beat, and
 * every turn with what the network called it; both may answer some events, at most EBNN_ECG_EVENTS.
 */
#define EBNN_ECG_EVENTS 8u
#define EBNN_ECG_RATE_BEATS 9u /* so many beats make a rate: eight intervals */
#define EBNN_ECG_BIGEMINY 3u   /* premature beats with one other between */

typedef enum ebnn_ecg_alarm {
    EBNN_ECG_COUPLET = 1,
    EBNN_ECG_RUN,
    EBNN_ECG_BIGEMINAL,
    EBNN_ECG_PAUSE,
    EBNN_ECG_BRADYCARDIA,
    EBNN_ECG_TACHYCARDIA,
    EBNN_ECG_OFF, /* an electrode that is off */
    EBNN_ECG_BURDEN
} ebnn_ecg_alarm;

/* What stays the same; made by edgebnn.devices.ecg_alarms. All in codes, but for the last two. */
typedef struct ebnn_ecg_alarm_settings {
    uint32_t pause;   /* longer without a beat is a pause */
    uint32_t certain; /* behind a pause's begin and `pause` it is told as ongoing: no beat becomes certain any more */
    uint32_t slow, fast; /* eight intervals of more, of fewer */
    uint32_t lead_off;   /* so many without a signal are an electrode that is off */
    uint32_t block;      /* judged beats, of which ... */
    uint32_t burden;     /* ... more called premature ventricular than so many are an alarm */
} ebnn_ecg_alarm_settings;

/* An alarm: ongoing is 1 where it holds now and goes on, 0 where it is over; then start and end are codes, numbered from 0
 * modulo 2^32. beats belong to it; of premature ventricular beats these alone. */
typedef struct ebnn_ecg_event {
    uint32_t kind; /* an ebnn_ecg_alarm */
    uint32_t ongoing;
    uint32_t start, end;
    uint32_t beats;
} ebnn_ecg_event;

/* Something that goes on from beat to beat. */
typedef struct ebnn_ecg_stretch {
    uint32_t start, end;
    uint32_t beats; /* 0 where there is none */
} ebnn_ecg_stretch;

typedef struct ebnn_ecg_alarms {
    uint32_t now;                        /* the next code's number */
    uint32_t on, stretch, edge;          /* 1 where there is a signal; since when; its start or the last beat in it */
    uint32_t off, gone;                  /* where there is none: since when, and 1 where there was a code */
    uint32_t peaks[EBNN_ECG_RATE_BEATS]; /* the last ones, and how many, at most EBNN_ECG_RATE_BEATS */
    uint32_t peak, count;
    ebnn_ecg_stretch slow, fast, run, bigeminy, block;
    uint32_t before; /* what the beat before was called: 0, 1, 2 where nobody judged or there is none */
    uint32_t burden; /* premature ones of the block */
} ebnn_ecg_alarms;

void ebnn_ecg_alarms_start(ebnn_ecg_alarms *alarms);

/* One more code: what ebnn_ecg_step answered. How many events there are: pauses and electrodes. */
uint32_t ebnn_ecg_alarms_step(const ebnn_ecg_alarm_settings *settings, ebnn_ecg_alarms *alarms, uint32_t flags,
                              const ebnn_ecg_beat *beat, ebnn_ecg_event *events);

/* A beat's turn, behind the step of the same code. */
uint32_t ebnn_ecg_alarms_turn(const ebnn_ecg_alarm_settings *settings, ebnn_ecg_alarms *alarms,
                              const ebnn_ecg_turn *turn, uint32_t is_pvc, ebnn_ecg_event *events);

/* The end of all: what goes on is over. */
uint32_t ebnn_ecg_alarms_end(const ebnn_ecg_alarm_settings *settings, ebnn_ecg_alarms *alarms, ebnn_ecg_event *events);

/*
 * A log of events in memory that the caller owns, RAM or what is copied to flash: a head of EBNN_ECG_LOG_HEAD bytes, then
 * as many records of EBNN_ECG_LOG_RECORD as fit, a ring in which the newest takes the oldest's place. Little-endian;
 * docs/event-log.md has every byte. edgebnn.devices.ecg_log reads it.
 */
#define EBNN_ECG_LOG_HEAD 16u
#define EBNN_ECG_LOG_RECORD 20u

typedef struct ebnn_ecg_log {
    uint8_t *bytes;
    uint32_t records; /* that fit */
    uint32_t next;    /* the next one's number, from 1 on */
} ebnn_ecg_log;

/* An empty log; 0 where not even one record fits, else how many do. */
uint32_t ebnn_ecg_log_start(ebnn_ecg_log *log, uint8_t *bytes, uint32_t size, uint16_t rate_hz);

void ebnn_ecg_log_write(ebnn_ecg_log *log, const ebnn_ecg_event *event);

#ifdef __cplusplus
}
#endif

#endif
