"""Networks that lie in banks drawn from all that a target has."""

from __future__ import annotations

import numpy as np

from edgebnn.chip.target.target import Target
from edgebnn.chip.target_files.loading import load_target
from edgebnn.mapping.allocation import Allocation
from edgebnn.mapping.mapped import MappedNetwork
from edgebnn.mapping.tiling import banks_needed
from edgebnn.network import Network
from tests.mapping.test_planner import mapped_on


def scattered(network: Network, target: Target, seed: int) -> Allocation:
    """A bank for each tile, in no order."""
    assert target.array is not None
    tiles, there = sum(banks_needed(network, target.array.geometry).values()), target.array.banks.integer("count")
    return Allocation(banks=tuple(np.random.default_rng(seed).permutation(there)[:tiles].tolist()))


def scattered_on(network: Network, seed: int, target: str | Target = "rram130") -> MappedNetwork:
    """The network on a target, in such banks."""
    chip = load_target(target) if isinstance(target, str) else target
    return mapped_on(network, chip, scattered(network, chip, seed))


def mixed_on(network: Network, seed: int) -> MappedNetwork:
    """The network in such banks of rram130, its layers in RRAM in turns under each policy, from the last one on."""
    target = load_target("rram130")
    policies = [*target.policies][::-1]
    layers = banks_needed(network, target.array.geometry) if target.array is not None else ()
    chosen = {layer: policies[index % len(policies)] for index, layer in enumerate(layers)}
    return mapped_on(network, target, Allocation(policies=chosen, banks=scattered(network, target, seed).banks))
