"""What `emulate` prints."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

from edgebnn.report import numbers
from edgebnn.report.accuracy_curve import show_curve
from edgebnn.report.accuracy_endurance import endurance_rows
from edgebnn.report.chip_tables import attempts_shown
from edgebnn.report.measured_sensitivity import show_sensitivity
from edgebnn.report.policies import under
from edgebnn.report.tables import accuracy_text, agreement_rows, energy_rows, facts, programming_rows, show_notes
from edgebnn.report.target_names import shown_target
from edgebnn.report.terminal import Shown

Document = dict[str, Any]

_SHOWN = 20  # chips in the terminal; JSON has all
_WRONG = (
    "read wrong: share of the weights that one read with inputs of +1 finds wrong, in the mean; for good: weights that "
    "most of these reads find wrong."
)


def show_emulate(console: Console, document: Document) -> None:
    """The data without errors, then the chips."""
    rows: list[tuple[str, Shown]] = [
        ("target", shown_target(document)),
        ("samples", numbers.count(document["samples"])),
    ]
    if document["accuracy"] is not None:
        rows.append(("accuracy, no errors", accuracy_text(document)))
    if document["accuracy_drop"] is not None:
        shown = numbers.interval(document["accuracy_drop_interval"], 2, "f")
        rows.append(("accuracy drop", f"{document['accuracy_drop']:.2f} points (95% interval {shown})"))
    if "verdict" in document:
        allowed = f"drop of at most {document['max_accuracy_drop']:g} points"
        rows.append((allowed, f"{document['verdict']}: {document['verdict_reason']}"))
    rows += [*agreement_rows(document), *energy_rows(document, "inference"), *programming_rows(document)]
    facts(console, "Emulation", rows)
    if "endurance" in document:
        console.print()
        facts(console, "Endurance", endurance_rows(document["endurance"]))
    if document["chips"]:
        console.print()
        _show_chips(console, document)
    if "sensitivity" in document:
        show_sensitivity(console, document["sensitivity"])
    if "accuracy_curve" in document:
        show_curve(console, document["accuracy_curve"])
    show_notes(console, document)


def _show_chips(console: Console, document: Document) -> None:
    """What the chips are like, each of them, and all of them together."""
    facts(console, "Chip instances", [*_condition_rows(document), *_ternary_rows(document)])
    table = Table()
    for name in ("seed", "bit error rate", "read wrong", "for good", "accuracy", "answers changed"):
        table.add_column(name, justify="right")
    for chip in document["chips"][:_SHOWN]:
        accuracy = "" if chip["accuracy"] is None else numbers.share(chip["accuracy"])
        misread, changed = numbers.portion(chip["misread_share"], 2), numbers.count(chip["changed"])
        rate, wrong = numbers.error_rate(chip["bit_error_rate"]), numbers.count(chip["wrong_bits"])
        table.add_row(str(chip["seed"]), rate, misread, wrong, accuracy, changed)
    console.print(table)
    console.print(_WRONG)
    if len(document["chips"]) > _SHOWN:
        console.print(f"and {numbers.counted(len(document['chips']) - _SHOWN, 'more chip')} (--json lists all)")
    if document["over_chips"]["chips"] > 1:
        facts(console, "Over chips", _over_chips_rows(document["over_chips"]))


def _condition_rows(document: Document) -> list[tuple[str, str]]:
    found = document["conditions"]
    supply, temperature = found["supply_v"], found["temperature_c"]
    state = [
        under(found["policies"]),
        f"{found['cycles']:,} cycles",
        "nominal supply" if supply is None else f"{supply:g} V",
        "reference temperature" if temperature is None else f"{temperature:g} C",
    ]
    state += [f"{found['retention_days']:g} days"] if found["retention_days"] else []
    state += [attempts_shown(found)] if found["attempts"] > 1 else []
    model = f"{found['errors']}" + ("" if found["kinds"] == "both" else f", those of {found['kinds']} alone")
    if found["measured"] is not None:
        model += f", with what was measured in {found['measured']}"
    if found["read_error_rate"]:
        model += f", and a share of {found['read_error_rate']:g} of all XNORs"
    worth = document["chips"][0]["bit_error_rate_evidence"]
    return [
        ("errors", model),
        ("conditions", ", ".join(state)),
        ("their rate rests on", f"{worth} numbers" if worth != "given" else "a given rate (--ber)"),
    ]


def _ternary_rows(document: Document) -> list[tuple[str, str]]:
    """How often ternary weights are read wrong."""
    found = document["ternary_errors"]
    if found is None:
        return []
    rates = f"0 as +-1 {found['from_zero']:.2%}, +-1 as 0 {found['to_zero']:.2%}, +1 as -1 {found['sign_flip']:.1e}"
    return [("ternary weights read", f"{rates} ({found['evidence']})")]


def _over_chips_rows(found: Document) -> list[tuple[str, str]]:
    def shown(figure: Document, digits: int, kind: str) -> str:
        mean, spread = (f"{figure[name]:,.{digits}{kind}}" for name in ("mean", "spread"))
        interval = numbers.interval(figure["interval"], digits, kind)
        return f"{mean} (95% interval {interval}), from chip to chip +-{spread}"

    rows = [] if found["accuracy"] is None else [("accuracy", shown(found["accuracy"], 2, "%"))]
    figures = (("answers changed", "changed"), ("read wrong", "misread_share"))
    rows += [(name, shown(found[field], 2, "%")) for name, field in figures]
    return [*rows, ("wrong for good", shown(found["wrong_bits"], 1, "f"))]
