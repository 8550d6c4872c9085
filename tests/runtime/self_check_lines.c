/*
 * self_check_lines.c: lines in fixed point, as values and as steps, against their definitions.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "self_check.h"

/* (multiplier * x + offset) / 2^shift, rounded down. */
static int64_t on_line(int32_t multiplier, int64_t offset, uint32_t shift, int32_t x)
{
    const int64_t value = (int64_t)multiplier * x + offset;
    const int64_t unit = (int64_t)1 << shift;

    return value >= 0 ? value / unit : -((-value + unit - 1) / unit);
}

/* Lines of channel after channel; the caller frees their arrays. */
typedef struct random_lines {
    int32_t *multiplier;
    int64_t *offsets;
    uint32_t *offset; /* the same as words */
} random_lines;

static random_lines draw_lines(uint32_t count)
{
    random_lines lines;

    lines.multiplier = allocate((size_t)count * 4);
    lines.offsets = allocate((size_t)count * 8);
    lines.offset = allocate((size_t)count * 8);
    for (uint32_t i = 0; i < count; i++) {
        lines.multiplier[i] = draw(-30000, 30000);
        lines.offsets[i] = (int64_t)draw(-30000, 30000) * draw(1, 30000);
        lines.offset[2 * i] = (uint32_t)((uint64_t)lines.offsets[i] & UINT32_MAX);
        lines.offset[2 * i + 1] = (uint32_t)((uint64_t)lines.offsets[i] >> 32);
    }
    return lines;
}

static void free_lines(random_lines *lines)
{
    free(lines->multiplier);
    free(lines->offsets);
    free(lines->offset);
}

static void check_affine(const ebnn_tensor *input, const uint8_t *source, unsigned int number)
{
    const uint32_t segments = (uint32_t)draw(1, 3);
    random_lines lines = draw_lines(input->channels * segments);
    int32_t *knees = allocate((size_t)input->channels * segments * 4);
    ebnn_affine_layer affine;
    int32_t *made;

    affine.input = *input;
    affine.output = random_tensor(input->height, input->width, input->channels, EBNN_INT32);
    affine.segments = segments;
    affine.shift = (uint32_t)draw(5, 40);
    affine.multiplier = lines.multiplier;
    affine.offset = lines.offset;
    affine.knees = segments > 1 ? knees : NULL;
    for (uint32_t channel = 0; channel < input->channels; channel++) {
        for (uint32_t k = 0; k + 1 < segments; k++) {
            knees[channel * (segments - 1) + k] =
                k == 0 ? draw(-100, 100) : knees[channel * (segments - 1) + k - 1] + draw(0, 100);
        }
    }
    made = allocate(ebnn_tensor_bytes(&affine.output));
    if (ebnn_affine(&affine, source, made) != EBNN_OK) {
        fail("ebnn_affine's status", number);
    }
    for (uint32_t channel = 0; channel < input->channels; channel++) {
        for (uint32_t pixel = 0; pixel < input->height * input->width; pixel++) {
            const int32_t x = value_at(input, source, channel, pixel);
            uint32_t at = channel * segments;

            for (uint32_t k = 0; k + 1 < segments; k++) {
                at += knees[channel * (segments - 1) + k] <= x ? 1U : 0U;
            }
            if (value_at(&affine.output, made, channel, pixel) !=
                on_line(lines.multiplier[at], lines.offsets[at], affine.shift, x)) {
                fail("ebnn_affine", number);
            }
        }
    }
    free_lines(&lines);
    free(knees);
    free(made);
}

void check_lines(unsigned int number)
{
    const ebnn_tensor input = random_tensor((uint32_t)draw(5, 8), (uint32_t)draw(7, 9), (uint32_t)draw(1, 70),
                                            (uint32_t)draw(EBNN_BITS, EBNN_INT32));
    uint8_t *source = random_data(&input);
    uint8_t *shift = allocate(input.channels);
    random_lines lines = draw_lines(input.channels);
    const ebnn_lines on_lines = {lines.multiplier, lines.offset, shift, NULL, NULL};
    ebnn_threshold_layer threshold;
    uint8_t *made;

    check_affine(&input, source, number);
    for (uint32_t channel = 0; channel < input.channels; channel++) {
        shift[channel] = (uint8_t)draw(5, 30);
    }
    memset(&threshold, 0, sizeof threshold);
    threshold.input = input;
    threshold.output = random_tensor(input.height, input.width, input.channels, EBNN_INT16);
    threshold.steps.steps = (uint32_t)draw(1, 255);
    threshold.steps.low = draw(-300, 300);
    threshold.steps.step = draw(1, 50);
    threshold.steps.lines = &on_lines;
    made = allocate(ebnn_tensor_bytes(&threshold.output));
    if (ebnn_threshold(&threshold, source, made) != EBNN_OK) {
        fail("ebnn_threshold's status", number);
    }
    for (uint32_t channel = 0; channel < input.channels; channel++) {
        for (uint32_t pixel = 0; pixel < input.height * input.width; pixel++) {
            const int64_t count = on_line(lines.multiplier[channel], lines.offsets[channel], shift[channel],
                                          value_at(&input, source, channel, pixel));
            const int64_t cut =
                count<0 ? 0 : count>(int64_t) threshold.steps.steps ? (int64_t)threshold.steps.steps : count;

            if (value_at(&threshold.output, made, channel, pixel) !=
                threshold.steps.low + threshold.steps.step * (int32_t)cut) {
                fail("steps on a line", number);
            }
        }
    }
    free_lines(&lines);
    free(shift);
    free(source);
    free(made);
}
