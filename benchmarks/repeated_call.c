/*
 * repeated_call.c: the runtime called again and again from C, with nothing of Python between.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_host.h"

/* Runs one sample `rounds` times as ebnn_host_run does; the first status that is not 0, or 0. */
int32_t repeated_call(const ebnn_host_step *steps, uint32_t count, const void *input, int32_t *scores, uint8_t *work,
                      uint64_t rounds, int32_t kernel)
{
    int32_t status = 0;

    for (uint64_t round = 0; round < rounds && status == 0; round++) {
        status = ebnn_host_run(steps, count, input, 0, scores, 0, work, 1, round, kernel);
    }
    return status;
}
