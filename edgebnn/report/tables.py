"""The tables that the commands print, made from the same documents as the JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from types import MappingProxyType
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from edgebnn.json_types.deployment import (
    CompiledDocument,
    EnduranceDocument,
    EstimatedDocument,
    FleetDocument,
    LifeDocument,
    MemoryOfTargetDocument,
    RunDocument,
)
from edgebnn.json_types.emulation import EmulatedDocument
from edgebnn.json_types.energy import EnergyPartDocument, ProgrammingCostDocument, WearDocument
from edgebnn.json_types.numbers import AgreementDocument
from edgebnn.json_types.placement import PlacementDocument
from edgebnn.json_types.policies import PolicyChoiceDocument
from edgebnn.json_types.recordings import MonitoredDocument, TrainedDocument
from edgebnn.json_types.target import (
    TargetCopyDocument,
    TargetListDocument,
    TargetNumberDocument,
    TargetNumbersDocument,
)
from edgebnn.legible import legible_name
from edgebnn.report import numbers
from edgebnn.report.battery import battery_words
from edgebnn.report.input_quantisers import outside_rows
from edgebnn.report.policies import under
from edgebnn.report.target_names import shown_target, whose_numbers
from edgebnn.report.terminal import Shown, bold, red

if TYPE_CHECKING:
    from edgebnn.api import Deployment

# What `Network.ends_in` means to whoever reads the scores; `inspect` names the operator.
LEFT_OUT = (
    "The scores are those before the model's own ending (a softmax, an arg max or the like), which is left out: the "
    "largest one is the class, and none is a probability."
)

AGREE: dict[bool | None, Shown] = {True: "yes", False: red("NO"), None: "not compared"}


def facts(console: Console, title: str, rows: Sequence[tuple[str, Shown]]) -> None:
    """A two-column table of named facts."""
    table = Table(title=title, title_justify="left", show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold")
    table.add_column()
    for name, value in rows:
        table.add_row(name, value)
    console.print(table)


_PROGRAMMED = {
    "boot": "at every boot",
    "once": "once, by the firmware",
    "separate": "once, by provision.elf; the firmware is without the weights",
}


def show_compile(console: Console, deployment: Deployment, document: CompiledDocument) -> None:
    """`compile`."""
    table = Table(title="Layers, read from the emitted files", title_justify="left")
    for name in ("layer", "synapses", "weight bytes", "policy"):
        table.add_column(name, justify="left" if name in ("layer", "policy") else "right", overflow="fold")
    for name, layer in document["layers"].items():
        policy = document["policies"].get(name, "")
        table.add_row(name, numbers.count(layer["synapses"]), numbers.count(layer["weight_bytes"]), policy)
    console.print(table)
    rows = [("target", shown_target(document)), *_memory_rows(document), *_placement_rows(document["placement"])]
    rows += _verified_rows(document)
    rows += _choice_rows(document) or _programming_rows(document)
    if document["provisioning"] is not None:
        rows.append(("banks are programmed", _PROGRAMMED[document["provisioning"]]))
    if document["trim"] is not None:
        rows.append(("chips are trimmed", "each by its own firmware, behind programming"))
    facts(console, "", [*rows, ("deployment", document["deployment"]), ("takes", document["takes"])])
    show_notes(console, document["notes"])


def _choice_rows(document: CompiledDocument) -> list[tuple[str, str]]:
    """What the chosen policies cost and save, and on what that was found."""
    found = document.get("policy_choice")
    if found is None:
        return []
    whose = "programmings of this chip" if found["chip"] else "chips"
    lost = numbers.interval(found["accuracy_drop_verified_interval"], 2, "f")
    energy, most = found["programming_energy_attempts_uj"], found["programming_energy_strongest_uj"]
    times = f"1/{most / energy:.3g} of that" if energy < most else "as much as"
    budget = f"{found['verify_chips']:,} {whose} x {numbers.counted(found['samples'], 'sample')}"
    rows = [
        ("accuracy without errors", numbers.share(found["accuracy"])),
        ("  predicted", numbers.share(found["accuracy_predicted"])),
        ("  verified", numbers.share(found["accuracy_verified"])),
        ("verified loss", f"{found['accuracy_drop_verified']:.2f} points (95% interval {lost})"),
        ("", f"of {found['max_accuracy_drop']:g} allowed, {budget}"),
        ("  each by itself", _chip_losses(found, whose)),
        ("programming", f"{numbers.programming(energy)}, {times} with all under {found['strongest_policy']}"),
    ]
    if found["trim_samples"]:
        by = numbers.counted(found["trim_samples"], "sample")
        rows.append(("holds for", f"chips that are trimmed, each by {by} (edgebnn trim): trim each of yours"))
    if found["rounds"] > 1:
        failed = found["rounds"] - 1
        rows.append(("rounds", f"{numbers.counted(failed, 'choice')} lost too much, so the budget was tightened"))
    return rows


def _chip_losses(found: PolicyChoiceDocument, whose: str) -> str:
    kept, worst, bound = (
        found["chips_verified_within"],
        found["accuracy_drop_verified_worst"],
        found["accuracy_drop_verified_yield"],
    )
    said = f"{kept:,} of {found['verify_chips']:,} {whose} lose no more than allowed, the worst {worst:.2f}"
    if bound is not None:
        said += f"; a share of {found['chip_yield']:g} of all, {bound:.2f} at most (exact 95% interval)"
    return said


def _programming_rows(document: CompiledDocument) -> list[tuple[str, str]]:
    """What programming once takes, beside all under one policy."""
    if not document.get("programming_energy_uj"):
        return []
    rows = [("programming once", numbers.programming(document["programming_energy_uj"]))]
    for policy, energy in (
        (document["strongest_policy"], document["programming_energy_strongest_uj"]),
        (document["cheapest_policy"], document["programming_energy_cheapest_uj"]),
    ):
        rows.append((f"  all {policy}", numbers.programming(energy)))
    return rows


NO_PLACE_ERRS_MORE = "errors do not go by place here: nothing is gained, and what seems so is chance"
NO_CHIP_IS_NAMED = "where a chip errs more is known of one that --chip names alone"


def _placement_rows(placement: PlacementDocument) -> list[tuple[str, str]]:
    """What placement by errors is expected to leave of the harm of linear placement, and an update of all pulses."""
    if placement["kind"] == "linear":
        return []
    if placement["kind"] in ("update", "fresh-banks"):
        where = "in its banks" if placement["kind"] == "update" else "in banks behind its own"
        pulses = f"{placement['pulses']:,} pulses of {placement['pulses_of_all']:,}"
        as_trained = f"; {placement['pulses_as_trained']:,} in the order as trained" if where == "in its banks" else ""
        return [("update of", f"{legible_name(placement['of'])}, {where}"), ("", pulses + as_trained)]
    what = placement["chip"] or "what all chips of the target have in common"
    left = f"{placement['harm']:.1%} of the expected harm is left, {placement['harm_banks_alone']:.1%} by banks alone"
    rows = [("placement", f"{placement['kind']}, {what}"), ("", left)]
    if not placement["errors_by_place"]:
        rows.append(("", NO_PLACE_ERRS_MORE if placement["chip"] else NO_CHIP_IS_NAMED))
    return rows


def _verified_rows(document: CompiledDocument) -> list[tuple[str, str]]:
    """What a chip that verifies does in part alone."""
    verified, attempts = document["verified"], document["attempts"]
    rows = []
    if verified is not None:
        rows.append(("verified", f"{verified['words']:,} of {verified['of']:,} words of rows, where a chip verifies"))
    if attempts:
        rows.append(("attempts", ", ".join(f"{layer} {most} at most" for layer, most in attempts.items())))
    return rows


def show_run(console: Console, document: RunDocument, of_data: Sequence[str] = ()) -> None:
    """`run`, with notes on the data."""
    counts = ", ".join(f"class {index}: {count:,}" for index, count in enumerate(document["class_counts"]) if count)
    chip = document["chip"]
    where = "no bit errors"
    if chip:
        rate = numbers.error_rate(chip["bit_error_rate"])
        where = f"chip {chip['seed']} (errors by '{chip['errors']}') at a bit error rate of {rate}"
    samples = numbers.counted(document["samples"], "sample")
    console.print(f"{samples} on {document['on']}, {where}" + (f": {counts}" if counts else ""))
    accuracy = accuracy_text(document)
    if accuracy is not None:
        facts(console, "", [("accuracy", accuracy)])
    if document["ends_in"] == "classes":
        console.print(LEFT_OUT)
    show_notes(console, of_data)


def accuracy_text(document: RunDocument | EmulatedDocument) -> str | None:
    """`95.80% (95% interval 94.51% to 96.87%)`; None without labels."""
    accuracy = document["accuracy"]
    if accuracy is None:
        return None
    interval = document["accuracy_interval"]
    assert interval is not None, "every accuracy has one"
    return f"{numbers.share(accuracy)} (95% interval {numbers.interval(interval, 2, '%')})"


def show_estimate(console: Console, document: EstimatedDocument) -> None:
    """`estimate`: one inference, then the deployment's whole life."""
    supply = "" if document["supply_v"] is None else f" at {document['supply_v']:g} V"
    rows = [("target", f"{shown_target(document)}{supply}"), *energy_rows(document, document["latency_parts_us"])]
    rows += outside_rows(document["inputs_outside"]) if document["energy_parts"] else []
    facts(console, "Estimate", [*rows, *programming_rows(document, document), *_memory_rows(document["memory"])])
    if document["energy_parts"]:
        console.print()
        parts = [(part, part["energy_nj"]) for part in document["energy_parts"]]
        _show_parts(console, "One inference", parts, numbers.energy)
    if document["deployment"] is not None:
        console.print()
        _show_deployment(console, document["deployment"], document["endurance"])
    if document["fleet"] is not None and document["deployment"] is not None:
        console.print()
        _show_fleet(console, document["fleet"], document["deployment"])
    show_notes(console, document["notes"])


def _show_parts(
    console: Console, title: str, parts: Sequence[tuple[EnergyPartDocument, float]], shown: Callable[[float], str]
) -> None:
    """An energy group by group, with the word of evidence of each part; a group of one part takes one row."""
    table = Table(title=title, title_justify="left")
    for name in ("spent on", "energy", "share", "evidence"):
        table.add_column(name, justify="right" if name in ("energy", "share") else "left")
    total = sum(energy for _, energy in parts)

    def row(name: str, energy: float, word: str = "") -> None:
        table.add_row(name.replace("_", " "), shown(energy), numbers.portion(energy / total, 1) if total else "", word)

    row("total", total)
    for group, found in groupby(parts, key=lambda part: part[0]["group"]):
        inside = list(found)
        indent = ""
        if len(inside) > 1:
            row(group, sum(energy for _, energy in inside))
            indent = "  "
        for part, energy in inside:
            row(indent + part["part"], energy, part["evidence"])
    console.print(table)


def _show_deployment(console: Console, life: LifeDocument, endurance: EnduranceDocument | None) -> None:
    """The life of a deployment: what it does, what that takes, and how long battery and banks last."""
    parts = [(part, part["energy_j"]) for part in life["energy_parts"]]
    _show_parts(console, f"Deployed for {life['days']:,g} days", parts, numbers.lifelong)
    inferences, a_day = numbers.rate(life["inferences"]), numbers.rate(life["inferences_per_day"])
    rows = [("inferences", f"{inferences} ({a_day} a day)")]
    if endurance is not None:
        again = f", then {numbers.rate(life['reprogrammings'])} times" if life["reprogrammings"] else ""
        rows.append(("programmed", f"at the start{again}"))
    if life["boots"]:
        rows.append(("boots", f"{numbers.rate(life['boots'])} ({numbers.rate(life['boots_per_day'])} a day)"))
    rows += [
        ("mean power", numbers.power(life["mean_power_uw"])),
        ("the energy rests on", _constants(life["evidence"])),
    ]
    if life["battery_days"] is not None and life["battery"] is not None and life["battery_power_uw"] is not None:
        days = f"{numbers.lasting(life['battery_days'])} at {numbers.power(life['battery_power_uw'])}"
        rows.append(("battery", f"{days}, {battery_words(life['battery'])}, self-discharge left out"))
    if endurance is not None:
        worn = f"after {numbers.count(endurance['reprogrammings'])} reprogrammings ({endurance['evidence']})"
        years = "" if endurance["years"] is None else f", {numbers.rate(endurance['years'])} years at this rate"
        rows.append(("endurance: worn out", f"{worn} under policy {endurance['policy']}{years}"))
        rows += wear_rows("  bit error rate then", endurance["worn"])
        rows += wear_rows("  at the end of this life", endurance["at_the_end"])
        if endurance["worn"] is not None:
            rows.append(("", "what that leaves of the accuracy: edgebnn emulate --find-endurance"))
    facts(console, "", rows)


def _show_fleet(console: Console, fleet: FleetDocument, life: LifeDocument) -> None:
    """What all devices take together: energy, batteries, and what updates send."""
    devices = numbers.counted(fleet["devices"], "device")
    rows = [
        ("energy", f"{numbers.lifelong(fleet['energy_j'])} ({numbers.watt_hours(fleet['energy_j'])})"),
        ("  of it programming", numbers.lifelong(fleet["programming_energy_j"])),
    ]
    if fleet["batteries"] is not None and life["battery"] is not None:
        rows.append(("batteries", f"{numbers.rate(fleet['batteries'])} of {battery_words(life['battery'])}"))
    if fleet["updates"]:
        each = f"{numbers.rate(fleet['updates'])} ({numbers.rate(fleet['updates_per_year'])} a year of 365 days)"
        rows.append(("updates of each", each))
        if fleet["update_bytes"] is not None and fleet["sent_bytes"] is not None:
            each, every = numbers.size(fleet["update_bytes"]), numbers.volume(fleet["sent_bytes"])
            rows.append(("  sent", f"{each} of code and weights each time, {every} in all"))
    facts(console, f"{devices} for {life['days']:,g} days", rows)


def wear_rows(name: str, wear: WearDocument | None) -> list[tuple[str, str]]:
    """The bit error rate after some cycles beside that of fresh devices; no row where no law says so."""
    if wear is None:
        return []
    rates = f"{numbers.error_rate(wear['bit_error_rate'])} (fresh {numbers.error_rate(wear['fresh_bit_error_rate'])}"
    doubled = wear["doubled_after"]
    twice = "" if doubled is None else f", twice that after {numbers.short(doubled)} cycles"
    return [(name, f"{rates}{twice}; {wear['evidence']})")]


def show_targets(console: Console, document: TargetListDocument) -> None:
    """`targets list`."""
    table = Table()
    for name in ("target", "architecture", "RRAM", "policies", "summary"):
        table.add_column(name, overflow="fold")
    for target in document["targets"]:
        rram = "yes" if target["rram"] else "no"
        texts = (target["architecture"], rram, ", ".join(target["policies"]), target["summary"])
        table.add_row(target["name"], *texts)
    console.print(table)


def show_copy(console: Console, document: TargetCopyDocument) -> None:
    """`targets copy`."""
    console.print(bold(document["name"]), f" written to {document['file']}", sep="", highlight=False)
    rows = [
        (row["path"], f"{row['value']} {row['unit']}, {row['evidence']}: {row['source']}") for row in document["set"]
    ]
    facts(console, "", rows)


def show_target(console: Console, document: TargetNumbersDocument) -> None:
    """`targets show`."""
    changed = " (changed)" if document["target_changed"] else ""
    console.print(bold(document["name"]), f"{changed}: {document['summary']}", sep="")
    if document["numbers"]:
        _show_numbers(console, document["numbers"])
    else:
        console.print("This target states no physical numbers, so there is no energy and no latency on it.")
    if document["registers"]:
        table = Table(title="Registers of the macro", title_justify="left")
        for name in ("register", "offset", "meaning"):
            table.add_column(name, overflow="fold")
        for register in document["registers"]:
            table.add_row(register["name"], f"0x{register['offset']:03x}", register["meaning"])
        console.print(table)


def _show_numbers(console: Console, found: list[TargetNumberDocument]) -> None:
    """Every number under the name of its table, so that the names fit into a terminal of 80 columns."""
    table = Table()
    for name in ("number", "value", "evidence", "source"):
        table.add_column(name, overflow="fold", no_wrap=name != "source")
    section = ""
    for number in found:
        above, _, name = number["path"].rpartition(".")
        if above != section:
            section = above
            table.add_section()
            table.add_row(bold(section))
        value = f"{number['value']:g} {number['unit']}".removesuffix(" 1")
        if number["unit"] == "address":
            value = f"0x{number['value']:08x}"
        table.add_row(f"  {name}", value, number["evidence"], number["source"])
    console.print(table)


def show_notes(console: Console, notes: Sequence[str]) -> None:
    """Sentences that a user should read."""
    for note in notes:
        console.print(f"note: {note}")


def agreement_rows(
    document: EmulatedDocument | MonitoredDocument, by_class: AgreementDocument | None = None
) -> list[tuple[str, Shown]]:
    """Whether the executors agree, pair by pair, and how many classes are onnxruntime's where scores cannot be."""
    rows = [("executors agree", AGREE[document["executors_agree"]])]
    for pair, counts in document["agreement"].items():
        rows.append((f"  {pair.replace('-', ' = ', 1)}", f"{counts['equal']:,} of {counts['compared']:,}"))
    if by_class is not None:
        same = f"{by_class['equal']:,} of {by_class['compared']:,} (quantised or trimmed, so scores differ)"
        rows.append(("same class as onnxruntime", same))
    return rows


def energy_rows(
    document: EmulatedDocument | EstimatedDocument, phases: Mapping[str, float] = MappingProxyType({})
) -> list[tuple[str, str]]:
    """Energy, latency, by phases in us where they are known, and evidence of one inference."""
    energy = document["energy_per_inference_nj"]
    if energy is None:
        return []
    apart = ", ".join(f"{name} {numbers.latency(time)}" for name, time in phases.items() if len(phases) > 1)
    latency = numbers.latency(document["latency_per_inference_us"])
    return [
        ("energy per inference", numbers.energy(energy["total"])),
        ("latency per inference", f"{latency} ({apart})" if apart else latency),
        ("the energy rests on", f"{_constants(document['evidence'])} ({whose_numbers(document)})"),
    ]


def _constants(shares: dict[str, float]) -> str:
    return ", ".join(f"{numbers.portion(share)} {word}" for word, share in shares.items()) + " constants"


def programming_rows(
    document: ProgrammingCostDocument, estimated: EstimatedDocument | None = None
) -> list[tuple[str, str]]:
    """What programming the banks takes, and what only an estimate knows of it."""
    if not document["programming_energy_uj"]:  # no RRAM, or no layer in it
        return []
    each, time = document["programming_by_policy"], numbers.latency(document["programming_time_us"])
    energy = numbers.programming(sum(found["energy_uj"] for found in each.values()))  # of all attempts that were made
    rows = [("programming the banks", f"{energy} in {time} under {under(each)}")]
    if len(each) > 1:
        rows += [(f"  {name}", numbers.programming(found["energy_uj"]) or "0 J") for name, found in each.items()]
    if document["marker_energy_uj"]:
        rows.append(("  and the marker", numbers.programming(document["marker_energy_uj"])))
    if estimated is not None and estimated["provisioning_energy_uj"]:
        whole = numbers.programming(estimated["provisioning_energy_uj"]) or "0 J"
        rows.append(("  and the CPU meanwhile", whole))
    if estimated is not None and estimated["trim_energy_uj"]:
        trimming = numbers.programming(estimated["trim_energy_uj"]) or "0 J"
        rows.append(("    of it trimming the chip", f"{trimming} in {numbers.latency(estimated['trim_time_us'])}"))
    again = document["programming_energy_per_boot_uj"]
    rows.append(("  at each boot", numbers.programming(again) if again else "nothing: programmed once"))
    if estimated is not None and estimated["boot_energy_uj"]:
        rows.append(("a boot in all", numbers.programming(estimated["boot_energy_uj"]) or "0 J"))
    return rows


def _memory_rows(memory: CompiledDocument | MemoryOfTargetDocument) -> list[tuple[str, str]]:
    """What it takes of what there is; code and weights image share the flash."""
    there = memory["available"]
    rows = [("synapses", numbers.count(memory["synapses"]))]
    if memory["banks"]:
        filled = f"{memory['bank_utilisation']:.0%} of their synapses in use"
        rows.append(("RRAM banks", f"{numbers.count(memory['banks'])} of {numbers.count(there['banks'])}, {filled}"))
    return [
        *rows,
        ("code", numbers.size(memory["code_bytes"]) or "not built"),
        ("weights image", numbers.size(memory["weights_bytes"])),
        *_of(there["flash_bytes"], "flash, both", (memory["code_bytes"] or 0) + memory["weights_bytes"]),
        *(_of(there["sram_bytes"], "SRAM", memory["sram_bytes"]) or [("SRAM", numbers.size(memory["sram_bytes"]))]),
    ]


def _of(there: int | None, name: str, taken: int) -> list[tuple[str, str]]:
    """No row where nothing bounds a memory."""
    return [] if there is None else [(name, f"{numbers.count(taken)} of {numbers.size(there)}")]


def show_train(console: Console, document: TrainedDocument) -> None:
    """`train`: record by record, then all of them."""
    table = Table(title="Premature ventricular beats, record by record (Se: sensitivity)", title_justify="left")
    table.add_column("record", overflow="fold")
    table.add_column("in training", overflow="fold")
    for heading in ("found", "false", "missed", "Se", "PPV", "F1"):
        table.add_column(heading, justify="right")
    for row in [*document["records"], *document["pooled"]]:
        counts = row["counts"]
        table.add_row(
            row["record"],
            row["split"],
            *(str(count) for count in (counts["tp"], counts["fp"], counts["fn"])),
            *("-" if share is None else f"{share:.1%}" for share in (row["sensitivity"], row["ppv"], row["f1"])),
        )
    console.print(table)
    for what, beats in (
        ("Beats beside gaps, through which the last value is held", document["beats_beside_gaps"]),
        ("Beats without signal, left out of training and test", document["beats_without_signal"]),
    ):
        told = [f"{name} {count:,}" for name, count in beats.items() if count]
        if told:
            console.print(f"{what}: {', '.join(told)}.")
    if document["model"] is not None and document["model_sha256"] is not None:
        console.print(f"{document['model']}  sha256 {document['model_sha256'][:16]}")
