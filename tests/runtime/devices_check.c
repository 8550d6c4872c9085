/*
 * devices_check.c: which columns of a row of cells are near, by each instruction set's kernel against the portable one,
 * over random devices and rows. Prints the kernels that it held to the portable one.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "self_check.h"

#include "ebnn_devices_kernel.h"

#define CASES 400

uint32_t self_check_state = 362436069u;

/* Of steps of a millionth. */
static float real(int32_t low, int32_t high)
{
    return (float)draw(low * 1000000, high * 1000000) * 1e-6F;
}

static uint32_t word(void)
{
    return (uint32_t)draw(INT16_MIN, INT16_MAX) << 16 | (uint32_t)draw(0, UINT16_MAX);
}

/* A share of 2^32, now and then none. */
static uint64_t share(uint64_t of)
{
    return draw(0, 3) == 0 ? 0 : of * (uint64_t)draw(1, 1000) / 1000;
}

static float larger(float one, float other)
{
    return one > other ? one : other;
}

/* A line from about `high` down to 0 over the bits of the floats from 1 to 2^24. */
static void random_line(float line[2], float high)
{
    const float first = (float)0x3F800000, last = (float)0x4B800000;

    line[1] = -high / (last - first);
    line[0] = high - line[1] * first;
}

static ebnn_devices random_devices(bool plain)
{
    const uint64_t all = UINT64_C(1) << 32;
    ebnn_devices devices;

    memset(&devices, 0, sizeof devices);
    devices.seed = (uint64_t)word() << 32 | word();
    devices.tail_width = real(1, 5);
    for (uint32_t i = 0; i < 2; i++) {
        devices.device_spread[i] = real(0, 1);
        devices.cycle_spread[i] = real(0, 1);
        devices.relaxation_spread[i] = plain ? 0 : real(0, 1);
        devices.stuck_low[i] = plain ? 0 : share(all / 8);
        devices.stuck_high[i] = all - (plain ? 0 : share(all / 8));
        random_line(devices.bound[i], real(3, 8));
    }
    devices.astray = plain ? 0 : share(all / 4);
    return devices;
}

static void check_near(uint32_t (*near_row)(const ebnn_devices *, const float *, const ebnn_device_near *,
                                            const ebnn_device_row *),
                       const char *what)
{
    uint32_t some = 0;

    for (unsigned int number = 0; number < CASES; number++) {
        const bool plain = number % 4 != 0; /* for the others the kernels may have a way of their own */
        const ebnn_devices devices = random_devices(plain);
        ebnn_device_near near = {real(0, 12), 0, 0, 0, 0};
        ebnn_device_row row;
        float offsets[EBNN_COLUMNS];
        uint32_t expected;

        for (uint32_t i = 0; i < 2; i++) {
            near.device_spread = larger(near.device_spread, devices.device_spread[i]);
            near.cycle_spread = larger(near.cycle_spread, devices.cycle_spread[i]);
            near.relaxation_spread = larger(near.relaxation_spread, devices.relaxation_spread[i]);
        }
        memset(&row, 0, sizeof row);
        row.bank_row = word();
        row.pulse = plain ? 0 : (uint64_t)draw(0, 5);
        row.low[0] = word();
        row.low[1] = ~row.low[0];
        for (uint32_t column = 0; column < EBNN_COLUMNS; column++) {
            offsets[column] = real(-2, 2);
        }
        expected = ebnn_devices_portable.near_row(&devices, offsets, &near, &row);
        some |= expected != 0 && expected != UINT32_MAX;
        if (near_row(&devices, offsets, &near, &row) != expected) {
            fail(what, number);
        }
    }
    if (some == 0) {
        fail("no row has both near and far columns, which", 0);
    }
    printf("%s\n", what);
}

int main(void)
{
#if defined(__x86_64__)
    if (ebnn_cpu_has_avx2()) {
        check_near(ebnn_devices_avx2.near_row, "avx2");
    }
    if (ebnn_cpu_has_avx512()) {
        check_near(ebnn_devices_near_avx512, "avx512");
    }
#endif
    return 0;
}
