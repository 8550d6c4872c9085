"""The JSON of `emulate`: agreement, accuracy with and without errors, chips, energy and latency."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.emulator.accuracy import Verdict
from edgebnn.emulator.agreement import Agreement
from edgebnn.emulator.array_events import marker_cost, programming_once
from edgebnn.emulator.chip_results import ChipResult, MeanTernaryErrors, OverChips, policies_of
from edgebnn.emulator.emulate import Emulation
from edgebnn.json_types.emulation import (
    ChipSettingsDocument,
    ChipSummaryDocument,
    EmulatedChipDocument,
    EmulatedDocument,
    OverChipsDocument,
    StudiesDocument,
    TernaryErrorsDocument,
    VerdictDocument,
)
from edgebnn.json_types.energy import ProgrammingDocument
from edgebnn.json_types.numbers import AgreementDocument
from edgebnn.json_types.recordings import MonitoredDocument
from edgebnn.mapping.mapped import MappedNetwork
from edgebnn.report.chip_documents import attempts_document, conditions_document
from edgebnn.report.documents import by_policy_document, energy_document, left_out, marker_uj, origin_document, per_boot
from edgebnn.report.int8_energy import spent_on_int8
from edgebnn.report.policies import the_one

if TYPE_CHECKING:
    from edgebnn.api import Deployment


NO_STUDIES: StudiesDocument = {}


def emulate_document(
    deployment: Deployment,
    result: Emulation,
    allowed_drop: float | None,
    files: Mapping[ChipInstance, Path] = MappingProxyType({}),
    studies: StudiesDocument = NO_STUDIES,
) -> EmulatedDocument:
    """`emulate`; accuracies are fractions, the drop and its allowance percentage points.

    `files` are those that the chips came from, in their order, where they came from any; `studies` what else was found
    on them.
    """
    drop, mapped = result.drop, deployment.mapped
    return {
        **origin_document(mapped),
        "samples": result.samples,
        "accuracy": result.accuracy,
        "accuracy_interval": result.accuracy_interval,
        "chips": _with_files(chips_document(result), list(files.values())),
        "conditions": None if result.first_chip is None else settings_document(mapped, result.first_chip),
        "over_chips": _over_chips_document(result),
        "ternary_errors": None if result.ternary_errors is None else _ternary_document(result.ternary_errors),
        "accuracy_drop": None if drop is None else drop.mean * 100,
        "accuracy_drop_interval": None if drop is None else [bound * 100 for bound in drop.interval],
        "executors_agree": result.executors_agree,
        "agreement": {pair: agreement_document(found) for pair, found in result.agreement.items()},
        "onnxruntime_same_class": None
        if result.onnxruntime_same_class is None
        else agreement_document(result.onnxruntime_same_class),
        "firmware_samples": result.firmware_samples,
        "events_per_inference": result.events_per_inference,
        "supply_v": result.supply_v,
        **energy_document(result),
        **programming_document(mapped, result),
        "notes": [
            *left_out(deployment),
            *spent_on_int8(mapped, result.energy),
            *result.notes,
            *_unlike(list(files)),
        ],
        **_verdict(mapped, result, allowed_drop),
        **studies,
    }


def agreement_document(found: Agreement) -> AgreementDocument:
    """How many answers of two executors are the same."""
    return {"compared": found.compared, "equal": found.equal}


def chips_document(result: Emulation) -> list[EmulatedChipDocument]:
    """Every chip instance, and what its bit error rate is worth: a word of evidence, or `given` by the user."""
    return [
        {
            "seed": chip.seed,
            "bit_error_rate": chip.bit_error_rate,
            "bit_error_rate_evidence": _worth(chip),
            "measured_share": chip.measured_share,
            "wrong_bits": chip.wrong_bits,
            "misread_share": chip.misread_share,
            "weights": chip.weights,
            "accuracy": chip.accuracy,
            "changed": chip.changed,
        }
        for chip in result.chips
    ]


def _with_files(chips: list[EmulatedChipDocument], files: Sequence[Path]) -> list[EmulatedChipDocument]:
    if not files:
        return chips
    return [{**chip, "file": str(path)} for chip, path in zip(chips, files, strict=True)]


def _unlike(chips: Sequence[ChipInstance]) -> list[str]:
    """What to say of chips from files that are not drawn alike: whose conditions, supply and energy are shown."""
    if len({replace(chip, seed=0) for chip in chips}) < 2:
        return []
    return ["the chips differ in more than their seeds: conditions, supply and energies are those of the first one"]


def programming_document(mapped: MappedNetwork, result: Emulation) -> ProgrammingDocument:
    """What programming the banks took, under which policies, and what each boot takes of it; none without RRAM."""
    cost, chip = result.programming, result.first_chip
    own_policy = None if chip is None else chip.policy
    marker = marker_cost(mapped, own_policy)
    return {
        "programming_policy": None if cost is None else the_one(cost.pulses),
        "programming_by_policy": {} if cost is None else by_policy_document(cost),
        "programming_energy_uj": None if cost is None else programming_once(mapped, own_policy).energy.total_j * 1e6,
        "programming_energy_attempts_uj": None if cost is None else cost.energy.total_j * 1e6,
        "programming_evidence": {} if cost is None else cost.energy.evidence_shares(),
        "programming_time_us": None if cost is None else cost.time_s * 1e6,
        "marker_energy_uj": None if cost is None else marker_uj(marker),
        "programming_energy_per_boot_uj": None if cost is None else per_boot(mapped, cost.energy),
    }


def settings_document(mapped: MappedNetwork, chip: ChipInstance) -> ChipSettingsDocument:
    """Everything about a chip but its seed; None stands for the target's nominal or reference value."""
    return {
        "errors": str(chip.errors),
        "kinds": str(chip.kinds),
        "policy": the_one(policies_of(mapped, chip)),
        "policies": list(policies_of(mapped, chip)),
        **conditions_document(chip.conditions),
        **attempts_document(chip),
        "measured": None if chip.measured is None else chip.measured.name,
    }


def _worth(chip: ChipResult) -> str:
    return "given" if chip.bit_error_rate_evidence is None else str(chip.bit_error_rate_evidence)


def _over_chips_document(result: Emulation) -> ChipSummaryDocument | None:
    """Mean, spread and the mean's interval of each figure over all chips."""
    found = result.summary
    if found is None:
        return None
    return {
        "chips": found.chips,
        "accuracy": None if found.accuracy is None else _figure(found.accuracy),
        "changed": _figure(found.changed),
        "wrong_bits": _figure(found.wrong_bits),
        "misread_share": _figure(found.misread_share),
    }


def _figure(found: OverChips) -> OverChipsDocument:
    return {"mean": found.mean, "spread": found.spread, "interval": found.interval}


def _ternary_document(errors: MeanTernaryErrors) -> TernaryErrorsDocument:
    rates = errors.rates
    return {
        "sign_flip": rates.sign_flip,
        "to_zero": rates.to_zero,
        "from_zero": rates.from_zero,
        "evidence": str(errors.evidence),
    }


def _verdict(mapped: MappedNetwork, result: Emulation, allowed_drop: float | None) -> VerdictDocument:
    """Whether a drop of so many percentage points is kept, and why that is the answer."""
    if allowed_drop is None:
        return {}
    verdict, drop = Verdict.UNRESOLVED, result.drop
    if result.accuracy is None:
        reason = "the data have no labels y, so no accuracy is known; add the class of each sample"
    elif drop is not None:
        verdict = drop.verdict(allowed_drop / 100)
        reason = {
            Verdict.HOLDS: "the whole 95% interval of the drop lies within it",
            Verdict.UNRESOLVED: "the 95% interval of the drop reaches beyond it; more samples or chips narrow it",
            Verdict.FAILS: "the whole 95% interval of the drop lies beyond it",
        }[verdict]
    elif mapped.target.array is None:
        reason = f"target '{mapped.target.name}' has no RRAM, so there are no chips with bit errors to compare with"
    else:
        reason = "no chip instance was emulated; ask for one or more (--chips)"
    return {"max_accuracy_drop": allowed_drop, "verdict": str(verdict), "verdict_reason": reason}


def disagreement(document: EmulatedDocument | MonitoredDocument) -> str | None:
    """One sentence about the pairs of executors that differ in a document of `emulate` or a target of `demo`."""
    differ = {pair: n for pair, n in document["agreement"].items() if n["equal"] != n["compared"]}
    if not differ:
        return None
    pairs = ", ".join(f"{pair}: {n['equal']} of {n['compared']} samples are equal" for pair, n in differ.items())
    remedy = "that is a defect of edgebnn, so please report it with the model"
    if all(pair.startswith("onnxruntime") for pair in differ):
        remedy = "onnxruntime may differ where edgebnn inspect counts ambiguous thresholds; elsewhere please report it"
    return f"the executors disagree on target '{document['target']}' ({pairs}); {remedy}"
