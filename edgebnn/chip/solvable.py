"""Whether devices come out of a target's numbers at all; it takes a moment, so only `targets check` asks."""

from __future__ import annotations

from edgebnn.chip.cell import solve_cell
from edgebnn.chip.conditions import Conditions
from edgebnn.chip.target import Target
from edgebnn.errors import TargetError


def check_solvable(target: Target, where: str) -> None:
    """TargetError where no devices come out of the numbers, under any of the policies; takes a moment."""
    if target.physics is not None:
        for name in target.policies:
            for row in target.physics.ternary.values():
                try:
                    solve_cell(target, name, Conditions(supply_v=row.supply.si("voltage")))
                except TargetError as error:
                    raise TargetError(f"{where}: {error}") from error
