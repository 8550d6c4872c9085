/* The inline functions of ebnn_philox.h, for test_philox.py to call. */
#include "ebnn_philox.h"

void philox(uint32_t *counter, uint64_t seed);
void draw(uint32_t *words, uint64_t seed, uint32_t domain, uint32_t bank_row, uint32_t within, uint64_t event,
          uint32_t block);

void philox(uint32_t *counter, uint64_t seed)
{
    ebnn_philox(counter, seed);
}

void draw(uint32_t *words, uint64_t seed, uint32_t domain, uint32_t bank_row, uint32_t within, uint64_t event,
          uint32_t block)
{
    ebnn_draw(words, seed, domain, bank_row, within, event, block);
}
