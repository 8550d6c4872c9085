"""Philox4x32-10: random words that are a function of a key and a counter, alike on every machine and in any order.

Every random number of a chip instance is drawn here (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3",
SC 2011). The key is the instance's seed. The counter's four words say what is drawn:

    word 0   the row of a stripe of a bank, by its number (`Geometry.bank_row`)
    word 1   column, read or other number within the row
    word 2   event, low 32 bits: programming pulse, programming cycle or inference
    word 3   domain << 24 | block << 16 | event, bits 32 to 47

A row thus has a stream of its own, and no draw depends on how many others were made before it.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
import numpy.typing as npt

from edgebnn.words import Words

ROUNDS = 10
EVENTS = 1 << 48  # events of one kind that can be told apart
_MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
_WEYL = (0x9E3779B9, 0xBB67AE85)
_LOW = np.uint64(0xFFFFFFFF)
_HIGH = np.uint64(32)


class Domain(IntEnum):
    """What a random number is for."""

    DEVICE = 1  # a device's own deviation, and that of each of its programming pulses
    OFFSET = 2  # a sense amplifier's input offset
    PROGRAM = 3  # wrong synapses by rate, at each programming
    READ = 4  # what is wrong at one read alone
    SPATIAL = 5  # how much worse than the mean a bank, row or column is
    VERIFY = 6  # noise of the reads after programming by which a synapse is accepted
    SETTLING = 7  # relaxation after a device's programming pulses, and which of these went astray
    TELEGRAPH = 8  # amplitude of a device's random telegraph noise
    STUCK = 9  # which devices are stuck, and in which state


def philox(counter: npt.NDArray[np.unsignedinteger], seed: int) -> Words:
    """Four random words, uint32 (..., 4), of each counter (..., 4) under the 64-bit key `seed`."""
    c0, c1, c2, c3 = (np.asarray(counter[..., i], np.uint64) for i in range(4))
    k0, k1 = seed & 0xFFFFFFFF, seed >> 32 & 0xFFFFFFFF
    for _ in range(ROUNDS):
        p0, p1 = np.uint64(_MULTIPLIERS[0]) * c0, np.uint64(_MULTIPLIERS[1]) * c2
        c0, c1, c2, c3 = p1 >> _HIGH ^ c1 ^ np.uint64(k0), p1 & _LOW, p0 >> _HIGH ^ c3 ^ np.uint64(k1), p0 & _LOW
        k0, k1 = k0 + _WEYL[0] & 0xFFFFFFFF, k1 + _WEYL[1] & 0xFFFFFFFF
    return np.stack([c0, c1, c2, c3], axis=-1).astype(np.uint32)


def draw(
    seed: int,
    domain: Domain,
    bank_row: npt.ArrayLike,
    within: npt.ArrayLike,
    event: npt.ArrayLike = 0,
    block: int = 0,
) -> Words:
    """Four random words, uint32 (*shape, 4), for each place and event; the arguments are broadcast to one shape.

    `bank_row` is that of `Geometry`, `event` below EVENTS; `block`, below 256, asks for further words of the same draw.
    """
    happening = np.asarray(event, np.uint64)
    top = np.uint64(int(domain) << 24 | block << 16) | happening >> _HIGH
    parts = (np.asarray(bank_row, np.uint64), np.asarray(within, np.uint64), happening & _LOW, top)
    return philox(np.stack(np.broadcast_arrays(*parts), axis=-1), seed)
