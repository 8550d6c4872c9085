/*
 * ebnn_devices.c: see ebnn_devices.h. A walk over the rows; what happens to one is a kernel's.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_devices.h"

#include <stddef.h>

#include "ebnn_devices_kernel.h"
#include "ebnn_internal.h"

uint32_t ebnn_device_bytes(void)
{
    return (uint32_t)(sizeof(ebnn_devices) + sizeof(ebnn_device_rows) + sizeof(ebnn_device_errors));
}

ebnn_devices_kernel ebnn_devices_kernel_of(int32_t kernel)
{
    ebnn_devices_kernel found = ebnn_devices_portable;

#if defined(__x86_64__)
    kernel = ebnn_sampler_choose(kernel);
    if (kernel == EBNN_SAMPLER_AVX2 || kernel == EBNN_SAMPLER_AVX512) {
        found = ebnn_devices_avx2;
    }
    if (kernel == EBNN_SAMPLER_AVX512) {
        found.near_row = ebnn_devices_near_avx512;
    }
#endif
    (void)kernel;
    return found;
}

/* Row `in_bank` of stripe `stripe`, counted from the first one of `rows`. */
static void draw(const ebnn_devices_kernel *kernel, const ebnn_devices *devices, const ebnn_device_rows *rows,
                 uint32_t stripe, uint32_t in_bank, ebnn_device_row *row)
{
    const size_t index = ((size_t)stripe * rows->rows + in_bank) * rows->stride;

    row->low[0] = rows->sign[index] & rows->nonzero[index];
    row->low[1] = ~rows->sign[index] & rows->nonzero[index];
    row->bank_row = (rows->first_stripe + stripe) << rows->row_bits | in_bank;
    row->pulse = 0;
    kernel->draw_row(devices, row);
}

void ebnn_devices_offsets(const ebnn_devices_kernel *kernel, const ebnn_devices *devices, uint32_t stripe,
                          uint32_t row_bits, uint32_t words, uint32_t sharing, float offsets[EBNN_COLUMNS])
{
    const uint32_t word = stripe % words, bank = stripe - word;
    float amplifiers[EBNN_COLUMNS];

    kernel->draw_offsets(devices, (bank + word / sharing) << row_bits, amplifiers);
    for (uint32_t column = 0; column < EBNN_COLUMNS; column++) {
        offsets[column] = amplifiers[(word % sharing * EBNN_COLUMNS + column) / sharing];
    }
}

void ebnn_device_resistances(const ebnn_devices *devices, const ebnn_device_rows *rows, float *ln_resistance,
                             int32_t kernel)
{
    const ebnn_devices_kernel found = ebnn_devices_kernel_of(kernel);
    ebnn_device_row row;

    for (uint32_t stripe = 0; stripe < rows->stripes; stripe++) {
        for (uint32_t in_bank = 0; in_bank < rows->rows; in_bank++) {
            draw(&found, devices, rows, stripe, in_bank, &row);
            for (uint32_t column = 0; column < EBNN_COLUMNS; column++) {
                *ln_resistance++ = row.ln_resistance[0][column];
                *ln_resistance++ = row.ln_resistance[1][column];
            }
        }
    }
}

static void store(ebnn_device_errors *errors, size_t index, const uint32_t wrong[EBNN_DEVICE_ERRORS])
{
    for (int kind = 0; kind < EBNN_DEVICE_ERRORS; kind++) {
        errors->counts[kind] += ebnn_popcount(wrong[kind]);
        if (errors->masks[kind] != NULL) {
            errors->masks[kind][index] = wrong[kind];
        }
    }
}

void ebnn_device_wrong(const ebnn_devices *devices, const ebnn_device_rows *rows, ebnn_device_errors *errors,
                       int32_t kernel)
{
    const ebnn_devices_kernel found = ebnn_devices_kernel_of(kernel);
    float offsets[EBNN_COLUMNS];
    ebnn_device_row row;

    for (int kind = 0; kind < EBNN_DEVICE_ERRORS; kind++) {
        errors->counts[kind] = 0;
    }
    for (uint32_t stripe = 0; stripe < rows->stripes; stripe++) {
        ebnn_devices_offsets(&found, devices, rows->first_stripe + stripe, rows->row_bits, rows->words, rows->sharing,
                             offsets);
        for (uint32_t in_bank = 0; in_bank < rows->rows; in_bank++) {
            uint32_t wrong[EBNN_DEVICE_ERRORS];

            draw(&found, devices, rows, stripe, in_bank, &row);
            if (ebnn_devices_switch(devices)) {
                found.raise_row(devices, &row);
            }
            found.compare_row(devices, &row, offsets, wrong);
            store(errors, (size_t)stripe * rows->rows + in_bank, wrong);
        }
    }
}
