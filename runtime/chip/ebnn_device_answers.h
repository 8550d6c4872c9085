/*
 * ebnn_device_answers.h: what rows of programmed devices answer through their sense amplifiers.
 *
 * The same as edgebnn/chip/device/sensing.py computes from the devices of edgebnn/chip/device/resistances.py, to the bit. Most cells are so
 * far from being read wrong that their random words alone show it: these are never turned into resistances.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef EBNN_DEVICE_ANSWERS_H
#define EBNN_DEVICE_ANSWERS_H

#include "ebnn_answers.h"
#include "ebnn_devices.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How rows are read right after programming, as edgebnn/chip/device/read_back.py has it. */
typedef struct ebnn_device_verify {
    const ebnn_devices *devices; /* as they are then */
    uint32_t attempts;           /* at most so many; those that are rejected are programmed again */
    float guard_band;            /* by which a read has to be right, in ln R */
    float window;                /* ln R */
    float window_spread;
} ebnn_device_verify;

/* Rows, what they are programmed with, and how they are read. Nothing in here is written to. */
typedef struct ebnn_device_reads {
    const uint64_t *below; /* 2^32 times the probability of less than -8 + i / 256: see edgebnn/chip/random/normal.py */
    const uint32_t *bank_row;
    const uint32_t *sign; /* bit = column, as in ebnn_device_rows; every column of a binary row is nonzero */
    const uint32_t *nonzero;
    const uint8_t *ternary;           /* 1: a read answers 0 where no line falls within the window */
    const ebnn_device_verify *verify; /* NULL: all are programmed once */
    uint64_t rows;
    uint64_t pulse;      /* the number of the first attempt's pulse to each device, below 2^47 */
    uint64_t chances[4]; /* 2^32 times the probability that BL (1) and BLb (2) are in their upper state */
    double noise;
    double window_spread;
    double misread;  /* the probability that one XNOR is wrong, whatever the weight */
    float window;    /* ln R */
    float amplitude; /* the largest by which ln R is higher in the upper state; 0: there is no telegraph noise */
    uint32_t row_bits;
    uint32_t words;   /* as in ebnn_device_rows */
    uint32_t sharing; /* as in ebnn_device_rows */
    uint32_t unused;
} ebnn_device_reads;

/* The answers of all rows, in their places. `kernel` is an ebnn_sampler that this processor can run. */
void ebnn_answer_devices(const ebnn_devices *devices, const ebnn_device_reads *reads, ebnn_answers *answers,
                         int32_t kernel);

/* sizeof(ebnn_device_reads) and sizeof(ebnn_device_verify), added up: Python compares. */
uint32_t ebnn_device_reads_bytes(void);

#ifdef __cplusplus
}
#endif

#endif
