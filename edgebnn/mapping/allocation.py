"""What was chosen of how a network lies in RRAM: its policies, the bank of each tile, what is verified."""

from __future__ import annotations

import difflib
from itertools import pairwise
from typing import Annotated, Literal

import msgspec

from edgebnn.brief import brief
from edgebnn.chip.banks.geometry import COLUMNS, MAX_BANKS
from edgebnn.chip.instance.chip_instance import MOST_ATTEMPTS
from edgebnn.chip.target.target import Target
from edgebnn.choices import choice
from edgebnn.errors import FitError
from edgebnn.mapping.marker import marker_banks
from edgebnn.mapping.tiling import banks_needed
from edgebnn.network.network import Network

# When weights go into RRAM: at every boot; by the firmware where the chip does not bear their marker; by a program of
# its own, and the firmware is without them.
Provisioning = Literal["boot", "once", "separate"]
PROVISIONINGS: tuple[Provisioning, ...] = ("boot", "once", "separate")

BankNumber = Annotated[int, msgspec.Meta(ge=0, lt=MAX_BANKS)]
Attempts = Annotated[int, msgspec.Meta(ge=1, le=MOST_ATTEMPTS)]
WordNumber = Annotated[int, msgspec.Meta(ge=0, lt=1 << 32)]


class Allocation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The choice that is left to whoever maps a network onto a target with RRAM.

    policy: the programming policy of every layer without its own; None is the target's first. policies: those of single
    layers, by their names. banks: the bank of each tile, in the plan's order; None is 0, 1, 2, ... attempts: how often
    a chip that verifies what it programs tries at most, of single layers. verified: by layer the words of its rows that
    such a chip verifies, by rising neuron * row words + word, while all others are programmed once; None is all.
    provisioning: when the banks are programmed; None is `once` where the target reads words back and has banks left for
    the marker, else `boot`.
    """

    policy: str | None = None
    policies: dict[str, str] = {}
    banks: tuple[BankNumber, ...] | None = None
    attempts: dict[str, Attempts] = {}
    verified: dict[str, tuple[WordNumber, ...]] | None = None
    provisioning: Provisioning | None = None

    __repr__ = brief

    def policy_of(self, layer: str) -> str | None:
        """The programming policy of a layer."""
        return self.policies.get(layer, self.policy)


LINEAR = Allocation()


def settled(allocation: Allocation, network: Network, target: Target) -> Allocation:
    """The allocation with the target's first policy where it names none, once it is sure that it can be carried out.

    Raises TargetError for an unknown policy, FitError for layers and banks that the network or the target does not
    have, and for any choice on a target without RRAM.
    """
    try:  # in Python anything can be handed over
        allocation = msgspec.convert(msgspec.structs.asdict(allocation), Allocation)
    except msgspec.ValidationError as error:
        raise FitError(f"this is no allocation of a network: {error}; correct it") from error
    if target.array is None:
        _check_nothing_chosen(allocation, network, target)
        return allocation
    policy = next(iter(target.policies)) if allocation.policy is None else allocation.policy
    for name in (policy, *allocation.policies.values()):
        target.policy(name)
    needed = banks_needed(network, target.array.geometry)
    for layer in (*allocation.policies, *allocation.attempts, *(allocation.verified or ())):
        if layer not in needed:
            raise FitError(_no_layer(layer, network, list(needed)))
    _check_verified(allocation, network)
    banks = _checked_banks(allocation.banks, sum(needed.values()), target.array.banks.integer("count"), network, target)
    used = range(sum(needed.values())) if banks is None else banks
    provisioning = _provisioning(allocation.provisioning, max(used, default=-1) + 1, network, target)
    if network.trims_itself:
        _check_trim(provisioning, target)
    return msgspec.structs.replace(allocation, policy=policy, banks=banks, provisioning=provisioning)


def _check_trim(provisioning: Provisioning, target: Target) -> None:
    """FitError where a chip cannot trim itself: its firmware compares what it reads with rows in flash."""
    assert target.macro is not None, "a target with RRAM has a macro"
    if target.macro.commands.read is None:
        raise FitError(
            f"the macro of target '{target.name}' reads no words back (macro.commands.read), by which a chip trims "
            f"itself; leave out {choice('trim')}"
        )
    if provisioning == "separate":
        raise FitError(
            "a chip that trims itself compares what it reads with the rows in flash, which firmware with "
            f"{choice('provisioning', 'separate')} is without; use {choice('provisioning', 'once')}, or leave "
            f"out {choice('trim')}"
        )


def _provisioning(asked: Provisioning | None, bank_end: int, network: Network, target: Target) -> Provisioning:
    """When the banks are programmed, of which those below `bank_end` are in use."""
    assert target.array is not None and target.macro is not None, "a target with RRAM has a macro"
    there, marker = target.array.banks.integer("count"), marker_banks(target.array.geometry)
    problem = None
    if target.macro.commands.read is None:
        problem = (
            f"the macro of target '{target.name}' reads no words back (macro.commands.read), by which a boot finds"
        )
        problem += " the marker of a chip that is programmed"
    elif bank_end == 0:
        problem = f"network '{network.name}' has no layer in RRAM, so nothing is programmed"
    elif bank_end > there - marker:
        problem = f"the marker of a chip that is programmed takes the last {marker} of the {there} banks of target"
        problem += f" '{target.name}', and network '{network.name}' takes those up to bank {bank_end - 1}"
    if asked in (None, "boot"):
        return "boot" if asked == "boot" or problem is not None else "once"
    if problem is not None:
        raise FitError(f"{problem}; use {choice('provisioning', 'boot')}")
    return asked


def _check_nothing_chosen(allocation: Allocation, network: Network, target: Target) -> None:
    chosen = (
        (f"no programming policy; leave out {choice('policy')}", allocation.policy is not None),
        (f"no programming policies of layers; leave out {choice('policies')}", bool(allocation.policies)),
        ("no banks; leave them out", allocation.banks is not None),
        (f"no attempts of layers; leave out {choice('attempts')}", bool(allocation.attempts)),
        (f"no share to verify; leave out {choice('verify_share')}", allocation.verified is not None),
        (f"no provisioning; leave out {choice('provisioning')}", allocation.provisioning is not None),
        (f"no trimming on the chip; leave out {choice('trim')}", network.trims_itself),
    )
    for words, given in chosen:
        if given:
            raise FitError(f"target '{target.name}' has no RRAM, so it takes {words}")


def _check_verified(allocation: Allocation, network: Network) -> None:
    """FitError where words are named that a layer does not have, or not in their order."""
    for node in network.linear:
        words = (allocation.verified or {}).get(node.name, ())
        there = node.neurons * -(-node.fan_in // COLUMNS)
        if any(second <= first for first, second in pairwise((-1, *words, there))):
            raise FitError(
                f"the words that are verified of layer '{node.name}' are no rising numbers below {there}; correct them"
            )


def _no_layer(name: str, network: Network, in_rram: list[str]) -> str:
    """The sentence about a name that has no policy: of nothing, of a node without weights, of weights on the CPU."""
    if name in (node.name for node in network.linear):
        what = f"layer '{name}' has weights of 8 bits, which lie in flash, so it takes no programming policy"
        return f"{what}; leave it out"
    near = difflib.get_close_matches(name, in_rram, 3)
    hint = f"did you mean {' or '.join(map(repr, near))}?" if near else "edgebnn inspect lists its layers"
    kind = "no layer in RRAM" if name in (node.name for node in network.nodes) else "no layer"
    return (
        f"network '{network.name}' has {kind} of the name '{name}' that could be programmed in a way of its own; {hint}"
    )


def _checked_banks(
    banks: tuple[int, ...] | None, tiles: int, there: int, network: Network, target: Target
) -> tuple[int, ...] | None:
    """The banks, None where they are 0, 1, 2, ... anyway."""
    if banks is None:
        return None
    if len(banks) != tiles:
        raise FitError(
            f"network '{network.name}' has {tiles} tiles on target '{target.name}', and banks were named for "
            f"{len(banks)}; name one for each"
        )
    taken: set[int] = set()
    for bank in banks:
        if bank >= there:
            raise FitError(
                f"bank {bank} is none of target '{target.name}', which has {there}, numbered from 0; name another"
            )
        if bank in taken:
            raise FitError(f"bank {bank} was named for two tiles of network '{network.name}'; it holds one")
        taken.add(bank)
    return None if banks == tuple(range(tiles)) else banks
