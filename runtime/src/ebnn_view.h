/*
 * ebnn_view.h: the part of a map that lies under a pooling window.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef EBNN_VIEW_H
#define EBNN_VIEW_H

#include "ebnn_internal.h"

/* Begin, end and distance of the rows and columns under the window at one output pixel; padding is left out. */
typedef struct ebnn_view {
    uint32_t top, bottom, step_y;
    uint32_t left, right, step_x;
} ebnn_view;

/* First tap inside and the end of the axis or of the window, whichever comes first. */
static inline void ebnn_view_axis(uint32_t position, uint32_t kernel, uint32_t stride, uint32_t dilation, uint32_t pad,
                                  uint32_t extent, uint32_t *begin, uint32_t *end)
{
    const uint32_t start = position * stride;
    const uint32_t skipped = start < pad ? (pad - start + dilation - 1) / dilation : 0;
    const uint32_t last = start + (kernel - 1) * dilation + 1;

    *begin = start + skipped * dilation - pad;
    *end = last <= pad || skipped >= kernel ? *begin : last - pad;
    if (*end > extent) {
        *end = extent;
    }
}

static inline void ebnn_view_row(ebnn_view *view, const ebnn_pool_layer *layer, uint32_t row)
{
    const ebnn_window *window = &layer->window;

    view->step_y = window->dilation_y;
    ebnn_view_axis(row, window->kernel_height, window->stride_y, window->dilation_y, window->pad_top,
                   layer->input.height, &view->top, &view->bottom);
}

static inline void ebnn_view_column(ebnn_view *view, const ebnn_pool_layer *layer, uint32_t column)
{
    const ebnn_window *window = &layer->window;

    view->step_x = window->dilation_x;
    ebnn_view_axis(column, window->kernel_width, window->stride_x, window->dilation_x, window->pad_left,
                   layer->input.width, &view->left, &view->right);
}

#endif
