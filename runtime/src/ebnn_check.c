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
    if (kernel == input && dilation == 1 && output == 1 && pad == 0) { /* all of it, in many a layer */
        return true;
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

    return agree ? EBNN_OK : EBNN_ERROR_WINDOW;
}

int32_t ebnn_check_steps(const ebnn_steps *steps, const ebnn_tensor *output)
{
    if (steps->steps == 0) {
        return output->format == EBNN_INT32 ? EBNN_OK : EBNN_ERROR_STEPS;
    }
    if (ebnn_is_packed(output->format) && steps->steps != (output->format == EBNN_TRITS ? 2U : 1U)) {
        return EBNN_ERROR_STEPS;
    }
    return EBNN_OK;
}

int32_t ebnn_check_maps(const ebnn_tensor *input, const ebnn_tensor *output)
{
    int32_t status = ebnn_check_tensor(input);

    if (status == EBNN_OK) {
        status = ebnn_check_tensor(output);
    }
    if (status == EBNN_OK && (input->height != output->height || input->width != output->width)) {
        status = EBNN_ERROR_SHAPE;
    }
    return status;
}

int32_t ebnn_check_pool(const ebnn_pool_layer *layer)
{
    int32_t status = ebnn_check_tensor(&layer->input);

    if (status == EBNN_OK) {
        status = ebnn_check_tensor(&layer->output);
    }
    if (status != EBNN_OK) {
        return status;
    }
    return layer->input.channels == layer->output.channels
               ? ebnn_check_window(&layer->input, &layer->output, &layer->window)
               : EBNN_ERROR_SHAPE;
}

/* One group is asked without a division, for which small machines lack an instruction. */
static bool divides(uint32_t groups, uint32_t channels)
{
    return groups == 1 || (groups != 0 && channels % groups == 0);
}

/* What layers of dot products have in common. */
static int32_t check_dots(const ebnn_tensor *input, const ebnn_tensor *output, const ebnn_window *window,
                          const ebnn_steps *steps, const ebnn_border *border, uint32_t groups)
{
    int32_t status = ebnn_check_tensor(input);

    if (status == EBNN_OK) {
        status = ebnn_check_tensor(output);
    }
    if (status == EBNN_OK) {
        status = ebnn_check_window(input, output, window);
    }
    if (status == EBNN_OK) {
        status = ebnn_check_steps(steps, output);
    }
    if (status != EBNN_OK) {
        return status;
    }
    if (!divides(groups, input->channels) || !divides(groups, output->channels)) {
        return EBNN_ERROR_GROUPS;
    }
    return border != NULL && border->shift >= EBNN_WORD_BITS ? EBNN_ERROR_BORDER : EBNN_OK;
}

/*
 * Inputs of a neuron, in 64 bits: a kernel of 2^32 of them may not pass for one of none. Dense layers need no division and
 * no product, which small machines lack.
 */
static uint64_t fan_in(const ebnn_window *window, const ebnn_tensor *input, uint32_t groups)
{
    const uint32_t taps = (uint32_t)window->kernel_height * window->kernel_width;
    const uint32_t channels = groups == 1 ? input->channels : input->channels / groups;

    return taps == 1 ? channels : (uint64_t)taps * channels;
}

int32_t ebnn_check_linear(const ebnn_linear_layer *layer)
{
    const int32_t status =
        check_dots(&layer->input, &layer->output, &layer->window, &layer->steps, layer->border, layer->groups);

    if (status != EBNN_OK) {
        return status;
    }
    return fan_in(&layer->window, &layer->input, layer->groups) > (uint64_t)layer->row_words * EBNN_WORD_BITS
               ? EBNN_ERROR_WEIGHTS
               : EBNN_OK;
}

/* A pool of what a layer makes: of bits alone, and one at least. */
static int32_t check_pooled(const ebnn_pooled *pooled, const ebnn_tensor *output, bool limits)
{
    if (pooled->height == 0) {
        return EBNN_OK;
    }
    return !limits || output->format != EBNN_BITS || pooled->width == 0 || pooled->height > output->height ||
                   pooled->width > output->width
               ? EBNN_ERROR_POOL
               : EBNN_OK;
}

int32_t ebnn_check_active(const ebnn_active_layer *layer)
{
    int32_t status = check_dots(&layer->input, &layer->output, &layer->window, &layer->steps, layer->border, 1);

    if (status == EBNN_OK) {
        status = check_pooled(&layer->pooled, &layer->output, layer->limits != NULL);
    }
    if (status != EBNN_OK || layer->lister == NULL || layer->input.format < layer->lister->first_format ||
        layer->input.format > layer->lister->last_format) {
        return status != EBNN_OK ? status : EBNN_ERROR_FORMAT;
    }
    return layer->window.dilation_x != 1 || layer->strip == 0 || layer->planes == 0 ||
                   layer->sum_planes < layer->planes || layer->sum_planes > EBNN_MOST_SUM_PLANES ||
                   layer->place_planes >= layer->sum_planes ||
                   (layer->missing != NULL) != (layer->input.format == EBNN_BITS && layer->planes != 1)
               ? EBNN_ERROR_LAYOUT
               : EBNN_OK;
}

int32_t ebnn_check_halves(const ebnn_halves_layer *layer)
{
    const ebnn_linear_layer *linear = &layer->linear;
    const ebnn_window *window = &linear->window;
    int32_t status = ebnn_check_linear(linear);

    if (status == EBNN_OK) {
        status = check_pooled(&layer->pooled, &linear->output, layer->limits != NULL);
    }
    if (status != EBNN_OK || !ebnn_is_packed(linear->input.format) ||
        (layer->limits != NULL && linear->output.format != EBNN_BITS)) {
        return status != EBNN_OK ? status : EBNN_ERROR_FORMAT;
    }
    if (linear->groups != 1 || linear->output.channels > EBNN_WORD_BITS / 2 || layer->sum_planes < 7 ||
        layer->sum_planes > EBNN_MOST_SUM_PLANES || linear->row_words >> (layer->sum_planes - 6) != 0) {
        return EBNN_ERROR_LAYOUT;
    }
    /* twice the inputs of whole words fit the planes, so the product does not wrap */
    return linear->nonzero != NULL || ebnn_words((uint32_t)window->kernel_height * window->kernel_width *
                                                 linear->input.channels) != linear->row_words
               ? EBNN_ERROR_WEIGHTS
               : EBNN_OK;
}

int32_t ebnn_check_subsets(const ebnn_subsets_layer *layer)
{
    int32_t status =
        check_dots(&layer->input, &layer->output, &layer->window, &layer->steps, layer->border, layer->groups);
    const bool alone = layer->strip == layer->lanes; /* a window, or two that share words, with a strip of their own */

    if (status == EBNN_OK) {
        status = check_pooled(&layer->pooled, &layer->output, layer->limits != NULL);
    }
    if (status != EBNN_OK || ebnn_is_packed(layer->input.format) ||
        (layer->limits != NULL && (layer->output.format != EBNN_BITS || layer->groups != 1))) {
        return status != EBNN_OK ? status : EBNN_ERROR_FORMAT;
    }
    return (layer->lanes != 1 && layer->lanes != 2) || layer->strip < layer->lanes ||
                   (layer->strip & (layer->lanes - 1)) != 0 ||
                   (!alone && (layer->groups != 1 || layer->window.dilation_x != 1)) || layer->together == 0 ||
                   (layer->together & 3) != 0
               ? EBNN_ERROR_LAYOUT
               : EBNN_OK;
}

int32_t ebnn_check_int8(const ebnn_int8_layer *layer)
{
    const int32_t status =
        check_dots(&layer->input, &layer->output, &layer->window, &layer->steps, layer->border, layer->groups);

    if (status != EBNN_OK) {
        return status;
    }
    return fan_in(&layer->window, &layer->input, layer->groups) > INT32_MAX ? EBNN_ERROR_WEIGHTS : EBNN_OK;
}
