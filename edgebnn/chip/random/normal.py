"""Normal numbers and probabilities from tables, alike on every machine to the last bit.

The C library's exp, log and erf differ between machines in their last bits, and one such bit can turn a synapse. Here
only additions and multiplications of IEEE 754 numbers happen at run time; the tables lie in `normal.npz`, and a test
holds them to scipy. `runtime/chip` reads the same tables.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import scipy

from edgebnn.words import Words

Floats = npt.NDArray[np.float32]

# Quantiles: a probability k / 2^25 with an odd k below 2^24 lies in one of 128 segments of one of 24 octaves.
SEGMENT_BITS = 7
OCTAVES = 24
# Probabilities: one every 1/256 standard deviation up to 8.
STEPS = 256
REACH = 8
WHOLE = 1 << 32  # a probability of 1
# Where the lines that bound a normal number touch it: from 0.67 to 1.15, and from 2.15 to 2.42.
_BOUND_OCTAVES = (22, 19)


class Tables(NamedTuple):
    """`value` and `slope`, float32 (OCTAVES << SEGMENT_BITS,): -z at a segment's begin and per 2^-16 of an octave.

    `below`, uint64 (2 * REACH * STEPS + 1,): 2^32 times the probability of less than -REACH + i / STEPS.
    """

    value: Floats
    slope: Floats
    below: npt.NDArray[np.uint64]


@cache
def tables() -> Tables:
    """The tables."""
    with np.load(Path(__file__).with_name("normal.npz"), allow_pickle=False) as stored:
        return Tables(*(stored[name] for name in Tables._fields))


def make_tables() -> Tables:
    """The tables computed anew; their last bits depend on the machine, which is why they are stored."""
    octave, segment = np.divmod(np.arange((OCTAVES << SEGMENT_BITS) + 1), 1 << SEGMENT_BITS)
    edges = -scipy.special.ndtri(np.ldexp(1 + segment / (1 << SEGMENT_BITS), octave - 25))
    # A chord lies above the curve; half of the largest distance, at the segment's middle, is taken off everywhere.
    middles = -scipy.special.ndtri(np.ldexp(1 + (segment + 0.5) / (1 << SEGMENT_BITS), octave - 25))[:-1]
    excess = ((edges[:-1] + edges[1:]) / 2 - middles) / 2
    steps = np.arange(-REACH * STEPS, REACH * STEPS + 1) / STEPS
    return Tables(
        value=(edges[:-1] - excess).astype(np.float32),
        slope=(np.diff(edges) / 2.0 ** (23 - SEGMENT_BITS)).astype(np.float32),
        below=np.rint(scipy.special.ndtr(steps) * WHOLE).astype(np.uint64),
    )


def normal(words: Words) -> Floats:
    """Standard normal numbers float32, one for each random word; the largest is 5.42."""
    value, slope, _ = tables()
    odd = (words >> np.uint32(8) | np.uint32(1)).astype(np.float32)  # exact: below 2^24
    bits = odd.view(np.uint32)
    index = (bits >> np.uint32(23 - SEGMENT_BITS)) - np.uint32(127 << SEGMENT_BITS)
    rest = (bits & np.uint32((1 << 23 - SEGMENT_BITS) - 1)).astype(np.float32)
    magnitude = value[index] + slope[index] * rest
    signed: Floats = np.where(words & np.uint32(1), magnitude, -magnitude)
    return signed


def bound_lines() -> Floats:
    """Two lines above |normal(word)|, float32 (2, 2): begin and slope over the bits, as an integer, of float32(odd).

    Those bits are nearly a logarithm of the probability: straight within an octave, where a quantile is convex, and a
    quantile's values at the octaves are concave. So the line through two neighbouring ones is nowhere below the curve.
    """
    quantile = np.append(tables().value[:: 1 << SEGMENT_BITS].astype(np.float64), 0.0)
    octave = np.array(_BOUND_OCTAVES)
    slope = quantile[octave + 1] - quantile[octave]
    begin = quantile[octave] - slope * (octave + 127)
    return np.stack([begin, slope / (1 << 23)], axis=-1).astype(np.float32)


def probability_below(z: npt.ArrayLike) -> npt.NDArray[np.uint64]:
    """2^32 times the probability that a standard normal number is less than z (float64), interpolated and rounded."""
    below = tables().below
    place = (np.clip(np.asarray(z, np.float64), -REACH, REACH) + REACH) * STEPS
    index = np.minimum(place.astype(np.int64), len(below) - 2)
    low, high = below[index].astype(np.float64), below[index + 1].astype(np.float64)
    found: npt.NDArray[np.uint64] = np.floor(low + (high - low) * (place - index) + 0.5).astype(np.uint64)
    return found
