"""Which words of rows a chip verifies, where it verifies but a share: those whose errors are expected to do most harm.

Verifying takes reads and further attempts, so it is spent where it tells most: how much a word's weights matter times
how often its cells read them wrong, as placement has it. All other words are programmed once.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import numpy as np
import numpy.typing as npt

from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.mapping.ber_aware import expected_harm
from edgebnn.mapping.mapped import MappedNetwork
from edgebnn.mapping.planner import map_network


def verified_in_part(
    mapped: MappedNetwork, chip: ChipInstance | None, x: npt.NDArray[np.generic], readings: int, share: float
) -> MappedNetwork:
    """The network with at most this share of its words to be verified: those that matter most.

    The chip, or all chips of the target without one, says how often cells err, the batch x which weights matter. Raises
    what `place_by_errors` raises.
    """
    chosen = most_harmful(expected_harm(mapped, chip, x, readings), share)
    allocation = msgspec.structs.replace(mapped.allocation, verified=chosen)
    return map_network(mapped.network, mapped.target, mapped.provenance, allocation)


def most_harmful(harm: Mapping[str, npt.NDArray[np.float64]], share: float) -> dict[str, tuple[int, ...]]:
    """By layer the numbers of those words that together are at most this share of all and do most of the harm.

    `harm` is that of each word, float64 (neurons, row words), by layer. Words that do none are left out.
    """
    every = np.concatenate([each.reshape(-1) for each in harm.values()]) if harm else np.zeros(0)
    taken = np.zeros(len(every), np.bool_)
    taken[np.argsort(-every, kind="stable")[: int(share * len(every) + 1e-9)]] = True
    taken &= every > 0
    ends = np.cumsum([each.size for each in harm.values()])
    parts = np.split(taken, ends[:-1]) if harm else []
    return {name: tuple(np.flatnonzero(part).tolist()) for name, part in zip(harm, parts, strict=True)}
