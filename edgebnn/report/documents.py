"""The JSON that other tools rely on: one function a command, plain dictionaries with units in the names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import numpy.typing as npt

from edgebnn.chip.energy.energy import Energy, EnergyGroup, EnergyPart, phase_evidence
from edgebnn.chip.energy.programming_cost import ProgrammingCost
from edgebnn.chip.instance.chip_checks import default_policy
from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.chip.lifetime.endurance import Wear, wear
from edgebnn.chip.lifetime.fleet import FleetTotals
from edgebnn.chip.lifetime.lifetime import Lifetime
from edgebnn.chip.target.target import Target
from edgebnn.chip.target_files.loading import changed
from edgebnn.choices import choice
from edgebnn.confidence import exact_interval
from edgebnn.emulator.agreement import per_class
from edgebnn.emulator.array_events import programming_once
from edgebnn.emulator.emulate import Emulation
from edgebnn.emulator.estimate import Estimate
from edgebnn.emulator.executors import NO_FIRMWARE
from edgebnn.json_types.chips import ChipDocument
from edgebnn.json_types.deployment import (
    ChosenPoliciesDocument,
    CompiledDocument,
    EnduranceDocument,
    EstimatedDocument,
    FleetDocument,
    LifeDocument,
    OriginDocument,
    ProgrammedOnceDocument,
    RunDocument,
    TrimmingDocument,
    VerifiedDocument,
)
from edgebnn.json_types.energy import (
    EnergyPartJDocument,
    EnergyPartNjDocument,
    InferenceDocument,
    PolicyCostDocument,
    WearDocument,
)
from edgebnn.json_types.memory import MemoryDocument
from edgebnn.json_types.placement import PlacementDocument, PlacementFileDocument
from edgebnn.json_types.policies import PolicyChoiceDocument
from edgebnn.json_types.target import (
    TargetCopyDocument,
    TargetListDocument,
    TargetNumberDocument,
    TargetNumbersDocument,
)
from edgebnn.json_types.trimming import SelfTrimDocument
from edgebnn.legible import legible_name
from edgebnn.mapping.folder import PLACEMENT, POLICIES, TRIMMING
from edgebnn.mapping.mapped import MappedNetwork
from edgebnn.mapping.programmed import pattern_of
from edgebnn.network import how_taken, what_is_taken
from edgebnn.report import numbers
from edgebnn.report.battery import battery_document, leakage_note
from edgebnn.report.chip_documents import chip_document
from edgebnn.report.fit import available_document
from edgebnn.report.input_quantisers import outside_document
from edgebnn.report.int8_energy import spent_on_int8
from edgebnn.report.target_names import named

if TYPE_CHECKING:
    from edgebnn.api import Deployment


def memory_document(deployment: Deployment) -> MemoryDocument:
    """Synapses, banks and bytes; `bank_utilisation` is the share of the used banks' synapses that hold a weight."""
    memory, array = deployment.memory, deployment.mapped.target.array
    there = memory.banks * array.geometry.synapses if array is not None else 0
    return {
        "synapses": memory.synapses,
        "banks": memory.banks,
        "bank_utilisation": memory.synapses / there if there else None,
        "sram_bytes": memory.sram_bytes,
        "code_bytes": memory.code_bytes,
        "weights_bytes": memory.weights_bytes,
    }


def origin_document(mapped: MappedNetwork) -> OriginDocument:
    """The target, the model, the policy of layers without their own, and that of each layer in RRAM."""
    return {
        **named(mapped.target),
        "model_sha256": mapped.provenance.model_sha256,
        "policy": mapped.policy,
        "policies": {name: stage.policy for name, stage in mapped.linear_stages.items() if stage.policy is not None},
        "provisioning": mapped.provisioning,
        "trim": "on-chip" if mapped.network.trims_itself else None,
    }


def compile_document(deployment: Deployment, folder: Path) -> CompiledDocument:
    """`compile`: what was written and what it takes."""
    mapped = deployment.mapped
    memory = deployment.memory
    firmware = deployment.firmware
    return {
        "deployment": str(folder),
        "takes": ". ".join(map(what_is_taken, mapped.network.inputs)),
        **origin_document(mapped),
        **memory_document(deployment),
        "available": available_document(mapped.target),
        "placement": _placement(deployment),
        "attempts": mapped.allocation.attempts,
        "verified": _verified(mapped),
        "trim_tried": _trim_tried(deployment),
        **_programming_document(mapped),
        **policy_choice_document(deployment),
        "layers": {
            name: {"synapses": layer.synapses, "weight_bytes": layer.weight_bytes}
            for name, layer in memory.layers.items()
        },
        "compiler": firmware.compiler if firmware is not None else None,
        "notes": [
            *mapped.network.notes,
            *_no_trimming(deployment),
            *_as_before(deployment),
            *_on_top_of_pulses(mapped),
            *([] if firmware else [_NO_COMPILER]),
        ],
    }


def _programming_document(mapped: MappedNetwork) -> ProgrammedOnceDocument:
    """What programming once takes, beside all under the policy that errs least and under the one that takes least."""
    target = mapped.target
    if target.array is None or not mapped.linear_stages:
        return {}
    policies = target.policies
    energies = {name: programming_once(mapped, name).energy.total_j * 1e6 for name in policies}
    strongest = min(policies, key=lambda name: policies[name].bit_error_rate.si("ratio"))
    cheapest = min(energies, key=energies.__getitem__)
    return {
        "programming_energy_uj": programming_once(mapped).energy.total_j * 1e6,
        "programming_energy_strongest_uj": energies[strongest],
        "programming_energy_cheapest_uj": energies[cheapest],
        "strongest_policy": strongest,
        "cheapest_policy": cheapest,
    }


def placement_of(deployment: Deployment) -> PlacementFileDocument:
    """All of `placement.json`, of a deployment that was placed by errors."""
    found: PlacementFileDocument = msgspec.json.decode(deployment.files[PLACEMENT])
    return found


def policy_choice_document(deployment: Deployment) -> ChosenPoliciesDocument:
    """What was chosen by accuracy and how: `policy_choice`, `policies.json` as it is, and its main figures; empty where
    policies were named."""
    told = deployment.files.get(POLICIES)
    if told is None:
        return {}
    found: PolicyChoiceDocument = msgspec.json.decode(told)
    return {
        "accuracy": found["accuracy"],
        "accuracy_predicted": found["accuracy_predicted"],
        "accuracy_predicted_interval": found["accuracy_predicted_interval"],
        "accuracy_drop_predicted": found["accuracy_drop_predicted"],
        "accuracy_drop_predicted_interval": found["accuracy_drop_predicted_interval"],
        "accuracy_verified": found["accuracy_verified"],
        "accuracy_verified_interval": found["accuracy_verified_interval"],
        "accuracy_drop_verified": found["accuracy_drop_verified"],
        "accuracy_drop_verified_interval": found["accuracy_drop_verified_interval"],
        "programming_energy_uj": found["programming_energy_uj"],
        "programming_energy_attempts_uj": found["programming_energy_attempts_uj"],
        "programming_energy_strongest_uj": found["programming_energy_strongest_uj"],
        "programming_energy_cheapest_uj": found["programming_energy_cheapest_uj"],
        "rounds": found["rounds"],
        "policy_choice": found,
    }


_NO_COMPILER = "no cross compiler was found, so there is no firmware.elf: pip install 'edgebnn[soc]'"


def _on_top_of_pulses(mapped: MappedNetwork) -> list[str]:
    """What the energy of programming, by which policies are chosen too, leaves out."""
    if not mapped.network.trims_itself:
        return []
    return ["programming energy is that of pulses: what a chip takes to trim itself comes on top (edgebnn estimate)"]


def _trim_tried(deployment: Deployment) -> SelfTrimDocument | None:
    """`trimming.json`, where trimming on the chip was tried."""
    told = deployment.files.get(TRIMMING)
    found: SelfTrimDocument | None = None if told is None else msgspec.json.decode(told)
    return found


def _no_trimming(deployment: Deployment) -> list[str]:
    """Why chips do not trim themselves, though it was asked for."""
    found = _trim_tried(deployment)
    if found is None or found["trimmed"]:
        return []
    samples, interval = numbers.counted(found["samples"], "sample"), found["change_interval"]
    chips = f"{found['chips']} {'simulated programmings of the chip' if found['one_chip'] else 'simulated chips'}"
    always = f"{choice('trim', 'on-chip-always')} trims all the same"
    if found["differ_untrimmed"] == 0:
        return [
            f"chips do not trim themselves: on {chips} errors change none of the answers to {samples}, so there is "
            f"nothing to gain; {always}"
        ]
    unit = "{:.3g} of the answers differ" if found["of_classes"] else "scores differ by {:.3g}"
    verdict = "shows no gain; more samples may show one, and"
    if interval is not None and interval[0] > 0:
        verdict = "is a loss;"
    change = numbers.interval(interval, 2, "g") if interval else "unknown"
    return [
        f"chips do not trim themselves: in the mean of {chips} and {samples} {unit.format(found['differ_untrimmed'])} "
        f"from those without errors, and {found['differ_trimmed']:.3g} if they do (the change: {change}), which "
        f"{verdict} {always}"
    ]


def _as_before(deployment: Deployment) -> list[str]:
    """What an update in place leaves as another policy programmed it."""
    placement, now = _placement(deployment), deployment.mapped.policies
    before = placement.get("stays_as", [])
    if not before:
        return []
    return [
        f"devices that stay in their state get no pulse, so they stay as {_quoted(before)} has programmed them "
        f"for a version before; error rates are those of {_quoted(now)} throughout: compile under the same policies, "
        "or program everything anew"
    ]


def _quoted(policies: Iterable[str]) -> str:
    return " and ".join(f"'{legible_name(policy)}'" for policy in policies)


_LONG = ("layers", "bank_error_rates")  # what of a placement only its file holds


def _placement(deployment: Deployment) -> PlacementDocument:
    """How weights went to cells; `placement.json` has the neurons besides."""
    told = deployment.files.get(PLACEMENT)
    if told is None:
        return {"kind": "linear"}
    found = msgspec.json.decode(told)
    for name in _LONG:
        found.pop(name, None)
    short: PlacementDocument = found
    return short


def _verified(mapped: MappedNetwork) -> VerifiedDocument | None:
    """How many words of rows a chip verifies that verifies; None where it is all of them."""
    chosen = mapped.allocation.verified
    if chosen is None:
        return None
    words = {name: stage.output.channels * stage.row_words for name, stage in mapped.linear_stages.items()}
    layers = {name: len(chosen.get(name, ())) for name in words}
    return {"words": sum(layers.values()), "of": sum(words.values()), "layers": layers}


def chip_of_deployment(mapped: MappedNetwork, chip: ChipInstance) -> ChipDocument:
    """A chip as it is with the deployment in it."""
    return chip_document(chip, mapped.target, mapped.policy or default_policy(mapped.target), pattern_of(mapped))


def run_document(
    deployment: Deployment,
    x: npt.NDArray[Any],
    scores: npt.NDArray[Any],
    on: str,
    chip: ChipInstance | None,
    labels: npt.NDArray[np.int64] | None = None,
) -> RunDocument:
    """`run`: the classes, and with the labels (samples,) the accuracy; the scores themselves go to a file."""
    flat = per_class(scores)
    right = None if labels is None else flat.argmax(axis=1) == labels
    mapped, network = deployment.mapped, deployment.mapped.network
    return {
        **origin_document(mapped),
        "on": on,
        "samples": len(scores),
        "chip": None if chip is None else chip_of_deployment(mapped, chip),
        "scale": network.output.scale,
        "ends_in": network.ends_in,
        "notes": [*network.cautions, *how_taken(network, x), *network.notes],
        "accuracy": None if right is None else float(right.mean()),
        "accuracy_interval": None if right is None else list(exact_interval(int(right.sum()), len(right))),
        "classes": flat.argmax(axis=1).tolist(),
        "class_counts": np.bincount(flat.argmax(axis=1), minlength=flat.shape[1]).tolist(),
    }


def energy_document(found: Emulation | Estimate) -> InferenceDocument:
    """Energy with its parts and groups, latency and what both rest on; None where a target has no energy model."""
    energy = found.energy
    return {
        "energy_per_inference_nj": None if energy is None else energy.parts_nj(),
        "energy_groups_nj": None if energy is None else _groups(energy, 1e9),
        "latency_per_inference_us": found.latency_us,
        "evidence": {} if energy is None else energy.evidence_shares(),
        "latency_evidence": dict(found.latency_evidence),
    }


def _groups(energy: Energy, factor: float) -> dict[str, float]:
    """The energy of each group; the factor is from joules to the unit."""
    return {str(group): energy_j * factor for group, energy_j in energy.by_group().items()}


def _by_group(energy: Energy) -> list[EnergyPart]:
    """Every part, group by group."""
    return sorted(energy.parts, key=lambda part: list(EnergyGroup).index(part.group))


def _part_nj(part: EnergyPart) -> EnergyPartNjDocument:
    energy_nj, evidence = part.energy_j * 1e9, str(part.evidence)
    return {"part": part.name, "group": str(part.group), "energy_nj": energy_nj, "evidence": evidence}


def _part_j(part: EnergyPart) -> EnergyPartJDocument:
    evidence = str(part.evidence)
    return {"part": part.name, "group": str(part.group), "energy_j": part.energy_j, "evidence": evidence}


def left_out(deployment: Deployment) -> list[str]:
    """Sentences that say why figures are missing: the target has no energy model, or there is no firmware."""
    target = deployment.mapped.target
    notes = []
    if target.energy is None:
        notes.append(f"target '{target.name}' has no energy model, so there is no energy and no latency")
    if deployment.elf is None:
        notes.append(NO_FIRMWARE)
    return notes


def estimate_document(deployment: Deployment, result: Estimate) -> EstimatedDocument:
    """`estimate`: one inference, programming, and the whole life; energies from counted events.

    The array's events in closed form stand beside those that were counted.
    """
    mapped, programmed = deployment.mapped, result.programmed
    return {
        **origin_document(mapped),
        "supply_v": result.supply_v,
        **energy_document(result),
        "inputs_outside": outside_document(mapped.network),
        "energy_parts": [] if result.energy is None else [_part_nj(part) for part in _by_group(result.energy)],
        "latency_parts_us": {phase.name: phase.time_s * 1e6 for phase in result.latency},
        "memory": {**memory_document(deployment), "available": available_document(mapped.target)},
        "programming_by_policy": {} if programmed is None else by_policy_document(programmed.cost),
        "programming_energy_uj": None if programmed is None else programmed.energy.total_j * 1e6,
        "programming_evidence": {} if programmed is None else programmed.energy.evidence_shares(),
        "programming_time_us": None if programmed is None else programmed.time_s * 1e6,
        "programming_time_evidence": {} if programmed is None else phase_evidence(programmed.time),
        "provisioning_energy_uj": None if result.provisioning is None else result.provisioning.total_j * 1e6,
        "marker_energy_uj": None if programmed is None else marker_uj(programmed.marker),
        "programming_energy_per_boot_uj": None if programmed is None else per_boot(mapped, programmed.energy),
        "boot_energy_uj": None if result.boot is None else _boot_uj(mapped, result),
        **trim_document(mapped, result),
        "deployment": None if result.lifetime is None else lifetime_document(result.lifetime),
        "fleet": None if result.fleet is None else fleet_document(result.fleet),
        "endurance": _endurance_document(mapped, result),
        "array_events_closed_form": asdict(result.array),
        "events_counted": None if result.counted is None else asdict(result.counted),
        "notes": [
            *mapped.network.notes,
            *_no_trimming(deployment),
            *_area_notes(mapped.target),
            *left_out(deployment),
            *spent_on_int8(mapped, result.energy),
            *_of_zeros(mapped, result),
            *_life_notes(mapped.target, result),
            *_fleet_notes(result),
        ],
    }


def trim_document(mapped: MappedNetwork, result: Estimate) -> TrimmingDocument:
    """What it takes a chip to trim itself behind a programming; None where it does not.

    At every boot of a chip that keeps nothing of it the same again.
    """
    found = result.trimming
    return {
        "trim_bytes": mapped.plan.trim_bytes or None,
        "trim_energy_uj": None if found is None else found.energy.total_j * 1e6,
        "trim_time_us": None if found is None else found.time_s * 1e6,
        "trim_evidence": {} if found is None else found.energy.evidence_shares(),
    }


def marker_uj(cost: ProgrammingCost | None) -> float:
    """What the marker takes beside the weights, in uJ."""
    return 0.0 if cost is None else cost.energy.total_j * 1e6


def per_boot(mapped: MappedNetwork, programming: Energy) -> float:
    """What of each boot's energy programs the banks, in uJ."""
    return programming.total_j * 1e6 if mapped.provisioning == "boot" else 0.0


def _boot_uj(mapped: MappedNetwork, result: Estimate) -> float:
    """A boot of a chip that was programmed before, in uJ: instructions, what is read back, and what is programmed."""
    booted = 0.0 if result.boot is None else result.boot.total_j * 1e6
    return booted + (0.0 if result.programming is None else per_boot(mapped, result.programming))


def by_policy_document(cost: ProgrammingCost) -> dict[str, PolicyCostDocument]:
    """What programming takes under each policy."""
    return {
        name: {"energy_uj": cost.energies[name].total_j * 1e6, "time_us": cost.times[name].time_s * 1e6}
        for name in cost.pulses
    }


def lifetime_document(life: Lifetime) -> LifeDocument:
    """A deployment's life: what it does and what that takes, all programming included."""
    return {
        "days": life.usage.days,
        "inferences_per_day": life.usage.inferences_per_day,
        "reprogrammings_per_day": life.usage.reprogrammings_per_day,
        "channels": life.usage.channels,
        "sample_rate_hz": life.usage.sample_rate_hz,
        "boots_per_day": life.usage.boots_per_day,
        "inferences": life.usage.inferences,
        "reprogrammings": life.usage.reprogrammings,
        "boots": life.usage.boots,
        "energy_j": {"total": life.energy.total_j, **_groups(life.energy, 1.0)},
        "energy_parts": [_part_j(part) for part in _by_group(life.energy)],
        "evidence": life.energy.evidence_shares(),
        "leakage_share": life.leakage_share,
        "mean_power_uw": life.mean_power_w * 1e6,
        "battery": battery_document(life.battery),
        "battery_power_uw": None if life.battery_power_w is None else life.battery_power_w * 1e6,
        "battery_days": life.battery_days,
    }


def fleet_document(found: FleetTotals) -> FleetDocument:
    """What all devices of a fleet take together."""
    return {
        "devices": found.fleet.devices,
        "updates_per_year": found.fleet.updates_per_year,
        "updates": found.updates,
        "energy_j": found.energy_j,
        "programming_energy_j": found.programming_j,
        "batteries": found.batteries,
        "update_bytes": found.flash_bytes,
        "sent_bytes": found.sent_bytes,
    }


def _fleet_notes(result: Estimate) -> list[str]:
    """What the figures of updates leave out."""
    if result.fleet is None or not result.fleet.fleet.updates_per_year:
        return []
    return [
        "what it takes to receive an update and to write it into flash is left out: no target states a radio, or the "
        "energy of writing flash"
    ]


def _endurance_document(mapped: MappedNetwork, result: Estimate) -> EnduranceDocument | None:
    """How often the banks can be programmed, and what that does to their bit error rate; None without RRAM.

    `worn` is the rate where devices are worn out, `at_the_end` that at the end of the planned life.
    """
    if result.programmed is None or result.programmed.endurance is None:
        return None
    found, life = result.programmed.endurance, result.lifetime
    years = None if life is None else found.years(life.usage.reprogrammings_per_day)
    planned = None if life is None else wear(mapped.target, found.policy, ceil(life.usage.reprogrammings))
    return {
        "policy": found.policy,
        "cycles": found.cycles,
        "reprogrammings": found.reprogrammings,
        "evidence": str(found.evidence),
        "worn": wear_document(found.worn),
        "at_the_end": wear_document(planned),
        "years": years,
    }


def wear_document(found: Wear | None) -> WearDocument | None:
    """What cycles do to the bit error rate; None where no law says so."""
    if found is None:
        return None
    return {
        "cycles": found.cycles,
        "bit_error_rate": found.bit_error_rate,
        "fresh_bit_error_rate": found.fresh_bit_error_rate,
        "doubled_after": found.doubled_after,
        "evidence": str(found.evidence),
    }


def _area_notes(target: Target) -> list[str]:
    if target.array is None:
        return []
    return ["there is no figure of silicon area: no target states the size of a cell, an amplifier or a decoder"]


def _of_zeros(mapped: MappedNetwork, result: Estimate) -> list[str]:
    """What software does goes by what it is given."""
    if result.energy is None or mapped.target.array is not None:
        return []
    return [
        "instructions are counted on one sample of zeros; those of layers with inputs of one bit or a trit go by how "
        "many inputs are active (edgebnn emulate counts them on your samples)"
    ]


def _life_notes(target: Target, result: Estimate) -> list[str]:
    """What the figures of a deployment's life leave out, and whether its banks outlast it."""
    life, notes = result.lifetime, []
    if life is None:
        return []
    if target.device is None:
        notes.append(f"target '{target.name}' has no [device], so there is no front end and no battery")
    elif life.usage.sample_rate_hz is None:
        notes.append("the front end and its samples are left out; a sample rate in Hz (--sample-rate) counts them")
    notes += leakage_note(life)
    endurance = None if result.programmed is None else result.programmed.endurance
    if endurance is not None and life.usage.reprogrammings > endurance.reprogrammings:
        notes.append(
            f"the banks wear out before the {life.usage.days:g} days are over: under policy '{endurance.policy}' they "
            f"wear out after {endurance.reprogrammings:,} reprogrammings of {life.usage.reprogrammings:,.0f}"
        )
    return notes


def targets_document(targets: Sequence[Target]) -> TargetListDocument:
    """`targets list`."""
    return {
        "targets": [
            {
                "name": target.name,
                "architecture": target.architecture,
                "summary": target.summary,
                "rram": target.array is not None,
                "policies": list(target.policies),
            }
            for target in targets
        ]
    }


def target_document(target: Target) -> TargetNumbersDocument:
    """`targets show`: every number with its provenance."""
    entries: list[TargetNumberDocument] = [
        {"path": path, "value": q.value, "unit": q.unit, "source": q.source, "evidence": str(q.evidence)}
        for path, q, _ in target.quantities()
    ]
    counts = Counter(str(quantity.evidence) for _, quantity, _ in target.quantities())
    return {
        "name": target.name,
        "target_changed": changed(target),
        "architecture": target.architecture,
        "summary": target.summary,
        "sha256": target.sha256,
        "numbers": entries,
        "evidence_counts": dict(counts),
        "registers": [
            {"name": r.name, "offset": r.offset, "meaning": r.meaning}
            for r in (target.macro.registers if target.macro is not None else ())
        ],
    }


def copy_document(target: Target, file: Path, paths: Sequence[str]) -> TargetCopyDocument:
    """`targets copy`: the copy, and the numbers of it that were set."""
    document = target_document(target)
    chosen = [number for number in document["numbers"] if number["path"] in paths]
    return {"file": str(file), "name": target.name, "sha256": target.sha256, "set": chosen}
