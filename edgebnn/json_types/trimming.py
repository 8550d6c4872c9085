"""`trimming.json`: what chips that trim themselves were found to gain when the network was compiled."""

from __future__ import annotations

from typing import TypedDict

from edgebnn.json_types.numbers import Interval


class SelfTrimDocument(TypedDict):
    """Whether chips trim themselves, by what simulated ones gain on the calibration samples.

    first_seed: of the first chip; errors, attempts: how chips err, and how often they program what they read wrong.
    one_chip: whether the chips are further programmings of the one that was placed for. of_classes: whether answers are
    classes.
    differ_untrimmed, differ_trimmed: the share of answers whose class is not that without errors, in the mean of
    chips and samples; of a network with one score, by how much that differs. change: the one less the other; the
    interval is null of a single sample.
    """

    trimmed: bool
    chips: int
    first_seed: int
    errors: str
    attempts: int
    one_chip: bool
    samples: int
    of_classes: bool
    differ_untrimmed: float
    differ_trimmed: float
    change: float
    change_interval: Interval | None
