/*
 * fuzz_macro.c: random register values against the macro's model under the sanitizers: whatever a firmware writes, the
 * model touches no byte outside the memories. Prints how many runs it did and how many it refused.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ebnn_macro_model.h"

#define BANKS 8
#define ROWS 40
#define WORDS 2 /* of a row */
#define STRIPES (BANKS * WORDS)
#define SENSED_STRIPES (2 * WORDS)
#define PARALLEL 8
#define FLASH_BYTES 512
#define SRAM_BYTES 2048

static uint64_t state = 88172645463325252u;

static uint32_t draw(uint32_t below)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 32) % below;
}

static uint32_t *draw_words(uint32_t count)
{
    uint32_t *words = malloc(count * sizeof *words);

    for (uint32_t i = 0; i < count; i++) {
        words[i] = draw(UINT32_MAX);
    }
    return words;
}

/* A command that can be carried out, of any format and shape that the small memories hold. */
static void draw_command(uint32_t values[EBNN_ROLES])
{
    const uint32_t groups = 1 + draw(3), group_channels = 1 + draw(20);
    const uint32_t kernel_height = 1 + draw(3), kernel_width = 1 + draw(3);
    const uint32_t format = draw(7), steps = draw(4);
    static const uint32_t planes[] = {1, 1, 8, 8, 16, 16, 32};

    values[EBNN_ROLE_PROGRAM_BANK] = draw(BANKS);
    values[EBNN_ROLE_PROGRAM_ROW] = draw(ROWS) | draw(WORDS) << 16;
    values[EBNN_ROLE_PROGRAM_SIGN] = draw(UINT32_MAX);
    values[EBNN_ROLE_PROGRAM_NONZERO] = UINT32_MAX;
    values[EBNN_ROLE_INPUT_ADDRESS] = 0x20000000u;
    values[EBNN_ROLE_INPUT_FORMAT] = format | (1 + draw(planes[format])) << 8;
    values[EBNN_ROLE_INPUT_HEIGHT] = 1 + draw(4);
    values[EBNN_ROLE_INPUT_WIDTH] = 1 + draw(4);
    values[EBNN_ROLE_INPUT_CHANNELS] = groups * group_channels;
    values[EBNN_ROLE_KERNEL] = kernel_height | kernel_width << 16;
    values[EBNN_ROLE_STRIDE] = (1 + draw(3)) | (1 + draw(3)) << 16;
    values[EBNN_ROLE_DILATION] = (1 + draw(3)) | (1 + draw(3)) << 16;
    values[EBNN_ROLE_PADDING] = draw(3) | draw(3) << 16;
    values[EBNN_ROLE_PAD_VALUE] = draw(3) - 1;
    values[EBNN_ROLE_GROUPS] = groups;
    values[EBNN_ROLE_ROW_WORDS] = (kernel_height * kernel_width * group_channels + 31) / 32;
    values[EBNN_ROLE_BANK_TABLE] = draw(FLASH_BYTES - 64);
    values[EBNN_ROLE_OUTPUT_ADDRESS] = 0x20000000u + SRAM_BYTES - 4 * (1 + draw(SRAM_BYTES / 4));
    values[EBNN_ROLE_OUTPUT_FORMAT] = steps == 0 ? 6 : steps < 3 && draw(2) == 0 ? steps - 1 : 2 + draw(5);
    values[EBNN_ROLE_OUTPUT_HEIGHT] = 1 + draw(3);
    values[EBNN_ROLE_OUTPUT_WIDTH] = 1 + draw(3);
    values[EBNN_ROLE_OUTPUT_CHANNELS] = groups * (1 + draw(12));
    values[EBNN_ROLE_THRESHOLD_ADDRESS] = draw(FLASH_BYTES);
    values[EBNN_ROLE_THRESHOLD_STEPS] = steps;
    values[EBNN_ROLE_DIRECTION_ADDRESS] = draw(2) * draw(FLASH_BYTES);
    values[EBNN_ROLE_OUTPUT_LOW] = draw(UINT32_MAX);
    values[EBNN_ROLE_OUTPUT_STEP] = draw(UINT32_MAX);
}

/* One register of a command gets another value: near an edge, a little off, or any. */
static void spoil(uint32_t values[EBNN_ROLES])
{
    uint32_t *value = &values[EBNN_ROLE_PROGRAM_BANK + draw(EBNN_ROLES - EBNN_ROLE_PROGRAM_BANK)];

    switch (draw(4)) {
    case 0:
        *value = draw(UINT32_MAX);
        break;
    case 1:
        *value = UINT32_MAX - draw(8);
        break;
    case 2:
        *value += draw(64) - 32;
        break;
    default:
        *value = draw(4);
        break;
    }
}

int main(void)
{
    static int32_t roles[EBNN_MACRO_PAGE_WORDS];
    static const uint8_t expected_state[SENSED_STRIPES * ROWS] = {EBNN_ROW_BINARY};
    ebnn_events events = {0};
    ebnn_macro_model macro = {0};
    ebnn_sensing sensing = {0};
    int32_t *fresh;
    unsigned long runs = 0, refused = 0;

    for (int32_t i = 0; i < EBNN_MACRO_PAGE_WORDS; i++) {
        roles[i] = i < EBNN_ROLES ? i : -1;
    }
    macro.roles = roles;
    macro.command_program = 1;
    macro.command_run = 2;
    macro.status_done = 1;
    macro.status_error = 2;
    macro.banks = BANKS;
    macro.rows = ROWS;
    macro.bank_words = WORDS;
    macro.parallel_banks = PARALLEL;
    macro.policies = 1;
    macro.cycles_per_read = 1;
    macro.cycles_per_layer = 1;
    /* Each on the heap by itself: the sanitizer sees one byte too far. */
    macro.sign = calloc(STRIPES * ROWS, sizeof(uint32_t));
    macro.nonzero = calloc(STRIPES * ROWS, sizeof(uint32_t));
    macro.state = malloc(STRIPES * ROWS);
    macro.gather = malloc(PARALLEL * WORDS * EBNN_GATHER_VECTORS * sizeof(uint32_t));
    /* half of the rows of these banks are read anew each time, the others say all the same */
    sensing.sign = draw_words(2 * SENSED_STRIPES * ROWS);
    sensing.nonzero = draw_words(2 * SENSED_STRIPES * ROWS);
    sensing.tables = draw_words(SENSED_STRIPES * ROWS / 2 * 2 * EBNN_READ_WORDS);
    sensing.signs = calloc(SENSED_STRIPES * ROWS / 2, 1);
    fresh = malloc(SENSED_STRIPES * ROWS * sizeof *fresh);
    for (int32_t i = 0; i < SENSED_STRIPES * ROWS; i++) {
        fresh[i] = i % 2 == 0 ? i / 2 : -1;
    }
    sensing.fresh = fresh;
    sensing.stripes = SENSED_STRIPES;
    sensing.rows = ROWS;
    sensing.bank_words = WORDS;
    sensing.row_bits = 6;
    sensing.each_read = 1;
    macro.expected_sign = draw_words(SENSED_STRIPES * ROWS);
    macro.expected_nonzero = draw_words(SENSED_STRIPES * ROWS);
    macro.expected_state = expected_state;
    macro.flash = (ebnn_memory){calloc(FLASH_BYTES, 1), 0, FLASH_BYTES};
    macro.sram = (ebnn_memory){calloc(SRAM_BYTES, 1), 0x20000000u, SRAM_BYTES};
    macro.events = &events;
    memset(macro.state, EBNN_ROW_BINARY, STRIPES * ROWS);
    for (int round = 0; round < 100000; round++) {
        uint32_t values[EBNN_ROLES] = {0};

        draw_command(values);
        for (uint32_t spoilt = draw(3); spoilt > 0; spoilt--) {
            spoil(values);
        }
        for (uint32_t role = EBNN_ROLE_PROGRAM_BANK; role < EBNN_ROLES; role++) {
            ebnn_macro_model_write(&macro, 4 * role, values[role]);
        }
        macro.sensing = draw(2) == 0 ? &sensing : NULL;
        macro.inference = (uint64_t)round;
        macro.popcount_limit = events.popcounts + 20000;
        ebnn_macro_model_write(&macro, 4 * EBNN_ROLE_STATUS, 0);
        ebnn_macro_model_write(&macro, 4 * EBNN_ROLE_CONTROL, draw(8) == 0 ? 1 : 2);
        runs++;
        refused += (macro.registers[EBNN_ROLE_STATUS] & macro.status_error) != 0;
        (void)ebnn_macro_model_read(&macro, draw(1u << 14));
    }
    printf("%lu %lu\n", runs, refused);
    return 0;
}
