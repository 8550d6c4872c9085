"""SET and RESET, pulse by pulse: programming once, only what changes, or until a read accepts the weight.

+1 wants (LRS, HRS) on (BL, BLb), -1 (HRS, LRS), 0 (HRS, HRS). A device is brought to LRS by one SET pulse and to HRS by
one RESET pulse; every pulse draws the device's deviation anew. A row of a stripe is programmed in two
steps, the RESETs of all its 32 columns side by side and then the SETs, so it takes the time of as many steps as it has
kinds of pulses; that is an assumption, no paper says how rows are programmed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from edgebnn.chip.banks.geometry import COLUMNS
from edgebnn.chip.device.read_back import ReadBack
from edgebnn.chip.device.resistances import Devices, Flags, wanted_low
from edgebnn.chip.energy.pulse_count import PulseCount
from edgebnn.chip.random.normal import Floats
from edgebnn.words import Words


@dataclass(frozen=True, eq=False)
class ProgrammedDevices:
    """The devices after programming, what it took, and the synapses that were not accepted all the same.

    rejected: bool (rows, 32), or None where nobody looked.
    """

    devices: Devices
    pulses: PulseCount
    rejected: Flags | None = None


def program_all(devices: Devices, sign: Words, nonzero: Words) -> ProgrammedDevices:
    """Every device of the rows gets a pulse; `sign` and `nonzero` are uint32 (rows,), as in `Pattern`."""
    low = wanted_low(sign, nonzero)
    return _pulsed(devices, low, np.ones_like(low))


def pulses_of_all(nonzero: Words) -> PulseCount:
    """What `program_all` takes for rows of these weights, uint32 (rows,): of each two devices, those of +-1 have a SET
    and a RESET, those of 0 two RESETs."""
    sets = int(np.bitwise_count(nonzero).sum(dtype=np.int64))
    return PulseCount(sets, 2 * COLUMNS * len(nonzero) - sets, len(nonzero) + int(np.count_nonzero(nonzero)))


def program_changes(devices: Devices, sign: Words, nonzero: Words) -> ProgrammedDevices:
    """A pulse for those devices alone that are in the other state, or were never programmed."""
    low = wanted_low(sign, nonzero)
    return _pulsed(devices, low, (devices.low != low) | (devices.pulse < 0))


def program_verified(
    devices: Devices, sign: Words, nonzero: Words, ternary: Flags, read_back: ReadBack, offsets: Floats
) -> Iterator[ProgrammedDevices]:
    """The outcome after each attempt, `pulses` being those of all so far, until every synapse is accepted.

    All devices are programmed once, then both devices of every synapse that was not accepted, as often as the caller
    asks. What was accepted is not read again. The other arguments are those of `ReadBack.accepts`.
    """
    low, pulses = wanted_low(sign, nonzero), PulseCount()
    rejected = np.ones(low.shape[:-1], np.bool_)
    while rejected.any():
        outcome = _pulsed(devices, low, np.repeat(rejected[..., np.newaxis], 2, axis=-1))
        devices, pulses = outcome.devices, pulses + outcome.pulses
        rejected = rejected & ~read_back.accepts(devices, sign, nonzero, ternary, offsets)
        yield ProgrammedDevices(devices, pulses, rejected)


def _pulsed(devices: Devices, low: Flags, pulsed: Flags) -> ProgrammedDevices:
    """The devices after a pulse to those flagged, towards the wanted states."""
    state = np.where(pulsed, low, devices.low)
    after = replace(devices, low=state, pulse=devices.pulse + pulsed)
    sets, resets = pulsed & low, pulsed & ~low
    steps = sum(int(kind.any(axis=(1, 2)).sum()) for kind in (sets, resets))
    return ProgrammedDevices(after, PulseCount(int(sets.sum()), int(resets.sum()), steps))
