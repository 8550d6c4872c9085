"""The tables that the commands print, made from the same documents as the JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Console, JustifyMethod
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from edgebnn.api import Deployment

Document = dict[str, Any]

AGREE = {True: "yes", False: "[red]NO[/red]", None: "not compared"}


def facts(console: Console, title: str, rows: list[tuple[str, str]]) -> None:
    """A two-column table of named facts."""
    table = Table(title=title, title_justify="left", show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold")
    table.add_column()
    for name, value in rows:
        table.add_row(name, value)
    console.print(table)


def show_inspect(console: Console, document: Document) -> None:
    """`inspect`."""
    if document["layers"]:
        entry = document["input"]
        console.print(
            f"input {escape(entry['name'])}: {entry['kind']} {tuple(entry['shape'])}, {entry['low']} to "
            f"{entry['high']}, handed over as {entry['dtype']}"
        )
        table = Table(title=escape(document["model"]), title_justify="left")
        for name in ("layer", "kind", "output", "fan-in", "MACs", "runs on"):
            justify: JustifyMethod = "right" if name in ("fan-in", "MACs") else "left"
            table.add_column(name, justify=justify, overflow="fold", no_wrap=name == "layer")
        for layer in document["layers"]:
            table.add_row(
                escape(_tail(layer["name"])),
                escape(_kind(layer)),
                "x".join(map(str, layer["output_shape"])),
                _count(layer["fan_in"]),
                _count(layer["macs"] or None),
                layer["runs_on"],
            )
        console.print(table)
        console.print(
            f"{document['weights']:,} weights, {document['macs']:,} multiply-accumulates, "
            f"{document['ambiguous_thresholds']} ambiguous thresholds"
        )
    for note in document["notes"]:
        console.print(f"note: {escape(note)}")
    if document["problems"]:
        table = Table(title=f"{escape(document['model'])} cannot be mapped", title_justify="left")
        for name in ("node", "operator", "reason", "remedy"):
            table.add_column(name, overflow="fold")
        for problem in document["problems"]:
            table.add_row(*(escape(problem[name]) for name in ("node", "operator", "reason", "remedy")))
        console.print(table)


def show_compile(console: Console, deployment: Deployment, document: Document) -> None:
    """`compile`."""
    table = Table(title="Layers, read from the emitted files", title_justify="left")
    for name in ("layer", "synapses", "weight bytes", "policy"):
        table.add_column(name, justify="left" if name in ("layer", "policy") else "right", overflow="fold")
    for name, layer in document["layers"].items():
        policy = escape(document["policies"].get(name, ""))
        table.add_row(escape(name), _count(layer["synapses"]), _count(layer["weight_bytes"]), policy)
    console.print(table)
    rows = [("target", document["target"]), *_memory_rows(document)]
    facts(console, "", [*rows, ("deployment", escape(document["deployment"]))])
    for note in document["notes"]:
        console.print(f"note: {escape(note)}")


def show_run(console: Console, document: Document) -> None:
    """`run`."""
    counts = ", ".join(f"class {index}: {count}" for index, count in enumerate(document["class_counts"]) if count)
    chip = document["chip"]
    where = f"chip {chip['seed']} at a bit error rate of {chip['bit_error_rate']:g}" if chip else "no bit errors"
    console.print(f"{document['samples']} samples on {document['on']}, {where}: {counts}")


def show_emulate(console: Console, document: Document) -> None:
    """`emulate`."""
    rows = [("samples", _count(document["samples"]))]
    if document["accuracy"] is not None:
        low, high = document["accuracy_interval"]
        rows.append(("accuracy, no errors", f"{document['accuracy']:.2%} (95 % interval {low:.2%} to {high:.2%})"))
    if document["accuracy_drop"] is not None:
        low, high = document["accuracy_drop_interval"]
        rows.append(
            ("accuracy drop", f"{document['accuracy_drop']:.2f} points (95 % interval {low:.2f} to {high:.2f})")
        )
    if "verdict" in document:
        rows.append((f"drop of at most {document['max_accuracy_drop']:g} points", document["verdict"]))
    rows += [*agreement_rows(document), *energy_rows(document, "inference")]
    if document["programming_energy_uj"] is not None:
        rows.append(
            ("programming", f"{document['programming_energy_uj']:.3f} uJ under policy {escape(document['policy'])}")
        )
    facts(console, "Emulation", rows)
    if document["chips"]:
        table = Table(title="Chip instances", title_justify="left")
        for name in ("seed", "bit error rate", "wrong weights", "accuracy", "answers changed"):
            table.add_column(name, justify="right")
        for chip in document["chips"][:20]:
            accuracy = "" if chip["accuracy"] is None else f"{chip['accuracy']:.2%}"
            rate = f"{chip['bit_error_rate']:g}"
            table.add_row(str(chip["seed"]), rate, _count(chip["wrong_bits"]), accuracy, _count(chip["changed"]))
        console.print(table)
        if len(document["chips"]) > 20:
            console.print(f"and {len(document['chips']) - 20} more chips (--json lists all)")


def show_estimate(console: Console, document: Document) -> None:
    """`estimate`."""
    rows = [("target", document["target"]), *energy_rows(document, "inference")]
    if document["energy_per_inference_nj"] is None:
        rows.append(("energy", "this target has no energy model"))
    if document["programming_energy_uj"] is not None:
        rows.append(
            ("programming", f"{document['programming_energy_uj']:.3f} uJ under policy {escape(document['policy'])}")
        )
    facts(console, "Estimate", [*rows, *_memory_rows(document["memory"])])
    parts = document["energy_per_inference_nj"]
    if parts is not None:
        table = Table(title="Energy of one inference", title_justify="left")
        for name in ("part", "nJ", "share"):
            table.add_column(name, justify="left" if name == "part" else "right")
        for name, value in parts.items():
            table.add_row(name.replace("_", " "), f"{value:.3f}", f"{value / parts['total']:.1%}")
        console.print(table)


def show_targets(console: Console, document: Document) -> None:
    """`targets list`."""
    table = Table()
    for name in ("target", "architecture", "RRAM", "policies", "summary"):
        table.add_column(name, overflow="fold")
    for target in document["targets"]:
        rram = "yes" if target["rram"] else "no"
        table.add_row(target["name"], target["architecture"], rram, ", ".join(target["policies"]), target["summary"])
    console.print(table)


def show_target(console: Console, document: Document) -> None:
    """`targets show`."""
    console.print(f"[bold]{escape(document['name'])}[/bold]: {escape(document['summary'])}")
    table = Table()
    for name in ("number", "value", "unit", "evidence", "source"):
        table.add_column(name, justify="right" if name == "value" else "left", overflow="fold")
    for number in document["numbers"]:
        value = f"0x{number['value']:08x}" if number["unit"] == "address" else f"{number['value']:g}"
        unit = "" if number["unit"] in ("1", "address") else number["unit"]
        table.add_row(escape(number["path"]), value, unit, number["evidence"], escape(number["source"]))
    console.print(table)
    if document["registers"]:
        table = Table(title="Registers of the macro", title_justify="left")
        for name in ("register", "offset", "meaning"):
            table.add_column(name, overflow="fold")
        for register in document["registers"]:
            table.add_row(escape(register["name"]), f"0x{register['offset']:03x}", escape(register["meaning"]))
        console.print(table)


def agreement_rows(document: Document) -> list[tuple[str, str]]:
    """Whether the executors agree, pair by pair."""
    rows = [("executors agree", AGREE[document["executors_agree"]])]
    for pair, counts in document["agreement"].items():
        rows.append((f"  {pair.replace('-', ' = ', 1)}", f"{counts['equal']} of {counts['compared']} samples"))
    return rows


def energy_rows(document: Document, each: str) -> list[tuple[str, str]]:
    """Energy, latency and evidence of one inference or beat."""
    energy = document.get("energy_per_inference_nj")
    if energy is None:
        return []
    evidence = ", ".join(f"{share:.0%} {word}" for word, share in document["evidence"].items())
    return [
        (f"energy per {each}", f"{energy['total']:.1f} nJ"),
        (f"latency per {each}", f"{document['latency_per_inference_us']:.1f} us"),
        ("the energy rests on", f"{evidence} constants (edgebnn targets show {document['target']})"),
    ]


def _programming(document: Document) -> tuple[str, str]:
    return "programming", f"{document['programming_energy_uj']:.3f} uJ under policy {escape(document['policy'])}"


def _memory_rows(memory: Document) -> list[tuple[str, str]]:
    code = memory["code_bytes"]
    rows = [("synapses", _count(memory["synapses"]))]
    if memory["banks"]:
        rows.append(("RRAM banks", _count(memory["banks"])))
    return [
        *rows,
        ("SRAM", f"{memory['sram_bytes']:,} bytes"),
        ("code", "not built" if code is None else f"{code:,} bytes"),
        ("weights image", f"{memory['weights_bytes']:,} bytes"),
    ]


def _kind(layer: Document) -> str:
    """What a layer is, and what it makes of padding and of exact zeros, which models disagree on."""
    words = [f"{layer['weights']} {layer['kind']}" if layer["weights"] else layer["kind"]]
    if layer.get("padding", "none") != "none":
        words.append(f"padding {layer['padding']}")
    if layer.get("ties"):
        words.append(f"0 becomes {layer['ties']}")
    if layer.get("ambiguous"):
        words.append(f"{layer['ambiguous']} ambiguous")
    return ", ".join(words)


def _tail(name: str, longest: int = 22) -> str:
    """A name from an exporter is a path, and its end tells more than its beginning."""
    return name if len(name) <= longest else "..." + name[3 - longest :]


def _count(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def show_train(console: Console, document: Document) -> None:
    """`train`: record by record, then all of them."""
    table = Table(title="Premature ventricular beats, record by record", title_justify="left")
    table.add_column("record")
    table.add_column("in training")
    for heading in ("found", "false", "missed", "sensitivity", "PPV", "F1"):
        table.add_column(heading, justify="right")
    for row in [*document["records"], *document["pooled"]]:
        counts = row["counts"]
        table.add_row(
            escape(row["record"]),
            row["split"],
            *(str(counts[name]) for name in ("tp", "fp", "fn")),
            *("-" if row[name] is None else f"{row[name]:.1%}" for name in ("sensitivity", "ppv", "f1")),
        )
    console.print(table)
    if document["model"] is not None:
        console.print(f"{escape(document['model'])}  sha256 {document['model_sha256'][:16]}")
