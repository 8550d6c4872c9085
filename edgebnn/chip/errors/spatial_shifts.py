"""By how much places of a chip differ in their error rates: a part of each bank, of each row and of each column."""

from __future__ import annotations

from math import hypot

import numpy as np
import numpy.typing as npt

from edgebnn.chip.banks.geometry import COLUMNS, Geometry, Numbers
from edgebnn.chip.random.normal import normal
from edgebnn.chip.random.philox import Domain, draw
from edgebnn.chip.target.physics import Spatial
from edgebnn.chip.target.quantity import Quantity

Shifts = npt.NDArray[np.float64]


class SpatialShifts:
    """By what the normal quantile of each synapse's error rate differs from the mean, on a chip of this seed.

    A sum of what bank, row and column add, each normal. Known in the given stripes, int64 (n,); all stripes of a bank
    have the same bank and the same rows.
    """

    def __init__(self, seed: int, geometry: Geometry, stripe: Numbers, spatial: Spatial) -> None:
        stripes = np.unique(stripe)
        self._place = np.zeros(int(stripes.max(initial=-1)) + 1, np.int64)
        self._place[stripes] = np.arange(len(stripes))
        first = stripes // geometry.words * geometry.words
        rows = geometry.bank_row(first[:, np.newaxis], np.arange(geometry.rows))

        def drawn(spread: Quantity, place: Numbers, within: npt.ArrayLike) -> Shifts:
            found = normal(draw(seed, Domain.SPATIAL, place, np.asarray(within, np.int64))[..., 0])
            return np.asarray(spread.si("ratio") * found.astype(np.float64))

        self._bank = drawn(spatial.bank, geometry.bank_row(first, 0), COLUMNS)
        self._row = drawn(spatial.row, rows, COLUMNS + 1)
        self._column = drawn(spatial.column, geometry.bank_row(stripes, 0)[:, np.newaxis], np.arange(COLUMNS))

    def of(self, stripe: Numbers, row: Numbers) -> Shifts:
        """Those of some rows of these stripes, int64 (rows,); float64 (rows, 32)."""
        place = self._place[stripe]
        return np.asarray((self._bank[place] + self._row[place, row])[:, np.newaxis] + self._column[place])


def spatial_spread(spatial: Spatial) -> float:
    """The standard deviation of the shifts."""
    return hypot(*(each.si("ratio") for each in (spatial.bank, spatial.row, spatial.column)))
