/*
 * ebnn_events.h: what happened on the emulated chip, counted. The fields stand in the order in which Python reads them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef EBNN_EVENTS_H
#define EBNN_EVENTS_H

#include <stdint.h>

typedef struct ebnn_events {
    uint64_t instructions;  /* executed by the CPU; one that its IT block skips is not */
    uint64_t code_bytes;    /* bytes of these instructions */
    uint64_t flash_reads;   /* 32-bit constants read from flash by CPU or macro */
    uint64_t sram_accesses; /* reads and writes of up to 32 bits by CPU or macro */
    uint64_t pcsa_reads;    /* synapses sensed */
    uint64_t popcounts;     /* 32-bit counts: one a bank and row read */
    uint64_t thresholds;    /* comparisons with a threshold, or sums written back */
    uint64_t array_cycles;  /* cycles in which the sequencer runs a layer */
    uint64_t set_pulses;    /* devices brought to the low-resistance state */
    uint64_t reset_pulses;  /* devices brought to the high-resistance state */
} ebnn_events;

#endif
