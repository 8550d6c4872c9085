/*
 * ebnn_argmax.c: the class with the largest score.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn.h"

uint32_t ebnn_argmax(const int32_t *scores, uint32_t count)
{
    uint32_t best = 0;

    for (uint32_t i = 1; i < count; i++) {
        if (scores[i] > scores[best]) {
            best = i;
        }
    }
    return best;
}
