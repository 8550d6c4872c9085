/*
 * self_check.c: the runtime against definitions written out in plain loops, on random layers, in buffers that are
 * exactly as large as they have to be. Made to be run under AddressSanitizer and UndefinedBehaviorSanitizer.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "self_check.h"

uint32_t self_check_state = 2463534242u;

/* One random layer; its weights as +1, -1 and 0 beside the packed ones. */
typedef struct weights {
    uint32_t *sign;
    uint32_t *nonzero; /* NULL: binary */
    int32_t *values;
} weights;

static weights random_weights(uint32_t neurons, uint32_t fan_in, uint32_t row_words, bool ternary)
{
    const size_t words = (size_t)neurons * row_words;
    weights made;

    made.sign = allocate(words * 4);
    made.nonzero = ternary ? allocate(words * 4) : NULL;
    made.values = allocate((size_t)neurons * fan_in * sizeof(int32_t));
    memset(made.sign, 0, words * 4);
    if (ternary) {
        memset(made.nonzero, 0, words * 4);
    }
    for (uint32_t neuron = 0; neuron < neurons; neuron++) {
        for (uint32_t i = 0; i < fan_in; i++) {
            const int32_t value = ternary ? draw(-1, 1) : 2 * draw(0, 1) - 1;
            const size_t word = (size_t)neuron * row_words + i / 32;

            made.values[(size_t)neuron * fan_in + i] = value;
            made.sign[word] |= (value > 0 ? UINT32_C(1) : 0) << i % 32;
            if (ternary) {
                made.nonzero[word] |= (value != 0 ? UINT32_C(1) : 0) << i % 32;
            }
        }
    }
    return made;
}

static uint32_t rounded_up(uint32_t count, uint32_t multiple)
{
    return (count + multiple - 1) / multiple * multiple;
}

/* Which weights have a value, in panels of bits. */
static uint8_t *bit_panels(const ebnn_linear_layer *layer, const int32_t *values, uint32_t fan_in, int32_t wanted)
{
    const uint32_t rows = layer->output.channels / layer->groups, octets = layer->row_words * 4;
    const size_t group_bytes = (size_t)rounded_up(rows, EBNN_PANEL_ROWS) * octets;
    uint8_t *panels = allocate(layer->groups * group_bytes);

    memset(panels, 0, layer->groups * group_bytes);
    for (uint32_t neuron = 0; neuron < layer->output.channels; neuron++) {
        const uint32_t row = neuron % rows, first = row / EBNN_PANEL_ROWS * EBNN_PANEL_ROWS;

        for (uint32_t i = 0; i < fan_in; i++) {
            const size_t at = neuron / rows * group_bytes + (size_t)first * octets + i / 8 * EBNN_PANEL_ROWS;

            if (values[(size_t)neuron * fan_in + i] == wanted) {
                panels[at + row - first] = (uint8_t)(panels[at + row - first] | 1U << i % 8);
            }
        }
    }
    return panels;
}

/* The layer with its weights in panels, as the batch executor takes it. */
static ebnn_panels_layer in_panels(const ebnn_linear_layer *layer, const int32_t *values, uint32_t fan_in)
{
    ebnn_panels_layer made = {*layer, bit_panels(layer, values, fan_in, 1), NULL, NULL, NULL};

    if (layer->nonzero != NULL) {
        made.minus = bit_panels(layer, values, fan_in, -1);
    }
    if (layer->input.format == EBNN_INT8 || layer->input.format == EBNN_INT16 || layer->input.format == EBNN_INT32) {
        uint32_t *totals = allocate(layer->output.channels * sizeof(uint32_t));

        for (size_t neuron = 0; neuron < layer->output.channels; neuron++) {
            totals[neuron] = 0;
            for (uint32_t i = 0; i < fan_in; i++) {
                totals[neuron] += (uint32_t)values[neuron * fan_in + i];
            }
        }
        made.totals = totals;
    }
    return made;
}

static void free_panels(const ebnn_panels_layer *panels)
{
    free((void *)(uintptr_t)panels->plus);
    free((void *)(uintptr_t)panels->minus);
    free((void *)(uintptr_t)panels->totals);
}

/* The accumulator by its definition. */
static int32_t dot(const ebnn_linear_layer *layer, const int32_t *values, const void *data, uint32_t neuron,
                   uint32_t row, uint32_t column)
{
    const ebnn_tensor *input = &layer->input;
    const uint32_t channels = input->channels / layer->groups;
    const uint32_t group = neuron / (layer->output.channels / layer->groups);
    int64_t sum = 0;
    uint32_t i = 0;

    for (int64_t ky = 0; ky < layer->window.kernel_height; ky++) {
        for (int64_t kx = 0; kx < layer->window.kernel_width; kx++) {
            const int64_t y =
                (int64_t)row * layer->window.stride_y + ky * layer->window.dilation_y - layer->window.pad_top;
            const int64_t x =
                (int64_t)column * layer->window.stride_x + kx * layer->window.dilation_x - layer->window.pad_left;
            const bool inside = y >= 0 && y < input->height && x >= 0 && x < input->width;

            for (uint32_t channel = 0; channel < channels; channel++, i++) {
                const uint32_t pixel = inside ? (uint32_t)(y * input->width + x) : 0;

                sum += (int64_t)values[i] *
                       (inside ? value_at(input, data, group * channels + channel, pixel) : layer->pad_value);
            }
        }
    }
    return bordered(layer->border, &layer->output, neuron, row, column, sum);
}

static uint32_t bit_length(uint32_t value)
{
    uint32_t bits = 0;

    for (; value != 0; value >>= 1) {
        bits++;
    }
    return bits;
}

/* For each word of neurons a word an input: which weights are at least `least`. */
static uint32_t *input_words(const int32_t *values, uint32_t neurons, uint32_t fan_in, int32_t least)
{
    const size_t words = (size_t)((neurons + 31) / 32) * fan_in;
    uint32_t *made = allocate(words * 4);

    memset(made, 0, words * 4);
    for (uint32_t neuron = 0; neuron < neurons; neuron++) {
        for (uint32_t i = 0; i < fan_in; i++) {
            if (values[(size_t)neuron * fan_in + i] >= least) {
                made[(size_t)(neuron / 32) * fan_in + i] |= UINT32_C(1) << neuron % 32;
            }
        }
    }
    return made;
}

/* The same of numbers of a neuron's places: how many of each place's weights are at least 1, and at least `least`. */
static uint32_t *place_words(const int32_t *values, const ebnn_active_layer *layer, uint32_t places, int32_t least)
{
    const uint32_t neurons = layer->output.channels, channels = layer->input.channels, planes = layer->place_planes;
    const size_t words = (size_t)((neurons + 31) / 32) * places * planes;
    uint32_t *made = allocate(words * 4);

    memset(made, 0, words * 4);
    for (uint32_t neuron = 0; neuron < neurons; neuron++) {
        for (uint32_t place = 0; place < places; place++) {
            uint32_t number = 0;

            for (uint32_t channel = 0; channel < channels; channel++, values++) {
                number += (uint32_t)(*values >= 1) + (uint32_t)(*values >= least);
            }
            for (uint32_t plane = 0; plane < planes; plane++) {
                made[((size_t)(neuron / 32) * places + place) * planes + plane] |= (number >> plane & 1) << neuron % 32;
            }
        }
    }
    return made;
}

/* The kernel that lists active inputs makes the bytes that ebnn_linear made, `expected`, where it takes the layer. */
static void check_linear_active(const ebnn_linear_layer *layer, const int32_t *values, uint32_t fan_in,
                                const uint8_t *input, const uint8_t *expected, unsigned int number)
{
    const uint32_t neurons = layer->output.channels;
    ebnn_active_layer active;
    uint32_t *plus, *not_minus, *missing = NULL, *scratch;
    int32_t *totals;
    uint8_t *target;

    if (layer->groups != 1 || layer->window.dilation_x != 1 || layer->input.format == EBNN_INT32) {
        return;
    }
    memset(&active, 0, sizeof active);
    active.input = layer->input;
    active.output = layer->output;
    active.window = layer->window;
    active.pad_value = layer->pad_value;
    active.lister = &ebnn_elements_lister;
    if (is_packed(&layer->input)) {
        active.lister = layer->input.format == EBNN_BITS ? &ebnn_bits_lister : &ebnn_trits_lister;
    }
    active.planes = layer->input.planes;
    if (is_packed(&layer->input)) {
        active.planes = layer->input.format == EBNN_TRITS || layer->pad_value == 0 ? 2 : 1;
    }
    active.strip = (uint32_t)draw(1, (int32_t)layer->output.width);
    active.sum_planes =
        bit_length(2 * fan_in * (is_packed(&layer->input) ? active.planes : (UINT32_C(1) << active.planes) - 1) + 1);
    plus = input_words(values, neurons, fan_in, 1);
    not_minus = input_words(values, neurons, fan_in, 0);
    totals = allocate(neurons * sizeof(int32_t));
    for (size_t neuron = 0; neuron < neurons; neuron++) {
        totals[neuron] = 0;
        for (uint32_t i = 0; i < fan_in; i++) {
            totals[neuron] += values[neuron * fan_in + i];
        }
    }
    active.plus = plus;
    active.not_minus = layer->nonzero != NULL ? not_minus : NULL;
    active.totals = totals;
    if (active.input.format == EBNN_BITS && active.planes == 2) {
        const bool ternary = active.not_minus != NULL;

        active.place_planes = bit_length(active.input.channels * (ternary ? 2 : 1));
        missing = place_words(values, &active, fan_in / active.input.channels, ternary ? 0 : 2);
        active.missing = missing;
    }
    active.steps = layer->steps;
    active.border = layer->border;
    scratch = allocate(4 * (size_t)ebnn_linear_active_scratch_words(&active));
    target = allocate(ebnn_tensor_bytes(&layer->output));
    if (ebnn_linear_active(&active, input, target, scratch) != EBNN_OK) {
        fail("ebnn_linear_active's status", number);
    }
    for (uint32_t channel = 0; channel < neurons; channel++) {
        for (uint32_t pixel = 0; pixel < layer->output.height * layer->output.width; pixel++) {
            if (value_at(&layer->output, target, channel, pixel) !=
                value_at(&layer->output, expected, channel, pixel)) {
                fail("ebnn_linear_active", number);
            }
        }
    }
    free(plus);
    free(not_minus);
    free(missing);
    free(totals);
    free(scratch);
    free(target);
}

/* The kernel of halves makes the bytes that ebnn_linear made, `expected`, where it takes the layer. */
static void check_linear_halves(const ebnn_linear_layer *layer, const int32_t *values, uint32_t fan_in,
                                const uint8_t *input, const uint8_t *expected, unsigned int number)
{
    const uint32_t words = (fan_in + 31) / 32;
    ebnn_halves_layer made;
    uint32_t *weights, *scratch;
    uint8_t *target;

    if (layer->groups != 1 || layer->nonzero != NULL || layer->output.channels > 16 || !is_packed(&layer->input)) {
        return;
    }
    memset(&made, 0, sizeof made);
    weights = allocate(words * 64);
    memset(weights, 0, words * 64);
    for (uint32_t neuron = 0; neuron < layer->output.channels; neuron++) {
        for (uint32_t i = 0; i < fan_in; i++) {
            if (values[(size_t)neuron * fan_in + i] > 0) {
                weights[i / 32 * 16 + i % 16] |= UINT32_C(1) << (i % 32 / 16 * 16 + neuron);
            }
        }
    }
    made.linear = *layer;
    made.linear.row_words = words;
    made.linear.sign = weights;
    made.sum_planes = bit_length(64 * words);
    scratch = allocate(4 * (size_t)ebnn_linear_scratch_words(&made.linear));
    target = allocate(ebnn_tensor_bytes(&layer->output));
    if (ebnn_linear_halves(&made, input, target, scratch) != EBNN_OK) {
        fail("ebnn_linear_halves's status", number);
    }
    for (uint32_t channel = 0; channel < layer->output.channels; channel++) {
        for (uint32_t pixel = 0; pixel < layer->output.height * layer->output.width; pixel++) {
            if (value_at(&layer->output, target, channel, pixel) !=
                value_at(&layer->output, expected, channel, pixel)) {
                fail("ebnn_linear_halves", number);
            }
        }
    }
    free(weights);
    free(scratch);
    free(target);
}

/* Which weights are at least `least`, as ebnn_subsets_layer has them. */
static uint32_t *subset_words(const ebnn_linear_layer *layer, const int32_t *values, uint32_t fan_in, int32_t least)
{
    const uint32_t height = layer->window.kernel_height, width = layer->window.kernel_width;
    const uint32_t channels = layer->input.channels / layer->groups;
    const uint32_t neurons = layer->output.channels / layer->groups;
    const size_t blocks = (neurons + 7) / 8, fours = (fan_in + 3) / 4;
    uint32_t *made = allocate(layer->groups * blocks * fours * 4);

    memset(made, 0, layer->groups * blocks * fours * 4);
    for (uint32_t neuron = 0; neuron < layer->output.channels; neuron++) {
        const size_t block = neuron / neurons * blocks + neuron % neurons / 8;

        for (uint32_t i = 0; i < fan_in; i++) {
            const uint32_t tap = i / channels;
            const uint32_t place = (tap % width * height + tap / width) * channels + i % channels;

            if (values[(size_t)neuron * fan_in + i] >= least) {
                made[block * fours + place / 4] |= UINT32_C(1) << (neuron % neurons % 8 * 4 + place % 4);
            }
        }
    }
    return made;
}

/* The kernel of subsets makes the bytes that ebnn_linear made, `expected`, where it takes the layer. */
static void check_linear_subsets(const ebnn_linear_layer *layer, const int32_t *values, uint32_t fan_in,
                                 const uint8_t *input, const uint8_t *expected, unsigned int number)
{
    const uint32_t largest = (UINT32_C(1) << (layer->input.planes - 1)) * 2 - 1;
    ebnn_subsets_layer made;
    uint32_t *plus, *not_minus, *scratch;
    uint8_t *target;

    if (is_packed(&layer->input)) {
        return;
    }
    memset(&made, 0, sizeof made);
    made.input = layer->input;
    made.output = layer->output;
    made.window = layer->window;
    made.pad_value = layer->pad_value;
    made.groups = layer->groups;
    made.lanes = largest * (uint64_t)fan_in * 2 < 65536 ? (uint32_t)draw(1, 2) : 1;
    made.strip = made.lanes;
    if (layer->groups == 1 && layer->window.dilation_x == 1) {
        made.strip *= (uint32_t)draw(1, (int32_t)layer->output.width);
    }
    made.together = 4 * (uint32_t)draw(1, 8);
    plus = subset_words(layer, values, fan_in, 1);
    not_minus = subset_words(layer, values, fan_in, 0);
    made.plus = plus;
    made.not_minus = layer->nonzero != NULL ? not_minus : NULL;
    made.steps = layer->steps;
    made.border = layer->border;
    scratch = allocate(4 * (size_t)ebnn_linear_subsets_scratch_words(&made));
    target = allocate(ebnn_tensor_bytes(&layer->output));
    if (ebnn_linear_subsets(&made, input, target, scratch) != EBNN_OK) {
        fail("ebnn_linear_subsets's status", number);
    }
    for (uint32_t channel = 0; channel < layer->output.channels; channel++) {
        for (uint32_t pixel = 0; pixel < layer->output.height * layer->output.width; pixel++) {
            if (value_at(&layer->output, target, channel, pixel) !=
                value_at(&layer->output, expected, channel, pixel)) {
                fail("ebnn_linear_subsets", number);
            }
        }
    }
    free(plus);
    free(not_minus);
    free(scratch);
    free(target);
}

static void check_linear(unsigned int number)
{
    static const uint32_t sizes[] = {1, 2, 5, 16, 31, 32, 33, 64, 70};
    const uint32_t groups = (uint32_t)draw(1, 3);
    const uint32_t format = (uint32_t)draw(EBNN_BITS, EBNN_INT32);
    const bool padded_rows = draw(0, 1) != 0;
    ebnn_linear_layer layer;
    ebnn_panels_layer panels;
    ebnn_border border;
    ebnn_host_step step;
    uint32_t fan_in;
    size_t in, out;
    uint8_t *source, *target, *batch, *work;
    uint32_t *scratch;
    weights made;

    memset(&layer, 0, sizeof layer);
    layer.groups = groups;
    layer.window = random_window();
    layer.input = random_tensor((uint32_t)draw(5, 8), (uint32_t)draw(7, 9), groups * sizes[draw(0, 8)], format);
    layer.output = random_tensor(extent(layer.input.height, layer.window.kernel_height, layer.window.stride_y,
                                        layer.window.dilation_y, layer.window.pad_top, (uint32_t)draw(0, 3)),
                                 extent(layer.input.width, layer.window.kernel_width, layer.window.stride_x,
                                        layer.window.dilation_x, layer.window.pad_left, (uint32_t)draw(0, 3)),
                                 groups * (uint32_t)draw(1, 40), (uint32_t)draw(EBNN_BITS, EBNN_INT32));
    if (layer.output.format != EBNN_INT32 || draw(0, 1) != 0) {
        layer.steps = random_steps(&layer.output, 30);
    }
    layer.pad_value = format == EBNN_UINT8 || format == EBNN_UINT16 ? 0 : draw(-1, layer.input.planes > 1 ? 1 : 0);
    if (format == EBNN_BITS || format == EBNN_TRITS) {
        layer.pad_value = draw(-1, 1);
    }
    fan_in = (uint32_t)layer.window.kernel_height * layer.window.kernel_width * (layer.input.channels / groups);
    layer.row_words = (fan_in + 31) / 32;
    if (padded_rows) {
        layer.row_words = (layer.row_words + 7) / 8 * 8;
    }
    made = random_weights(layer.output.channels, fan_in, layer.row_words, draw(0, 1) != 0);
    layer.sign = made.sign;
    layer.nonzero = made.nonzero;

    border = random_border(&layer.output);
    layer.border = draw(0, 2) == 0 ? &border : NULL;
    in = ebnn_tensor_bytes(&layer.input);
    out = ebnn_tensor_bytes(&layer.output);
    source = random_data(&layer.input);
    target = allocate(out);
    batch = allocate(BATCH * out);
    scratch = allocate(4 * (size_t)ebnn_linear_scratch_words(&layer));
    panels = in_panels(&layer, made.values, fan_in);
    memset(&step, 0, sizeof step);
    step.layer = &panels;
    step.source_offset = 0;
    step.target_offset = 0;
    step.kind = EBNN_HOST_LINEAR;
    step.source_base = EBNN_HOST_INPUT;
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
            if (ebnn_linear(&layer, source + sample * in, target, scratch) != EBNN_OK) {
                fail("ebnn_linear's status", number);
            }
            check_linear_halves(&layer, made.values, fan_in, source + sample * in, target, number);
            check_linear_subsets(&layer, made.values, fan_in, source + sample * in, target, number);
            check_linear_active(&layer, made.values, fan_in, source + sample * in, target, number);
            for (uint32_t neuron = 0; neuron < layer.output.channels; neuron++) {
                for (uint32_t pixel = 0; pixel < layer.output.height * layer.output.width; pixel++) {
                    const int32_t sum = dot(&layer, made.values + (size_t)neuron * fan_in, source + sample * in, neuron,
                                            pixel / layer.output.width, pixel % layer.output.width);
                    const int32_t expected = stepped(&layer.steps, neuron, sum);

                    if (value_at(&layer.output, target, neuron, pixel) != expected) {
                        fail("ebnn_linear", number);
                    }
                    if (value_at(&layer.output, batch + sample * out, neuron, pixel) != expected) {
                        fail("the batch executor", number);
                    }
                }
            }
        }
    }
    check_sensed(&layer, source, batch, number);
    free(made.sign);
    free(made.nonzero);
    free(made.values);
    free_panels(&panels);
    free_border(&border);
    free((void *)(uintptr_t)layer.steps.thresholds);
    free((void *)(uintptr_t)layer.steps.directions);
    free(source);
    free(target);
    free(batch);
    free(scratch);
    free(work);
}

/* The same bits as a vector of all of them, channel after channel. */
static void check_flat_threshold(const ebnn_threshold_layer *layer, const uint8_t *source, const uint8_t *map,
                                 unsigned int number)
{
    const uint32_t channels = layer->input.channels;
    const uint32_t pixels = layer->input.height * layer->input.width;
    ebnn_threshold_layer flat = *layer;
    uint8_t *made;

    flat.output.height = flat.output.width = 1;
    flat.output.channels = channels * pixels;
    made = allocate(ebnn_tensor_bytes(&flat.output));
    if (ebnn_threshold(&flat, source, made) != EBNN_OK) {
        fail("a flat threshold's status", number);
    }
    for (uint32_t i = 0; i < channels * pixels; i++) {
        if (value_at(&flat.output, made, i, 0) != value_at(&layer->output, map, i / pixels, i % pixels)) {
            fail("a flat threshold", number);
        }
    }
    if (flat.output.channels % 32 != 0 &&
        ((const uint32_t *)(const void *)made)[flat.output.channels / 32] >> flat.output.channels % 32 != 0) {
        fail("the bits behind a flat threshold's last", number);
    }
    free(made);
}

static void check_pool_and_threshold(unsigned int number)
{
    const uint32_t format = (uint32_t)draw(EBNN_BITS, EBNN_INT32);
    ebnn_pool_layer pool;
    ebnn_threshold_layer threshold;
    ebnn_steps directions;
    uint8_t *source, *pooled, *made;

    pool.window = random_window();
    pool.window.pad_top = (uint16_t)draw(0, pool.window.kernel_height - 1);
    pool.window.pad_left = (uint16_t)draw(0, pool.window.kernel_width - 1);
    pool.input = random_tensor((uint32_t)draw(5, 8), (uint32_t)draw(7, 9), (uint32_t)draw(1, 70), format);
    pool.output = pool.input;
    pool.output.height = extent(pool.input.height, pool.window.kernel_height, pool.window.stride_y,
                                pool.window.dilation_y, pool.window.pad_top, 0);
    pool.output.width = extent(pool.input.width, pool.window.kernel_width, pool.window.stride_x, pool.window.dilation_x,
                               pool.window.pad_left, 0);
    directions = random_steps(&pool.output, 1);
    pool.directions = directions.directions;
    threshold.input = pool.output;
    threshold.output = random_tensor(pool.output.height, pool.output.width, pool.output.channels,
                                     (uint32_t)draw(EBNN_BITS, EBNN_INT32));
    threshold.steps = random_steps(&threshold.output, 40);
    source = random_data(&pool.input);
    pooled = allocate(ebnn_tensor_bytes(&pool.output));
    made = allocate(ebnn_tensor_bytes(&threshold.output));
    if (ebnn_max_pool(&pool, source, pooled) != EBNN_OK || ebnn_threshold(&threshold, pooled, made) != EBNN_OK) {
        fail("a status", number);
    }
    for (uint32_t channel = 0; channel < pool.input.channels; channel++) {
        const bool down = (pool.directions[channel / 32] >> channel % 32 & 1) != 0;

        for (uint32_t pixel = 0; pixel < pool.output.height * pool.output.width; pixel++) {
            int64_t best = down ? INT64_MAX : INT64_MIN;

            for (int64_t ky = 0; ky < pool.window.kernel_height; ky++) {
                for (int64_t kx = 0; kx < pool.window.kernel_width; kx++) {
                    const int64_t y = (int64_t)(pixel / pool.output.width) * pool.window.stride_y +
                                      ky * pool.window.dilation_y - pool.window.pad_top;
                    const int64_t x = (int64_t)(pixel % pool.output.width) * pool.window.stride_x +
                                      kx * pool.window.dilation_x - pool.window.pad_left;

                    if (y >= 0 && y < pool.input.height && x >= 0 && x < pool.input.width) {
                        const int64_t value =
                            value_at(&pool.input, source, channel, (uint32_t)(y * pool.input.width + x));

                        best = down ? (value < best ? value : best) : (value > best ? value : best);
                    }
                }
            }
            /* where dilation leaves no tap inside the image there is no largest value */
            if (best == INT64_MAX || best == INT64_MIN) {
                continue;
            }
            if (value_at(&pool.output, pooled, channel, pixel) != best) {
                fail("ebnn_max_pool", number);
            }
            if (value_at(&threshold.output, made, channel, pixel) !=
                stepped(&threshold.steps, channel, (int32_t)best)) {
                fail("ebnn_threshold", number);
            }
        }
    }
    if (threshold.output.format == EBNN_BITS) {
        check_flat_threshold(&threshold, pooled, made, number);
    }
    free((void *)(uintptr_t)directions.thresholds);
    free((void *)(uintptr_t)directions.directions);
    free((void *)(uintptr_t)threshold.steps.thresholds);
    free((void *)(uintptr_t)threshold.steps.directions);
    free(source);
    free(pooled);
    free(made);
}

int main(void)
{
    const unsigned int cases = 150;

    for (unsigned int number = 0; number < cases; number++) {
        check_linear(number);
        check_pool_and_threshold(number);
        check_int8(number);
        check_sums(number);
        check_lines(number);
    }
    printf("%u cases agree\n", cases);
    return 0;
}
