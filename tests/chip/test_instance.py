"""A chip instance: which ones there are, and which contradict themselves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edgebnn.chip.device.conditions import MOST_CYCLES, Conditions
from edgebnn.chip.instance.chip_instance import ChipInstance, measured_model
from edgebnn.chip.instance.error_model import ErrorKinds, ErrorModel
from edgebnn.chip.measured.cells import Measured
from edgebnn.errors import TargetError


def rates(value: float = 0.5) -> Measured:
    return Measured(np.array([3]), np.array([[value, value]]), None, "lab.csv", "0" * 64)


def resistances() -> Measured:
    return Measured(np.array([3]), None, np.array([[8, 12]], np.float32), "lab.csv", "0" * 64)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"seed": -1}, "chip seed -1"),
        ({"seed": 2**63}, "chip seed 9223372036854775808"),
        ({"bit_error_rate": 1.1}, "bit error rate 1.1"),
        ({"bit_error_rate": float("nan")}, "bit error rate nan"),
        ({"read_error_rate": -0.1}, "read error rate -0.1"),
        ({"attempts": 0}, "0 attempts"),
        ({"attempts": 2}, "only the error model 'device'"),
        ({"errors": ErrorModel.DEVICE, "bit_error_rate": 0.1}, "takes no bit error rate"),
        ({"errors": ErrorModel.NEIGHBOUR, "kinds": ErrorKinds.PROGRAMMING}, "anew in every inference"),
        ({"errors": ErrorModel.BER, "measured": rates()}, "goes with the error model 'table', not 'ber'"),
        ({"errors": ErrorModel.TABLE, "measured": resistances()}, "goes with the error model 'device', not 'table'"),
    ],
)
def test_a_chip_that_cannot_be_is_one_sentence(fields: dict[str, object], said: str) -> None:
    with pytest.raises(TargetError, match=said):
        ChipInstance(**{"seed": 0, **fields})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "fields",
    [{"cycles": -1}, {"cycles": MOST_CYCLES + 1}, {"supply_v": 0.0}, {"temperature_k": float("nan")},
     {"retention_s": float("inf")}],
)  # fmt: skip
def test_conditions_that_cannot_be_are_refused(fields: dict[str, object]) -> None:
    with pytest.raises(TargetError, match="out of range"):
        Conditions(**fields)  # type: ignore[arg-type]


def test_chips_are_equal_where_their_measurements_are() -> None:
    def chip(measured: Measured) -> ChipInstance:
        return ChipInstance(1, errors=measured_model(measured), measured=measured)

    assert chip(rates()) == chip(rates()) and hash(chip(rates())) == hash(chip(rates()))
    assert chip(rates()) != chip(rates(0.25)) and chip(resistances()) == chip(resistances())
    assert chip(rates()) != ChipInstance(1, errors=ErrorModel.TABLE)


@pytest.mark.parametrize(
    ("conditions", "tabulated"),
    [
        ({}, True),
        ({"cycles": 1000}, True),
        ({"supply_v": 1.2}, False),
        ({"temperature_k": 300.0}, False),
        ({"retention_s": 1.0}, False),
    ],
)
def test_the_tables_are_of_the_nominal_supply_and_temperature_at_once(
    conditions: dict[str, Any], tabulated: bool
) -> None:
    assert Conditions(**conditions).as_tabulated == tabulated


def test_what_was_measured_and_tables_err_by_place() -> None:
    assert ChipInstance(1, errors=ErrorModel.TABLE).errs_by_place
    assert ChipInstance(1, errors=ErrorModel.TABLE, measured=rates(0.25)).errs_by_place
    assert ChipInstance(1, errors=ErrorModel.DEVICE, measured=resistances()).errs_by_place
    assert not ChipInstance(1, 0.01).errs_by_place
