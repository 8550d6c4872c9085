"""A network over another one that a chip holds: as few devices as can be change, or banks that are not worn yet.

Order and polarity of neurons are free (`network.rearranging`), and so are the banks. A device that is in the wanted
state already needs no pulse, so the arrangement is sought whose weights differ least from those that lie there: the
same assignment problems as of placement by errors, a cell's cost being the pulses that it takes to hold a weight.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt

from edgebnn.chip.banks.geometry import COLUMNS
from edgebnn.chip.banks.pattern import EMPTY, Pattern
from edgebnn.chip.device.resistances import wanted_low
from edgebnn.chip.errors.error_map import ErrorMap
from edgebnn.chip.lifetime.reprogramming import reprogram
from edgebnn.errors import DeploymentError, FitError, TargetError
from edgebnn.json_types.placement import PlacementFileDocument
from edgebnn.mapping.ber_aware import BerAware, ber_aware
from edgebnn.mapping.folder import PLACEMENT
from edgebnn.mapping.mapped import MappedNetwork
from edgebnn.mapping.placed import layers_document
from edgebnn.mapping.planner import map_network
from edgebnn.mapping.programmed import pattern_of
from edgebnn.network.network import Network
from edgebnn.network.sensitivity import Sensitivity

_DEVICES = 2  # of a cell
_STATES = {1: (True, False), -1: (False, True), 0: (False, False)}  # of BL and BLb: whether they are in LRS


@dataclass(frozen=True)
class Update:
    """Pulses of an update: to the devices that change, to those that would in the order as trained, and to all."""

    pulses: int
    pulses_as_trained: int
    pulses_of_all: int


def updated(mapped: MappedNetwork, old: MappedNetwork, told: bytes | None = None) -> tuple[MappedNetwork, bytes]:
    """The network, which is mapped linearly, in the old one's banks with the fewest pulses found; `placement.json`.

    `told` is the old one's own `placement.json`, if it has one: an update of an update may leave devices as a version
    before both has programmed them. Raises TargetError where the two are not for the same target, or it has no RRAM,
    DeploymentError where `told` is damaged.
    """
    _check_same_target(mapped, old)
    there = pattern_of(old)
    banks = _banks_of(mapped, old)
    as_trained = _mapped(mapped, mapped.network, tuple(banks))
    maps = {name: _pulses_to_hold(there, banks) for name in mapped.linear_stages}
    counts = {
        node.name: Sensitivity(np.ones(node.neurons), np.ones(node.weights.shape[1] * node.groups))
        for node in mapped.network.linear
    }
    found = ber_aware(mapped, maps, counts, banks)
    arranged = _mapped(mapped, found.network, found.banks)
    before, after = (reprogram(there, pattern_of(each)) for each in (as_trained, arranged))
    update = Update(after.changes_alone.pulses, before.changes_alone.pulses, after.everything.pulses)
    return arranged, _document("update", found, mapped, old, update, _stays_as(arranged, old, told))


def moved(mapped: MappedNetwork, old: MappedNetwork) -> tuple[MappedNetwork, bytes]:
    """The network, which is mapped linearly, in banks that the old one leaves free; and `placement.json`.

    They follow the old one's last bank and go round, so that all banks wear alike, update after update. Raises
    TargetError as `updated` does, FitError where so many banks are not free.
    """
    _check_same_target(mapped, old)
    there, taken = _bank_count(mapped), set(_tile_banks(old))
    first = 1 + max(taken, default=-1)
    free = [bank % there for bank in range(first, first + there) if bank % there not in taken]
    if len(free) < mapped.plan.banks:
        raise FitError(
            f"network '{mapped.network.name}' takes {mapped.plan.banks} banks, and '{old.network.name}' leaves "
            f"{len(free)} of target '{mapped.target.name}' free; update it in place"
        )
    banks = free[: mapped.plan.banks]
    found = _as_trained(mapped, banks)
    placed = _mapped(mapped, mapped.network, found.banks)
    pulses = reprogram(pattern_of(old), pattern_of(placed))
    update = Update(pulses.changes_alone.pulses, pulses.changes_alone.pulses, pulses.everything.pulses)
    return placed, _document("fresh-banks", found, mapped, old, update, [])


def _check_same_target(mapped: MappedNetwork, old: MappedNetwork) -> None:
    if mapped.target.array is None:
        raise TargetError(f"target '{mapped.target.name}' has no RRAM, whose weights stay; compile without an update")
    if mapped.target.sha256 != old.target.sha256:
        raise TargetError(
            f"the deployment to be updated is for target '{old.target.name}' and the model for "
            f"'{mapped.target.name}', whose files differ; compile for the same one"
        )


class _Told(msgspec.Struct):
    """Of `placement.json`, what an update has to know."""

    stays_as: list[str] = []


def _stays_as(mapped: MappedNetwork, old: MappedNetwork, told: bytes | None) -> list[str]:
    """The policies, others than that of its layer, as which a device may stay that gets no pulse."""
    try:
        before = [] if told is None else msgspec.json.decode(told, type=_Told).stays_as
    except msgspec.MsgspecError as error:
        raise DeploymentError(f"{PLACEMENT} of the version before is damaged ({error}); compile it again") from error
    now, there = _bank_policies(mapped), _bank_policies(old)
    found = {there[bank] for bank, policy in now.items() if there.get(bank, policy) != policy}
    return sorted(found.union(policy for policy in before if {policy} != set(now.values())))


def _bank_policies(mapped: MappedNetwork) -> dict[int, str]:
    """The policy of each bank that holds a tile."""
    return {
        tile.bank: mapped.allocation.policy_of(name) or mapped.policies[0]
        for name, stage in mapped.linear_stages.items()
        for tile in stage.tiles
    }


def _bank_count(mapped: MappedNetwork) -> int:
    """Banks that there are for weights: the marker's are not."""
    assert mapped.target.array is not None, "updates are of weights in RRAM"
    marker = mapped.plan.marker
    return mapped.target.array.banks.integer("count") if marker is None else marker.bank


def _tile_banks(mapped: MappedNetwork) -> list[int]:
    return [tile.bank for stage in mapped.linear_stages.values() for tile in stage.tiles]


def _banks_of(mapped: MappedNetwork, old: MappedNetwork) -> list[int]:
    """The bank of each tile: of the same tile of the old network's layer, then any of its others, then free ones."""
    chosen = [bank for pair in _matching(mapped, old) for bank in pair]
    taken = {bank for bank in chosen if bank is not None}
    others = (bank for bank in (*_tile_banks(old), *range(_bank_count(mapped))) if bank not in taken)
    banks = []
    for bank in chosen:
        free = next(others) if bank is None else bank
        while bank is None and free in taken:
            free = next(others)
        taken.add(free)
        banks.append(free)
    return banks


def _matching(mapped: MappedNetwork, old: MappedNetwork) -> Iterator[list[int | None]]:
    """For the tiles of each layer the banks of the old network's, whose layer has the same place and lies the same."""
    stages = list(old.linear_stages.values())
    for index, stage in enumerate(mapped.linear_stages.values()):
        before = stages[index].tiles if index < len(stages) else ()
        there = {(tile.neuron, tile.word): tile.bank for tile in before}
        yield [there.get((tile.neuron, tile.word)) for tile in stage.tiles]


def _pulses_to_hold(there: Pattern, banks: list[int]) -> ErrorMap:
    """The pulses that each cell takes to hold each weight, as the rates of an error map; a cell that holds none all."""
    stripes = there.geometry.stripe(max(banks, default=-1) + 1)
    low = np.zeros((stripes, there.geometry.rows, COLUMNS, _DEVICES), np.bool_)
    held = np.zeros(low.shape[:2], np.bool_)
    known = min(stripes, there.shape[0])
    low[:known] = wanted_low(there.sign[:known].reshape(-1), there.nonzero[:known].reshape(-1)).reshape(
        known, *low.shape[1:]
    )
    held[:known] = there.kind[:known] != EMPTY
    rates: dict[int, npt.NDArray[np.float32]] = {}
    for weight, states in _STATES.items():
        unlike = (low != np.array(states)).sum(axis=-1, dtype=np.float32)
        rates[weight] = np.where(held[..., np.newaxis], unlike, np.float32(_DEVICES))
    return ErrorMap(there.geometry, rates)


def _as_trained(mapped: MappedNetwork, banks: list[int]) -> BerAware:
    neurons = {node.name: node.neurons for node in mapped.network.linear if node.name in mapped.linear_stages}
    return BerAware(
        mapped.network,
        tuple(banks),
        {name: np.arange(count) for name, count in neurons.items()},
        {name: np.zeros(count, np.bool_) for name, count in neurons.items()},
        1.0,
        1.0,
    )


def _mapped(mapped: MappedNetwork, network: Network, banks: tuple[int, ...]) -> MappedNetwork:
    allocation = msgspec.structs.replace(mapped.allocation, banks=banks)
    return map_network(network, mapped.target, mapped.provenance, allocation)


def _document(
    kind: Literal["update", "fresh-banks"],
    found: BerAware,
    mapped: MappedNetwork,
    old: MappedNetwork,
    update: Update,
    stays_as: list[str],
) -> bytes:
    document: PlacementFileDocument = {
        "kind": kind,
        "of": old.network.name,
        "of_sha256": old.provenance.model_sha256,
        "of_policies": list(old.policies),
        "stays_as": stays_as,
        "pulses": update.pulses,
        "pulses_as_trained": update.pulses_as_trained,
        "pulses_of_all": update.pulses_of_all,
        "layers": layers_document(found, mapped),
    }
    return msgspec.json.encode(document)
