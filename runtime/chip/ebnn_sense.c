/*
 * ebnn_sense.c: see ebnn_sense.h. What is certain is looked up; what is not is compared with fresh random numbers, which
 * come in bit slices, the highest bits first, until every column is decided.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ebnn_sense.h"

#include <stdbool.h>
#include <stddef.h>

#include "ebnn_philox.h"

#define BLOCK_SLICES 4
#define BLOCKS (EBNN_READ_SLICES / BLOCK_SLICES)

/* Where the parts of an input's table begin. */
enum { UNCERTAIN = 0, MAY_BE_MINUS = 1, MAY_BE_AT_MOST_ZERO = 2, MINUS = 3, AT_MOST_ZERO = 3 + EBNN_READ_SLICES };

/* A row with columns that are not decided yet: whether u is below each of its two thresholds. */
typedef struct open_row {
    const uint32_t *table; /* of input -1; that of input +1 lies behind it */
    uint32_t index;        /* among the rows that are read */
    uint32_t bank_row;     /* its number in the counter of a draw */
    uint32_t inputs;
    uint32_t lanes; /* the columns that are drawn for */
    bool signs;     /* both thresholds are one */
    uint32_t undecided[2];
    uint32_t less[2];
} open_row;

uint32_t ebnn_sensing_bytes(void)
{
    return (uint32_t)sizeof(ebnn_sensing);
}

/* Column by column that of two words which belongs to its input. */
static inline uint32_t choose(uint32_t minus, uint32_t plus, uint32_t inputs)
{
    return minus ^ ((minus ^ plus) & inputs);
}

static inline uint32_t entry(const open_row *row, uint32_t word)
{
    return choose(row->table[word], row->table[EBNN_READ_WORDS + word], row->inputs);
}

/* Whether u is below one threshold, as far as a block says it; `slice` is where the block's begin in the table. */
static inline void compare_block(open_row *row, uint32_t slice, int which, const ebnn_drawn *drawn, uint32_t place)
{
    uint32_t below = 0, equal = UINT32_MAX;

    for (uint32_t i = BLOCK_SLICES; i-- > 0;) {
        const uint32_t u = drawn->words[i][place], bit = entry(row, slice + i);

        below = (~u & bit) | (below & (~u | bit));
        equal &= ~(u ^ bit);
    }
    row->less[which] |= row->undecided[which] & below;
    row->undecided[which] &= equal;
}

/* Both thresholds with one block; answers whether any column is still undecided. */
static bool compare(open_row *row, uint32_t block, const ebnn_drawn *drawn, uint32_t place)
{
    compare_block(row, MINUS + block * BLOCK_SLICES, 0, drawn, place);
    if (row->signs) {
        row->less[1] = row->less[0];
        row->undecided[1] = row->undecided[0];
    } else {
        compare_block(row, AT_MOST_ZERO + block * BLOCK_SLICES, 1, drawn, place);
    }
    return (row->undecided[0] | row->undecided[1]) != 0;
}

/* The answers of a row's fresh columns; u equal to (threshold - 1), undecided to the end, is below the threshold. */
static void settle(const open_row *row, uint32_t *sign, uint32_t *nonzero)
{
    const uint32_t minus = (row->less[0] | row->undecided[0]) & entry(row, MAY_BE_MINUS);
    const uint32_t at_most_zero = (row->less[1] | row->undecided[1]) & entry(row, MAY_BE_AT_MOST_ZERO);

    *sign = (*sign & ~row->lanes) | (~at_most_zero & row->lanes);
    *nonzero = (*nonzero & ~row->lanes) | ((minus | ~at_most_zero) & row->lanes);
}

/* A read at work: what all of its rows have in common. */
typedef struct sensing_read {
    const ebnn_sensing *sensing;
    ebnn_philox_kernel *philox;
    uint64_t inference;
    uint32_t number;
} sensing_read;

/* One block of random words for each of up to EBNN_DRAWN_ROWS open rows. */
static void draw(ebnn_drawn *drawn, const sensing_read *at, const open_row *open, uint32_t count, uint32_t block)
{
    const uint64_t inference = at->inference;
    const uint32_t number = at->sensing->each_read != 0 ? at->number : 0;

    if (count == 1) {
        uint32_t words[4];

        ebnn_draw(words, at->sensing->seed, EBNN_DOMAIN_READ, open->bank_row, number, inference, block);
        for (uint32_t i = 0; i < 4; i++) {
            drawn->words[i][0] = words[i];
        }
        return;
    }
    for (uint32_t i = 0; i < EBNN_DRAWN_ROWS; i++) {
        drawn->words[0][i] = open[i < count ? i : 0].bank_row;
        drawn->words[1][i] = number;
        drawn->words[2][i] = (uint32_t)inference;
        drawn->words[3][i] = (uint32_t)EBNN_DOMAIN_READ << 24 | block << 16 | (uint32_t)(inference >> 32);
    }
    at->philox(drawn, at->sensing->seed);
}

/* Draws one more block for `count` open rows and settles those that it decides; answers how many stay open. */
static uint32_t narrow(const sensing_read *at, open_row *open, uint32_t count, uint32_t block, uint32_t *sign,
                       uint32_t *nonzero)
{
    uint32_t left = 0;

    for (uint32_t first = 0; first < count; first += EBNN_DRAWN_ROWS) {
        const uint32_t drawing = count - first < EBNN_DRAWN_ROWS ? count - first : EBNN_DRAWN_ROWS;
        ebnn_drawn drawn;

        draw(&drawn, at, open + first, drawing, block);
        for (uint32_t i = 0; i < drawing; i++) {
            open_row *row = &open[first + i];

            if (compare(row, block, &drawn, i) && block + 1 < BLOCKS) {
                open[left++] = *row;
            } else {
                settle(row, &sign[row->index], &nonzero[row->index]);
            }
        }
    }
    return left;
}

/* Begins to read row `place`, which has a table; answers whether any column that is wanted is open. */
static bool begin(const ebnn_sensing *sensing, open_row *row, int32_t place, uint32_t inputs, uint32_t wanted)
{
    row->table = sensing->tables + (size_t)place * 2 * EBNN_READ_WORDS;
    row->inputs = inputs;
    row->signs = sensing->signs[place] != 0;
    row->lanes = entry(row, UNCERTAIN) & wanted;
    row->undecided[0] = row->undecided[1] = row->lanes;
    row->less[0] = row->less[1] = 0;
    return row->lanes != 0;
}

void ebnn_sense_rows(const ebnn_sensing *sensing, uint32_t stripe, uint32_t row, uint32_t count,
                     const ebnn_sense_read *read, ebnn_philox_kernel *philox, uint32_t *sign, uint32_t *nonzero)
{
    const size_t first = (size_t)stripe * sensing->rows + row;
    const sensing_read at = {sensing, philox, read->inference, read->number};
    const uint32_t *likely_sign = sensing->sign + 2 * first, *likely_nonzero = sensing->nonzero + 2 * first;
    open_row open[EBNN_SENSE_ROWS];
    uint32_t opened = 0;

    for (uint32_t i = 0; i < count; i++) {
        const int32_t place = sensing->fresh[first + i];

        sign[i] = choose(likely_sign[2 * i], likely_sign[2 * i + 1], read->inputs);
        nonzero[i] = choose(likely_nonzero[2 * i], likely_nonzero[2 * i + 1], read->inputs);
        if (place >= 0 && begin(sensing, &open[opened], place, read->inputs, read->wanted)) {
            open[opened].index = i;
            open[opened].bank_row = (stripe << sensing->row_bits | row) + i;
            opened++;
        }
    }
    for (uint32_t block = 0; opened > 0; block++) {
        opened = narrow(&at, open, opened, block, sign, nonzero);
    }
}

void ebnn_sense_words(const ebnn_sensing *sensing, uint64_t inference, uint32_t number, ebnn_sensed_word *words,
                      uint32_t count, ebnn_philox_kernel *philox)
{
    const sensing_read at = {sensing, philox, inference, number};
    uint32_t sign[EBNN_SENSE_ROWS], nonzero[EBNN_SENSE_ROWS];
    open_row open[EBNN_SENSE_ROWS];
    uint32_t opened = 0;

    for (uint32_t i = 0; i < count; i++) {
        const ebnn_sensed_word *word = &words[i];
        const uint32_t *likely_sign = sensing->sign + 2 * (size_t)word->place;
        const uint32_t *likely_nonzero = sensing->nonzero + 2 * (size_t)word->place;
        const int32_t place = sensing->fresh[word->place];

        sign[i] = choose(likely_sign[0], likely_sign[1], word->inputs);
        nonzero[i] = choose(likely_nonzero[0], likely_nonzero[1], word->inputs);
        if (place >= 0 && begin(sensing, &open[opened], place, word->inputs, word->wanted)) {
            const uint32_t stripe = word->place / sensing->rows, row = word->place % sensing->rows;

            open[opened].index = i;
            open[opened].bank_row = stripe << sensing->row_bits | row;
            opened++;
        }
    }
    for (uint32_t block = 0; opened > 0; block++) {
        opened = narrow(&at, open, opened, block, sign, nonzero);
    }
    for (uint32_t i = 0; i < count; i++) {
        words[i].sign = sign[i];
        words[i].nonzero = nonzero[i];
    }
}

void ebnn_sense_row(const ebnn_sensing *sensing, uint32_t stripe, uint32_t row, uint64_t inference, uint32_t number,
                    uint32_t inputs, uint32_t *sign, uint32_t *nonzero)
{
    const ebnn_sense_read read = {inference, number, inputs, UINT32_MAX};

    ebnn_sense_rows(sensing, stripe, row, 1, &read, ebnn_philox_rows_portable, sign, nonzero);
}
