/*
 * ebnn_listing.h: lists of inputs, and what a panel of neurons answers to them, for each instruction set.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef EBNN_LISTING_H
#define EBNN_LISTING_H

#include "ebnn_kernel.h"

/* See `count_bits`, `list_bits`, `answer` and `sum_listed` of ebnn_kernel. */
uint32_t ebnn_count_bits_portable(const uint32_t *words, size_t count);
uint16_t *ebnn_list_bits_portable(const uint32_t *words, size_t count, uint32_t input_rows, uint16_t *places);
void ebnn_answer_portable(const ebnn_listing *work);
void ebnn_sum_listed_portable(const ebnn_listed_sums *work);

#if defined(__x86_64__)
uint32_t ebnn_count_bits_avx2(const uint32_t *words, size_t count);
uint16_t *ebnn_list_bits_avx2(const uint32_t *words, size_t count, uint32_t input_rows, uint16_t *places);
void ebnn_answer_avx2(const ebnn_listing *work);
void ebnn_sum_listed_avx2(const ebnn_listed_sums *work);
void ebnn_answer_avx512(const ebnn_listing *work);
void ebnn_sum_listed_avx512(const ebnn_listed_sums *work);
#endif

#endif
