"""`policies.json`: what a choice of policies was asked for, what it tried, and what it found."""

from __future__ import annotations

from typing import Any

from edgebnn.emulator.accuracy import AccuracyDrop
from edgebnn.emulator.policy_choice import PolicyChoice

Document = dict[str, Any]


def choice_document(choice: PolicyChoice) -> Document:
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
        "trim_samples": wanted.trim_samples,
        "most_attempts": wanted.chip.attempts,
        "policies": last.policies,
        "attempts": last.attempts,
        "accuracy": choice.accuracy,
        **_accuracy("predicted", choice.accuracy, last.predicted),
        **_accuracy("verified", choice.accuracy, last.verified),
        "programming_energy_uj": last.energy_j * 1e6,
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
                **_drop("predicted", each.predicted),
                **_drop("verified", each.verified),
                "programming_energy_uj": each.energy_j * 1e6,
            }
            for each in choice.rounds
        ],
        "sensitivity": {
            layer: {option: _drop("", drop) for option, drop in by_option.items()}
            for layer, by_option in choice.drops.items()
        },
    }


def _accuracy(how: str, clean: float, drop: AccuracyDrop) -> Document:
    low, high = drop.interval
    return {
        f"accuracy_{how}": clean - drop.mean,
        f"accuracy_{how}_interval": [max(0.0, clean - high), min(1.0, clean - low)],
        **_drop(how, drop),
    }


def _drop(how: str, drop: AccuracyDrop) -> Document:
    name = f"accuracy_drop_{how}" if how else "accuracy_drop"
    return {name: drop.mean * 100, f"{name}_interval": [bound * 100 for bound in drop.interval]}
