/*
 * status_check.c: what the macro's functions and a model answer where there are no banks, where the macro refuses, and
 * where its cells hold nothing. The registers are this program's; each access finds the status that it has set.
 */
#include <stdio.h>
#include <string.h>

#include "ebnn_macro.h"
#include "ebnn_target.h"
#include "model.h"

static uint32_t answered;

uintptr_t macro_base(void)
{
    static uint32_t registers[1024];

    registers[EBNN_MACRO_STATUS / 4] = answered;
    return (uintptr_t)registers;
}

int main(void)
{
    static uint32_t input[MODEL_INPUT_BYTES / 4], work[MODEL_WORK_BYTES / 4 + 1];
    static int32_t scores[MODEL_SCORES], start[1];
    const uint16_t banks[1] = {0};
    const ebnn_trimming trimming = {NULL, 0, 0, 0};
    ebnn_linear_layer layer;

    memset(&layer, 0, sizeof layer);
    layer.groups = 1;
    answered = EBNN_MACRO_STATUS_DONE;
    (void)printf("linear without banks %d\n", ebnn_linear(&layer, input, scores, NULL));
    (void)printf("program without banks %d\n", ebnn_macro_program(&layer, 0, 0, NULL));
    (void)printf("verify without banks %d\n", ebnn_macro_verify(&layer));
    (void)printf("trim without a border %d\n", ebnn_macro_trim(&layer, &trimming, start));
    (void)printf("model on a new chip %d\n", model_init());
    layer.banks = banks;
    (void)printf("linear %d\n", ebnn_linear(&layer, input, scores, NULL));
    (void)printf("inference %d\n", model_infer(input, scores, work));
    answered = EBNN_MACRO_STATUS_ERROR;
    (void)printf("linear refused %d\n", ebnn_linear(&layer, input, scores, NULL));
    (void)printf("model refused %d\n", model_init());
    (void)printf("inference refused %d\n", model_infer(input, scores, work));
    return 0;
}
