"""Ternary reads over the supply: from the lowest to the highest that the target's tables have."""

from __future__ import annotations

import numpy as np

from edgebnn.chip.study.ternary_map import map_supplies_v
from edgebnn.chip.target_files.loading import load_target


def test_supplies_are_evenly_apart_and_end_at_the_tabulated_ones() -> None:
    target = load_target("rram130")
    assert target.physics is not None
    tabulated = [row.supply.si("voltage") for row in target.physics.ternary.values()]
    supplies = map_supplies_v(target)
    assert (supplies[0], supplies[-1]) == (min(tabulated), max(tabulated))
    assert len(supplies) == 25 and np.ptp(np.diff(supplies)) < 1e-5
