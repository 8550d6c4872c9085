"""Two chip instances side by side: what they were made of, and where their synapses are wrong.

A sample of banks is programmed with one weight throughout, on both chips alike. A synapse counts as wrong where the
most likely answer to an input of +1 is not its weight; errors of single reads do not show in that.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from math import sqrt

import numpy as np
import numpy.typing as npt

from edgebnn.chip.banks.geometry import Geometry
from edgebnn.chip.banks.pattern import BINARY, TERNARY, Pattern
from edgebnn.chip.banks.programmed_banks import ProgrammedBanks, unpack
from edgebnn.chip.banks.read_errors import wrong_read
from edgebnn.chip.errors.device_model import programmed_ln_resistance
from edgebnn.chip.errors.models import model_of
from edgebnn.chip.errors.programming import program
from edgebnn.chip.instance.chip_checks import array_of
from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.chip.target.target import Target
from edgebnn.confidence import Interval, Tally

SAMPLE_BANKS = 64
SAMPLE_SYNAPSES = 1 << 18  # of large banks fewer are programmed, and at least one

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class WrongSynapses:
    """How many of so many synapses are wrong on one chip, grouped by what they have in common.

    misread_share: the share that one read with the input +1 finds wrong, in the mean, what each read adds included.
    """

    tally: Tally
    misread_share: float

    @property
    def count(self) -> int:
        """How many are wrong."""
        return self.tally.wrong

    @property
    def synapses(self) -> int:
        """Of how many."""
        return self.tally.trials

    @property
    def share(self) -> float:
        """The share of wrong synapses."""
        return self.tally.share

    @property
    def interval(self) -> Interval:
        """Its interval at the 95 % level."""
        return self.tally.interval()


@dataclass(frozen=True)
class WrongSigns:
    """Where all weights are +1, and where all are -1."""

    plus: WrongSynapses
    minus: WrongSynapses


@dataclass(frozen=True)
class PatternComparison:
    """Both chips under one pattern.

    differ: synapses whose most likely answer to at least one input is not the same. correlation: phi of the flags of
    wrong synapses, 1 where the same ones are wrong, about 0 for chips that know nothing of each other; None where all
    or none are wrong on one of them. ln_resistance: mean |difference| of ln R over the devices, where both have any.
    """

    weight: int
    ternary: bool
    wrong: tuple[WrongSynapses, WrongSynapses]
    differ: int
    correlation: float | None
    ln_resistance: float | None


@dataclass(frozen=True)
class ChipComparison:
    """fields: what the chips' files would say, by name, where it is not the same. patterns: see `compare_chips`."""

    banks: int
    rows: int
    fields: dict[str, tuple[object, object]]
    patterns: tuple[PatternComparison, ...]


def compare_chips(
    chips: tuple[ChipInstance, ChipInstance], target: Target, policy: str, banks: int | None = None
) -> ChipComparison:
    """Both chips with +1 and with -1 everywhere, binary, and with 0, ternary, in the first `banks` banks.

    `policy` is that of a chip without its own. Raises TargetError for a target without RRAM, and where one chip's
    conditions are not among those that the target's model covers.
    """
    patterns = [uniform_pattern(weight, *sample_shape(target, banks)) for weight in (1, -1, 0)]
    return ChipComparison(
        banks=patterns[0].banks,
        rows=patterns[0].geometry.rows,
        fields=_differences(*chips),
        patterns=tuple(_compared(chips, target, policy, pattern) for pattern in patterns),
    )


def sample_shape(target: Target, banks: int | None = None) -> tuple[int, Geometry]:
    """The first `banks` banks of a target, or all that there are, and their shape; TargetError without RRAM.

    By default they are 64, or as many as have 2^18 synapses.
    """
    array = array_of(target)
    geometry = array.geometry
    if banks is None:
        banks = min(SAMPLE_BANKS, max(1, SAMPLE_SYNAPSES // geometry.synapses))
    return min(banks, array.banks.integer("count")), geometry


def uniform_pattern(weight: int, banks: int, geometry: Geometry) -> Pattern:
    """The same weight everywhere: +1 and -1 in binary rows, 0 in ternary ones of a layer of zeros."""
    shape = geometry.stripe(banks), geometry.rows
    sign, nonzero = (np.full(shape, 0xFFFFFFFF if flag else 0, np.uint32) for flag in (weight > 0, weight != 0))
    kind = np.full(shape, BINARY if weight else TERNARY, np.uint8)
    return Pattern(geometry, sign, nonzero, kind, np.full(shape, float(weight == 0)))


def wrong_synapses(chip: ChipInstance, target: Target, policy: str, pattern: Pattern) -> WrongSynapses:
    """How many synapses of a pattern are wrong on a chip; TargetError for conditions that the model does not cover."""
    return _counted(chip, program(chip, target, pattern, policy), pattern)


def wrong_signs(chip: ChipInstance, target: Target, policy: str) -> WrongSigns:
    """How many synapses of the first banks are wrong on a chip; TargetError for conditions beyond its model."""
    shape = sample_shape(target)
    patterns = [uniform_pattern(weight, *shape) for weight in (1, -1)]
    return WrongSigns(*(wrong_synapses(chip, target, policy, pattern) for pattern in patterns))


def _compared(
    chips: tuple[ChipInstance, ChipInstance], target: Target, policy: str, pattern: Pattern
) -> PatternComparison:
    first, second = (program(chip, target, pattern, policy) for chip in chips)
    wrong = _wrong(first, pattern), _wrong(second, pattern)
    differ = unpack((first.sign ^ second.sign)[..., 1] | (first.nonzero ^ second.nonzero)[..., 1])
    weight = int(next(pattern.blocks(1)).values[0, 0])
    return PatternComparison(
        weight=weight,
        ternary=weight == 0,
        wrong=(_counted(chips[0], first, pattern), _counted(chips[1], second, pattern)),
        differ=int(differ.sum()),
        correlation=phi(*wrong),
        ln_resistance=_apart(chips, target, policy, pattern),
    )


def phi(a: Flags, b: Flags) -> float | None:
    """The correlation of two lists of flags; None where one of them is all alike."""
    n, both, first, second = a.size, int((a & b).sum()), int(a.sum()), int(b.sum())
    spread = first * (n - first) * second * (n - second)
    return (n * both - first * second) / sqrt(spread) if spread else None


def _wrong(banks: ProgrammedBanks, pattern: Pattern) -> Flags:
    """Synapses whose most likely answer to an input of +1 is not the weight, bool (banks, rows, 32)."""
    return unpack((pattern.sign ^ banks.sign[..., 1]) | (pattern.nonzero ^ banks.nonzero[..., 1]))


def _counted(chip: ChipInstance, banks: ProgrammedBanks, pattern: Pattern) -> WrongSynapses:
    misread = wrong_read(banks, pattern.sign, pattern.nonzero)
    return WrongSynapses(model_of(chip).tally(_wrong(banks, pattern), pattern.geometry), float(misread.mean()))


def _apart(chips: tuple[ChipInstance, ChipInstance], target: Target, policy: str, pattern: Pattern) -> float | None:
    """How far ln R of the same device is apart on both chips, in the mean; None where a chip has no devices."""
    if not all(chip.errors.rules.has_devices for chip in chips):
        return None
    (rows,) = pattern.blocks(pattern.kind.size)
    first, second = (programmed_ln_resistance(chip, target, chip.policy or policy, rows) for chip in chips)
    return float(np.abs(first - second).mean(dtype=np.float64))


def _differences(first: ChipInstance, second: ChipInstance) -> dict[str, tuple[object, object]]:
    a, b = _stated(first), _stated(second)
    return {name: (a[name], b[name]) for name in a if a[name] != b[name]}


def _stated(chip: ChipInstance) -> dict[str, object]:
    """What a chip was made of, by name; of a measurement its file's name and hash."""
    found = {field.name: getattr(chip, field.name) for field in fields(chip)}
    found |= asdict(chip.conditions)
    del found["conditions"]
    measured = chip.measured
    found["measured"] = None if measured is None else f"{measured.name} (sha256 {measured.sha256[:16]})"
    return found
