"""What `edgebnn demo` shows: one recording on several targets, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from edgebnn.devices.monitor import Monitoring
from edgebnn.report.documents import chips_document, memory_document
from edgebnn.report.tables import AGREE

if TYPE_CHECKING:
    from edgebnn.api import Deployment

Document = dict[str, Any]


# What a patch would also have to do, and no firmware here does yet: energy, latency and battery life leave it out.
NOT_COUNTED = ("finding the beats", "cutting and scaling the windows", "sending or storing what was found")


def demo_document(results: Sequence[tuple[Deployment, Monitoring]]) -> Document:
    """The first target's figures as `design` names them, and under `targets` those of each target."""
    _, first = results[0]
    targets = {deployment.mapped.target.name: _figures(deployment, result) for deployment, result in results}
    recording = first.recording
    return {
        "recording": {
            "name": recording.name,
            "duration_s": first.duration_s,
            "sample_rate_hz": recording.fs_hz,
            "beats_from": "the recording's annotations" if first.own_beats else "sleepecg's detector",
        },
        "beats": len(first.beats),
        **next(iter(targets.values())),
        "targets": targets,
    }


def _figures(deployment: Deployment, result: Monitoring) -> Document:
    emulation = result.emulation
    energy = emulation.energy
    detection = result.detection
    labelled: Document = {}
    if detection is not None:
        labelled = {
            "sensitivity": detection.sensitivity,
            "ppv": detection.ppv,
            "f1": detection.f1,
            "counts": asdict(detection),
        }
    return {
        "target": deployment.mapped.target.name,
        "policy": deployment.mapped.policy,
        "pvc_found": result.pvc_found,
        **labelled,
        "executors_agree": emulation.executors_agree,
        "agreement": {pair: asdict(agreement) for pair, agreement in emulation.agreement.items()},
        "firmware_beats": emulation.firmware_samples,
        "energy_per_beat_nj": None if energy is None else energy.total_j * 1e9,
        "energy_per_beat_parts_nj": None if energy is None else energy.parts_nj(),
        "latency_per_beat_us": emulation.latency_us,
        "memory": memory_document(deployment.memory),
        "programming_energy_uj": None if emulation.programming is None else emulation.programming.total_j * 1e6,
        "average_power_uw": None if result.power_w is None else result.power_w * 1e6,
        "battery_days": result.battery_days,
        "evidence": {} if energy is None else energy.evidence_shares(),
        "latency_evidence": emulation.latency_evidence,
        "not_counted": NOT_COUNTED,
        "chips": chips_document(emulation, deployment.mapped),
    }


def show_demo(console: Console, document: Document) -> None:
    """The tables: what was found, then each target in a column."""
    recording = document["recording"]
    minutes, seconds = divmod(round(recording["duration_s"]), 60)
    console.print(
        f"[bold]{escape(recording['name'])}[/bold]: {minutes} min {seconds:02d} s of ECG at "
        f"{recording['sample_rate_hz']:g} Hz, {document['beats']} beats from {recording['beats_from']}"
    )
    if "sensitivity" in document:
        counts = document["counts"]
        console.print(
            f"premature ventricular beats: sensitivity {_share(document['sensitivity'])}, positive predictivity "
            f"{_share(document['ppv'])}, F1 {_share(document['f1'])} ({counts['tp']} right, {counts['fp']} false, "
            f"{counts['fn']} missed)"
        )
    table = Table()
    table.add_column("")
    targets = list(document["targets"].values())
    for target in targets:
        table.add_column(target["target"], justify="right", overflow="fold")
    for name, cells in _rows(targets):
        table.add_row(name, *cells)
    console.print(table)
    _show_chips(console, document)
    words = ", ".join(f"{share:.0%} {word}" for word, share in document["evidence"].items())
    if words:
        console.print(
            f"The energy on {document['target']} rests on {words} constants of 130 nm, not on a measurement: "
            f"edgebnn targets show {document['target']}."
        )
    if document["battery_days"] is not None:
        console.print(f"Power and battery life leave out what no firmware here does yet: {', '.join(NOT_COUNTED)}.")


def _rows(targets: list[Document]) -> list[tuple[str, list[str]]]:
    def row(name: str, value: Any) -> tuple[str, list[str]]:
        return name, [value(target) for target in targets]

    pairs = {pair: None for target in targets for pair in target["agreement"]}
    rows = [row("PVC found", lambda t: f"{t['pvc_found']:,}")]
    rows.append(row("executors agree", lambda t: AGREE[t["executors_agree"]]))
    for pair in pairs:
        rows.append(row(f"  {pair.replace('-', ' = ', 1)}", lambda t, pair=pair: _agreement(t["agreement"].get(pair))))
    rows.append(row("energy per beat", lambda t: _number(t["energy_per_beat_nj"], ",.0f", "nJ")))
    for part in dict.fromkeys(part for target in targets for part in target["energy_per_beat_parts_nj"] or {}):
        if part != "total":
            name = f"  {part.replace('_', ' ')}"
            rows.append(
                row(name, lambda t, part=part: _number((t["energy_per_beat_parts_nj"] or {}).get(part), ",.1f", "nJ"))
            )
    rows += [
        row("latency per beat", lambda t: _number(t["latency_per_beat_us"], ",.0f", "us")),
        row("synapses", lambda t: f"{t['memory']['synapses']:,}"),
        row("RRAM banks", lambda t: f"{t['memory']['banks']:,}" if t["memory"]["banks"] else "none"),
        row("code", lambda t: _number(t["memory"]["code_bytes"], ",", "B")),
        row("weights image", lambda t: _number(t["memory"]["weights_bytes"], ",", "B")),
        row("SRAM", lambda t: _number(t["memory"]["sram_bytes"], ",", "B")),
        row("programming the banks", lambda t: _number(t["programming_energy_uj"], ".2f", "uJ")),
        row("mean power of the patch", lambda t: _number(t["average_power_uw"], ".1f", "uW")),
        row("battery life (see below)", lambda t: _number(t["battery_days"], ",.0f", "days")),
    ]
    return rows


def _show_chips(console: Console, document: Document) -> None:
    chips = document["chips"]
    if not chips:
        return
    changed = [chip["changed"] for chip in chips]
    wrong = [chip["wrong_bits"] for chip in chips]
    console.print(
        f"{len(chips)} chip instances programmed under '{document['policy']}' (bit error rate "
        f"{chips[0]['bit_error_rate']:g}, {chips[0]['bit_error_rate_evidence']}): {min(wrong)} to {max(wrong)} wrong "
        f"weights, {min(changed)} to {max(changed)} of {document['beats']} answers changed"
    )


def _agreement(counts: Document | None) -> str:
    return "" if counts is None else f"{counts['equal']} of {counts['compared']}"


def _number(value: float | None, form: str, unit: str) -> str:
    return "" if value is None else f"{value:{form}} {unit}"


def _share(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.3f}"
