"""Whether a target has such a chip: RRAM, the policy, the conditions, and the cells that were measured."""

from __future__ import annotations

from collections.abc import Sequence

from edgebnn.chip.banks.geometry import cell_place
from edgebnn.chip.device.ageing import aged_rate
from edgebnn.chip.device.cell_solver import solve_cell
from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.chip.measured.cells import Measured
from edgebnn.chip.target.target import RramArray, Target
from edgebnn.errors import TargetError


def array_of(target: Target) -> RramArray:
    """The target's RRAM; TargetError where it has none."""
    if target.array is None:
        raise TargetError(
            f"target '{target.name}' has no RRAM: it keeps its weights in flash and has no chip instances with bit "
            "errors; use a target with RRAM, such as rram130"
        )
    return target.array


def default_policy(target: Target) -> str:
    """The policy of a chip in which no deployment names one: the target's first, as `edgebnn compile` has it."""
    array_of(target)
    return next(iter(target.policies))


def check_chip(chip: ChipInstance, target: Target, policies: Sequence[str] = ()) -> None:
    """TargetError where the target has no such chip.

    `policies` are those of its rows where it has none of its own, by default the target's first.
    """
    array = array_of(target)
    for name in (chip.policy,) if chip.policy is not None else policies or (default_policy(target),):
        aged_rate(target, name, chip.conditions.cycles)
        if chip.errors.rules.by_place or not chip.conditions.as_tabulated:
            solve_cell(target, name, chip.conditions)
    if chip.measured is not None:
        _check_cells(chip.measured, array, target.name)


def _check_cells(measured: Measured, array: RramArray, name: str) -> None:
    banks, geometry = array.banks.integer("count"), array.geometry
    bank, row, column = cell_place(measured.cell)
    outside = (bank >= banks) | (row >= geometry.rows) | (column >= geometry.columns)
    if outside.any():
        first = int(outside.argmax())
        raise TargetError(
            f"'{measured.name}' has a cell in bank {bank[first]}, row {row[first]}, column {column[first]}, but target "
            f"'{name}' has {banks} banks of {geometry.rows} x {geometry.columns} cells, numbered from 0; "
            "leave the cell out, or use the target that was measured"
        )
