/*
 * ebnn_linear_macro.c: layers of dot products on the RRAM macro; the hardware layer of a chip with RRAM.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_macro.h"
#include "ebnn_target.h"

/* Every column of a binary row holds a weight; those behind the last input are never counted. */
#define ALL_COLUMNS UINT32_C(0xFFFFFFFF)

static void write_register(uint32_t offset, uint32_t value)
{
    *(volatile uint32_t *)((uintptr_t)EBNN_MACRO_BASE + offset) = value;
}

static uint32_t read_register(uint32_t offset)
{
    return *(volatile const uint32_t *)((uintptr_t)EBNN_MACRO_BASE + offset);
}

static void write_address(uint32_t offset, const void *address)
{
    write_register(offset, (uint32_t)(uintptr_t)address);
}

static uint32_t halves(uint32_t low, uint32_t high)
{
    return low | (high << 16);
}

/* Lets the macro's interrupt, the core's external one, end a sleep. */
static void enable_interrupt(void)
{
#if defined(__riscv)
    /* csrs mie, %0: by numbers, since assemblers differ in the extension that they want named for it */
    __asm__ volatile(".insn i 0x73, 2, x0, %0, 0x304" ::"r"(UINT32_C(1) << 11));
#endif
}

static void sleep_until_interrupt(void)
{
#if defined(__riscv)
    /* An interrupt that is pending already ends the sleep at once, so none is missed between start and sleep. */
    __asm__ volatile("wfi" ::: "memory");
#endif
}

static int32_t run_command(uint32_t command)
{
    uint32_t status;

    write_register(EBNN_MACRO_CONTROL, command);
    do {
        sleep_until_interrupt();
        status = read_register(EBNN_MACRO_STATUS);
    } while ((status & (EBNN_MACRO_STATUS_DONE | EBNN_MACRO_STATUS_ERROR)) == 0);
    write_register(EBNN_MACRO_STATUS, 0); /* takes the interrupt back */
    return (status & EBNN_MACRO_STATUS_ERROR) == 0 ? EBNN_OK : EBNN_ERROR_DEVICE;
}

int32_t ebnn_macro_program(const ebnn_linear_layer *layer, uint32_t policy, uint32_t attempts, const uint32_t *verified)
{
    const uint32_t neurons = layer->output.channels;
    const uint16_t *banks = layer->banks;

    if (banks == NULL) {
        return EBNN_ERROR_DEVICE;
    }
    enable_interrupt();
    write_register(EBNN_MACRO_PROGRAM_POLICY, halves(policy, attempts));
    write_register(EBNN_MACRO_PROGRAM_TERNARY, layer->nonzero != NULL ? 1 : 0);
    for (uint32_t first = 0; first < neurons; first += EBNN_ARRAY_ROWS) {
        const uint32_t rows = neurons - first < EBNN_ARRAY_ROWS ? neurons - first : EBNN_ARRAY_ROWS;

        for (uint32_t word = 0; word < layer->row_words; word++) {
            const uint32_t in_bank = word % EBNN_ARRAY_ROW_WORDS;

            banks += word != 0 && in_bank == 0 ? 1 : 0;
            write_register(EBNN_MACRO_PROGRAM_BANK, *banks);
            for (uint32_t row = 0; row < rows; row++) {
                const size_t index = (size_t)(first + row) * layer->row_words + word;
                int32_t status;

                if (verified != NULL) {
                    const uint32_t is_verified = (verified[index / 32] >> (index % 32)) & 1;

                    write_register(EBNN_MACRO_PROGRAM_POLICY, halves(policy, is_verified != 0 ? attempts : 1));
                }
                write_register(EBNN_MACRO_PROGRAM_ROW, halves(row, in_bank));
                write_register(EBNN_MACRO_PROGRAM_SIGN, layer->sign[index]);
                write_register(EBNN_MACRO_PROGRAM_NONZERO,
                               layer->nonzero != NULL ? layer->nonzero[index] : ALL_COLUMNS);
                status = run_command(EBNN_MACRO_COMMAND_PROGRAM);
                if (status != EBNN_OK) {
                    return status;
                }
            }
        }
        banks++;
    }
    return EBNN_OK;
}

/* What sums start from; the macro has no border while the address of `start` is 0. */
static void write_border(const ebnn_border *border)
{
    write_address(EBNN_MACRO_BORDER_ROWS, border->rows);
    write_address(EBNN_MACRO_BORDER_COLUMNS, border->columns);
    write_address(EBNN_MACRO_BORDER_START, border->start);
    write_register(EBNN_MACRO_BORDER_SHIFT, border->shift);
}

int32_t ebnn_linear(const ebnn_linear_layer *layer, const void *input, void *output, uint32_t *scratch)
{
    const ebnn_window *window = &layer->window;
    const ebnn_steps *steps = &layer->steps;
    int32_t status;

    (void)scratch; /* the macro gathers a neuron's inputs itself */
    if (layer->banks == NULL) {
        return EBNN_ERROR_DEVICE;
    }
    enable_interrupt();
    write_address(EBNN_MACRO_INPUT_ADDRESS, input);
    write_register(EBNN_MACRO_INPUT_FORMAT, (uint32_t)layer->input.format | ((uint32_t)layer->input.planes << 8));
    write_register(EBNN_MACRO_INPUT_HEIGHT, layer->input.height);
    write_register(EBNN_MACRO_INPUT_WIDTH, layer->input.width);
    write_register(EBNN_MACRO_INPUT_CHANNELS, layer->input.channels);
    write_register(EBNN_MACRO_KERNEL, halves(window->kernel_height, window->kernel_width));
    write_register(EBNN_MACRO_STRIDE, halves(window->stride_y, window->stride_x));
    write_register(EBNN_MACRO_DILATION, halves(window->dilation_y, window->dilation_x));
    write_register(EBNN_MACRO_PADDING, halves(window->pad_top, window->pad_left));
    write_register(EBNN_MACRO_PAD_VALUE, (uint32_t)layer->pad_value);
    write_register(EBNN_MACRO_GROUPS, layer->groups);
    write_register(EBNN_MACRO_ROW_WORDS, layer->row_words);
    write_address(EBNN_MACRO_BANK_TABLE, layer->banks);
    write_register(EBNN_MACRO_TERNARY, layer->nonzero != NULL ? 1 : 0);
    write_address(EBNN_MACRO_OUTPUT_ADDRESS, output);
    write_register(EBNN_MACRO_OUTPUT_FORMAT, layer->output.format);
    write_register(EBNN_MACRO_OUTPUT_HEIGHT, layer->output.height);
    write_register(EBNN_MACRO_OUTPUT_WIDTH, layer->output.width);
    write_register(EBNN_MACRO_OUTPUT_CHANNELS, layer->output.channels);
    write_address(EBNN_MACRO_THRESHOLD_ADDRESS, steps->thresholds);
    write_register(EBNN_MACRO_THRESHOLD_STEPS, steps->steps);
    write_address(EBNN_MACRO_DIRECTION_ADDRESS, steps->directions);
    write_register(EBNN_MACRO_OUTPUT_LOW, (uint32_t)steps->low);
    write_register(EBNN_MACRO_OUTPUT_STEP, (uint32_t)steps->step);
    if (layer->border == NULL) {
        return run_command(EBNN_MACRO_COMMAND_RUN);
    }
    write_border(layer->border);
    status = run_command(EBNN_MACRO_COMMAND_RUN);
    write_register(EBNN_MACRO_BORDER_START, 0);
    return status;
}
