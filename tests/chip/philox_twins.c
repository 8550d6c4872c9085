/* Every C twin of philox.py, called alike: eight counters (8, 4) become words in place. Built by test_philox.py. */
#include "ebnn_philox.h"
#include "ebnn_philox_rows.h"

void draw_one(uint32_t *words, uint64_t seed, uint32_t domain, uint32_t bank_row, uint32_t within, uint64_t event,
              uint32_t block);
void scalar(uint32_t *counters, uint64_t seed);
void rows(uint32_t *counters, uint64_t seed);

void draw_one(uint32_t *words, uint64_t seed, uint32_t domain, uint32_t bank_row, uint32_t within, uint64_t event,
              uint32_t block)
{
    ebnn_draw(words, seed, domain, bank_row, within, event, block);
}

void scalar(uint32_t *counters, uint64_t seed)
{
    for (int i = 0; i < 8; i++) {
        ebnn_philox(counters + 4 * i, seed);
    }
}

void rows(uint32_t *counters, uint64_t seed)
{
    ebnn_drawn drawn;

    for (int i = 0; i < 32; i++) {
        drawn.words[i % 4][i / 4] = counters[i];
    }
    ebnn_philox_rows(&drawn, seed);
    for (int i = 0; i < 32; i++) {
        counters[i] = drawn.words[i % 4][i / 4];
    }
}

#if defined(__x86_64__)

#include "ebnn_philox_avx2.h"

void avx2(uint32_t *counters, uint64_t seed);

EBNN_AVX2 void avx2(uint32_t *counters, uint64_t seed)
{
    uint32_t lanes[4][8];
    __m256i words[4];

    for (int i = 0; i < 32; i++) {
        lanes[i % 4][i / 4] = counters[i];
    }
    for (int w = 0; w < 4; w++) {
        words[w] = _mm256_loadu_si256((const __m256i *)(const void *)lanes[w]);
    }
    ebnn_philox_eight(words, seed);
    for (int w = 0; w < 4; w++) {
        _mm256_storeu_si256((__m256i *)(void *)lanes[w], words[w]);
    }
    for (int i = 0; i < 32; i++) {
        counters[i] = lanes[i % 4][i / 4];
    }
}

#endif
