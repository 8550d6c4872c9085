/*
 * self_check_integers.c: weights of 8 bits, sums and copies against their definitions.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "self_check.h"

/* What stands at a tap: a value of the input, or `pad` behind its edges. */
static int32_t tap(const ebnn_tensor *tensor, const void *data, uint32_t channel, int64_t y, int64_t x, int32_t pad)
{
    const bool inside = y >= 0 && y < tensor->height && x >= 0 && x < tensor->width;

    return inside ? value_at(tensor, data, channel, (uint32_t)(y * tensor->width + x)) : pad;
}

static int32_t dot(const ebnn_int8_layer *layer, const void *data, uint32_t neuron, uint32_t row, uint32_t column)
{
    const uint32_t channels = layer->input.channels / layer->groups;
    const uint32_t group = neuron / (layer->output.channels / layer->groups);
    const ebnn_window *window = &layer->window;
    const int8_t *weight = layer->weights + (size_t)neuron * window->kernel_height * window->kernel_width * channels;
    int64_t sum = 0;

    for (int64_t ky = 0; ky < window->kernel_height; ky++) {
        for (int64_t kx = 0; kx < window->kernel_width; kx++) {
            const int64_t y = (int64_t)row * window->stride_y + ky * window->dilation_y - window->pad_top;
            const int64_t x = (int64_t)column * window->stride_x + kx * window->dilation_x - window->pad_left;

            for (uint32_t channel = 0; channel < channels; channel++) {
                sum +=
                    (int64_t)*weight++ * tap(&layer->input, data, group * channels + channel, y, x, layer->pad_value);
            }
        }
    }
    return bordered(layer->border, &layer->output, neuron, row, column, sum);
}

static ebnn_tensor pooled(const ebnn_tensor *input, const ebnn_window *window, uint32_t channels, uint32_t format)
{
    return random_tensor(extent(input->height, window->kernel_height, window->stride_y, window->dilation_y,
                                window->pad_top, (uint32_t)draw(0, 3)),
                         extent(input->width, window->kernel_width, window->stride_x, window->dilation_x,
                                window->pad_left, (uint32_t)draw(0, 3)),
                         channels, format);
}

void check_int8(unsigned int number)
{
    const uint32_t groups = (uint32_t)draw(1, 4);
    const uint32_t format = (uint32_t)draw(EBNN_BITS, EBNN_INT32);
    ebnn_int8_layer layer;
    ebnn_border border;
    ebnn_host_step step;
    size_t weights, in, out;
    int8_t *row;
    uint8_t *source, *target, *batch, *work;
    uint32_t *scratch;

    memset(&layer, 0, sizeof layer);
    layer.groups = groups;
    layer.window = random_window();
    layer.input = random_tensor((uint32_t)draw(5, 8), (uint32_t)draw(7, 9), groups * (uint32_t)draw(1, 20), format);
    layer.output =
        pooled(&layer.input, &layer.window, groups * (uint32_t)draw(1, 9), (uint32_t)draw(EBNN_BITS, EBNN_INT32));
    if (layer.output.format != EBNN_INT32 || draw(0, 1) != 0) {
        layer.steps = random_steps(&layer.output, 5000);
    }
    layer.pad_value = format == EBNN_UINT8 || format == EBNN_UINT16 ? draw(0, 255) : draw(-1, 1);
    weights = (size_t)layer.window.kernel_height * layer.window.kernel_width * (layer.input.channels / groups) *
              layer.output.channels;
    row = allocate(weights);
    for (size_t i = 0; i < weights; i++) {
        row[i] = (int8_t)draw(-128, 127);
    }
    layer.weights = row;
    border = random_border(&layer.output);
    layer.border = draw(0, 2) == 0 ? &border : NULL;
    in = ebnn_tensor_bytes(&layer.input);
    out = ebnn_tensor_bytes(&layer.output);
    source = random_data(&layer.input);
    target = allocate(out);
    batch = allocate(BATCH * out);
    scratch = allocate(4 * (size_t)ebnn_int8_scratch_words(&layer));
    memset(&step, 0, sizeof step);
    step.layer = &layer;
    step.kind = EBNN_HOST_INT8;
    step.target_base = EBNN_HOST_SCORES;
    work = allocate(ebnn_host_work_bytes(&step, 1, BATCH));
    for (int kernel = EBNN_HOST_BEST; kernel <= EBNN_HOST_NEON; kernel++) {
        if (ebnn_host_has_kernel(kernel) == 0) {
            continue;
        }
        if (ebnn_host_run(&step, 1, source, in, (int32_t *)(void *)batch, out, work, BATCH, 0, kernel) != EBNN_OK) {
            fail("the batch executor's status", number);
        }
        for (uint32_t sample = 0; sample < BATCH; sample++) {
            if (ebnn_int8(&layer, source + sample * in, target, scratch) != EBNN_OK) {
                fail("ebnn_int8's status", number);
            }
            for (uint32_t neuron = 0; neuron < layer.output.channels; neuron++) {
                for (uint32_t pixel = 0; pixel < layer.output.height * layer.output.width; pixel++) {
                    const int32_t sum = dot(&layer, source + sample * in, neuron, pixel / layer.output.width,
                                            pixel % layer.output.width);
                    const int32_t expected = stepped(&layer.steps, neuron, sum);

                    if (value_at(&layer.output, target, neuron, pixel) != expected) {
                        fail("ebnn_int8", number);
                    }
                    if (value_at(&layer.output, batch + sample * out, neuron, pixel) != expected) {
                        fail("the batch executor of int8", number);
                    }
                }
            }
        }
    }
    free(row);
    free_border(&border);
    free((void *)(uintptr_t)layer.steps.thresholds);
    free((void *)(uintptr_t)layer.steps.directions);
    free(source);
    free(target);
    free(batch);
    free(scratch);
    free(work);
}

static void check_sum_pool(const ebnn_tensor *input, const uint8_t *source, unsigned int number)
{
    ebnn_pool_layer layer;
    int32_t *sums;

    layer.window = random_window();
    layer.input = *input;
    layer.output = pooled(input, &layer.window, input->channels, EBNN_INT32);
    layer.directions = NULL;
    sums = allocate(ebnn_tensor_bytes(&layer.output));
    if (ebnn_sum_pool(&layer, source, sums) != EBNN_OK) {
        fail("ebnn_sum_pool's status", number);
    }
    for (uint32_t channel = 0; channel < input->channels; channel++) {
        for (uint32_t pixel = 0; pixel < layer.output.height * layer.output.width; pixel++) {
            int64_t sum = 0;

            for (int64_t ky = 0; ky < layer.window.kernel_height; ky++) {
                for (int64_t kx = 0; kx < layer.window.kernel_width; kx++) {
                    sum += tap(input, source, channel,
                               (int64_t)(pixel / layer.output.width) * layer.window.stride_y +
                                   ky * layer.window.dilation_y - layer.window.pad_top,
                               (int64_t)(pixel % layer.output.width) * layer.window.stride_x +
                                   kx * layer.window.dilation_x - layer.window.pad_left,
                               0);
                }
            }
            if (value_at(&layer.output, sums, channel, pixel) != sum) {
                fail("ebnn_sum_pool", number);
            }
        }
    }
    free(sums);
}

/* Two tensors of one kind behind one another, into memory that holds anything. */
static void check_copies(const ebnn_tensor *input, const uint8_t *source, unsigned int number)
{
    const bool packed = is_packed(input);
    ebnn_tensor other = random_tensor(input->height, input->width, (uint32_t)draw(1, 70),
                                      packed ? input->format : (uint32_t)draw(EBNN_INT8, EBNN_INT32));
    uint8_t *second = random_data(&other);
    ebnn_copy_layer first_copy, second_copy;
    uint8_t *joined;

    first_copy.input = *input;
    first_copy.output = random_tensor(input->height, input->width, input->channels + other.channels,
                                      packed ? input->format : EBNN_INT32);
    first_copy.first_channel = 0;
    second_copy.input = other;
    second_copy.output = first_copy.output;
    second_copy.first_channel = input->channels;
    joined = allocate(ebnn_tensor_bytes(&first_copy.output));
    if (ebnn_copy_channels(&first_copy, source, joined) != EBNN_OK ||
        ebnn_copy_channels(&second_copy, second, joined) != EBNN_OK) {
        fail("ebnn_copy_channels' status", number);
    }
    for (uint32_t pixel = 0; pixel < input->height * input->width; pixel++) {
        for (uint32_t channel = 0; channel < first_copy.output.channels; channel++) {
            const int32_t expected = channel < input->channels
                                         ? value_at(input, source, channel, pixel)
                                         : value_at(&other, second, channel - input->channels, pixel);

            if (value_at(&first_copy.output, joined, channel, pixel) != expected) {
                fail("ebnn_copy_channels", number);
            }
        }
    }
    free(second);
    free(joined);
}

void check_sums(unsigned int number)
{
    const ebnn_tensor input = random_tensor((uint32_t)draw(5, 8), (uint32_t)draw(7, 9), (uint32_t)draw(1, 70),
                                            (uint32_t)draw(EBNN_BITS, EBNN_INT32));
    uint8_t *source = random_data(&input), *second;
    ebnn_add_layer add;
    int32_t *sums;

    check_sum_pool(&input, source, number);
    check_copies(&input, source, number);
    add.input = input;
    add.other = random_tensor(input.height, input.width, input.channels, (uint32_t)draw(EBNN_BITS, EBNN_INT32));
    add.output = random_tensor(input.height, input.width, input.channels, EBNN_INT32);
    second = random_data(&add.other);
    sums = allocate(ebnn_tensor_bytes(&add.output));
    if (ebnn_add(&add, source, second, sums) != EBNN_OK) {
        fail("ebnn_add's status", number);
    }
    for (uint32_t channel = 0; channel < input.channels; channel++) {
        for (uint32_t pixel = 0; pixel < input.height * input.width; pixel++) {
            if (value_at(&add.output, sums, channel, pixel) !=
                value_at(&input, source, channel, pixel) + value_at(&add.other, second, channel, pixel)) {
                fail("ebnn_add", number);
            }
        }
    }
    free(source);
    free(second);
    free(sums);
}
