"""Holds every way to run the C runtime against the NumPy interpreter."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from edgebnn.emulator.fast import FastPath, kernels
from edgebnn.network import Network, interpret
from tests.networks import random_inputs
from tests.runtime.firmware_calls import map_on_host, run_like_firmware


def assert_runtime_agrees(network: Network, x: npt.NDArray[Any] | None = None, batch: int = 3) -> None:
    """The public functions and the batch executor with every kernel give the interpreter's scores to the bit."""
    x = random_inputs(network, 7, batch) if x is None else x
    expected = interpret(network, x)
    mapped = map_on_host(network)
    np.testing.assert_array_equal(run_like_firmware(mapped, x), expected, "the functions of ebnn.h")
    fast = FastPath(mapped)
    for kernel in kernels():
        np.testing.assert_array_equal(fast.run(x, kernel=kernel), expected, f"the batch executor, kernel '{kernel}'")
