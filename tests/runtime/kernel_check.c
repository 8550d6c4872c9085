/*
 * kernel_check.c: each kernel that the processor runs against the portable one, over random shapes, in buffers that are
 * exactly as large as they have to be. Prints the kernels that it held to the portable one.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "self_check.h"

#include "ebnn_host_difference.h"

#define CASES 60
#define MOST_VECTORS 21

uint32_t self_check_state = 88172645u;

static uint8_t *random_bytes(size_t count)
{
    uint8_t *bytes = allocate(count);

    for (size_t i = 0; i < count; i++) {
        bytes[i] = (uint8_t)draw(0, 255);
    }
    return bytes;
}

/* Sometimes all as large as they can be, so that counters that are not widened in time overflow. */
static uint8_t *random_or_full_bytes(size_t count)
{
    uint8_t *bytes = random_bytes(count);

    if (draw(0, 3) == 0) {
        memset(bytes, 0xFF, count);
    }
    return bytes;
}

/* Sums of the portable kernel, and of the one that is looked at: both start from the same numbers. */
typedef struct both_sums {
    uint32_t *expected;
    uint32_t *found;
    size_t count;
} both_sums;

static both_sums random_sums(size_t count)
{
    both_sums sums;

    sums.count = count;
    sums.expected = (uint32_t *)(void *)random_bytes(4 * count);
    sums.found = allocate(4 * count);
    memcpy(sums.found, sums.expected, 4 * count);
    return sums;
}

static void compare(const both_sums *sums, const char *what, unsigned int number)
{
    if (memcmp(sums->expected, sums->found, 4 * sums->count) != 0) {
        fail(what, number);
    }
    free(sums->expected);
    free(sums->found);
}

/* Which weights are +1 and which -1, none both; 0 behind the last row. */
static void random_panels(size_t rows, uint32_t octets, uint8_t **plus, uint8_t **minus)
{
    const size_t padded = (rows + EBNN_PANEL_ROWS - 1) / EBNN_PANEL_ROWS * EBNN_PANEL_ROWS, bytes = padded * octets;

    *plus = random_or_full_bytes(bytes);
    *minus = random_or_full_bytes(bytes);
    for (size_t i = 0; i < bytes; i++) {
        const size_t row = i / EBNN_PANEL_ROWS / octets * EBNN_PANEL_ROWS + i % EBNN_PANEL_ROWS;
        const uint8_t there = row < rows ? 0xFF : 0;

        (*minus)[i] &= (uint8_t)(there & ~(*plus)[i]);
        (*plus)[i] &= there;
    }
}

static void check_bits(const ebnn_kernel *kernel, unsigned int number)
{
    ebnn_bit_panels work;
    uint8_t *plus, *minus, *codes;
    both_sums sums;

    work.rows = (size_t)draw(1, 100);
    work.vectors = (size_t)draw(0, MOST_VECTORS);
    work.octets = 4 * (uint32_t)(number == 0 ? 4095 / 4 + 5 : draw(1, 150));
    work.factor = (uint32_t)draw(-4, 4);
    work.codes_stride = 2 * (size_t)work.octets + (size_t)draw(0, 3);
    work.sums_stride = work.rows + (size_t)draw(0, 3);
    random_panels(work.rows, work.octets, &plus, &minus);
    codes = random_or_full_bytes(work.vectors * work.codes_stride);
    for (size_t i = 0; i < work.vectors * work.codes_stride && number % 2 == 0; i++) {
        codes[i] |= 0xF0; /* all count */
    }
    for (int ternary = 0; ternary < 2; ternary++) {
        void (*add)(const ebnn_bit_panels *) = ternary ? kernel->add_products : kernel->add_unlike;
        void (*portable)(const ebnn_bit_panels *) =
            ternary ? ebnn_kernel_portable.add_products : ebnn_kernel_portable.add_unlike;

        sums = random_sums(work.vectors * work.sums_stride);
        work.plus = plus;
        work.minus = ternary ? minus : NULL;
        work.codes = codes;
        work.sums = sums.expected;
        portable(&work);
        work.sums = sums.found;
        add(&work);
        compare(&sums, ternary ? "add_products" : "add_unlike", number);
    }
    free(plus);
    free(minus);
    free(codes);
}

static void check_bytes(const ebnn_kernel *kernel, unsigned int number)
{
    ebnn_byte_panels work;
    uint8_t *plus, *minus, *values;
    both_sums sums;

    work.rows = (size_t)draw(1, 300);
    work.vectors = (size_t)draw(0, 40);
    work.octets = 4 * (uint32_t)draw(1, 40);
    work.factor = (uint32_t)draw(-4, 4);
    work.values_stride = 8 * (size_t)work.octets + (size_t)draw(0, 3);
    work.sums_stride = work.rows + (size_t)draw(0, 3);
    random_panels(work.rows, work.octets, &plus, &minus);
    values = random_or_full_bytes(work.vectors * work.values_stride);
    work.plus = plus;
    work.minus = draw(0, 1) ? minus : NULL;
    work.values = values;
    sums = random_sums(work.vectors * work.sums_stride);
    work.sums = sums.expected;
    ebnn_kernel_portable.add_bytes(&work);
    work.sums = sums.found;
    kernel->add_bytes(&work);
    compare(&sums, "add_bytes", number);
    free(plus);
    free(minus);
    free(values);
}

/* Entries behind the end are anything. */
static void check_lists(const ebnn_kernel *kernel, unsigned int number)
{
    const size_t count = (size_t)draw(0, 40);
    const uint32_t input_rows = (uint32_t)draw(1, 2);
    const size_t most = 32 * count * input_rows + EBNN_LISTED_BLOCK;
    uint32_t *words = (uint32_t *)(void *)random_or_full_bytes(4 * count);
    uint16_t *lists[2] = {allocate(2 * most), allocate(2 * most)};
    const size_t listed = (size_t)(ebnn_kernel_portable.list_bits(words, count, input_rows, lists[0]) - lists[0]);

    if (kernel->count_bits(words, count) != ebnn_kernel_portable.count_bits(words, count) ||
        listed != input_rows * ebnn_kernel_portable.count_bits(words, count)) {
        fail("count_bits", number);
    }
    if (kernel->list_bits(words, count, input_rows, lists[1]) != lists[1] + listed ||
        memcmp(lists[0], lists[1], 2 * listed) != 0) {
        fail("list_bits", number);
    }
    free(words);
    free(lists[0]);
    free(lists[1]);
}

static void check_answers(const ebnn_kernel *kernel, unsigned int number)
{
    const uint32_t most = (uint32_t)draw(1, 700);
    uint16_t *places = allocate(8 * EBNN_LISTED_BLOCK * sizeof *places);
    uint8_t answers[2][EBNN_MOST_LIST_BYTES] = {{0}};
    uint8_t *rows, *limits;
    ebnn_listing work;

    work.blocks = (uint32_t)draw(0, 8);
    work.first = (uint32_t)draw(0, 1);
    work.planes = (uint32_t)draw(7, 14);
    work.bytes = EBNN_LEAST_LIST_BYTES << draw(0, 2);
    work.blocks += work.bytes == EBNN_LEAST_LIST_BYTES ? work.blocks % 2 : 0;
    work.seed = (uint32_t)draw(0, 300);
    rows = random_or_full_bytes((size_t)most * work.bytes);
    limits = random_bytes((size_t)(work.planes + 1) * work.bytes);
    for (uint32_t i = 0; i < 8 * EBNN_LISTED_BLOCK; i++) {
        places[i] = (uint16_t)draw(0, (int32_t)most - 1);
    }
    work.rows = rows;
    work.limits = limits;
    work.places = places;
    work.answers = answers[0];
    ebnn_kernel_portable.answer(&work);
    work.answers = answers[1];
    kernel->answer(&work);
    if (memcmp(answers[0], answers[1], sizeof answers[0]) != 0) {
        fail("answer", number);
    }
    free(rows);
    free(limits);
    free(places);
}

static void check_listed_sums(const ebnn_kernel *kernel, unsigned int number)
{
    const uint32_t most = (uint32_t)draw(1, 700), most_blocks = number == 0 ? EBNN_MOST_SUMMED_BLOCKS - 1 : 40;
    const size_t count = (size_t)most_blocks * EBNN_LISTED_BLOCK;
    uint16_t *places = allocate(count * sizeof *places);
    ebnn_listed_sums work;
    both_sums sums;

    work.blocks = number == 0 ? most_blocks : 2 * (uint32_t)draw(0, 20);
    work.bytes = EBNN_LEAST_LIST_BYTES << draw(0, 2);
    if (work.bytes != EBNN_LEAST_LIST_BYTES && work.blocks > 0 && draw(0, 1)) {
        work.blocks--;
    }
    work.shift = (uint32_t)draw(0, 2);
    work.start = (uint32_t)draw(-300, 300);
    work.turned = draw(0, 1) != 0;
    work.neurons = (uint32_t)draw(1, 8 * (int32_t)work.bytes);
    for (size_t i = 0; i < count; i++) {
        places[i] = (uint16_t)draw(0, (int32_t)most - 1);
    }
    work.rows = random_or_full_bytes((size_t)most * work.bytes);
    work.totals = (const uint32_t *)(const void *)random_bytes(4 * 8 * (size_t)work.bytes);
    work.places = places;
    sums = random_sums(work.neurons);
    work.sums = sums.expected;
    ebnn_kernel_portable.sum_listed(&work);
    work.sums = sums.found;
    kernel->sum_listed(&work);
    compare(&sums, "sum_listed", number);
    free((void *)(uintptr_t)work.rows);
    free((void *)(uintptr_t)work.totals);
    free(places);
}

static void check_thresholds(const ebnn_kernel *kernel, unsigned int number)
{
    const uint32_t channels = (uint32_t)draw(1, 100), count = (channels + 31) / 32;
    const ebnn_tensor output = {1, 1, channels, EBNN_BITS, 1};
    ebnn_steps steps = random_steps(&output, 50);
    const uint32_t *directions = steps.directions;
    uint32_t *sums = allocate(4 * (size_t)channels);
    both_sums words = random_sums(count);

    for (uint32_t i = 0; i < channels; i++) {
        sums[i] = (uint32_t)(draw(0, 9) == 0 ? (draw(0, 1) ? INT32_MAX : INT32_MIN) : draw(-60, 60));
    }
    if (draw(0, 2) == 0) {
        steps.directions = NULL;
    }
    ebnn_kernel_portable.threshold_bits(&steps, sums, channels, words.expected);
    kernel->threshold_bits(&steps, sums, channels, words.found);
    compare(&words, "threshold_bits", number);
    free(sums);
    free((void *)(uintptr_t)steps.thresholds);
    free((void *)(uintptr_t)directions);
}

static void check_dots(const ebnn_kernel *kernel, unsigned int number)
{
    const size_t rows = (size_t)draw(1, 9), vectors = (size_t)draw(0, MOST_VECTORS);
    const size_t length = EBNN_DOT_BYTES * (size_t)draw(1, 20), stride = rows + (size_t)draw(0, 3);
    uint8_t *bytes = random_or_full_bytes(rows * length), *values = random_or_full_bytes(2 * vectors * length);
    both_sums sums = random_sums(vectors * stride);

    {
        ebnn_dots work = {
            (const int8_t *)bytes, (const int16_t *)(const void *)values, rows, vectors, length, sums.expected, stride};

        ebnn_kernel_portable.dot_values(&work);
        work.sums = sums.found;
        kernel->dot_values(&work);
        compare(&sums, "dot_values", number);
    }
    if (kernel->dot_bytes != NULL) {
        ebnn_byte_dots work = {(const int8_t *)bytes, values, rows, vectors, length, NULL, stride};

        sums = random_sums(vectors * stride);
        work.sums = sums.expected;
        ebnn_kernel_portable.dot_bytes(&work);
        work.sums = sums.found;
        kernel->dot_bytes(&work);
        compare(&sums, "dot_bytes", number);
    }
    free(bytes);
    free(values);
}

static void check(const char *name, const ebnn_kernel *kernel)
{
    for (unsigned int number = 0; number < CASES; number++) {
        check_bits(kernel, number);
        check_bytes(kernel, number);
        check_lists(kernel, number);
        check_answers(kernel, number);
        if (kernel->sum_listed != NULL) {
            check_listed_sums(kernel, number);
        }
        check_thresholds(kernel, number);
        check_dots(kernel, number);
    }
    printf("%s\n", name);
}

int main(void)
{
#if defined(__x86_64__)
    if (ebnn_cpu_has_avx2()) {
        check("avx2", &ebnn_kernel_avx2);
    }
    if (ebnn_cpu_has_avx512()) {
        check("avx512", &ebnn_kernel_avx512);
    }
#elif defined(__aarch64__)
    check("neon", &ebnn_kernel_neon);
#endif
    return 0;
}
