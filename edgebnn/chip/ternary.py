"""How often ternary weights are read wrong: all three kinds from one mechanism, the sensing window."""

from __future__ import annotations

from edgebnn.chip.cell import Cell
from edgebnn.chip.theory import TernaryRates, Window, from_zero, gridded_rate, sign_flip, to_zero


def ternary_rates(cell: Cell) -> TernaryRates:
    """The rates of ternary weights in such cells, programming and reading together."""
    window = Window(cell.window, cell.window_spread)
    return TernaryRates(
        sign_flip=gridded_rate(sign_flip(window, cell.ln_lrs, cell.ln_hrs, cell.spread, cell.offset, cell.noise)),
        to_zero=gridded_rate(to_zero(window, cell.ln_lrs, cell.ln_hrs, cell.spread)),
        from_zero=gridded_rate(from_zero(window, cell.ln_hrs, cell.spread)),
    )
