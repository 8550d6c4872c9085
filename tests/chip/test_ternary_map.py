"""Ternary reads over the supply: from the lowest to the highest that the target's tables have."""

from __future__ import annotations

import numpy as np

from edgebnn.chip.device.error_formulas import SignRates, TernaryRates
from edgebnn.chip.study.ternary_map import map_supplies_v, outcomes
from edgebnn.chip.target_files.loading import load_target


def test_supplies_are_evenly_apart_and_end_at_the_tabulated_ones() -> None:
    target = load_target("rram130")
    assert target.physics is not None
    tabulated = [row.supply.si("voltage") for row in target.physics.ternary.values()]
    supplies = map_supplies_v(target)
    assert (supplies[0], supplies[-1]) == (min(tabulated), max(tabulated))
    assert len(supplies) == 25 and np.ptp(np.diff(supplies)) < 1e-5


def test_a_weight_is_read_as_one_of_three() -> None:
    flip, vanish, appear = SignRates(0.01, 0.02), SignRates(0.04, 0.08), SignRates(0.16, 0.32)
    found = outcomes(TernaryRates(flip, vanish, appear))
    assert all(set(shares) == {1, 0, -1} and abs(sum(shares.values()) - 1) < 1e-12 for shares in found.values())
    assert (found[1][0], found[1][-1]) == (0.04, 0.01)
    assert (found[0][1], found[0][-1]) == (0.16, 0.32)
    assert (found[-1][0], found[-1][1]) == (0.08, 0.02)
