"""`policies.json`: policies that were chosen by accuracy, and how."""

from __future__ import annotations

from typing import TypedDict

from edgebnn.json_types.numbers import DropDocument, Interval


class PredictedDocument(TypedDict):
    """Accuracy that a choice is expected to lose, in percentage points."""

    accuracy_drop_predicted: float
    accuracy_drop_predicted_interval: Interval


class VerifiedDropDocument(TypedDict):
    """Accuracy that a choice loses on chips that it was not chosen by, in percentage points.

    The mean over chips; how many of them lose no more than allowed, each by itself; the worst of them; and, for a
    yield, what so large a share of all chips loses at most.
    """

    accuracy_drop_verified: float
    accuracy_drop_verified_interval: Interval
    chips_verified_within: int
    accuracy_drop_verified_worst: float
    accuracy_drop_verified_yield: float | None


class RoundDocument(PredictedDocument, VerifiedDropDocument):
    """A choice that was tried; `budget` is the loss that it was to keep to, in percentage points.

    programming_energy_attempts_uj: of the attempts that a chip makes.
    """

    policies: dict[str, str]
    attempts: dict[str, int]
    budget: float | None
    programming_energy_attempts_uj: float


class ChoiceFiguresDocument(PredictedDocument, VerifiedDropDocument):
    """A choice's accuracies, and its programming beside all under the policy that errs least and that takes least.

    The energies are those of one attempt at each row; programming_energy_attempts_uj is that of the attempts which the
    first chip that was measured made, and what was made small.
    """

    accuracy: float
    accuracy_predicted: float
    accuracy_predicted_interval: Interval
    accuracy_verified: float
    accuracy_verified_interval: Interval
    programming_energy_uj: float
    programming_energy_attempts_uj: float
    programming_energy_strongest_uj: float
    programming_energy_cheapest_uj: float
    rounds: int


class PolicyChoiceDocument(ChoiceFiguresDocument):
    """What was asked for, what was tried, and what was found; `tried` are all rounds, of which the last one passed.

    sensitivity: what each layer's policies lose where that layer alone errs.
    """

    max_accuracy_drop: float
    objective: str
    reprogrammings: float
    chip: str | None
    errors: str
    seed: int
    samples: int
    measure_chips: int
    verify_chips: int
    chip_yield: float | None
    trim_samples: int
    most_attempts: int
    policies: dict[str, str]
    attempts: dict[str, int]
    strongest_policy: str
    cheapest_policy: str
    tried: list[RoundDocument]
    sensitivity: dict[str, dict[str, DropDocument]]
