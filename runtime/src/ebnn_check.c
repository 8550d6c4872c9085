/*
 * ebnn_check.c: do the parts of a descriptor contradict each other? A handful of comparisons a layer.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_internal.h"

/*
 * One axis of a window. The descriptor does not say how much padding stands behind the end, but it follows from the
 * extents: at most as much as in front, a 16-bit number, and no less than none. All positions then fit 32 bits.
 */
static bool axis_agrees(uint32_t input, uint32_t output, uint32_t kernel, uint32_t stride, uint32_t dilation,
                        uint32_t pad)
{
    const uint64_t padded = (uint64_t)input + pad;
    uint64_t span;

    if (kernel == 0 || stride == 0 || dilation == 0 || input > INT32_MAX / 2) {
        return false;
    }
    span = (uint64_t)(kernel - 1) * dilation + 1;
    return (uint64_t)output * stride + span > padded && (uint64_t)(output - 1) * stride + span <= padded + UINT16_MAX;
}

int32_t ebnn_check_window(const ebnn_tensor *input, const ebnn_tensor *output, const ebnn_window *window)
{
    const bool agree = axis_agrees(input->height, output->height, window->kernel_height, window->stride_y,
                                   window->dilation_y, window->pad_top) &&
                       axis_agrees(input->width, output->width, window->kernel_width, window->stride_x,
                                   window->dilation_x, window->pad_left);

    return agree ? EBNN_OK : EBNN_ERROR_SHAPE;
}

int32_t ebnn_check_steps(const ebnn_steps *steps, const ebnn_tensor *output)
{
    if (steps->steps == 0) {
        return output->format == EBNN_INT32 ? EBNN_OK : EBNN_ERROR_FORMAT;
    }
    if (ebnn_is_packed(output->format) && steps->steps != (output->format == EBNN_TRITS ? 2U : 1U)) {
        return EBNN_ERROR_FORMAT;
    }
    return EBNN_OK;
}

int32_t ebnn_check_linear(const ebnn_linear_layer *layer)
{
    const ebnn_tensor *input = &layer->input;
    const ebnn_tensor *output = &layer->output;
    int32_t status = ebnn_check_tensor(input);

    if (status == EBNN_OK) {
        status = ebnn_check_tensor(output);
    }
    if (status == EBNN_OK) {
        status = ebnn_check_window(input, output, &layer->window);
    }
    if (status == EBNN_OK) {
        status = ebnn_check_steps(&layer->steps, output);
    }
    if (status != EBNN_OK) {
        return status;
    }
    if (layer->groups == 0 || input->channels % layer->groups != 0 || output->channels % layer->groups != 0) {
        return EBNN_ERROR_SHAPE;
    }
    /* In 64 bits: a kernel of 2^32 taps may not pass for one of none. Not by division, which small machines lack. */
    if ((uint64_t)layer->window.kernel_height * layer->window.kernel_width * (input->channels / layer->groups) >
        (uint64_t)layer->row_words * EBNN_WORD_BITS) {
        return EBNN_ERROR_SHAPE;
    }
    return EBNN_OK;
}
