/*
 * ebnn_devices_kernel.h: a row of cells at a time: draw it, compare it.
 *
 * One file an instruction set, each with the same functions; ebnn_devices_portable.c is the truth for all of them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef EBNN_DEVICES_KERNEL_H
#define EBNN_DEVICES_KERNEL_H

#include <math.h>

#include "ebnn_devices.h"
#include "ebnn_normal.h"
#include "ebnn_philox.h"

/* A row: its number, what it is programmed with, and what became of it. */
typedef struct ebnn_device_row {
    uint32_t bank_row; /* stripe << row_bits | row */
    uint64_t pulse;    /* the number of the last one, below 2^48 */
    uint32_t low[2];   /* bit = column: the device on BL, on BLb is to be in its low-resistance state */
    float ln_resistance[2][EBNN_COLUMNS];
} ebnn_device_row;

/* Whether devices relax after programming, and whether anything is drawn for them besides deviation and pulse. */
static inline int ebnn_devices_relax(const ebnn_devices *devices)
{
    return devices->relaxation_spread[0] > 0 || devices->relaxation_spread[1] > 0;
}

static inline int ebnn_devices_settle(const ebnn_devices *devices)
{
    return ebnn_devices_relax(devices) || devices->astray > 0;
}

/* Whether any device may be stuck. */
static inline int ebnn_devices_stick(const ebnn_devices *devices)
{
    const uint64_t none = UINT64_C(1) << 32;

    return devices->stuck_low[0] > 0 || devices->stuck_low[1] > 0 || devices->stuck_high[0] < none ||
           devices->stuck_high[1] < none;
}

/* Whether a row's cells are as their first pulse left them, drawn by their deviations and that pulse alone. */
static inline int ebnn_devices_plain(const ebnn_devices *devices, const ebnn_device_row *row)
{
    return row->pulse == 0 && !ebnn_devices_settle(devices) && !ebnn_devices_stick(devices);
}

/* Whether devices have random telegraph noise. */
static inline int ebnn_devices_switch(const ebnn_devices *devices)
{
    return devices->amplitude > 0 && devices->upper > 0;
}

/* The block of domain VERIFY that says which devices are in their upper state. */
#define EBNN_UPPER_BLOCK 1

/* The largest amplitude of telegraph noise in steps of 2^-24: an amplitude is as many as a word has bits 8 to 31. */
#define EBNN_TELEGRAPH_STEP 0x1p-24F

/* No standard normal number here is as large, so what is farther from 0 than noise times this keeps its sign. */
#define EBNN_LARGEST_NORMAL 6.0F

/* The margin of the cell in `column` with the noise of its read. */
static inline float ebnn_devices_read(const ebnn_devices *devices, uint32_t bank_row, uint32_t column, float margin)
{
    uint32_t words[4];

    ebnn_draw(words, devices->seed, EBNN_DOMAIN_VERIFY, bank_row, column, 0, 0);
    return margin + devices->noise * ebnn_normal(devices->chords, words[1]);
}

/* What is far and what is open, for rows of +-1. */
typedef struct ebnn_device_near {
    float distance;      /* of the medians, less `reach`: deviations that add up to less leave the answer as it is */
    float device_spread; /* the larger one of both states */
    float cycle_spread;  /* the larger one of both states */
    float relaxation_spread; /* the larger one of both states */
    float reach;             /* lines that are further apart are always read alike */
} ebnn_device_near;

/* What a row of +-1 answers, bit = column. */
typedef struct ebnn_row_answer {
    uint32_t minus[2]; /* with an input of -1, and of +1: columns that answer -1; of those that are not open */
    uint32_t open;     /* columns whose lines come so close that noise may decide */
} ebnn_row_answer;

/* What a column of +-1 answers with either input, its lines being `margin` apart, through an amplifier of this offset. */
static inline void ebnn_devices_answer(const ebnn_device_near *near, uint32_t column, float margin, float offset,
                                       ebnn_row_answer *answer)
{
    const float margins[2] = {margin - offset, margin + offset};
    const int open = !(fabsf(margins[0]) > near->reach && fabsf(margins[1]) > near->reach);

    answer->open |= (uint32_t)open << column;
    for (uint32_t input = 0; input < 2; input++) {
        answer->minus[input] &= ~(UINT32_C(1) << column);
        answer->minus[input] |= (uint32_t)(margins[input] < 0) << column;
    }
}

typedef struct ebnn_devices_kernel {
    /* the input offsets of 32 amplifiers in ln R, those of `bank_row` */
    void (*draw_offsets)(const ebnn_devices *devices, uint32_t bank_row, float offsets[EBNN_COLUMNS]);
    /* the resistances of a row */
    void (*draw_row)(const ebnn_devices *devices, ebnn_device_row *row);
    /* telegraph noise: raises the resistances of devices that are in their upper state in this read */
    void (*raise_row)(const ebnn_devices *devices, ebnn_device_row *row);
    /*
     * The columns of a row of +-1, bit = column, that are near. Most are far: their two lines, brought together by all
     * that the amplifier's offset and every deviation can do at most, stay apart, which their random words show.
     */
    uint32_t (*near_row)(const ebnn_devices *devices, const float offsets[EBNN_COLUMNS], const ebnn_device_near *near,
                         const ebnn_device_row *row);
    /* What the near `columns` of a row of +-1 answer; leaves their resistances in `row`, and the others as they are. */
    void (*read_row)(const ebnn_devices *devices, const float offsets[EBNN_COLUMNS], const ebnn_device_near *near,
                     uint32_t columns, ebnn_device_row *row, ebnn_row_answer *answer);
    /* bit = column, each kind of ebnn_device_error */
    void (*compare_row)(const ebnn_devices *devices, const ebnn_device_row *row, const float offsets[EBNN_COLUMNS],
                        uint32_t wrong[EBNN_DEVICE_ERRORS]);
} ebnn_devices_kernel;

/* The kernel of an ebnn_sampler that this processor can run. */
ebnn_devices_kernel ebnn_devices_kernel_of(int32_t kernel);

/* Of each column of a stripe that of its amplifier; amplifiers are numbered as Geometry.amplifiers has them. */
void ebnn_devices_offsets(const ebnn_devices_kernel *kernel, const ebnn_devices *devices, uint32_t stripe,
                          uint32_t row_bits, uint32_t words, uint32_t sharing, float offsets[EBNN_COLUMNS]);

extern const ebnn_devices_kernel ebnn_devices_portable;

#if defined(__x86_64__)
/* Only where ebnn_cpu_has_avx2(). */
extern const ebnn_devices_kernel ebnn_devices_avx2;
/* Only where ebnn_cpu_has_avx512(); the other functions are those of ebnn_devices_avx2. */
uint32_t ebnn_devices_near_avx512(const ebnn_devices *devices, const float offsets[EBNN_COLUMNS],
                                  const ebnn_device_near *near, const ebnn_device_row *row);
#endif

#endif
