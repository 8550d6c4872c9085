"""What `edgebnn demo` shows: one recording on several targets, side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from edgebnn.apart.onnx_session import GET_ONNXRUNTIME, has_onnxruntime
from edgebnn.chip.energy.energy import Energy
from edgebnn.devices.leads import TakenBy
from edgebnn.devices.monitor import Monitoring
from edgebnn.devices.pvc import OTHER_VENTRICULAR, Detection
from edgebnn.json_types.recordings import DemonstratedDocument, LabelledDocument, MonitoredDocument, RecordingDocument
from edgebnn.models import training_record
from edgebnn.report import numbers
from edgebnn.report.battery import battery_document, battery_words, leakage_note
from edgebnn.report.documents import left_out, memory_document
from edgebnn.report.emulation import agreement_document, chips_document, programming_document
from edgebnn.report.tables import agreement_rows
from edgebnn.report.target_names import named, shown_target, whose_numbers
from edgebnn.report.terminal import Shown, bold

if TYPE_CHECKING:
    from edgebnn.api import Deployment

# What a patch would also have to do, and no firmware here does yet: energy, latency and battery life leave it out.
NOT_COUNTED = ("finding the beats", "cutting and scaling the windows", "sending or storing what was found")

MOMENTS = 8  # premature beats whose time the terminal shows; JSON has all


def demo_document(results: Sequence[tuple[Deployment, Monitoring]]) -> DemonstratedDocument:
    """The first target's figures as `design` names them, and under `targets` those of each target."""
    _, first = results[0]
    recording = first.judged.recording
    learnt = training_record(recording.name)
    targets = {deployment.mapped.target.name: _figures(deployment, result) for deployment, result in results}
    return {
        "recording": {
            "name": recording.name,
            "lead": recording.lead or None,
            "lead_taken_by": None if recording.lead_by is None else str(recording.lead_by),
            "leads_without_signal": list(recording.leads_without_signal),
            "duration_s": first.duration_s,
            "sample_rate_hz": recording.fs_hz,
            "beats_from": "the recording's annotations" if first.judged.marked else "sleepecg's detector",
            "beat_codes": dict(Counter(recording.codes)),
            "missing_samples": recording.gaps.samples,
            "gaps": len(recording.gaps),
            "beats_beside_gaps": int(first.judged.beside_gaps.sum()),
        },
        "beats": len(first.judged.beats),
        "trained_on": learnt is not None,
        "training_record": learnt,
        **next(iter(targets.values())),
        "targets": targets,
    }


def _figures(deployment: Deployment, result: Monitoring) -> MonitoredDocument:
    emulation = result.emulation
    energy = emulation.energy
    life = result.life
    return {
        **named(deployment.mapped.target),
        "policy": deployment.mapped.policy,
        "beats_without_signal": result.judged.without_signal,
        "pvc_found": len(result.pvc_at_s),
        "pvc_at_s": result.pvc_at_s,
        "pvc_beside_gaps_at_s": result.pvc_beside_gaps_at_s,
        **_labelled(result.detection),
        "executors_agree": emulation.executors_agree,
        "agreement": {pair: agreement_document(found) for pair, found in emulation.agreement.items()},
        "firmware_beats": emulation.firmware_samples,
        "energy_per_beat_nj": None if energy is None else energy.total_j * 1e9,
        "energy_per_beat_parts_nj": None if energy is None else _parts(energy),
        "latency_per_beat_us": emulation.latency_us,
        "memory": memory_document(deployment),
        **programming_document(deployment.mapped, emulation),
        "battery": None if life is None else battery_document(life.battery),
        "average_power_uw": None if life is None or life.battery_power_w is None else life.battery_power_w * 1e6,
        "battery_days": None if life is None else life.battery_days,
        "leakage_share": None if life is None else life.leakage_share,
        "evidence": {} if energy is None else energy.evidence_shares(),
        "latency_evidence": dict(emulation.latency_evidence),
        "not_counted": NOT_COUNTED,
        "notes": [*left_out(deployment), *_not_compared(), *([] if life is None else leakage_note(life))],
        "chips": chips_document(emulation),
    }


def _not_compared() -> list[str]:
    """That the package is missing which executes the ONNX file."""
    return [] if has_onnxruntime() else [f"onnxruntime was not asked, since it is not installed: {GET_ONNXRUNTIME}"]


def _labelled(detection: Detection | None) -> LabelledDocument:
    """How well the beats were judged, where the recording says what they are."""
    if detection is None:
        return {}
    return {
        "sensitivity": detection.sensitivity,
        "ppv": detection.ppv,
        "f1": detection.f1,
        "counts": {"tp": detection.tp, "fp": detection.fp, "fn": detection.fn, "tn": detection.tn},
    }


def _parts(energy: Energy) -> dict[str, float]:
    """The energy of a beat in nJ, part by part; they sum to the whole."""
    return {name: part for name, part in energy.parts_nj().items() if name != "total"}


def show_demo(console: Console, document: DemonstratedDocument) -> None:
    """The tables: what was found, then each target in a column."""
    _show_recording(console, document)
    table = Table()
    table.add_column("")
    targets = list(document["targets"].values())
    for target in targets:
        table.add_column(shown_target(target), justify="right", overflow="fold")
    for name, cells in _rows(targets):
        if any(cells):
            table.add_row(name, *cells)
    console.print(table)
    _show_chips(console, document)
    words = ", ".join(f"{numbers.portion(share)} {word}" for word, share in document["evidence"].items())
    if words:
        console.print(
            f"The energy on {document['target']} rests on {words} constants of 130 nm, not on a measurement: "
            f"{whose_numbers(document)}."
        )
    if document["battery_days"] is not None:
        console.print(
            f"Power and battery life leave out what no firmware here does yet: {', '.join(NOT_COUNTED)}; and "
            "the battery's self-discharge."
        )
    for note in dict.fromkeys(note for target in targets for note in target["notes"]):
        console.print(f"note: {note}")


def _show_recording(console: Console, document: DemonstratedDocument) -> None:
    """The recording, what was found in it, and what that is worth."""
    recording = document["recording"]
    minutes, seconds = divmod(round(recording["duration_s"]), 60)
    console.print(
        bold(recording["name"]),
        f"{_lead(recording)}: {minutes} min {seconds:02d} s of ECG at "
        f"{recording['sample_rate_hz']:g} Hz, "
        f"{numbers.counted(document['beats'] + document['beats_without_signal'], 'beat')} from "
        f"{recording['beats_from']}",
        sep="",
    )
    if document["trained_on"]:
        console.print(
            bold(
                f"By its name this is {document['training_record']}, on which the model was trained: "
                "what it scores here says nothing about other patients."
            )
        )
    _show_gaps(console, document)
    beside = set(document["pvc_beside_gaps_at_s"])
    moments = [f"{numbers.moment(at)}{'*' if at in beside else ''}" for at in document["pvc_at_s"][:MOMENTS]]
    if moments:
        rest = len(document["pvc_at_s"]) - len(moments)
        more = f" and {rest:,} more (--json lists all)" if rest else ""
        mark = " (* beside a gap)" if beside else ""
        console.print(f"called premature ventricular: {', '.join(moments)}{more}{mark}")
    if "sensitivity" in document:
        counts = document["counts"]
        console.print(
            f"against the labels: sensitivity {_share(document['sensitivity'])}, positive predictivity "
            f"{_share(document['ppv'])}, F1 {_share(document['f1'])} ({counts['tp']:,} right, {counts['fp']:,} false, "
            f"{counts['fn']:,} missed)"
        )
    others = [
        f"{count:,} {OTHER_VENTRICULAR[code]} ({code})"
        for code, count in recording["beat_codes"].items()
        if code in OTHER_VENTRICULAR
    ]
    if others:
        console.print(f"not premature ventricular beats by these labels: {', '.join(others)}")


def _lead(recording: RecordingDocument) -> str:
    """`, lead MLII`, where the record names it."""
    return f", lead {recording['lead']}" if recording["lead"] else ""


def _show_gaps(console: Console, document: DemonstratedDocument) -> None:
    """What was guessed, filled in or left out before anything was judged."""
    recording = document["recording"]
    if recording["lead_taken_by"] == TakenBy.UNIT:
        console.print("No signal has the name of an ECG lead: this is the first one in volts (--lead takes another).")
    if recording["leads_without_signal"]:
        dead = ", ".join(name or "one without a name" for name in recording["leads_without_signal"])
        console.print(f"No signal in front of this lead, all of it missing or flat: {dead} (--lead takes any).")
    if recording["gaps"]:
        beats = numbers.counted(recording["beats_beside_gaps"], "beat")
        console.print(
            f"{numbers.counted(recording['missing_samples'], 'sample')} in "
            f"{numbers.counted(recording['gaps'], 'gap')} missing: the last value is held there; {beats} beside a gap"
        )
    if document["beats_without_signal"]:
        unseen = numbers.counted(document["beats_without_signal"], "beat")
        console.print(
            f"{unseen} without signal, more than half of the window missing or all of it flat: not judged, in no "
            "count below"
        )


def _rows(targets: list[MonitoredDocument]) -> list[tuple[str, Sequence[Shown]]]:
    def row(name: str, value: Callable[[MonitoredDocument], str]) -> tuple[str, list[str]]:
        return name, [value(target) for target in targets]

    def part(name: str) -> tuple[str, list[str]]:
        return row(
            f"  {name.replace('_', ' ')}", lambda t: numbers.energy((t["energy_per_beat_parts_nj"] or {}).get(name))
        )

    agreements = [dict(agreement_rows(target)) for target in targets]
    parts = dict.fromkeys(name for target in targets for name in target["energy_per_beat_parts_nj"] or {})
    some_rram = any(target["memory"]["banks"] for target in targets)
    return [
        row("beats without signal", lambda t: numbers.count(t["beats_without_signal"] or None)),
        row("PVC found", lambda t: numbers.count(t["pvc_found"])),
        *(
            (pair, [agreement.get(pair, "") for agreement in agreements])
            for pair in dict.fromkeys(pair for agreement in agreements for pair in agreement)
        ),
        row("energy per beat", lambda t: numbers.energy(t["energy_per_beat_nj"])),
        *(part(name) for name in parts),
        row("latency per beat", lambda t: numbers.latency(t["latency_per_beat_us"])),
        row("synapses", lambda t: numbers.count(t["memory"]["synapses"])),
        row("RRAM banks", lambda t: numbers.count(t["memory"]["banks"] or None) or ("none" if some_rram else "")),
        row("code", lambda t: numbers.size(t["memory"]["code_bytes"])),
        row("weights image", lambda t: numbers.size(t["memory"]["weights_bytes"])),
        row("SRAM", lambda t: numbers.size(t["memory"]["sram_bytes"])),
        row("programming the banks", lambda t: numbers.programming(t["programming_energy_uj"])),
        row("mean power of the patch", lambda t: numbers.quantity(t["average_power_uw"], "uW", 1)),
        row("battery", lambda t: battery_words(t["battery"]) if t["battery"] else ""),
        row("battery life (see below)", lambda t: numbers.quantity(t["battery_days"], "days")),
    ]


def _show_chips(console: Console, document: DemonstratedDocument) -> None:
    chips = document["chips"]
    if not chips:
        return
    wrong, changed = [chip["wrong_bits"] for chip in chips], [chip["changed"] for chip in chips]
    console.print(
        f"{numbers.counted(len(chips), 'chip instance')} programmed under '{document['policy']}' (bit error rate "
        f"{chips[0]['bit_error_rate']:g}, {chips[0]['bit_error_rate_evidence']}): {numbers.span(wrong)} weights "
        f"wrong for good, {numbers.span(changed)} of {numbers.counted(document['beats'], 'answer')} changed"
    )


def _share(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.3f}"
