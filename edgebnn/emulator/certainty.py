"""Which layers of a chip with errors always read the same weights, so that the fast kernels can do them."""

from __future__ import annotations

import numpy as np

from edgebnn.chip.reading import ProgrammedBanks
from edgebnn.mapping.plan import LinearStage
from edgebnn.mapping.tiling import TileWord, words_of


def reads_the_same(stage: LinearStage, banks: ProgrammedBanks) -> bool:
    """Whether every weight of the layer is certain, and the same for all inputs that the layer can have."""
    # Integers are read plane by plane, and the set bits of a plane are inputs of +1.
    inputs = (0, 1) if stage.input.pixel_words else (1,)
    return all(
        _is_certain(held, tile.neurons, banks, inputs)
        for tile in stage.tiles
        for held in words_of(tile, banks.geometry)
    )


def _is_certain(held: TileWord, neurons: int, banks: ProgrammedBanks, inputs: tuple[int, ...]) -> bool:
    rows = held.stripe, slice(neurons)
    columns = np.uint32((1 << held.inputs) - 1)
    likely = (plane[rows] & columns for plane in (banks.sign, banks.nonzero))
    if not all(np.array_equal(plane[:, inputs[0]], plane[:, inputs[-1]]) for plane in likely):
        return False
    places = banks.fresh[rows]
    uncertain = banks.tables[places[places >= 0]][:, list(inputs), 0]
    return not np.any(uncertain & columns)
