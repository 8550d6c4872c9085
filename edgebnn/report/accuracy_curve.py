"""Accuracy against the bit error rate: JSON and a table."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from edgebnn.emulator.accuracy_curve import AccuracyCurve, CurvePoint
from edgebnn.json_types.emulation import AccuracyCurveDocument, CurvePointDocument
from edgebnn.report import numbers
from edgebnn.report.tables import show_notes


def curve_document(curve: AccuracyCurve) -> AccuracyCurveDocument:
    """The field `accuracy_curve` of `emulate`: accuracies are fractions, drops percentage points."""
    return {
        "samples": curve.samples,
        "accuracy": curve.accuracy,
        "accuracy_interval": list(curve.accuracy_interval),
        "points": [_point(curve, point) for point in curve.points],
        "policies": [
            {
                "policy": each.policy,
                "bit_error_rate": each.bit_error_rate,
                "evidence": None if each.evidence is None else str(each.evidence),
            }
            for each in curve.policies
        ],
        "notes": [*curve.left_out, *_few(curve)],
    }


def _point(curve: AccuracyCurve, point: CurvePoint) -> CurvePointDocument:
    over = point.over_chips
    return {
        "bit_error_rate": point.bit_error_rate,
        "accuracy": over.mean,
        "accuracy_spread": over.spread,
        "accuracy_interval_over_chips": None if over.interval is None else list(over.interval),
        "accuracy_drop": point.drop.mean * 100,
        "accuracy_drop_interval": [bound * 100 for bound in point.drop.interval],
        "chips": [
            {"seed": seed, "accuracy": accuracy, "wrong_bits": wrong}
            for seed, accuracy, wrong in zip(curve.seeds, point.accuracies, point.wrong_bits, strict=True)
        ],
    }


def _few(curve: AccuracyCurve) -> list[str]:
    if len(curve.seeds) > 1:
        return []
    return ["the curve is that of a single chip, which says nothing of others: draw more of them with --chips"]


def show_curve(console: Console, found: AccuracyCurveDocument) -> None:
    """A row a rate, and what each policy's own rate is."""
    console.print()
    chips = numbers.counted(len(found["points"][0]["chips"]), "chip")
    table = Table(title=f"Accuracy against bit error rate, {chips}", title_justify="left")
    for name in ("bit error rate", "accuracy", "+- chip to chip", "drop, points", "95% interval"):
        table.add_column(name, justify="right")
    for point in found["points"]:
        table.add_row(
            f"{point['bit_error_rate']:.3g}",
            f"{point['accuracy']:.2%}",
            "" if point["accuracy_spread"] is None else f"{point['accuracy_spread']:.2%}",
            f"{point['accuracy_drop']:.2f}",
            numbers.interval(point["accuracy_drop_interval"], 2, "f"),
        )
    console.print(table)
    own = (f"{each['policy']} {each['bit_error_rate']:.2g}" for each in found["policies"])
    console.print(f"Under the policies themselves one read finds wrong: {', '.join(own)}.")
    show_notes(console, found["notes"])
