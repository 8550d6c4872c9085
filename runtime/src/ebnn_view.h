/*
 * ebnn_view.h: the part of a map that lies under a window.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef EBNN_VIEW_H
#define EBNN_VIEW_H

#include "ebnn_internal.h"

/* The taps of a window along one axis that lie inside the map: the first one, where it lies, and where they end. */
typedef struct ebnn_span {
    uint32_t tap;
    uint32_t begin, end;
    uint32_t step;
} ebnn_span;

typedef struct ebnn_view {
    ebnn_span y, x;
} ebnn_view;

static inline ebnn_span ebnn_span_at(uint32_t position, uint32_t kernel, uint32_t stride, uint32_t dilation,
                                     uint32_t pad, uint32_t extent)
{
    const uint32_t start = position * stride;
    const uint32_t last = start + (kernel - 1) * dilation + 1;
    ebnn_span span;

    span.tap = start < pad ? (pad - start + dilation - 1) / dilation : 0;
    span.begin = start + span.tap * dilation - pad;
    if (last <= pad || span.tap >= kernel) {
        span.end = span.begin;
    } else {
        span.end = last - pad < extent ? last - pad : extent;
    }
    span.step = dilation;
    return span;
}

static inline ebnn_span ebnn_rows_at(const ebnn_window *window, const ebnn_tensor *input, uint32_t row)
{
    return ebnn_span_at(row, window->kernel_height, window->stride_y, window->dilation_y, window->pad_top,
                        input->height);
}

static inline ebnn_span ebnn_columns_at(const ebnn_window *window, const ebnn_tensor *input, uint32_t column)
{
    return ebnn_span_at(column, window->kernel_width, window->stride_x, window->dilation_x, window->pad_left,
                        input->width);
}

#endif
