/*
 * ebnn_host_difference.h: dense layers by their difference from a known run; private to the batch executor.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef EBNN_HOST_DIFFERENCE_H
#define EBNN_HOST_DIFFERENCE_H

#include "ebnn_host.h"
#include "ebnn_host_linear.h"

/* Bytes of scratch that the function below needs for the layer. */
size_t ebnn_host_difference_scratch_bytes(const ebnn_difference_layer *difference);

/* Sample i of the batch is sample `first` + i of the known run. */
int32_t ebnn_host_difference(const ebnn_difference_layer *difference, ebnn_host_series source, ebnn_host_series target,
                             size_t batch, uint64_t first, const ebnn_kernel *kernel, void *scratch);

/* An input that is not that of the known run. */
typedef struct ebnn_changed_input {
    uint32_t input;
    int32_t change; /* now less then: from -2 to 2 */
} ebnn_changed_input;

/* Sums that are added to: what a register does several of at a time. One file an instruction set. */
typedef struct ebnn_adding_kernel {
    /* what a neuron's wrong weights add for each sample of a block; `inputs` are the block's */
    void (*correct)(const int16_t *inputs, const ebnn_wrong_weight *wrong, size_t count,
                    uint32_t changes[EBNN_KNOWN_SAMPLES]);
    void (*correct_bytes)(const int8_t *inputs, const ebnn_wrong_weight *wrong, size_t count,
                          uint32_t changes[EBNN_KNOWN_SAMPLES]);
    /*
     * bit = sample: which of a neuron's sums reach its threshold with these changes and did not without them, or the
     * other way round; `down`: all bits of a neuron whose sums count negated, else 0
     */
    uint64_t (*find_crossing)(const uint32_t known[EBNN_KNOWN_SAMPLES], const uint32_t changes[EBNN_KNOWN_SAMPLES],
                              int32_t threshold, uint32_t down);
    /* adds changed inputs times their weights, (input, neuron), behind which EBNN_WEIGHTS_BEHIND more may be read */
    void (*add_inputs)(uint32_t *sums, const int8_t *weights, const ebnn_changed_input *list, size_t count,
                       size_t neurons);
} ebnn_adding_kernel;

/* Samples whose sums are turned from neuron after neuron to sample after sample at a time: a line of the cache. */
#define EBNN_TURNED_SAMPLES ((size_t)16)

/* A neuron of which anything changes. */
typedef struct ebnn_changed_neuron {
    size_t wrong; /* its first wrong weight */
    uint32_t wrong_count;
    uint32_t neuron;
} ebnn_changed_neuron;

/* A block at work: samples `first` to `first + count` of the known run. */
typedef struct ebnn_difference_block {
    const ebnn_difference_layer *difference;
    const ebnn_adding_kernel *adding;
    size_t first;
    size_t count;
    ebnn_host_series source; /* of the block */
    uint32_t *sums;          /* (sample, neuron); with columns what changes them, (neuron, sample of the known block) */
    ebnn_changed_neuron *changed; /* with columns: by rising neuron */
    size_t changed_count;
    ebnn_changed_input *inputs; /* packed: of one sample */
    uint32_t *gathered;         /* planes and mask of a sample's inputs */
    ebnn_philox_kernel *philox;
} ebnn_difference_block;

/* Sums from one sample's to the next one's: those of a neuron shall not all compete for one set of a cache. */
static inline size_t ebnn_difference_stride(const ebnn_difference_layer *difference)
{
    return (size_t)difference->layer.output.channels + 16;
}

/* One sample's sums through the layer's steps into memory. */
void ebnn_difference_write(const ebnn_linear_layer *layer, const ebnn_kernel *kernel, const uint32_t *sums,
                           uint8_t *data);

/* Weights that are read anew: for each sample, and for each plane of its inputs. */
void ebnn_difference_open(const ebnn_difference_block *at);

/* All neurons of which anything changes, at most as many as there are; answers how many. */
size_t ebnn_difference_list_changed(const ebnn_difference_layer *difference, ebnn_changed_neuron *list);

/* A block of a layer with columns. */
void ebnn_difference_columns(const ebnn_difference_block *at, ebnn_host_series target, const ebnn_kernel *kernel);

extern const ebnn_adding_kernel ebnn_adding_portable;

#if defined(__x86_64__)
/* Only where ebnn_cpu_has_avx2(). */
extern const ebnn_adding_kernel ebnn_adding_avx2;
#endif

#endif
