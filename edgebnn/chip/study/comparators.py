"""2T2R beside what it competes with: one device and a reference (1T1R), without and with a SECDED code.

The reference lies halfway between the medians in ln R, and moves with them. A 1T1R device is read by the same sense
amplifier with the reference on its other side, at the same energy; its offset, which widens a pair by little, is left
out of Q(D / 2s), in favour of the comparators. Left out too, in their favour: the area of the reference and of encoder
and decoder, and what encoding takes. All of these are assumptions.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from edgebnn.chip.device.cell import Cell, Level, cell_error_rate
from edgebnn.chip.device.cell_solver import solve_cell
from edgebnn.chip.device.conditions import Conditions
from edgebnn.chip.device.error_formulas import single_error_rate
from edgebnn.chip.device.provenance import Graded, pair_evidence, single_evidence
from edgebnn.chip.study import secded
from edgebnn.chip.study.secded import SECDED_8_4, SECDED_72_64
from edgebnn.chip.target.evidence import weakest
from edgebnn.chip.target.quantity import Evidence, Quantity
from edgebnn.chip.target.supply import energy_scaling
from edgebnn.chip.target.target import Target
from edgebnn.errors import TargetError


class Scheme(StrEnum):
    """How a bit is stored."""

    SINGLE = "1T1R"
    SECDED_8_4 = "1T1R + SECDED(8,4)"
    SECDED_72_64 = "1T1R + SECDED(72,64)"
    PAIR = "2T2R"


CODES = {Scheme.SECDED_8_4: SECDED_8_4, Scheme.SECDED_72_64: SECDED_72_64}


@dataclass(frozen=True)
class SchemeFigures:
    """One row of the table; everything for one bit of data.

    programming_j: SET and RESET are equally likely. reading_j: None where the target states no energy of a decoder.
    """

    scheme: Scheme
    bit_error_rate: Graded
    devices: Graded
    programming_j: Graded
    reading_j: Graded | None


def compare(target: Target, policy: str, conditions: Conditions) -> tuple[SchemeFigures, ...]:
    """The table of all schemes for devices of a policy.

    Raises TargetError for a target without devices or their energies, and for conditions beyond its model.
    """
    cell = solve_cell(target, policy, conditions)
    return tuple(_comparison(target, policy, conditions, cell, scheme) for scheme in Scheme)


def scheme_error_rate(cell: Cell, scheme: Scheme) -> float:
    """How often a bit is wrong that was stored in this way."""
    if scheme is Scheme.PAIR:
        return cell_error_rate(cell)
    single = _single_rate(cell)
    return secded.bit_error_rate(CODES[scheme], single) if scheme in CODES else single


def _single_rate(cell: Cell) -> float:
    """Of devices on either side, as they are once programmed and settled, with their telegraph noise in one read."""
    laws = [(cell.law(Level.LRS, blb=side), cell.law(Level.HRS, blb=side)) for side in (False, True)]
    return sum(single_error_rate(*both, cell.middle) for both in laws) / len(laws)


def _comparison(target: Target, policy: str, conditions: Conditions, cell: Cell, scheme: Scheme) -> SchemeFigures:
    evidence = pair_evidence if scheme is Scheme.PAIR else single_evidence
    devices = _devices(target, scheme)
    return SchemeFigures(
        scheme=scheme,
        bit_error_rate=Graded(scheme_error_rate(cell, scheme), evidence(target, policy, conditions)),
        devices=devices,
        programming_j=_programming(target, policy, devices),
        reading_j=_reading(target, conditions, scheme),
    )


def _devices(target: Target, scheme: Scheme) -> Graded:
    if scheme is Scheme.PAIR:
        assert target.array is not None, "target_rules asks for it where there is [physics]"
        pair = target.array.devices_per_synapse
        return Graded(pair.si("devices"), pair.evidence)
    return Graded(_bits(scheme), Evidence.ASSUMED)  # as if reference and decoder took no area


def _bits(scheme: Scheme) -> float:
    """Bits that are stored, and sensed, for each bit of data."""
    return CODES[scheme].redundancy if scheme in CODES else 1.0


def _programming(target: Target, policy: str, devices: Graded) -> Graded:
    """A random bit makes a SET of a device as often as a RESET; of a pair one device takes each."""
    pulses = target.policy(policy)
    mean = (pulses.set_energy.si("energy") + pulses.reset_energy.si("energy")) / 2
    words = pulses.set_energy.evidence, pulses.reset_energy.evidence, devices.evidence
    return Graded(mean * devices.value, weakest(*words))


def _reading(target: Target, conditions: Conditions, scheme: Scheme) -> Graded | None:
    """A sense for each stored bit, and the decoder for each word; both go with the square of the supply."""
    if target.energy is None or target.energy.pcsa_read is None:
        raise TargetError(f"target '{target.name}' states no energy of a read; choose another target")
    decoder: Quantity | None = {
        Scheme.SECDED_8_4: target.energy.secded_8_4,
        Scheme.SECDED_72_64: target.energy.secded_72_64,
    }.get(scheme)
    if scheme in CODES and decoder is None:
        return None
    sense = target.energy.pcsa_read
    energy, words = sense.si("energy") * _bits(scheme), [sense.evidence]
    if decoder is not None:
        energy += decoder.si("energy") / CODES[scheme].data
        words.append(decoder.evidence)
    if scheme is not Scheme.PAIR:
        words.append(Evidence.ASSUMED)  # that a device against a reference takes as much as a pair
    factor, scaling = energy_scaling(target, conditions.supply_v)
    return Graded(energy * factor, weakest(*words, *scaling))
