"""What `emulate` says of a network on chips, in JSON and as tables."""

from __future__ import annotations

import numpy as np

from edgebnn.api import Deployment
from edgebnn.chip.device.cell import ternary_rates
from edgebnn.chip.device.cell_solver import solve_cell
from edgebnn.network.types import Kind, Tensor, WeightKind
from edgebnn.report.emulation import emulate_document
from edgebnn.report.emulation_tables import show_emulate
from tests.emulator.test_chip_runs import dense, on_chip
from tests.networks import random_inputs
from tests.report.printing import printed


def test_ternary_weights_are_shown_with_the_rates_at_which_the_chip_reads_them_wrong() -> None:
    mapped = on_chip(dense(Tensor("x", Kind.INTEGERS, (50,), -8, 7), WeightKind.TERNARY))
    deployment = Deployment(mapped, {}, None)
    chip = deployment.chip(1, errors="device", policy="strong")
    x = random_inputs(mapped.network, 1, 20)
    result = deployment.emulate((x, np.zeros(20, np.int64)), [chip], firmware_samples=1)
    document = emulate_document(deployment, result, None)
    rates = ternary_rates(solve_cell(mapped.target, "strong", chip.conditions))
    found = document["ternary_errors"]
    assert (found["from_zero"], found["to_zero"], found["sign_flip"]) == (
        rates.from_zero, rates.to_zero, rates.sign_flip,
    )  # fmt: skip
    assert 0.1 < rates.from_zero < 0.3
    text = " ".join(printed(show_emulate, document, 160).split())
    assert f"0 as +-1 {rates.from_zero:.2%}, +-1 as 0 {rates.to_zero:.2%}" in text
