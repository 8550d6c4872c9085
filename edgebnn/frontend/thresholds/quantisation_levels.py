"""The values that an activation takes, as integers times one scale."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import gcd, lcm

from edgebnn.frontend.algebra.exact_numbers import MAX_NUMBER_BITS, Fractions
from edgebnn.frontend.problems import Refusal
from edgebnn.network.types import Kind


@dataclass(frozen=True)
class Levels:
    """The integers low, low + step, ... (`count` of them), each worth `scale`, and the kind of tensor they make."""

    kind: Kind
    low: int
    step: int
    count: int
    scale: Fraction

    @property
    def high(self) -> int:
        """The largest integer."""
        return self.low + self.step * (self.count - 1)

    def place(self, value: Fraction) -> int:
        """Which level a real value is, 0 for the lowest."""
        return int((value / self.scale - self.low) / self.step)


def levels_of(values: Fractions, most: int) -> Levels:
    """The levels of sorted distinct real values; Refusal where they are no small multiples of one number."""
    numbers: list[Fraction] = values.tolist()
    magnitudes = {abs(number) for number in numbers if number}
    if len(magnitudes) <= 1 and numbers[0] < 0:
        scale = magnitudes.pop()
        return Levels(Kind.TRITS, -1, 1, 3, scale) if 0 in numbers else Levels(Kind.BITS, -1, 2, 2, scale)
    if len(numbers) == 1 and numbers[0] > 0:
        return Levels(Kind.BITS, -1, 2, 2, numbers[0])
    if not magnitudes:
        return Levels(Kind.TRITS, -1, 1, 3, Fraction(1))
    denominator = lcm(*(number.denominator for number in numbers)) if len(numbers) <= most else 0
    # Multiples up to 255 of a unit have nearly its denominator; a much longer common one is slow to divide by.
    if not 0 < denominator < 2 ** (MAX_NUMBER_BITS + 8):
        raise _no_multiples(numbers)
    unit = Fraction(gcd(*(number.numerator for number in numbers)), denominator)
    integers = [int(number / unit) for number in numbers]
    step = gcd(*(integer - integers[0] for integer in integers)) or 1
    count = (integers[-1] - integers[0]) // step + 1
    if count > most or max(map(abs, integers)) > 255:
        raise _no_multiples(numbers)
    return Levels(Kind.INTEGERS, integers[0], step, count, unit)


def _no_multiples(numbers: list[Fraction]) -> Refusal:
    shown = ", ".join(f"{float(number):g}" for number in numbers[:4])
    return Refusal(
        f"takes values such as {shown}, which are not small multiples of one number",
        "end the activation in a sign with the same scale in every channel",
    )
