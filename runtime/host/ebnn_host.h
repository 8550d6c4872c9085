/*
 * ebnn_host.h: whole batches of a model on a computer, with the kernel that suits its processor.
 *
 * The descriptors are those of ebnn.h, but for layers of dot products, whose weights stand in panels. Nothing is
 * allocated here: the caller brings the work area.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef EBNN_HOST_H
#define EBNN_HOST_H

#include "ebnn.h"
#include "ebnn_lift.h"
#include "ebnn_sense.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ebnn_host_kind {
    EBNN_HOST_LINEAR = 0,      /* an ebnn_panels_layer */
    EBNN_HOST_THRESHOLD = 1,   /* an ebnn_threshold_layer */
    EBNN_HOST_MAX_POOL = 2,    /* an ebnn_pool_layer */
    EBNN_HOST_AFFINE = 3,      /* an ebnn_affine_layer */
    EBNN_HOST_INT8 = 4,        /* an ebnn_int8_layer */
    EBNN_HOST_SUM_POOL = 5,    /* an ebnn_pool_layer */
    EBNN_HOST_ADD = 6,         /* an ebnn_add_layer */
    EBNN_HOST_COPY = 7,        /* an ebnn_copy_layer */
    EBNN_HOST_TAKE = 8,        /* an ebnn_take_layer */
    EBNN_HOST_SENSED = 9,      /* an ebnn_sensed_layer */
    EBNN_HOST_DIFFERENCE = 10, /* an ebnn_difference_layer */
    EBNN_HOST_SLICED = 11      /* an ebnn_sliced_layer */
} ebnn_host_kind;

typedef enum ebnn_host_base {
    EBNN_HOST_INPUT = 0,  /* the sample's input */
    EBNN_HOST_SCORES = 1, /* the sample's scores */
    EBNN_HOST_WORK = 2    /* the sample's share of the work area */
} ebnn_host_base;

typedef enum ebnn_host_kernel {
    EBNN_HOST_BEST = -1, /* the fastest that this processor can run */
    EBNN_HOST_PORTABLE = 0,
    EBNN_HOST_AVX2 = 1,
    EBNN_HOST_AVX512 = 2, /* F, BW, VL, VBMI, VNNI and VPOPCNTDQ */
    EBNN_HOST_NEON = 3
} ebnn_host_kernel;

/* What ebnn_host_run answers beside the values of ebnn_status. */
#define EBNN_HOST_ERROR_KERNEL (-16) /* a kernel that does not exist or that this processor cannot run */
#define EBNN_HOST_ERROR_STEP (-17)   /* a step of an unknown kind or base */

/*
 * Weights for lists of active inputs, beside those in panels: of layers of bits, of one group, without a border. A list has
 * the inputs that are +1, or those that are -1 where they are fewer; padding of 0 is neither. What counters must reach
 * depends on which inputs a window sees, so the map has zones.
 */
typedef struct ebnn_lists {
    const uint8_t *rows; /* (panel, input, row of the input, bytes), then a row of zeros for each panel */
    /* (zone, inputs of +1 or of -1, panel, planes + 1, bytes): see ebnn_listing; NULL: the output is no table of steps of
     * one bit */
    const uint8_t *limits;
    const uint16_t *zones_y; /* of the output's rows, times the zones of a row */
    const uint16_t *zones_x; /* of its columns */
    uint32_t inputs;
    uint32_t input_rows;    /* 1: which weights are +1; 2: of ternary layers also which are not -1 */
    uint32_t planes;        /* of a counter, which is `inputs` more than the sum of the listed inputs' weights */
    uint32_t bytes;         /* of a panel's row: 16, 32 or 64 */
    const uint32_t *totals; /* (zone, panel, neuron of the panel): the sum of its weights that a window sees */
} ebnn_lists;

/*
 * A layer with its weights in panels (ebnn_kernel.h); its own, `sign` and `nonzero`, are not looked at. A row has
 * 4 * row_words octets. The neurons of each group start a panel, and its last panel is filled up with zeros.
 */
typedef struct ebnn_panels_layer {
    ebnn_linear_layer layer;
    const uint8_t *plus;     /* which weights are +1 */
    const uint8_t *minus;    /* which are -1; NULL: all that are not +1 */
    const uint32_t *totals;  /* inputs of a signed format of elements: the sum of each neuron's weights, modulo 2^32 */
    const ebnn_lists *lists; /* NULL: none */
} ebnn_panels_layer;

/* A layer whose weights are read off a chip with errors; its own, `sign` and `nonzero`, are not looked at. */
typedef struct ebnn_sensed_layer {
    ebnn_linear_layer layer; /* row_words is exact, `banks` says where the weights lie */
    const ebnn_sensing *sensing;
} ebnn_sensed_layer;

/* Samples of a block in which the inputs of a known run lie side by side. */
#define EBNN_KNOWN_SAMPLES 64

#define EBNN_WEIGHTS_BEHIND 16

/*
 * A dense layer of one pixel and one group whose inputs and weights differ in few places from those of a known run; the
 * layer's own weights are not looked at. Sample i of a batch is sample `first_inference` + i of the known run.
 */
typedef struct ebnn_difference_layer {
    ebnn_linear_layer layer;
    /* the known run's: (sample, neuron), or with `columns` (block of samples, neuron, EBNN_KNOWN_SAMPLES) */
    const uint32_t *sums;
    const void *columns; /* (block of samples, input, EBNN_KNOWN_SAMPLES): the same in every run; NULL: packed */
    const uint32_t
        *outputs;           /* with `columns`, (sample): the known run's packed bits; NULL: all sums are written anew */
    const uint32_t *inputs; /* (sample): the known run's packed inputs, without gaps between samples */
    const int8_t *weights;  /* (input, neuron): the known run's, behind which EBNN_WEIGHTS_BEHIND bytes may be read */
    const ebnn_wrong_weight *wrong; /* weights that are others now, by rising neuron; those of `columns` change alike */
    const ebnn_open_word *open;     /* words of weights that are read anew for each sample and plane */
    const ebnn_sensing *sensing;    /* NULL: there are no open words */
    uint64_t wrong_count;
    uint64_t open_count;
    uint64_t samples;      /* of the known run */
    uint32_t column_bytes; /* of an input in `columns`: 1 for an int8_t, 2 for an int16_t */
    uint32_t unused;
} ebnn_difference_layer;

/*
 * A dense layer of one pixel and one group, of bits by a table of one step, whose inputs and weights differ in few places
 * from those of a known run. Sums are never looked at: a neuron's counter is `2 * inputs + 1`, less 2 for each input that
 * changed, plus what its weights add for these by the rows below, and it answers as its limit says. What wrong weights add
 * with the known run's inputs lowers that limit. Where a sum moves by less than EBNN_NEAR_MOST, its near limit says as
 * much in fewer planes: how far the sum is from its step, but no further than that.
 */
#define EBNN_NEAR_PLANES 7
#define EBNN_NEAR_MOST 32 /* four times as much is a power of two that the planes hold */

typedef struct ebnn_sliced_layer {
    ebnn_linear_layer layer;
    /* (panel, 2 * input + 1 where it became +1, row of the input, bytes): weights times the new input, as they are now:
     * which are +1, and of ternary layers also which are not -1; then a row of zeros for each panel */
    const uint8_t *rows;
    const uint8_t *limits; /* (block of samples, panel, sample, planes + 1, bytes), the known run's: see ebnn_listing */
    const uint8_t *near_limits;     /* the same of EBNN_NEAR_PLANES planes; NULL where a counter has no more */
    const uint32_t *inputs;         /* (sample): the known run's, without gaps between samples */
    const int8_t *columns;          /* (block of samples, input, EBNN_KNOWN_SAMPLES): the same, -1 or +1 */
    const ebnn_wrong_weight *wrong; /* by rising neuron; they change alike with either input */
    uint64_t wrong_count;
    uint64_t samples;       /* of the known run */
    uint32_t input_rows;    /* 1; 2: of ternary layers */
    uint32_t planes;        /* of a counter, at most 16 */
    uint32_t change_planes; /* of what a neuron's wrong weights add, at most 8 */
    uint32_t bytes;         /* of a panel's row: 32 or 64 */
    uint32_t most_change;   /* what a neuron's wrong weights add at most */
    uint32_t unused;
} ebnn_sliced_layer;

/* One layer at work: its descriptor, and where its source, a second source and its target lie. */
typedef struct ebnn_host_step {
    const void *layer;
    size_t source_offset; /* in bytes, behind the base */
    size_t other_offset;  /* of EBNN_HOST_ADD alone */
    size_t target_offset;
    uint8_t kind;        /* an ebnn_host_kind */
    uint8_t source_base; /* an ebnn_host_base */
    uint8_t other_base;
    uint8_t target_base;
} ebnn_host_step;

/* Bytes of work area that ebnn_host_run needs for `batch` samples: their tensors, and scratch for the largest layer. */
size_t ebnn_host_work_bytes(const ebnn_host_step *steps, uint32_t count, size_t batch);

/*
 * Runs the steps on `batch` samples. Sample i's input starts at `inputs` + i * input_stride and its scores at
 * `scores` + i * scores_stride (strides in bytes, multiples of 4). Areas are aligned to 4 bytes. `kernel` is an
 * ebnn_host_kernel; sample i is inference `first_inference` + i of a chip with errors. Answers 0, a negative ebnn_status,
 * or one of the errors above.
 */
int32_t ebnn_host_run(const ebnn_host_step *steps, uint32_t count, const void *inputs, size_t input_stride,
                      int32_t *scores, size_t scores_stride, uint8_t *work, size_t batch, uint64_t first_inference,
                      int kernel);

/* What a sliced layer points to: its rows without errors, from those of the layer's lists; the same with its wrong
 * weights; and a block's limits, and near limits, from the sums (sample, neuron) of its first `count`
 * samples. */
void ebnn_sliced_rows(const ebnn_sliced_layer *sliced, const ebnn_lists *lists, uint8_t *rows);
void ebnn_sliced_turn_rows(const ebnn_sliced_layer *sliced, uint8_t *rows);
void ebnn_sliced_limits_of(const ebnn_sliced_layer *sliced, const uint32_t *sums, size_t count, uint8_t *limits);
void ebnn_sliced_near_limits_of(const ebnn_sliced_layer *sliced, const uint32_t *sums, size_t count, uint8_t *limits);

/* Bytes of a row of lists that suit this processor: what its registers hold. */
uint32_t ebnn_host_list_bytes(void);

/* 1 where its fastest kernel makes sums by lists too, else 0. */
int32_t ebnn_host_sums_by_lists(void);

/* 1 where ebnn_host_run would take this kernel, else 0. */
int32_t ebnn_host_has_kernel(int kernel);

/* sizeof of the descriptor of a kind, of an ebnn_host_step for any other number: callers of other languages compare. */
size_t ebnn_host_descriptor_bytes(uint32_t kind);

#ifdef __cplusplus
}
#endif

#endif
