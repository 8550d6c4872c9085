"""Whether a network fits a target: how much of each resource it needs, and how much there is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edgebnn.chip.target.target import Target
from edgebnn.mapping.allocation import LINEAR, settled
from edgebnn.mapping.placing import place
from edgebnn.mapping.plan import Plan
from edgebnn.mapping.tiling import banks_at_once, banks_needed, has_bank_numbers
from edgebnn.network.network import Network

# The kernels keep a few words a call on the stack and never recurse (a test measures them).
STACK_BYTES = 2048


@dataclass(frozen=True)
class Need:
    """How much of a resource a network needs and how much a target has.

    `setting` is the path of the target's number that bounds it, `largest` what takes most of it, with how much.
    """

    what: str
    setting: str
    unit: str
    needed: int
    available: int
    largest: tuple[str, int] | None = None

    @property
    def fits(self) -> bool:
        """Whether there is enough."""
        return self.needed <= self.available


@dataclass(frozen=True)
class Fit:
    """The needs of a network on a target; None for what the target does not have.

    banks: all that the layers take. banks_at_once: those that one neuron spans. sram: bytes of stack, input, scores and
    work area, and of what a chip trims itself by. flash: bytes of the weights image; the code, some kilobytes, comes on
    top and is known once it is built. The last two are None, too, where the network needs more banks than can be
    numbered.
    """

    banks: Need | None = None
    banks_at_once: Need | None = None
    sram: Need | None = None
    flash: Need | None = None

    @property
    def needs(self) -> tuple[Need, ...]:
        """Those that there are."""
        return tuple(need for need in (self.banks, self.banks_at_once, self.sram, self.flash) if need is not None)

    @property
    def fits(self) -> bool:
        """Whether there is enough of everything."""
        return all(need.fits for need in self.needs)


def fit_of(network: Network, target: Target) -> Fit:
    """The needs of a network on a target, placed for it; ModelError for a node that cannot be laid out."""
    countable = has_bank_numbers(network, target.array)
    allocation = settled(LINEAR, network, target)
    return fit_of_plan(network, target, place(network, target, allocation)[0] if countable else None)


def fit_of_plan(network: Network, target: Target, plan: Plan | None) -> Fit:
    """The needs of a network that was placed; without a plan those of RRAM alone."""
    banks = at_once = sram = flash = None
    array, memory = target.array, target.memory
    if array is not None:
        needed, spanned = banks_needed(network, array.geometry), banks_at_once(network, array.geometry)
        banks = Need(
            "RRAM banks",
            "array.banks",
            "banks",
            sum(needed.values()),
            array.banks.integer("count"),
            _largest(needed),
        )
        at_once = Need(
            "RRAM banks added up at once",
            "array.parallel_banks",
            "banks",
            max(spanned.values(), default=0),
            array.parallel_banks.integer("count"),
            _largest(spanned),
        )
    if memory is not None and plan is not None:
        sram = Need(
            f"bytes of SRAM for stack, input, scores{', trim' if plan.trim else ''} and work area",
            "memory.sram.size",
            "B",
            STACK_BYTES + plan.input_bytes + plan.scores.bytes + plan.work_bytes + plan.trim_bytes,
            memory.sram.size.integer("memory"),
            _largest({buffer.tensor: buffer.bytes for buffer in plan.buffers}),
        )
        flash = Need(
            "bytes of flash for the weights image",
            "memory.flash.size",
            "B",
            plan.image_bytes - plan.rows_bytes,
            memory.flash.size.integer("memory"),
        )
    return Fit(banks, at_once, sram, flash)


def _largest(sizes: Mapping[str, int]) -> tuple[str, int] | None:
    name = max(sizes, key=lambda name: sizes[name], default=None)
    return None if name is None else (name, sizes[name])
