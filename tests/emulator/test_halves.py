"""The kernel of up to 16 neurons, in firmware: the reference's scores, in as many instructions whatever is active."""

from __future__ import annotations

import numpy as np

from edgebnn.codegen.build import build_firmware
from edgebnn.codegen.project import render_project
from edgebnn.emulator.soc import Soc
from edgebnn.network import Kind, Tensor, interpret
from tests.codegen.projects import mapped_on
from tests.networks import Builder


def test_halves_of_words_take_the_same_time_whatever_is_active() -> None:
    builder = Builder(Tensor("x", Kind.BITS, (1000,), -1, 1), np.random.default_rng(5))
    builder.linear(16)
    builder.threshold()
    builder.linear(2)
    mapped = mapped_on(builder.network(), "cortex-m4")
    taken = []
    with Soc(mapped, build_firmware(render_project(mapped), mapped.target).elf) as soc:
        soc.boot()
        for active in (0, 200, 500, 700, 1000):
            x = np.full((1, 1000), -1, np.int8)
            x[0, np.random.default_rng(active).permutation(1000)[:active]] = 1
            scores, events = soc.infer(x)
            assert np.array_equal(scores, interpret(mapped.network, x))
            taken.append(events.instructions)
    # The second layer lists up to 8 of its 16 inputs, and carries go as far as there are ones.
    assert max(taken) < 1.02 * min(taken)
    assert max(taken) < 7400  # the second layer's 1,200 included; 7,900 by rows
