/*
 * ebnn_host.c: the batch executor: step after step, each over the whole batch.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_host.h"

#include "ebnn_host_difference.h"
#include "ebnn_host_linear.h"
#include "ebnn_host_listed.h"
#include "ebnn_host_sensed.h"
#include "ebnn_host_sliced.h"

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
        return ebnn_tensor_bytes(&((const ebnn_panels_layer *)step->layer)->layer.output);
    case EBNN_HOST_INT8:
        return ebnn_tensor_bytes(&((const ebnn_int8_layer *)step->layer)->output);
    case EBNN_HOST_THRESHOLD:
        return ebnn_tensor_bytes(&((const ebnn_threshold_layer *)step->layer)->output);
    case EBNN_HOST_MAX_POOL:
    case EBNN_HOST_SUM_POOL:
        return ebnn_tensor_bytes(&((const ebnn_pool_layer *)step->layer)->output);
    case EBNN_HOST_ADD:
        return ebnn_tensor_bytes(&((const ebnn_add_layer *)step->layer)->output);
    case EBNN_HOST_COPY:
        return ebnn_tensor_bytes(&((const ebnn_copy_layer *)step->layer)->output);
    case EBNN_HOST_TAKE:
        return ebnn_tensor_bytes(&((const ebnn_take_layer *)step->layer)->output);
    case EBNN_HOST_AFFINE:
        return ebnn_tensor_bytes(&((const ebnn_affine_layer *)step->layer)->output);
    case EBNN_HOST_SENSED:
        return ebnn_tensor_bytes(&((const ebnn_sensed_layer *)step->layer)->layer.output);
    case EBNN_HOST_DIFFERENCE:
        return ebnn_tensor_bytes(&((const ebnn_difference_layer *)step->layer)->layer.output);
    case EBNN_HOST_SLICED:
        return ebnn_tensor_bytes(&((const ebnn_sliced_layer *)step->layer)->layer.output);
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

/* Whether lists answer, without any sums. */
static bool answers_lists(const ebnn_panels_layer *panels)
{
    return panels->lists != NULL && panels->lists->limits != NULL && panels->layer.output.format == EBNN_BITS;
}

/* For any kernel. */
static size_t linear_scratch_bytes(const ebnn_panels_layer *panels)
{
    const size_t linear = ebnn_host_linear_scratch_bytes(&panels->layer);
    size_t listed = 0;

    if (answers_lists(panels)) {
        listed = ebnn_host_listed_scratch_bytes(panels);
    } else if (panels->lists != NULL) {
        listed = ebnn_host_listed_sums_scratch_bytes(panels);
    }
    return listed > linear ? listed : linear;
}

size_t ebnn_host_work_bytes(const ebnn_host_step *steps, uint32_t count, size_t batch)
{
    size_t scratch = 0;

    for (uint32_t i = 0; i < count; i++) {
        size_t bytes = 0;

        if (steps[i].kind == EBNN_HOST_LINEAR) {
            const ebnn_panels_layer *panels = (const ebnn_panels_layer *)steps[i].layer;

            bytes = linear_scratch_bytes(panels);
        } else if (steps[i].kind == EBNN_HOST_INT8) {
            bytes = ebnn_host_int8_scratch_bytes((const ebnn_int8_layer *)steps[i].layer);
        } else if (steps[i].kind == EBNN_HOST_SENSED) {
            bytes = ebnn_host_sensed_scratch_bytes((const ebnn_sensed_layer *)steps[i].layer);
        } else if (steps[i].kind == EBNN_HOST_DIFFERENCE) {
            bytes = ebnn_host_difference_scratch_bytes((const ebnn_difference_layer *)steps[i].layer);
        } else if (steps[i].kind == EBNN_HOST_SLICED) {
            bytes = ebnn_host_sliced_scratch_bytes((const ebnn_sliced_layer *)steps[i].layer);
        }
        scratch = bytes > scratch ? bytes : scratch;
    }
    return batch * sample_bytes(steps, count) + scratch;
}

/* The kernel of this number, NULL where the processor cannot run it. */
static const ebnn_kernel *kernel_of(int kernel)
{
    if (kernel == EBNN_HOST_PORTABLE) {
        return &ebnn_kernel_portable;
    }
#if defined(__x86_64__)
    if (kernel == EBNN_HOST_AVX2 && ebnn_cpu_has_avx2()) {
        return &ebnn_kernel_avx2;
    }
    if (kernel == EBNN_HOST_AVX512 && ebnn_cpu_has_avx512()) {
        return &ebnn_kernel_avx512;
    }
#elif defined(__aarch64__)
    if (kernel == EBNN_HOST_NEON) {
        return &ebnn_kernel_neon;
    }
#endif
    return NULL;
}

static const ebnn_kernel *find_kernel(int kernel)
{
    static const int fastest_first[] = {EBNN_HOST_AVX512, EBNN_HOST_AVX2, EBNN_HOST_NEON, EBNN_HOST_PORTABLE};
    const ebnn_kernel *found = kernel_of(kernel);

    for (size_t i = 0; kernel == EBNN_HOST_BEST && found == NULL; i++) {
        found = kernel_of(fastest_first[i]);
    }
    return found;
}

uint32_t ebnn_host_list_bytes(void)
{
    return ebnn_cpu_has_avx512() ? EBNN_MOST_LIST_BYTES : EBNN_MOST_LIST_BYTES / 2;
}

int32_t ebnn_host_sums_by_lists(void)
{
    return find_kernel(EBNN_HOST_BEST)->sum_listed != NULL ? 1 : 0;
}

int32_t ebnn_host_has_kernel(int kernel)
{
    return find_kernel(kernel) != NULL ? 1 : 0;
}

size_t ebnn_host_descriptor_bytes(uint32_t kind)
{
    switch (kind) {
    case EBNN_HOST_LINEAR:
        return sizeof(ebnn_panels_layer);
    case EBNN_HOST_INT8:
        return sizeof(ebnn_int8_layer);
    case EBNN_HOST_THRESHOLD:
        return sizeof(ebnn_threshold_layer);
    case EBNN_HOST_MAX_POOL:
    case EBNN_HOST_SUM_POOL:
        return sizeof(ebnn_pool_layer);
    case EBNN_HOST_ADD:
        return sizeof(ebnn_add_layer);
    case EBNN_HOST_COPY:
        return sizeof(ebnn_copy_layer);
    case EBNN_HOST_TAKE:
        return sizeof(ebnn_take_layer);
    case EBNN_HOST_AFFINE:
        return sizeof(ebnn_affine_layer);
    case EBNN_HOST_SENSED:
        return sizeof(ebnn_sensed_layer);
    case EBNN_HOST_DIFFERENCE:
        return sizeof(ebnn_difference_layer);
    case EBNN_HOST_SLICED:
        return sizeof(ebnn_sliced_layer);
    default:
        return sizeof(ebnn_host_step);
    }
}

/* Where the tensors of a step lie, for each sample. */
typedef struct step_series {
    ebnn_host_series source;
    ebnn_host_series other;
    ebnn_host_series target;
} step_series;

/* A layer that has no kernel for batches, on one sample. */
static int32_t run_sample(const ebnn_host_step *step, const void *input, const void *other, void *output)
{
    switch (step->kind) {
    case EBNN_HOST_THRESHOLD:
        return ebnn_threshold((const ebnn_threshold_layer *)step->layer, input, output);
    case EBNN_HOST_MAX_POOL:
        return ebnn_max_pool((const ebnn_pool_layer *)step->layer, input, output);
    case EBNN_HOST_SUM_POOL:
        return ebnn_sum_pool((const ebnn_pool_layer *)step->layer, input, (int32_t *)output);
    case EBNN_HOST_ADD:
        return ebnn_add((const ebnn_add_layer *)step->layer, input, other, (int32_t *)output);
    case EBNN_HOST_COPY:
        return ebnn_copy_channels((const ebnn_copy_layer *)step->layer, input, output);
    case EBNN_HOST_TAKE:
        return ebnn_take((const ebnn_take_layer *)step->layer, input, output);
    case EBNN_HOST_AFFINE:
        return ebnn_affine((const ebnn_affine_layer *)step->layer, input, output);
    default:
        return EBNN_HOST_ERROR_STEP;
    }
}

static int32_t run_step(const ebnn_host_step *step, const step_series *at, size_t batch, uint64_t first_inference,
                        const ebnn_kernel *kernel, void *scratch)
{
    if (step->kind == EBNN_HOST_LINEAR) {
        const ebnn_panels_layer *panels = (const ebnn_panels_layer *)step->layer;

        if (answers_lists(panels)) {
            return ebnn_host_listed(panels, at->source, at->target, batch, kernel, scratch);
        }
        if (panels->lists != NULL && kernel->sum_listed != NULL) {
            return ebnn_host_listed_sums(panels, at->source, at->target, batch, kernel, scratch);
        }
        return ebnn_host_linear(panels, at->source, at->target, batch, kernel, scratch);
    }
    if (step->kind == EBNN_HOST_INT8) {
        return ebnn_host_int8((const ebnn_int8_layer *)step->layer, at->source, at->target, batch, kernel, scratch);
    }
    if (step->kind == EBNN_HOST_SENSED) {
        return ebnn_host_sensed((const ebnn_sensed_layer *)step->layer, at->source, at->target, batch, first_inference,
                                kernel, scratch);
    }
    if (step->kind == EBNN_HOST_DIFFERENCE) {
        return ebnn_host_difference((const ebnn_difference_layer *)step->layer, at->source, at->target, batch,
                                    first_inference, kernel, scratch);
    }
    if (step->kind == EBNN_HOST_SLICED) {
        return ebnn_host_sliced((const ebnn_sliced_layer *)step->layer, at->source, at->target, batch, first_inference,
                                kernel, scratch);
    }
    for (size_t sample = 0; sample < batch; sample++) {
        const int32_t status =
            run_sample(step, at->source.first + sample * at->source.stride, at->other.first + sample * at->other.stride,
                       at->target.first + sample * at->target.stride);

        if (status != EBNN_OK) {
            return status;
        }
    }
    return EBNN_OK;
}

static ebnn_host_series at_offset(ebnn_host_series base, size_t offset)
{
    base.first += offset;
    return base;
}

int32_t ebnn_host_run(const ebnn_host_step *steps, uint32_t count, const void *inputs, size_t input_stride,
                      int32_t *scores, size_t scores_stride, uint8_t *work, size_t batch, uint64_t first_inference,
                      int kernel)
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
        step_series at;
        int32_t status;

        if (step->source_base > EBNN_HOST_WORK || step->other_base > EBNN_HOST_WORK ||
            step->target_base > EBNN_HOST_WORK || step->target_base == EBNN_HOST_INPUT) {
            return EBNN_HOST_ERROR_STEP;
        }
        at.source = at_offset(bases[step->source_base], step->source_offset);
        at.other = at_offset(bases[step->other_base], step->other_offset);
        at.target = at_offset(bases[step->target_base], step->target_offset);
        status = run_step(step, &at, batch, first_inference, chosen, work + batch * work_stride);
        if (status != EBNN_OK) {
            return status;
        }
    }
    return EBNN_OK;
}
