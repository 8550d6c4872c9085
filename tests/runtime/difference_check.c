/*
 * difference_check.c: what a register adds and slices of many differences at a time, against the same in plain C, over
 * random numbers, in buffers that are exactly as large as they have to be.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "self_check.h"

#include "ebnn_host_difference.h"
#include "ebnn_slicing.h"

#if defined(__x86_64__)

#define CASES 100
#define INPUTS 9
#define MOST_WRONG 30 /* changes of 2 add up to a byte */

uint32_t self_check_state = 521288629u;

/* What plain C writes, and what is looked at: from the same bytes. */
typedef struct both {
    uint8_t *expected;
    uint8_t *found;
    size_t bytes;
} both;

static both room_for(size_t bytes)
{
    both made = {allocate(bytes), allocate(bytes), bytes};

    for (size_t i = 0; i < bytes; i++) {
        made.expected[i] = made.found[i] = (uint8_t)draw(0, 255);
    }
    return made;
}

static void compare(const both *made, const char *what, unsigned int number)
{
    if (memcmp(made->expected, made->found, made->bytes) != 0) {
        fail(what, number);
    }
    free(made->expected);
    free(made->found);
}

static uint32_t *words(uint8_t *bytes)
{
    return (uint32_t *)(void *)bytes;
}

static uint8_t *random_bytes(size_t count)
{
    uint8_t *bytes = allocate(count);

    for (size_t i = 0; i < count; i++) {
        bytes[i] = (uint8_t)draw(0, 255);
    }
    return bytes;
}

static ebnn_wrong_weight *random_wrong(size_t count)
{
    ebnn_wrong_weight *wrong = allocate((count + 1) * sizeof *wrong);

    for (size_t k = 0; k < count; k++) {
        wrong[k].input = (uint32_t)draw(0, INPUTS - 1);
        wrong[k].change[0] = (int16_t)draw(-2, 2);
        wrong[k].change[1] = (int16_t)draw(-2, 2);
    }
    return wrong;
}

static void check_corrections(unsigned int number)
{
    const size_t count = (size_t)draw(0, MOST_WRONG);
    ebnn_wrong_weight *wrong = random_wrong(count);
    uint8_t *inputs = random_bytes(INPUTS * EBNN_KNOWN_SAMPLES * sizeof(int16_t));
    const int16_t *values = (const int16_t *)(const void *)inputs;
    both made = room_for(EBNN_KNOWN_SAMPLES * sizeof(uint32_t));

    ebnn_adding_portable.correct(values, wrong, count, words(made.expected));
    ebnn_adding_avx2.correct(values, wrong, count, words(made.found));
    compare(&made, "correct", number);
    made = room_for(EBNN_KNOWN_SAMPLES * sizeof(uint32_t));
    ebnn_adding_portable.correct_bytes((const int8_t *)inputs, wrong, count, words(made.expected));
    ebnn_adding_avx2.correct_bytes((const int8_t *)inputs, wrong, count, words(made.found));
    compare(&made, "correct_bytes", number);
    for (size_t i = 0; i < INPUTS * EBNN_KNOWN_SAMPLES; i++) {
        inputs[i] = inputs[i] % 2 != 0 ? 1 : 0xFF;
    }
    made = room_for(EBNN_KNOWN_SAMPLES);
    ebnn_slicing_portable.correct((const int8_t *)inputs, wrong, count, (int8_t *)made.expected);
    ebnn_slicing_avx2.correct((const int8_t *)inputs, wrong, count, (int8_t *)made.found);
    compare(&made, "correct in slices", number);
    free(inputs);
    free(wrong);
}

static void check_crossings(unsigned int number)
{
    const uint32_t down = draw(0, 1) != 0 ? UINT32_MAX : 0;
    const int32_t threshold = draw(-5, 5);
    uint32_t known[EBNN_KNOWN_SAMPLES], changes[EBNN_KNOWN_SAMPLES];

    for (size_t i = 0; i < EBNN_KNOWN_SAMPLES; i++) {
        known[i] = (uint32_t)draw(-9, 9);
        changes[i] = (uint32_t)draw(-4, 4);
    }
    if (ebnn_adding_portable.find_crossing(known, changes, threshold, down) !=
        ebnn_adding_avx2.find_crossing(known, changes, threshold, down)) {
        fail("find_crossing", number);
    }
}

/* More inputs than sums of 16 bits hold, and neurons that end anywhere in a register. */
static void check_inputs(unsigned int number)
{
    const size_t neurons = (size_t)draw(1, 150), count = (size_t)draw(0, 300);
    uint8_t *weights = random_bytes(INPUTS * neurons + EBNN_WEIGHTS_BEHIND);
    ebnn_changed_input *list = allocate((count + 1) * sizeof *list);
    both made = room_for(4 * neurons);

    if (number % 2 == 0) { /* all of them one way, as far as they go */
        memset(weights, INT8_MIN, INPUTS * neurons);
    }
    for (size_t k = 0; k < count; k++) {
        list[k].input = (uint32_t)draw(0, INPUTS - 1);
        list[k].change = number % 2 != 0 ? draw(-2, 2) : number % 4 == 0 ? -2 : 2;
    }
    ebnn_adding_portable.add_inputs(words(made.expected), (const int8_t *)weights, list, count, neurons);
    ebnn_adding_avx2.add_inputs(words(made.found), (const int8_t *)weights, list, count, neurons);
    compare(&made, "add_inputs", number);
    free(weights);
    free(list);
}

static void check_slices(unsigned int number)
{
    const uint32_t planes = (uint32_t)draw(1, 8), wide = (uint32_t)draw(1, 16);
    const size_t stride = (size_t)draw(1, 3), sample = planes * stride + (size_t)draw(0, 2);
    uint8_t *changes = random_bytes(EBNN_SLICED_NEURONS * EBNN_KNOWN_SAMPLES);
    uint32_t values[EBNN_SLICED_NEURONS];
    both made = room_for(4 * EBNN_KNOWN_SAMPLES * sample);

    ebnn_slicing_portable.slice_changes((const int8_t *)changes, planes, words(made.expected), sample, stride);
    ebnn_slicing_avx2.slice_changes((const int8_t *)changes, planes, words(made.found), sample, stride);
    compare(&made, "slice_changes", number);
    for (size_t i = 0; i < EBNN_SLICED_NEURONS; i++) {
        values[i] = (uint32_t)draw(0, UINT16_MAX);
    }
    made = room_for(4 * wide * stride);
    ebnn_slicing_portable.slice_values(values, wide, words(made.expected), stride);
    ebnn_slicing_avx2.slice_values(values, wide, words(made.found), stride);
    compare(&made, "slice_values", number);
    free(changes);
}

static void check_limits(unsigned int number)
{
    const uint32_t planes = (uint32_t)draw(1, 12), bytes = 32 * (uint32_t)draw(1, 3);
    const uint32_t change_planes = (uint32_t)draw(1, (int32_t)planes);
    uint8_t *limits = random_bytes((size_t)(planes + 1) * bytes), *changes = random_bytes((size_t)planes * bytes);
    const ebnn_sliced_limits work = {limits, changes, planes, change_planes, bytes};
    both made = room_for((size_t)(planes + 1) * bytes);

    ebnn_slicing_portable.lower(&work, made.expected);
    ebnn_slicing_avx2.lower(&work, made.found);
    compare(&made, "lower", number);
    free(limits);
    free(changes);
}

static void check_near(unsigned int number)
{
    const uint32_t bytes = 32 * (uint32_t)draw(1, 3);
    uint8_t *limits = random_bytes((size_t)(EBNN_NEAR_PLANES + 1) * bytes),
            *rows = random_bytes(INPUTS * (size_t)bytes);
    uint8_t *changes = random_bytes((size_t)EBNN_NEAR_PLANES * bytes);
    uint16_t places[INPUTS];
    const ebnn_near_listing work = {
        .limits = limits,
        .changes = changes,
        .change_planes = (uint32_t)draw(0, EBNN_NEAR_PLANES),
        .bytes = bytes,
        .rows = rows,
        .places = places,
        .count = (size_t)draw(0, INPUTS),
        .first = (uint32_t)draw(1, 2),
        .seed = (uint32_t)draw(0, 2 * EBNN_NEAR_MOST - 1),
    };
    both made = room_for(bytes);

    for (size_t k = 0; k < INPUTS; k++) {
        places[k] = (uint16_t)draw(0, INPUTS - 1);
    }
    ebnn_slicing_portable.answer_near(&work, made.expected);
    ebnn_slicing_avx2.answer_near(&work, made.found);
    compare(&made, "answer_near", number);
    free(limits);
    free(rows);
    free(changes);
}

int main(void)
{
    for (unsigned int number = 0; number < CASES; number++) {
        check_corrections(number);
        check_crossings(number);
        check_inputs(number);
        check_slices(number);
        check_limits(number);
        check_near(number);
    }
    return 0;
}

#else

int main(void)
{
    return 0;
}

#endif
