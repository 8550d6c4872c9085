"""`policies.json`: what a choice of policies was asked for, what it tried, and what it found."""

from __future__ import annotations

from edgebnn.emulator.accuracy import AccuracyDrop
from edgebnn.emulator.array_events import programming_once
from edgebnn.emulator.policy_choice import PolicyChoice, Wanted
from edgebnn.emulator.verified_drop import VerifiedDrop
from edgebnn.json_types.numbers import DropDocument
from edgebnn.json_types.policies import PolicyChoiceDocument, PredictedDocument, VerifiedDropDocument


def choice_document(choice: PolicyChoice) -> PolicyChoiceDocument:
    """Accuracies are fractions, drops percentage points, energies uJ; `tried` are all rounds, the last one passed."""
    wanted, last = choice.wanted, choice.rounds[-1]
    return {
        "max_accuracy_drop": wanted.allowed * 100,
        "objective": str(wanted.objective),
        "reprogrammings": wanted.reprogrammings,
        "chip": wanted.chip.title("as chosen") if wanted.own else None,
        "errors": str(wanted.chip.errors),
        "seed": wanted.chip.seed,
        "samples": choice.samples,
        "measure_chips": wanted.measure_chips,
        "verify_chips": wanted.verify_chips,
        "chip_yield": wanted.chip_yield,
        "trim_samples": wanted.trim_samples,
        "most_attempts": wanted.chip.attempts,
        "policies": last.policies,
        "attempts": last.attempts,
        "accuracy": choice.accuracy,
        "accuracy_predicted": choice.accuracy - last.predicted.mean,
        "accuracy_predicted_interval": _left(choice.accuracy, last.predicted),
        **_predicted(last.predicted),
        "accuracy_verified": choice.accuracy - last.verified.mean,
        "accuracy_verified_interval": _left(choice.accuracy, last.verified),
        **_verified(last.verified, wanted),
        "programming_energy_uj": programming_once(choice.mapped).energy.total_j * 1e6,
        "programming_energy_attempts_uj": last.energy_j * 1e6,
        "programming_energy_strongest_uj": choice.energies[choice.strongest] * 1e6,
        "programming_energy_cheapest_uj": choice.energies[choice.least] * 1e6,
        "strongest_policy": choice.strongest,
        "cheapest_policy": choice.least,
        "rounds": len(choice.rounds),
        "tried": [
            {
                "policies": each.policies,
                "attempts": each.attempts,
                "budget": None if each.budget is None else each.budget * 100,
                **_predicted(each.predicted),
                **_verified(each.verified, wanted),
                "programming_energy_attempts_uj": each.energy_j * 1e6,
            }
            for each in choice.rounds
        ],
        "sensitivity": {
            layer: {option: _drop(drop) for option, drop in by_option.items()}
            for layer, by_option in choice.drops.items()
        },
    }


def _left(clean: float, drop: AccuracyDrop) -> list[float]:
    """The interval of the accuracy that a drop leaves."""
    low, high = drop.interval
    return [max(0.0, clean - high), min(1.0, clean - low)]


def _predicted(drop: AccuracyDrop) -> PredictedDocument:
    return {"accuracy_drop_predicted": drop.mean * 100, "accuracy_drop_predicted_interval": _points(drop)}


def _verified(drop: VerifiedDrop, wanted: Wanted) -> VerifiedDropDocument:
    return {
        "accuracy_drop_verified": drop.mean * 100,
        "accuracy_drop_verified_interval": _points(drop),
        "chips_verified_within": drop.chips_within(wanted.allowed),
        "accuracy_drop_verified_worst": drop.of_chips[-1] * 100,
        "accuracy_drop_verified_yield": None if wanted.chip_yield is None else drop.bound(wanted.chip_yield) * 100,
    }


def _drop(drop: AccuracyDrop) -> DropDocument:
    return {"accuracy_drop": drop.mean * 100, "accuracy_drop_interval": _points(drop)}


def _points(drop: AccuracyDrop) -> list[float]:
    """A drop's interval in percentage points."""
    return [bound * 100 for bound in drop.interval]
