/*
 * ebnn_devices.h: freshly programmed cells of very many banks, drawn and read in place: nothing is allocated, and where
 * only counts are wanted, nothing is kept.
 *
 * The same cells as edgebnn/chip/device/resistances.py draws (each device with its programming pulse 0), read as
 * edgebnn/chip/device/read_back.py does with the input +1, to the bit, from any kernel and in any split of the banks.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef EBNN_DEVICES_H
#define EBNN_DEVICES_H

#include <stdint.h>

#include "ebnn_sampler.h"

#ifdef __cplusplus
extern "C" {
#endif

#define EBNN_COLUMNS 32

/*
 * All cells' medians and spreads, in ln R; the last index of each is the state, 0 for HRS and 1 for LRS. The same for
 * all threads: nothing in here is written to.
 */
typedef struct ebnn_devices {
    const float *chords; /* see ebnn_normal.h */
    uint64_t seed;
    uint64_t astray;        /* 2^32 times the share of pulses that go astray */
    uint64_t stuck_low[2];  /* side: 2^32 times the share of devices that stay in LRS */
    uint64_t stuck_high[2]; /* side: 2^32 less as much of those that stay in HRS */
    uint64_t upper;         /* 2^32 times how likely a device is in the upper state of its telegraph noise at a read */
    float ln_median[2][2];  /* side: BL, BLb */
    float device_spread[2];
    float cycle_spread[2];
    float relaxation_spread[2];
    float tail_width;  /* how many times as large what a pulse draws is where it went astray */
    float offset;      /* of the sense amplifiers */
    float noise;       /* of a read */
    float amplitude;   /* the largest of telegraph noise */
    float reference;   /* what a single device's ln R is compared with where it is read alone, as 1T1R */
    float bound[2][2]; /* lines that no normal number goes beyond: see ebnn_normal.h */
    uint32_t unused;
} ebnn_devices;

/*
 * Rows 0 to `rows` of stripes `first_stripe` to `first_stripe + stripes`, and what they are programmed with. A stripe is
 * 32 neighbouring columns of a bank; see edgebnn/chip/banks/geometry.py. Whole banks, whose rows all have a number below 2^32.
 */
typedef struct ebnn_device_rows {
    const uint32_t *sign;    /* (stripe, row): bit = column; +1 where both bits are set, -1 where `nonzero` alone is */
    const uint32_t *nonzero; /* (stripe, row) */
    uint32_t stride;         /* 1: as above, 0: one word that is the same for all rows */
    uint32_t first_stripe;
    uint32_t stripes;
    uint32_t rows;
    uint32_t row_bits; /* that a row's number takes, at least 5 */
    uint32_t words;    /* stripes of a bank */
    uint32_t sharing;  /* neighbouring columns that share a sense amplifier */
    uint32_t unused;
} ebnn_device_rows;

typedef enum ebnn_device_error {
    EBNN_WRONG_PAIR = 0, /* a weight that is not 0, read as 2T2R with the input +1, comes out as its opposite */
    EBNN_WRONG_BL = 1,   /* the device on BL is on the wrong side of the reference */
    EBNN_WRONG_BLB = 2,  /* the device on BLb is */
    EBNN_DEVICE_ERRORS = 3
} ebnn_device_error;

typedef struct ebnn_device_errors {
    uint32_t *masks[EBNN_DEVICE_ERRORS]; /* each (stripe, row), bit = column, or NULL */
    uint64_t counts[EBNN_DEVICE_ERRORS]; /* set, not added to */
} ebnn_device_errors;

/* ln R, (stripe, row, column, side), the sides BL and BLb. `kernel` is an ebnn_sampler that this processor can run. */
void ebnn_device_resistances(const ebnn_devices *devices, const ebnn_device_rows *rows, float *ln_resistance,
                             int32_t kernel);

/* What is wrong, of each kind, in one read of each cell. */
void ebnn_device_wrong(const ebnn_devices *devices, const ebnn_device_rows *rows, ebnn_device_errors *errors,
                       int32_t kernel);

/* sizeof of ebnn_devices, ebnn_device_rows and ebnn_device_errors, added up: Python compares. */
uint32_t ebnn_device_bytes(void);

#ifdef __cplusplus
}
#endif

#endif
