"""Numbers as documents state them: with an interval, or with a word for what they are worth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, TypedDict

import msgspec

Interval = Annotated[Sequence[float], msgspec.Meta(min_length=2, max_length=2)]
"""The lower and the upper bound."""

Shares = dict[str, float]
"""What share of a sum rests on each word of evidence: they add up to 1, and there are none where there is no sum."""


class WorthDocument(TypedDict):
    """The word of evidence of the weakest number that enters."""

    evidence: str


class GradedDocument(WorthDocument):
    """A number and what it is worth."""

    value: float


class DropDocument(TypedDict):
    """Accuracy lost, in percentage points, and the 95 % interval of it."""

    accuracy_drop: float
    accuracy_drop_interval: Interval


class DetectionDocument(TypedDict):
    """Premature ventricular beats by what they are and what they were called: true and false, positive and negative."""

    tp: int
    fp: int
    fn: int
    tn: int


class AgreementDocument(TypedDict):
    """Of so many samples that two executors both did, how many answers are the same."""

    compared: int
    equal: int
