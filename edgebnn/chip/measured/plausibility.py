"""What in a measurement looks like a slip of whoever wrote its file: exchanged columns, a missing one, another unit.

A cell reads as the opposite where the device that should be in LRS has the larger resistance; one with equal
resistances reads as neither.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log

import numpy as np
import numpy.typing as npt

from edgebnn.chip.device.cell import Cell
from edgebnn.choices import choice

FAR = 10.0  # a factor between medians, beyond which it is more likely the unit than the devices
FEW, MOST = 0.1, 0.9  # shares of opposite cells, between which both weights were measured

Resistances = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Orientation:
    """Shares of cells: that read as the opposite of what they were programmed to, and that are equal on both sides."""

    opposite: float
    equal: float


def orientation(ln_resistance: Resistances) -> Orientation:
    """Of ln R (n, 2) of the devices that should be in LRS and in HRS."""
    low, high = ln_resistance.T
    return Orientation(float((low > high).mean()), float((low == high).mean()))


def doubts(pairs: Resistances, zeros: Resistances, weighted: bool, policy: str, cell: Cell) -> list[str]:
    """Sentences about what is likely wrong; `weighted` is whether the file says what each cell was programmed to.

    `pairs` and `zeros` are ln R as `Measured` has them. `cell` is that of the policy and the conditions under which the
    chip is to have been programmed.
    """
    exchanged = _exchanged(orientation(pairs).opposite, weighted) if len(pairs) else []
    return [*exchanged, *_far(pairs, zeros, policy, cell)]


def _exchanged(opposite: float, weighted: bool) -> list[str]:
    if opposite > MOST or (weighted and opposite > 0.5):
        return [
            f"{opposite:.0%} of the cells read as the opposite of what they were programmed to: +1 is LRS on BL and "
            "HRS on BLb, so exchange r_bl_ohm and r_blb_ohm if your lab has it the other way round"
        ]
    if opposite >= FEW and not weighted:
        return [
            f"{opposite:.0%} of the cells have their LRS on BLb, and without the column 'weight' each one counts as "
            "programmed to +1: if both weights were measured, add the column, +1 or -1 for each cell"
        ]
    return []


def _far(pairs: Resistances, zeros: Resistances, policy: str, cell: Cell) -> list[str]:
    """About medians that no devices of the policy have, whichever side each was measured on."""
    low, high = np.sort(pairs, axis=1).astype(np.float64).T
    states = {"LRS": (low, cell.lrs), "HRS": (np.append(high, zeros), cell.hrs)}
    medians = {
        name: (float(np.median(measured)), state.ln_median)
        for name, (measured, state) in states.items()
        if len(measured)
    }
    # Another unit moves both states by the same factor.
    factors = [measured - expected for measured, expected in medians.values()]
    if all(abs(factor) <= log(FAR) for factor in factors):
        return []
    unit = "convert the columns to ohm if they are in kohm or the like, or " if np.ptp(factors) < log(FAR) else ""
    found = " and ".join(f"the median {name} is {_ohm(exp(measured))} ohm" for name, (measured, _) in medians.items())
    wanted = " and ".join(_ohm(exp(expected)) for _, expected in medians.values())
    return [
        f"{found}, but {wanted} ohm under policy '{policy}', more than a factor of {FAR:g} apart: {unit}name the "
        f"policy that these devices were programmed under ({choice('policy')})"
    ]


def _ohm(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
