"""Whether devices come out of a target's numbers at all; it takes a moment, so only `targets check` asks."""

from __future__ import annotations

from itertools import product

from edgebnn.chip.device.cell_solver import solve_cell
from edgebnn.chip.device.conditions import Conditions
from edgebnn.chip.target.target import Target
from edgebnn.errors import TargetError


def check_solvable(target: Target, where: str) -> None:
    """TargetError where no devices come out of the numbers, under any of the policies; takes a moment.

    Asked at every supply for which the target has a table, and at the ends and the reference of its temperatures.
    """
    if target.physics is None:
        return
    table = target.physics.temperature
    temperatures = (table.reference, table.lowest, table.highest)
    for name, row, temperature in product(target.policies, target.physics.ternary.values(), temperatures):
        try:
            conditions = Conditions(supply_v=row.supply.si("voltage"), temperature_k=temperature.si("temperature"))
            solve_cell(target, name, conditions)
        except TargetError as error:
            raise TargetError(f"{where}: {error}") from error
