/*
 * ebnn_host_difference.c: the sums of a known run, plus what differs: inputs that changed, times the weights of then,
 * and weights that changed, times the inputs of now.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_host_difference.h"

#include <string.h>

#include "ebnn_lowest_bit.h"
#include "ebnn_writer.h"

/* Words of a block's sums, and of some samples' beside them. */
static size_t sums_words(const ebnn_difference_layer *difference)
{
    return (EBNN_KNOWN_SAMPLES + EBNN_TURNED_SAMPLES) * ebnn_difference_stride(difference);
}

/* Bytes of the list of what changes: neurons where there are columns, else a sample's inputs. */
static size_t changed_bytes(const ebnn_difference_layer *difference)
{
    return difference->columns != NULL ? difference->layer.output.channels * sizeof(ebnn_changed_neuron)
                                       : difference->layer.input.channels * sizeof(ebnn_changed_input);
}

size_t ebnn_host_difference_scratch_bytes(const ebnn_difference_layer *difference)
{
    const size_t gathered = difference->open_count > 0 ? ebnn_linear_scratch_words(&difference->layer) : 0;

    return (sums_words(difference) + gathered) * 4 + changed_bytes(difference);
}

/* Words of a vector of bits, or of one of its two parts where it is one of trits. */
static uint32_t words_of(const ebnn_difference_layer *difference)
{
    return ebnn_words(difference->layer.input.channels);
}

/* The value of a packed input; `vector` of bits, or of trits with its second part behind `words` words. */
static int32_t value_at(const ebnn_difference_layer *difference, const uint32_t *vector, uint32_t input)
{
    const uint32_t word = input / 32, bit = input % 32;
    const int32_t sign = 2 * (int32_t)(vector[word] >> bit & 1) - 1;

    if (difference->layer.input.format == EBNN_BITS) {
        return sign;
    }
    return sign * (int32_t)(vector[words_of(difference) + word] >> bit & 1);
}

/* The inputs of a sample that are not those of the known run; answers how many. */
static size_t list_inputs(const ebnn_difference_block *at, const uint32_t *now, const uint32_t *known)
{
    const ebnn_difference_layer *difference = at->difference;
    const uint32_t words = words_of(difference);
    const bool trits = difference->layer.input.format == EBNN_TRITS;
    size_t count = 0;

    for (uint32_t word = 0; word < words; word++) {
        uint32_t changed = now[word] ^ known[word];

        if (trits) {
            changed |= now[words + word] ^ known[words + word];
        }
        for (; changed != 0; changed &= changed - 1) {
            ebnn_changed_input *found = &at->inputs[count++];

            const uint32_t bit = ebnn_lowest_bit(changed);

            found->input = word * 32 + bit;
            found->change = trits ? value_at(difference, now, found->input) - value_at(difference, known, found->input)
                            : (now[word] >> bit & 1) != 0 ? 2
                                                          : -2;
        }
    }
    return count;
}

/* Packed inputs, sample after sample: those that changed, then the weights that did. */
static void add_packed(const ebnn_difference_block *at)
{
    const ebnn_difference_layer *difference = at->difference;
    const size_t vector_words = (size_t)words_of(difference) * (difference->layer.input.format == EBNN_TRITS ? 2 : 1);

    for (size_t i = 0; i < at->count; i++) {
        const uint32_t *now = (const uint32_t *)(const void *)(at->source.first + i * at->source.stride);
        uint32_t *sums = at->sums + i * ebnn_difference_stride(difference);

        const size_t changed = list_inputs(at, now, difference->inputs + (at->first + i) * vector_words);

        at->adding->add_inputs(sums, difference->weights, at->inputs, changed, difference->layer.output.channels);
        for (size_t k = 0; k < difference->wrong_count; k++) {
            const ebnn_wrong_weight *wrong = &difference->wrong[k];
            const int32_t value = value_at(difference, now, wrong->input);

            sums[wrong->neuron] += (uint32_t)(wrong->change[value > 0 ? 1 : 0] * value);
        }
    }
}

void ebnn_difference_write(const ebnn_linear_layer *layer, const ebnn_kernel *kernel, const uint32_t *sums,
                           uint8_t *data)
{
    const uint32_t channels = layer->output.channels;

    if (layer->output.format == EBNN_BITS) {
        kernel->threshold_bits(&layer->steps, sums, channels, (uint32_t *)(void *)data);
    } else if (layer->steps.steps == 0) {
        memcpy(data, sums, (size_t)channels * 4);
    } else {
        ebnn_writer writer = ebnn_writer_at(&layer->output, &layer->steps, data, 0);

        for (uint32_t channel = 0; channel < channels; channel++) {
            ebnn_write(&writer, (int32_t)sums[channel]);
        }
    }
}

static void run_packed(const ebnn_difference_block *at, ebnn_host_series target, const ebnn_kernel *kernel)
{
    const ebnn_difference_layer *difference = at->difference;
    const size_t neurons = difference->layer.output.channels, stride = ebnn_difference_stride(difference);

    for (size_t i = 0; i < at->count; i++) {
        memcpy(at->sums + i * stride, difference->sums + (at->first + i) * neurons, neurons * 4);
    }
    add_packed(at);
    if (difference->open_count > 0) {
        ebnn_difference_open(at);
    }
    for (size_t i = 0; i < at->count; i++) {
        ebnn_difference_write(&difference->layer, kernel, at->sums + i * stride, target.first + i * target.stride);
    }
}

static const ebnn_adding_kernel *find_adding(const ebnn_kernel *kernel)
{
#if defined(__x86_64__)
    if (kernel != &ebnn_kernel_portable) {
        return &ebnn_adding_avx2;
    }
#endif
    (void)kernel;
    return &ebnn_adding_portable;
}

int32_t ebnn_host_difference(const ebnn_difference_layer *difference, ebnn_host_series source, ebnn_host_series target,
                             size_t batch, uint64_t first, const ebnn_kernel *kernel, void *scratch)
{
    const ebnn_linear_layer *layer = &difference->layer;
    const int32_t status = ebnn_check_linear(layer);
    uint32_t *sums = (uint32_t *)(void *)((uint8_t *)scratch + changed_bytes(difference));
    ebnn_host_series block_target = target;
    ebnn_difference_block at;

    at.difference = difference;
    at.adding = find_adding(kernel);
    at.source = source;
    at.sums = sums;
    at.gathered = sums + sums_words(difference);
    at.philox = kernel->philox_rows;
    at.changed = (ebnn_changed_neuron *)scratch;
    at.inputs = (ebnn_changed_input *)scratch;
    if (status != EBNN_OK) {
        return status;
    }
    if (layer->output.height * layer->output.width != 1 || layer->groups != 1 || first + batch > difference->samples) {
        return EBNN_ERROR_SHAPE;
    }
    at.changed_count = difference->columns != NULL ? ebnn_difference_list_changed(difference, at.changed) : 0;
    for (size_t done = 0; done < batch; done += at.count) {
        at.first = (size_t)first + done;
        at.count = EBNN_KNOWN_SAMPLES - at.first % EBNN_KNOWN_SAMPLES; /* no block of the known run is crossed */
        at.count = batch - done < at.count ? batch - done : at.count;
        at.source.first = source.first + done * source.stride;
        block_target.first = target.first + done * target.stride;
        if (difference->columns != NULL) {
            ebnn_difference_columns(&at, block_target, kernel);
        } else {
            run_packed(&at, block_target, kernel);
        }
    }
    return EBNN_OK;
}
