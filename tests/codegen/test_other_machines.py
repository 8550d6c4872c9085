"""The library on a machine that edgebnn has no target for: AVR, whose `int` and `size_t` have 16 bits."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from edgebnn.codegen.project import render_project
from edgebnn.network import interpret
from tests.codegen.projects import beat_network, mapped_on, run, stored, write_project
from tests.networks import random_inputs, random_network

MACHINE = "atmega1284p"
MAIN = r"""
#include <avr/interrupt.h>
#include <avr/sleep.h>
#include <stdio.h>
#include "model.h"
static const uint32_t input[] = {%s};
static uint32_t work[MODEL_WORK_BYTES / 4 + 1];
static int32_t scores[MODEL_SCORES];
static int put(char letter, FILE *file)
{
    (void)file;
    while (!(UCSR0A & (1 << UDRE0))) { }
    UDR0 = letter;
    return 0;
}
static FILE port = FDEV_SETUP_STREAM(put, 0, _FDEV_SETUP_WRITE);
int main(void)
{
    UCSR0B = 1 << TXEN0;
    stdout = &port;
    const long status = model_init() | model_infer(input, scores, work);
    printf(":%%ld\n", status);
    for (int i = 0; i < MODEL_SCORES; i++) printf(":%%ld\n", (long)scores[i]);
    cli();
    sleep_enable();
    sleep_cpu();
}
"""


@pytest.mark.skipif(not (shutil.which("avr-gcc") and shutil.which("simavr")), reason="needs avr-gcc and simavr")
@pytest.mark.parametrize("seed", [0, 3])
def test_scores_are_the_interpreters_on_a_machine_of_16_bits(seed: int, tmp_path: Path) -> None:
    network = beat_network() if seed == 0 else random_network(seed)
    mapped = mapped_on(network, "cortex-m4")
    folder = write_project(render_project(mapped), tmp_path / "firmware")
    run(["make", "-s", "CC=avr-gcc", f"MACHINE=-mmcu={MACHINE}"], folder)
    x = random_inputs(network, seed, 1)
    words = np.frombuffer(stored(mapped, x), "<u4")
    (tmp_path / "main.c").write_text(MAIN % ",".join(f"{word}UL" for word in words))
    flags = [f"-mmcu={MACHINE}", "-Os", "-Ifirmware/include"]
    run(["avr-gcc", *flags, "main.c", "firmware/libmodel.a", "-o", "program"], tmp_path)
    simulated = run(["simavr", "-m", MACHINE, "-f", "16000000", "program"], tmp_path)
    status, *scores = map(int, re.findall(r":(-?\d+)", (simulated.stdout + simulated.stderr).decode()))
    assert status == 0 and np.array_equal(scores, interpret(network, x).ravel())
