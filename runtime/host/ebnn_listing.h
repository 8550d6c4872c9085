/*
 * ebnn_listing.h: what a panel of neurons answers to a list of inputs, for each instruction set.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef EBNN_LISTING_H
#define EBNN_LISTING_H

#include "ebnn_kernel.h"

void ebnn_answer_portable(const ebnn_listing *work);

#if defined(__x86_64__)
void ebnn_answer_avx2(const ebnn_listing *work);
void ebnn_answer_avx512(const ebnn_listing *work);
#endif

#endif
