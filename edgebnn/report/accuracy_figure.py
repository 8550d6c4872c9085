"""The picture of `emulate --sweep-ber`: accuracy against the bit error rate of one deployment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edgebnn.json_types.emulation import AccuracyCurveDocument, ChipSettingsDocument, EmulatedDocument
from edgebnn.mapping.floorplan import INK, MUTED, PALETTE
from edgebnn.report import numbers
from edgebnn.report.pictures import headed, picture
from edgebnn.report.target_names import shown_target

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SIZE_INCHES = (9.0, 6.6)
_HEADING_INCHES, _LEGEND_INCHES = 0.45, 0.65
_LETTER = 0.0085  # width of a letter of a policy's name, as a share of the axis
_LEVEL_POINTS = 25  # height of a name and its rate
_MOST_DOTS = 50  # chips of a point that are drawn one by one


def accuracy_picture(document: EmulatedDocument, form: str = "png") -> bytes:
    """The bytes of a PNG or SVG (`form`) of a document of `emulate` that has an `accuracy_curve`."""
    curve = document["accuracy_curve"]

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        _clean(axes, curve)
        _points(axes, curve)
        _scales(axes, curve)
        levels = _policies(axes, curve)
        axes.set_xlabel("bit error rate: share of the weights in RRAM that are wrong")
        axes.set_ylabel("accuracy (%)")
        handles, labels = axes.get_legend_handles_labels()
        place = (0.035, 1 - _HEADING_INCHES / figure.get_figheight())
        figure.legend(handles, labels, loc="upper left", bbox_to_anchor=place)
        headed(figure, f"Accuracy against bit error rate, on {shown_target(document)} (simulated)", _caption(document))
        above = _HEADING_INCHES + _LEGEND_INCHES + 0.05 + levels * _LEVEL_POINTS / 72
        top = 1 - above / figure.get_figheight()
        figure.subplots_adjust(left=0.085, right=0.975, top=top, bottom=0.195)

    return picture(SIZE_INCHES, form, draw)


def _clean(axes: Axes, curve: AccuracyCurveDocument) -> None:
    low, high = (100 * bound for bound in curve["accuracy_interval"])
    axes.axhspan(low, high, color=MUTED, alpha=0.12, linewidth=0)
    axes.axhline(
        100 * curve["accuracy"],
        color=MUTED,
        linewidth=1.2,
        label=f"without errors, {curve['accuracy']:.2%} (band: exact 95% interval over samples)",
    )


def _points(axes: Axes, curve: AccuracyCurveDocument) -> None:
    clean, points = 100 * curve["accuracy"], curve["points"]
    x = [point["bit_error_rate"] for point in points]
    mean = [100 * point["accuracy"] for point in points]
    below = [
        at - max(clean - point["accuracy_drop_interval"][1], 0) for at, point in zip(mean, points, strict=True)
    ]  # fmt: skip
    above = [
        min(clean - point["accuracy_drop_interval"][0], 100) - at for at, point in zip(mean, points, strict=True)
    ]  # fmt: skip
    for point in points:
        chips = point["chips"][:_MOST_DOTS]
        axes.plot(
            [point["bit_error_rate"]] * len(chips),
            [100 * chip["accuracy"] for chip in chips],
            ".", color=PALETTE[1], markersize=5, alpha=0.6, markeredgewidth=0, zorder=3,
        )  # fmt: skip
    axes.plot([], [], ".", color=PALETTE[1], alpha=0.6, label="each chip")
    axes.errorbar(
        x, mean, yerr=[[max(each, 0) for each in below], [max(each, 0) for each in above]], color=PALETTE[0],
        marker="o", markersize=4.5, linewidth=1.4, elinewidth=1.1, capsize=2.5,
        label="mean over chips, bar: 95% bootstrap interval over chips and samples",
    )  # fmt: skip


def _scales(axes: Axes, curve: AccuracyCurveDocument) -> None:
    """All points and all marks within the axis, and accuracy down to where the curve ends."""
    points = curve["points"]
    rates = [point["bit_error_rate"] for point in points]
    marks = [each["bit_error_rate"] for each in curve["policies"] if each["bit_error_rate"] > 0]
    axes.set_xscale("log")
    axes.set_xlim(min([*rates, *marks]) / 1.6, max([*rates, *marks]) * 1.6)
    low, high = axes.get_ylim()
    axes.set_ylim(max(low, 0) if low > -10 else 0, min(high, 101))


def _policies(axes: Axes, curve: AccuracyCurveDocument) -> int:
    """A line and a name above the panel for each policy; those that err alike share one. How many levels of names."""
    shared: dict[float, list[str]] = {}
    for each in sorted(curve["policies"], key=lambda each: float(each["bit_error_rate"])):
        if each["bit_error_rate"] > 0:
            shared.setdefault(each["bit_error_rate"], []).append(each["policy"])
    low, high = np.log10(axes.get_xlim())
    ends: list[float] = []  # where the last name of each level ends, as a share of the axis
    for rate, policies in shared.items():
        axes.axvline(rate, color=INK, linewidth=0.9, linestyle=":")
        names, place = ", ".join(policies), (np.log10(rate) - low) / (high - low)
        half = _LETTER * (len(names) + 2) / 2
        level = next((level for level, end in enumerate(ends) if end <= place - half), len(ends))
        ends[level : level + 1] = [place + half]
        axes.annotate(
            f"{names}\n{rate:.2g}", (rate, 1), xycoords=("data", "axes fraction"),
            xytext=(0, 3 + _LEVEL_POINTS * level), textcoords="offset points", ha="center", va="bottom", fontsize=8,
        )  # fmt: skip
    return len(ends)


def _caption(document: EmulatedDocument) -> str:
    curve, state = document["accuracy_curve"], document["conditions"]
    assert state is not None, "a curve is that of chips"
    seeds = [chip["seed"] for chip in curve["points"][0]["chips"]]
    chips = f"{numbers.counted(len(seeds), 'chip')} of seed{'s' if len(seeds) > 1 else ''} {_span(seeds)}"
    words = ", ".join(f"{each['policy']} {each['evidence']}" for each in curve["policies"])
    warm = "reference temperature" if state["temperature_c"] is None else f"{state['temperature_c']:g} °C"
    supply = "nominal supply" if state["supply_v"] is None else f"{state['supply_v']:g} V"
    marks = f"{state['cycles']:,} cycles, {state['retention_days']:g} days, {warm}, {supply}"
    return (
        f"Counted: {curve['samples']:,} samples on {chips}, the same ones at every rate; error model "
        f"'{state['errors']}', {_what(state)}. "
        f"Dotted: the share that one read finds wrong under each policy by theory ({marks}). "
        f"Evidence of these rates: {words}. Model sha256 {document['model_sha256'][:12]}."
    )


def _what(state: ChipSettingsDocument) -> str:
    if state["errors"] == "neighbour":
        return "weights become a neighbouring value anew in every inference"
    read = f", and a share of {state['read_error_rate']:g} of all XNORs" if state["read_error_rate"] else ""
    return f"binary weights flip for good, ternary ones become a neighbour{read}"


def _span(seeds: list[int]) -> str:
    return str(seeds[0]) if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}"
