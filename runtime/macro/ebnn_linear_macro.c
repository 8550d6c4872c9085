/*
 * ebnn_linear_macro.c: layers of dot products on the RRAM macro. This folder is the hardware layer of a chip with RRAM.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_macro.h"
#include "ebnn_macro_registers.h"

static void write_address(uint32_t offset, const void *address)
{
    ebnn_macro_write(offset, (uint32_t)(uintptr_t)address);
}

/* What sums start from; the macro has no border while the address of `start` is 0. */
static void write_border(const ebnn_border *border, const int32_t *start)
{
    write_address(EBNN_MACRO_BORDER_ROWS, border->rows);
    write_address(EBNN_MACRO_BORDER_COLUMNS, border->columns);
    write_address(EBNN_MACRO_BORDER_START, start);
    ebnn_macro_write(EBNN_MACRO_BORDER_SHIFT, border->shift);
}

#if defined(__GNUC__)
#define IN_LINE static inline __attribute__((always_inline))
#else
#define IN_LINE static inline
#endif

/*
 * The layer; the sums of one with a border start from `start` where that is not NULL. In line: a firmware has one of the
 * two functions behind it, which shall not call a third for each layer.
 */
IN_LINE int32_t run(const ebnn_linear_layer *layer, const int32_t *start, const void *input, void *output)
{
    const ebnn_window *window = &layer->window;
    const ebnn_steps *steps = &layer->steps;
    int32_t status;

    if (layer->banks == NULL) {
        return EBNN_ERROR_BANKS;
    }
    ebnn_macro_enable_interrupt();
    write_address(EBNN_MACRO_INPUT_ADDRESS, input);
    ebnn_macro_write(EBNN_MACRO_INPUT_FORMAT, (uint32_t)layer->input.format | ((uint32_t)layer->input.planes << 8));
    ebnn_macro_write(EBNN_MACRO_INPUT_HEIGHT, layer->input.height);
    ebnn_macro_write(EBNN_MACRO_INPUT_WIDTH, layer->input.width);
    ebnn_macro_write(EBNN_MACRO_INPUT_CHANNELS, layer->input.channels);
    ebnn_macro_write(EBNN_MACRO_KERNEL, ebnn_macro_halves(window->kernel_height, window->kernel_width));
    ebnn_macro_write(EBNN_MACRO_STRIDE, ebnn_macro_halves(window->stride_y, window->stride_x));
    ebnn_macro_write(EBNN_MACRO_DILATION, ebnn_macro_halves(window->dilation_y, window->dilation_x));
    ebnn_macro_write(EBNN_MACRO_PADDING, ebnn_macro_halves(window->pad_top, window->pad_left));
    ebnn_macro_write(EBNN_MACRO_PAD_VALUE, (uint32_t)layer->pad_value);
    ebnn_macro_write(EBNN_MACRO_GROUPS, layer->groups);
    ebnn_macro_write(EBNN_MACRO_ROW_WORDS, layer->row_words);
    write_address(EBNN_MACRO_BANK_TABLE, layer->banks);
    ebnn_macro_write(EBNN_MACRO_TERNARY, layer->nonzero != NULL ? 1 : 0);
    write_address(EBNN_MACRO_OUTPUT_ADDRESS, output);
    ebnn_macro_write(EBNN_MACRO_OUTPUT_FORMAT, layer->output.format);
    ebnn_macro_write(EBNN_MACRO_OUTPUT_HEIGHT, layer->output.height);
    ebnn_macro_write(EBNN_MACRO_OUTPUT_WIDTH, layer->output.width);
    ebnn_macro_write(EBNN_MACRO_OUTPUT_CHANNELS, layer->output.channels);
    write_address(EBNN_MACRO_THRESHOLD_ADDRESS, steps->thresholds);
    ebnn_macro_write(EBNN_MACRO_THRESHOLD_STEPS, steps->steps);
    write_address(EBNN_MACRO_DIRECTION_ADDRESS, steps->directions);
    ebnn_macro_write(EBNN_MACRO_OUTPUT_LOW, (uint32_t)steps->low);
    ebnn_macro_write(EBNN_MACRO_OUTPUT_STEP, (uint32_t)steps->step);
    if (layer->border == NULL) {
        return ebnn_macro_command(EBNN_MACRO_COMMAND_RUN);
    }
    write_border(layer->border, start != NULL ? start : layer->border->start);
    status = ebnn_macro_command(EBNN_MACRO_COMMAND_RUN);
    ebnn_macro_write(EBNN_MACRO_BORDER_START, 0);
    return status;
}

int32_t ebnn_linear(const ebnn_linear_layer *layer, const void *input, void *output, uint32_t *scratch)
{
    (void)scratch; /* the macro gathers a neuron's inputs itself */
    return run(layer, NULL, input, output);
}

int32_t ebnn_linear_trimmed(const ebnn_linear_layer *layer, const int32_t *start, const void *input, void *output)
{
    return run(layer, start, input, output);
}
