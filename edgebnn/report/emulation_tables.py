"""What `emulate` prints."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from edgebnn.json_types.emulation import ChipSummaryDocument, EmulatedDocument, OverChipsDocument
from edgebnn.report import numbers
from edgebnn.report.accuracy_curve import show_curve
from edgebnn.report.accuracy_endurance import endurance_rows
from edgebnn.report.chip_tables import attempts_shown
from edgebnn.report.measured_sensitivity import show_sensitivity
from edgebnn.report.policies import under
from edgebnn.report.tables import accuracy_text, agreement_rows, energy_rows, facts, programming_rows, show_notes
from edgebnn.report.target_names import shown_target
from edgebnn.report.terminal import Shown

_SHOWN = 20  # chips in the terminal; JSON has all
_WRONG = (
    "read wrong: share of the weights that one read with inputs of +1 finds wrong, in the mean; for good: weights that "
    "most of these reads find wrong."
)


def show_emulate(console: Console, document: EmulatedDocument) -> None:
    """The data without errors, then the chips."""
    rows: list[tuple[str, Shown]] = [
        ("target", shown_target(document)),
        ("samples", numbers.count(document["samples"])),
    ]
    accuracy, drop = accuracy_text(document), document["accuracy_drop"]
    if accuracy is not None:
        rows.append(("accuracy, no errors", accuracy))
    if drop is not None:
        interval = document["accuracy_drop_interval"]
        assert interval is not None, "every drop has one"
        shown = numbers.interval(interval, 2, "f")
        rows.append(("accuracy drop", f"{drop:.2f} points (95% interval {shown})"))
    if "verdict" in document:
        allowed = f"drop of at most {document['max_accuracy_drop']:g} points"
        rows.append((allowed, f"{document['verdict']}: {document['verdict_reason']}"))
    rows += [
        *agreement_rows(document, document["onnxruntime_same_class"]),
        *energy_rows(document),
        *programming_rows(document),
    ]
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
    show_notes(console, document["notes"])


def _show_chips(console: Console, document: EmulatedDocument) -> None:
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
    over = document["over_chips"]
    if over is not None and over["chips"] > 1:
        facts(console, "Over chips", _over_chips_rows(over))


def _condition_rows(document: EmulatedDocument) -> list[tuple[str, str]]:
    found = document["conditions"]
    assert found is not None, "there are chips"
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


def _ternary_rows(document: EmulatedDocument) -> list[tuple[str, str]]:
    """How often ternary weights are read wrong."""
    found = document["ternary_errors"]
    if found is None:
        return []
    rates = f"0 as +-1 {found['from_zero']:.2%}, +-1 as 0 {found['to_zero']:.2%}, +1 as -1 {found['sign_flip']:.1e}"
    return [("ternary weights read", f"{rates} ({found['evidence']})")]


def _over_chips_rows(found: ChipSummaryDocument) -> list[tuple[str, str]]:
    def shown(figure: OverChipsDocument, digits: int, kind: str) -> str:
        mean, spread = (f"{value:,.{digits}{kind}}" for value in (figure["mean"], figure["spread"]))
        assert figure["interval"] is not None, "there are several chips"
        interval = numbers.interval(figure["interval"], digits, kind)
        return f"{mean} (95% interval {interval}), from chip to chip +-{spread}"

    rows = [] if found["accuracy"] is None else [("accuracy", shown(found["accuracy"], 2, "%"))]
    rows += [("answers changed", shown(found["changed"], 2, "%"))]
    rows += [("read wrong", shown(found["misread_share"], 2, "%"))]
    return [*rows, ("wrong for good", shown(found["wrong_bits"], 1, "f"))]
