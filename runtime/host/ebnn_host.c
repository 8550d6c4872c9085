/*
 * ebnn_host.c: the batch executor: step after step, each over the whole batch.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_host.h"

#include "ebnn_host_linear.h"

/* Samples' shares of the work area start on cache lines, relative to the area's begin. */
#define LINE ((size_t)64)

static size_t round_up(size_t bytes)
{
    return (bytes + LINE - 1) / LINE * LINE;
}

static size_t target_bytes(const ebnn_host_step *step)
{
    switch (step->kind) {
    case EBNN_HOST_LINEAR:
        return ebnn_tensor_bytes(&((const ebnn_linear_layer *)step->layer)->output);
    case EBNN_HOST_THRESHOLD:
        return ebnn_tensor_bytes(&((const ebnn_threshold_layer *)step->layer)->output);
    case EBNN_HOST_MAX_POOL:
        return ebnn_tensor_bytes(&((const ebnn_pool_layer *)step->layer)->output);
    case EBNN_HOST_AFFINE:
        return ebnn_tensor_bytes(&((const ebnn_affine_layer *)step->layer)->input);
    default:
        return 0;
    }
}

/* Bytes of the tensors that one sample has in the work area. */
static size_t sample_bytes(const ebnn_host_step *steps, uint32_t count)
{
    size_t most = 0;

    for (uint32_t i = 0; i < count; i++) {
        const size_t end = steps[i].target_offset + target_bytes(&steps[i]);

        if (steps[i].target_base == EBNN_HOST_WORK && end > most) {
            most = end;
        }
    }
    return round_up(most);
}

size_t ebnn_host_work_bytes(const ebnn_host_step *steps, uint32_t count, size_t batch)
{
    size_t scratch = 0;

    for (uint32_t i = 0; i < count; i++) {
        if (steps[i].kind == EBNN_HOST_LINEAR) {
            const size_t bytes = ebnn_host_linear_scratch_bytes((const ebnn_linear_layer *)steps[i].layer);

            scratch = bytes > scratch ? bytes : scratch;
        }
    }
    return batch * sample_bytes(steps, count) + scratch;
}

static const ebnn_kernel *find_kernel(int kernel)
{
#if defined(__x86_64__)
    if ((kernel == EBNN_HOST_AVX2 || kernel == EBNN_HOST_BEST) && ebnn_cpu_has_avx2()) {
        return &ebnn_kernel_avx2;
    }
#endif
    return kernel == EBNN_HOST_PORTABLE || kernel == EBNN_HOST_BEST ? &ebnn_kernel_portable : NULL;
}

int32_t ebnn_host_has_kernel(int kernel)
{
    return find_kernel(kernel) != NULL ? 1 : 0;
}

size_t ebnn_host_descriptor_bytes(uint32_t kind)
{
    switch (kind) {
    case EBNN_HOST_LINEAR:
        return sizeof(ebnn_linear_layer);
    case EBNN_HOST_THRESHOLD:
        return sizeof(ebnn_threshold_layer);
    case EBNN_HOST_MAX_POOL:
        return sizeof(ebnn_pool_layer);
    case EBNN_HOST_AFFINE:
        return sizeof(ebnn_affine_layer);
    default:
        return sizeof(ebnn_host_step);
    }
}

/* A layer that has no kernel for batches, sample by sample. */
static int32_t run_samples(const ebnn_host_step *step, ebnn_host_series source, ebnn_host_series target, size_t batch)
{
    for (size_t sample = 0; sample < batch; sample++) {
        const void *input = source.first + sample * source.stride;
        void *output = target.first + sample * target.stride;
        int32_t status;

        switch (step->kind) {
        case EBNN_HOST_THRESHOLD:
            status = ebnn_threshold((const ebnn_threshold_layer *)step->layer, input, output);
            break;
        case EBNN_HOST_MAX_POOL:
            status = ebnn_max_pool((const ebnn_pool_layer *)step->layer, input, output);
            break;
        case EBNN_HOST_AFFINE:
            status = ebnn_affine((const ebnn_affine_layer *)step->layer, (const int32_t *)input, (int32_t *)output);
            break;
        default:
            return EBNN_HOST_ERROR_STEP;
        }
        if (status != EBNN_OK) {
            return status;
        }
    }
    return EBNN_OK;
}

int32_t ebnn_host_run(const ebnn_host_step *steps, uint32_t count, const void *inputs, size_t input_stride,
                      int32_t *scores, size_t scores_stride, uint8_t *work, size_t batch, int kernel)
{
    const ebnn_kernel *chosen = find_kernel(kernel);
    const size_t work_stride = sample_bytes(steps, count);
    ebnn_host_series bases[3];

    if (chosen == NULL) {
        return EBNN_HOST_ERROR_KERNEL;
    }
    /* an input is never a target (checked below), so taking the const away here writes to nothing */
    bases[EBNN_HOST_INPUT].first = (uint8_t *)(uintptr_t)inputs;
    bases[EBNN_HOST_INPUT].stride = input_stride;
    bases[EBNN_HOST_SCORES].first = (uint8_t *)scores;
    bases[EBNN_HOST_SCORES].stride = scores_stride;
    bases[EBNN_HOST_WORK].first = work;
    bases[EBNN_HOST_WORK].stride = work_stride;
    for (uint32_t i = 0; i < count; i++) {
        const ebnn_host_step *step = &steps[i];
        ebnn_host_series source, target;
        int32_t status;

        if (step->source_base > EBNN_HOST_WORK || step->target_base > EBNN_HOST_WORK ||
            step->target_base == EBNN_HOST_INPUT) {
            return EBNN_HOST_ERROR_STEP;
        }
        source = bases[step->source_base];
        target = bases[step->target_base];
        source.first += step->source_offset;
        target.first += step->target_offset;
        status = step->kind == EBNN_HOST_LINEAR ? ebnn_host_linear((const ebnn_linear_layer *)step->layer, source,
                                                                   target, batch, chosen, work + batch * work_stride)
                                                : run_samples(step, source, target, batch);
        if (status != EBNN_OK) {
            return status;
        }
    }
    return EBNN_OK;
}
