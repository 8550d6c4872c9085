"""Rational numbers that stay short, float32's range, and how much work on them one model may ask for."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import numpy.typing as npt

from edgebnn.choices import choice
from edgebnn.frontend.onnx.graph import Array
from edgebnn.frontend.problems import Refusal

Fractions = npt.NDArray[np.object_]

# Operators of one expression: exporters write up to about 30 between two layers, and every walk over them stays short.
MAX_OPERATORS = 64
# Bits of a numerator or denominator: a product of MAX_OPERATORS float32 factors, whose 24 bits of mantissa and some of
# exponent each add to it, fits; what doubles its length at every operator does not for long.
MAX_NUMBER_BITS = 4096
# Powers of two between which numbers are worked with: what is larger is infinity in float32, what is smaller zero, and
# far enough from where float64 ends that quotients of two such numbers are still finite.
_LARGEST_POWER = 128
_SMALLEST_POWER = -500
# Operators on short rational numbers that one model may ask for, several times what a large one needs: below a
# minute. Lengthy numbers count as several, and this many float32 operators as one.
MAX_EFFORT = 2**24
_BITS_EACH = 256
_FLOATS_EACH = 64
# Operations on float64 with error bounds, of which a large int8 network asks for some thousand millions.
MAX_FLOATS = 2**33


def fractions_of(array: Array) -> Fractions:
    """Floats or integers as exact rational numbers, flat."""
    values = array.reshape(-1).tolist()
    made = {value: Fraction(value) for value in set(values)}
    fractions = np.empty(array.size, dtype=object)
    fractions[:] = [made[value] for value in values]
    return fractions


def floats_of(fractions: Fractions) -> npt.NDArray[np.float32]:
    """Rational numbers rounded to float32."""
    return np.array([float(value) for value in fractions], dtype=np.float64).astype(np.float32)


class Effort:
    """Keeps count of what evaluating the expressions of one model costs, in operators on short rational numbers."""

    def __init__(self) -> None:
        self._left = float(MAX_EFFORT)
        self._floats = MAX_FLOATS
        self._beside: Effort | None = None

    @property
    def beside(self) -> Effort:
        """As much again, for what can go without an answer."""
        if self._beside is None:
            self._beside = Effort()
        return self._beside

    def spend(self, result: Array, bits: int) -> None:
        """Refusal where the values of one more operator, of up to `bits` bits where they are exact, are too many."""
        self._left -= len(result) * (1 + bits / _BITS_EACH if result.dtype == object else 1 / _FLOATS_EACH)
        self._check()

    def spend_floats(self, count: int) -> None:
        """Refusal where this many operations on float64 are too many."""
        self._floats -= count
        self._check()

    def _check(self) -> None:
        if self._left < 0 or self._floats < 0:
            raise Refusal(
                "needs too many evaluations to find where its activation steps",
                f"use a plain sign, or a narrower {choice('input_type')}",
            )


def check_operators(count: int) -> None:
    """Refusal where an expression has more operators than are worked on."""
    if count > MAX_OPERATORS:
        raise Refusal(
            f"ends a chain of {count} elementwise operators, more than {MAX_OPERATORS}",
            "simplify the activation, or fold its constants before the export",
        )


def check_numbers(values: Fractions) -> int:
    """The most bits of a numerator or denominator; Refusal where one is beyond float32, or too long."""
    longest = 0
    for value in values.tolist():
        if not isinstance(value, Fraction):  # the infinite bound of a clip
            raise out_of_range()
        numerator, denominator = value.numerator.bit_length(), value.denominator.bit_length()
        longest = max(longest, numerator, denominator)
        if longest > MAX_NUMBER_BITS:
            raise too_long()
        if numerator and not _SMALLEST_POWER < numerator - denominator <= _LARGEST_POWER:
            raise out_of_range()
    return longest


def too_long() -> Refusal:
    """The refusal of numbers of more than MAX_NUMBER_BITS."""
    return Refusal(
        f"needs numbers of more than {MAX_NUMBER_BITS} bits to be exact",
        "simplify the activation, or fold its constants before the export",
    )


def out_of_range() -> Refusal:
    """The refusal of numbers beyond float32."""
    return Refusal("has values that float32 cannot hold", "check its constants and export the model again")
