/*
 * ebnn_host_difference.c: the sums of a known run, plus what differs: inputs that changed, times the weights of then,
 * and weights that changed, times the inputs of now.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_host_difference.h"

#include <string.h>

#include "ebnn_gather.h"
#include "ebnn_writer.h"

/* Samples at a time: their inputs of one number fill a few registers, and all of theirs stay in a second-level cache. */
#define BLOCK EBNN_KNOWN_SAMPLES

/* A block at work: samples `first` to `first + count` of the known run. */
typedef struct block_of_samples {
    const ebnn_difference_layer *difference;
    const ebnn_adding_kernel *adding;
    size_t first;
    size_t count;
    ebnn_host_series source; /* of the block */
    uint32_t *sums;          /* (sample, neuron); with columns what changes them, (neuron, sample of the known block) */
    uint32_t *gathered;      /* planes and mask of a sample's inputs */
    ebnn_philox_kernel *philox;
} block_of_samples;

/* Sums from one sample's to the next one's: those of a neuron shall not all compete for one set of a cache. */
static size_t stride_of(const ebnn_difference_layer *difference)
{
    return (size_t)difference->layer.output.channels + 16;
}

/* Words of a block's sums, and of one sample's beside them. */
static size_t sums_words(const ebnn_difference_layer *difference)
{
    return (BLOCK + 1) * stride_of(difference);
}

size_t ebnn_host_difference_scratch_bytes(const ebnn_difference_layer *difference)
{
    const size_t gathered = difference->open_count > 0 ? ebnn_linear_scratch_words(&difference->layer) : 0;

    return (sums_words(difference) + gathered) * 4;
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

/* The inputs of a sample that are not those of the known run. */
static void add_changed_inputs(const block_of_samples *at, const uint32_t *now, const uint32_t *known, uint32_t *sums)
{
    const ebnn_difference_layer *difference = at->difference;
    const uint32_t words = words_of(difference), neurons = difference->layer.output.channels;

    for (uint32_t word = 0; word < words; word++) {
        uint32_t changed = now[word] ^ known[word];

        if (difference->layer.input.format == EBNN_TRITS) {
            changed |= now[words + word] ^ known[words + word];
        }
        for (; changed != 0; changed &= changed - 1) {
            const uint32_t input = word * 32 + ebnn_popcount((changed & (0 - changed)) - 1);
            const int32_t change = value_at(difference, now, input) - value_at(difference, known, input);

            at->adding->add_weights(sums, difference->weights + (size_t)input * neurons, change, neurons);
        }
    }
}

/* Packed inputs, sample after sample: those that changed, then the weights that did. */
static void add_packed(const block_of_samples *at)
{
    const ebnn_difference_layer *difference = at->difference;
    const size_t vector_words = (size_t)words_of(difference) * (difference->layer.input.format == EBNN_TRITS ? 2 : 1);

    for (size_t i = 0; i < at->count; i++) {
        const uint32_t *now = (const uint32_t *)(const void *)(at->source.first + i * at->source.stride);
        uint32_t *sums = at->sums + i * stride_of(difference);

        add_changed_inputs(at, now, difference->inputs + (at->first + i) * vector_words, sums);
        for (size_t k = 0; k < difference->wrong_count; k++) {
            const ebnn_wrong_weight *wrong = &difference->wrong[k];
            const int32_t value = value_at(difference, now, wrong->input);

            sums[wrong->neuron] += (uint32_t)(wrong->change[value > 0 ? 1 : 0] * value);
        }
    }
}

/* The lists of a layer from one neuron on. */
typedef struct changed_neuron {
    uint32_t neuron;
    size_t wrong;       /* its first wrong weight */
    size_t wrong_count; /* how many it has */
    size_t open;        /* its first open word */
    size_t open_count;
} changed_neuron;

/* The next neuron of which anything changes, behind `at`, which begins as all 0; answers whether there is one. */
static bool next_changed(const ebnn_difference_layer *difference, changed_neuron *at)
{
    const size_t wrong_end = (size_t)difference->wrong_count, open_end = (size_t)difference->open_count;

    at->wrong += at->wrong_count;
    at->open += at->open_count;
    at->wrong_count = at->open_count = 0;
    if (at->wrong == wrong_end && at->open == open_end) {
        return false;
    }
    at->neuron = at->wrong < wrong_end ? difference->wrong[at->wrong].neuron : UINT32_MAX;
    if (at->open < open_end && difference->open[at->open].neuron < at->neuron) {
        at->neuron = difference->open[at->open].neuron;
    }
    while (at->wrong + at->wrong_count < wrong_end &&
           difference->wrong[at->wrong + at->wrong_count].neuron == at->neuron) {
        at->wrong_count++;
    }
    while (at->open + at->open_count < open_end && difference->open[at->open + at->open_count].neuron == at->neuron) {
        at->open_count++;
    }
    return true;
}

/*
 * Inputs that are the same in every run: what weights that changed add to neuron after neuron, for all samples of the
 * known run's block at a time. Neurons of which nothing changes are left alone.
 */
static void add_columns(const block_of_samples *at)
{
    const ebnn_difference_layer *difference = at->difference;
    const size_t fan_in =
        (size_t)difference->layer.input.channels * difference->layer.input.height * difference->layer.input.width;
    const int16_t *inputs = difference->columns + at->first / BLOCK * fan_in * BLOCK;
    changed_neuron changed = {0};

    while (next_changed(difference, &changed)) {
        at->adding->correct(inputs, difference->wrong + changed.wrong, changed.wrong_count,
                            at->sums + (size_t)changed.neuron * BLOCK);
    }
}

/* The place of the lowest bit that is set. */
static uint32_t lowest_bit(uint64_t bits)
{
    const uint64_t below = (bits & (0 - bits)) - 1;

    return ebnn_popcount((uint32_t)below) + ebnn_popcount((uint32_t)(below >> 32));
}

/* The known run's bits, and those turned round of which the sum crosses its threshold. */
static void write_crossing(const block_of_samples *at, ebnn_host_series target)
{
    const ebnn_difference_layer *difference = at->difference;
    const ebnn_steps *steps = &difference->layer.steps;
    const size_t neurons = difference->layer.output.channels, words = ebnn_words((uint32_t)neurons);
    const uint32_t *known = difference->sums + at->first / BLOCK * neurons * BLOCK;
    const uint64_t all = at->count < 64 ? (UINT64_C(1) << at->count) - 1 : UINT64_MAX;
    changed_neuron changed = {0};

    for (size_t i = 0; i < at->count; i++) {
        memcpy(target.first + i * target.stride, difference->outputs + (at->first + i) * words, words * 4);
    }
    while (next_changed(difference, &changed)) {
        const uint32_t neuron = changed.neuron;
        const size_t place = (size_t)neuron * BLOCK;
        const uint32_t down = ebnn_bit(steps->directions, neuron) != 0 ? UINT32_MAX : 0;
        uint64_t crossing = at->adding->find_crossing(known + place, at->sums + place, steps->thresholds[neuron], down);

        for (crossing = crossing >> at->first % BLOCK & all; crossing != 0; crossing &= crossing - 1) {
            uint8_t *sample = target.first + lowest_bit(crossing) * target.stride;

            ((uint32_t *)(void *)sample)[neuron / 32] ^= UINT32_C(1) << neuron % 32;
        }
    }
}

/* What some open words, read with their inputs, add up to other than the weights that are meant. */
static void add_read(const ebnn_open_word *open, const ebnn_sensed_word *read, uint32_t count, uint32_t weight,
                     uint32_t *sums, size_t neuron_stride)
{
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t lanes = read[i].wanted, meant = open[i].nonzero & lanes, found = read[i].nonzero & lanes;
        const uint32_t alike_meant = meant & ~(open[i].sign ^ read[i].inputs);
        const uint32_t alike_found = found & ~(read[i].sign ^ read[i].inputs);
        uint32_t *sum = &sums[open[i].neuron * neuron_stride];

        *sum += weight * (2 * ebnn_popcount(alike_found) - ebnn_popcount(found));
        *sum -= weight * (2 * ebnn_popcount(alike_meant) - ebnn_popcount(meant));
    }
}

/* One plane of a sample's inputs through all open words. */
static void read_plane(const block_of_samples *at, size_t sample, uint32_t plane, uint32_t weight)
{
    const ebnn_difference_layer *difference = at->difference;
    const bool packed = ebnn_is_packed(difference->layer.input.format);
    const uint32_t words = difference->layer.row_words;
    /* a plane of elements is a mask over inputs of +1 */
    const uint32_t *mask = at->gathered + (size_t)(packed ? 1 : plane) * words;
    ebnn_sensed_word read[EBNN_SENSE_ROWS];

    for (size_t first = 0; first < difference->open_count; first += EBNN_SENSE_ROWS) {
        const ebnn_open_word *open = difference->open + first;
        const size_t left = difference->open_count - first;
        const uint32_t count = left < EBNN_SENSE_ROWS ? (uint32_t)left : EBNN_SENSE_ROWS;

        for (uint32_t i = 0; i < count; i++) {
            read[i].place = open[i].place;
            read[i].inputs = packed ? at->gathered[open[i].word] : UINT32_MAX;
            read[i].wanted = open[i].lanes & mask[open[i].word];
        }
        ebnn_sense_words(difference->sensing, at->first + sample, plane, read, count, at->philox);
        if (difference->columns != NULL) {
            add_read(open, read, count, weight, at->sums + at->first % BLOCK + sample, BLOCK);
        } else {
            add_read(open, read, count, weight, at->sums + sample * stride_of(difference), 1);
        }
    }
}

/* Weights that are read anew: for each sample, and for each plane of its inputs. */
static void add_open(const block_of_samples *at)
{
    const ebnn_linear_layer *layer = &at->difference->layer;
    const uint32_t planes = layer->input.planes;

    for (size_t i = 0; i < at->count; i++) {
        ebnn_gather(layer, at->source.first + i * at->source.stride, 0, 0, 0, at->gathered);
        for (uint32_t plane = 0; plane < planes; plane++) {
            const bool negative = plane + 1 == planes && ebnn_is_signed(layer->input.format);

            read_plane(at, i, plane, negative ? 0 - (UINT32_C(1) << plane) : UINT32_C(1) << plane);
        }
    }
}

static void write_sample(const ebnn_linear_layer *layer, const ebnn_kernel *kernel, const uint32_t *sums, uint8_t *data)
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

static void run_packed(const block_of_samples *at, ebnn_host_series target, const ebnn_kernel *kernel)
{
    const ebnn_difference_layer *difference = at->difference;
    const size_t neurons = difference->layer.output.channels, stride = stride_of(difference);

    for (size_t i = 0; i < at->count; i++) {
        memcpy(at->sums + i * stride, difference->sums + (at->first + i) * neurons, neurons * 4);
    }
    add_packed(at);
    if (difference->open_count > 0) {
        add_open(at);
    }
    for (size_t i = 0; i < at->count; i++) {
        write_sample(&difference->layer, kernel, at->sums + i * stride, target.first + i * target.stride);
    }
}

/* All sums of a block with what changes them, sample after sample. */
static void write_all(const block_of_samples *at, ebnn_host_series target, const ebnn_kernel *kernel)
{
    const ebnn_difference_layer *difference = at->difference;
    const size_t neurons = difference->layer.output.channels, first = at->first % BLOCK;
    const uint32_t *known = difference->sums + at->first / BLOCK * neurons * BLOCK;
    uint32_t *sums = at->sums + neurons * BLOCK;

    for (size_t i = 0; i < at->count; i++) {
        for (size_t neuron = 0; neuron < neurons; neuron++) {
            const size_t place = neuron * BLOCK + first + i;

            sums[neuron] = known[place] + at->sums[place];
        }
        write_sample(&difference->layer, kernel, sums, target.first + i * target.stride);
    }
}

static void run_columns(const block_of_samples *at, ebnn_host_series target, const ebnn_kernel *kernel)
{
    const ebnn_difference_layer *difference = at->difference;

    if (difference->outputs == NULL) {
        memset(at->sums, 0, (size_t)difference->layer.output.channels * BLOCK * 4);
    }
    add_columns(at);
    if (difference->open_count > 0) {
        add_open(at);
    }
    if (difference->outputs != NULL) {
        write_crossing(at, target);
    } else {
        write_all(at, target, kernel);
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
    uint32_t *sums = (uint32_t *)scratch;
    ebnn_host_series block_target = target;
    block_of_samples at;

    at.difference = difference;
    at.adding = find_adding(kernel);
    at.source = source;
    at.sums = sums;
    at.gathered = sums + sums_words(difference);
    at.philox = kernel->philox_rows;
    if (status != EBNN_OK) {
        return status;
    }
    if (layer->output.height * layer->output.width != 1 || layer->groups != 1 || first + batch > difference->samples) {
        return EBNN_ERROR_SHAPE;
    }
    for (size_t done = 0; done < batch; done += at.count) {
        at.first = (size_t)first + done;
        at.count = BLOCK - at.first % BLOCK; /* no block of the known run is crossed */
        at.count = batch - done < at.count ? batch - done : at.count;
        at.source.first = source.first + done * source.stride;
        block_target.first = target.first + done * target.stride;
        if (difference->columns != NULL) {
            run_columns(&at, block_target, kernel);
        } else {
            run_packed(&at, block_target, kernel);
        }
    }
    return EBNN_OK;
}
