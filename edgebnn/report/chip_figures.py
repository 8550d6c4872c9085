"""The picture of `chip characterise`: resistances, bit error rates, ageing, ternary errors; one panel for each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from edgebnn.chip.study.ternary_errors import UPPER_BOUNDS
from edgebnn.json_types.characterisation import (
    CharacterisedDocument,
    RateAtDocument,
    RateField,
    SampledRateDocument,
    StateDocument,
    StateName,
    TernaryEvent,
    TernaryRateDocument,
)
from edgebnn.json_types.numbers import WorthDocument
from edgebnn.mapping.floorplan import MUTED, PALETTE
from edgebnn.report.pictures import headed, keyed, picture
from edgebnn.report.target_names import shown_target

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Schemes by the JSON's field: label, colour, marker.
SCHEMES: dict[RateField, tuple[str, str, str]] = {
    "ber_1t1r": ("1T1R", PALETTE[1], "o"),
    "ber_secded_72_64": ("1T1R + SECDED(72,64)", PALETTE[3], "^"),
    "ber_secded": ("1T1R + SECDED(8,4)", PALETTE[2], "s"),
    "ber_2t2r": ("2T2R", PALETTE[0], "D"),
}
EVENTS: dict[TernaryEvent, tuple[str, str]] = {
    "from_zero": ("0 as ±1", PALETTE[1]),
    "to_zero": ("±1 as 0", PALETTE[0]),
    "sign_flip": ("+1 as -1", PALETTE[2]),
}
STATES: dict[StateName, tuple[str, str]] = {"lrs": ("LRS", PALETTE[0]), "hrs": ("HRS", PALETTE[1])}

WIDTH_INCHES, PANELS_INCHES, HEAD_INCHES, CAPTION_INCHES = 12.0, 8.2, 0.65, 0.85
_APART = 1.6  # a factor in cycles between counts of neighbouring policies
NEVER = 1e-9  # where a rate of zero is drawn, below the panel
_LONGEST = 24  # letters of a policy's name
_ARROW = 0.25  # the tip of an arrow as a share of the interval's end from which it hangs


def characterisation_picture(document: CharacterisedDocument, form: str = "png") -> bytes:
    """The bytes of a PNG or SVG (`form`); they depend on the document and on the version of matplotlib alone."""

    height = HEAD_INCHES + PANELS_INCHES + CAPTION_INCHES

    def draw(figure: Figure) -> None:
        inside = (0.01, CAPTION_INCHES / height, 0.98, PANELS_INCHES / height)
        figure.set_layout_engine("constrained", rect=inside, hspace=0.06, wspace=0.04)
        panels = figure.subplots(2, 2).ravel()
        for panel, axes in zip((_resistances, _bit_errors, _ageing, _ternary), panels, strict=True):
            panel(axes, document)
        headed(figure, _heading(document), _caption(document))

    return picture((WIDTH_INCHES, height), form, draw)


def _heading(document: CharacterisedDocument) -> str:
    return (
        f"{shown_target(document)}: devices and read errors by programming policy (simulated)\n{state_of(document)} "
        "unless an axis says otherwise"
    )


def state_of(document: CharacterisedDocument) -> str:
    """What the devices went through: cycles, days since programming, temperature and supply of the first condition."""
    first, temperature = document["first"], document["temperature_c"]
    warm = "reference temperature" if temperature is None else f"{temperature:g} °C"
    return f"{_cycles(first['cycles'])}, {_days(document)}, {warm}, {first['supply_v']:g} V"


def _caption(document: CharacterisedDocument) -> str:
    ternary = document["ternary"][0]["to_zero"]["trials"]
    cells = f"at least {document['cells']:,} cells a bit error rate, {ternary:,} a ternary one"
    words = ", ".join(f"{row['policy']} {row['evidence']}" for row in _first(document, "ber_2t2r"))
    reads = [document["ternary_theory"][0][event] for event in EVENTS]
    tables = [row[event]["tabulated"] for row in document["ternary"] for event in EVENTS if "tabulated" in row[event]]
    return (
        f"Lines: theory. Points: counted on the chip of seed {document['seed']}, {cells}, with their "
        f"{document['interval_level']:.0%} intervals; an arrow where none was wrong; those of "
        "several policies at the same cycles side by side.\n"
        f"Evidence of the 2T2R bit error rates: {words}. 1T1R and SECDED follow from them: "
        f"{words_of(_first(document, 'ber_1t1r'))}.\n"
        f"Ternary rates: {words_of(reads)}; their tables: {words_of(tables) or 'none under these conditions'}. "
        f"Medians: {words_of([policy['lrs']['median_ohm'] for policy in document['policies']])}. "
        f"Ageing law: {words_of([point for policy in document['policies'] for point in policy['ageing']])}. "
        "Every number with its source: edgebnn targets show."
    )


def words_of(numbers: Sequence[WorthDocument]) -> str:
    """The words of evidence of some numbers, each once."""
    return ", ".join(dict.fromkeys(number["evidence"] for number in numbers))


def _first(document: CharacterisedDocument, field: RateField) -> list[RateAtDocument]:
    """The rates of all policies at the first of the cycles and supplies."""
    rows = document[field]
    first = rows[0]
    return [row for row in rows if (row["cycles"], row["supply_v"]) == (first["cycles"], first["supply_v"])]


def _resistances(axes: Axes, document: CharacterisedDocument) -> None:
    """A ridge for each policy: sampled devices filled, the log-normal law as a line."""
    policies = document["policies"]
    for row, policy in enumerate(reversed(policies)):
        for state, (label, colour) in STATES.items():
            _ridge(axes, policy[state], row, colour, label if row == 0 else "")
        axes.axhline(row, color=MUTED, linewidth=0.6)
    low = min(policy["lrs"]["histogram"]["edges_log10_ohm"][0] for policy in policies)
    high = max(policy["hrs"]["histogram"]["edges_log10_ohm"][-1] for policy in policies)
    axes.set_xscale("log")
    axes.set_xlim(10**low, 10**high)
    axes.set_ylim(0, len(policies))
    axes.set_yticks(range(len(policies)), [_broken(policy["name"]) for policy in reversed(policies)], va="bottom")
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("resistance (Ω); height: density over log R")
    keyed(axes, "Resistance of sampled devices", 2)


def _ridge(axes: Axes, state: StateDocument, row: int, colour: str, label: str) -> None:
    edges = np.asarray(state["histogram"]["edges_log10_ohm"])
    counts = np.asarray(state["histogram"]["counts"], np.float64)
    sigma = state["ln_spread"]["value"] / np.log(10)
    peak = counts.sum() * (edges[1] - edges[0]) / (sigma * np.sqrt(2 * np.pi)) if sigma else counts.max()
    height = 0.86 / peak
    axes.stairs(row + counts * height, 10**edges, baseline=row, fill=True, color=colour, alpha=0.35, label=label)
    if sigma:
        middle = np.log10(state["median_ohm"]["value"])
        x = np.linspace(middle - 4.5 * sigma, middle + 4.5 * sigma, 200)
        axes.plot(10**x, row + 0.86 * np.exp(-(((x - middle) / sigma) ** 2) / 2), color=colour, linewidth=1.2)


def _bit_errors(axes: Axes, document: CharacterisedDocument) -> None:
    names = [row["policy"] for row in _first(document, "ber_2t2r")]
    for place, (field, (label, colour, marker)) in enumerate(SCHEMES.items()):
        rows = _first(document, field)
        x = [index + 0.14 * (place - 1.5) for index in range(len(rows))]
        axes.plot(x, [row["value"] for row in rows], marker="_", markersize=9, color=colour, linewidth=1.2, alpha=0.8)
        _counted(axes, x, rows, colour, marker, label)
    where = _first(document, "ber_2t2r")[0]
    axes.set_yscale("log")
    axes.set_ylim(_floor(_first(document, field) for field in SCHEMES), 1)
    axes.set_xlim(-0.5, len(names) - 0.5)
    axes.set_xticks(range(len(names)), [_broken(name) for name in names])
    axes.grid(visible=False, axis="x")
    axes.set_xlabel("programming policy")
    axes.set_ylabel("wrong bits of data (share)")
    keyed(axes, f"Bit error rate, {_cycles(where['cycles'])}, {where['supply_v']:g} V", 4)


def _ageing(axes: Axes, document: CharacterisedDocument) -> None:
    supply = document["ber_2t2r"][0]["supply_v"]
    for index, policy in enumerate(document["policies"]):
        colour = PALETTE[index % len(PALETTE)]
        cycles, rates = zip(*((point["cycles"], point["value"]) for point in policy["ageing"]), strict=True)
        axes.plot(cycles, rates, color=colour, linewidth=1.4, label=_short(policy["name"]))
        axes.plot(cycles, [point["single"] for point in policy["ageing"]], color=colour, linewidth=1, linestyle="--")
        axes.plot(cycles[-1], rates[-1], marker="X", color=colour, markersize=8, linestyle="none")
        counted = [row for row in document["ber_2t2r"] if row["policy"] == policy["name"] and row["supply_v"] == supply]
        # Side by side: at the same number of cycles one policy's interval would hide another's.
        _counted(axes, [max(row["cycles"], 1) * _APART**index for row in counted], counted, colour, "o", "")
    axes.plot([], [], color=MUTED, linewidth=1.4, label="2T2R")
    axes.plot([], [], color=MUTED, linewidth=1, linestyle="--", label="1T1R")
    axes.plot([], [], marker="X", color=MUTED, markersize=8, linestyle="none", label="devices wear out")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_ylim(_floor([document["ber_2t2r"]]), 1)
    axes.set_xlabel("programming cycles (never programmed before at 1)")
    axes.set_ylabel("wrong bits of data (share)")
    keyed(axes, f"Bit error rate against programming cycles, {supply:g} V", 4)


def _ternary(axes: Axes, document: CharacterisedDocument) -> None:
    theory, shown = document["ternary_theory"], document["ternary"][0]["policy"]
    rows = [row for row in document["ternary"] if row["policy"] == shown]
    x = [row["supply_v"] for row in rows]
    for event, (label, colour) in EVENTS.items():
        axes.plot(
            [at["supply_v"] for at in theory],
            [at[event]["value"] for at in theory],
            color=colour,
            linewidth=1.4,
            label=label,
        )
        _counted(axes, x, [row[event] for row in rows], colour, "o", "")
        _tabulated(axes, x, [row[event] for row in rows], event, colour)
    if any("tabulated" in row[event] for row in rows for event in EVENTS):
        axes.plot([], [], "D", color=MUTED, markerfacecolor="none", markersize=8, label="table")
        axes.plot([], [], marker="_", color=MUTED, linestyle="none", markersize=12, label="table's bound")
    axes.set_yscale("log")
    axes.set_ylim(_floor([[row[event] for row in rows] for event in EVENTS]), 1)
    axes.margins(x=0.08)
    axes.set_xlabel("supply (V)")
    axes.set_ylabel("wrong reads (share)")
    keyed(axes, f"Ternary weights read wrong, policy '{rows[0]['policy']}'", 5)


def _tabulated(axes: Axes, x: Sequence[float], rows: Sequence[TernaryRateDocument], event: str, colour: str) -> None:
    """What the table states: open diamonds, and bars that the rate lies below."""
    stated = [(volts, row["tabulated"]["value"]) for volts, row in zip(x, rows, strict=True) if "tabulated" in row]
    if not stated:
        return
    marker, size = ("_", 16) if event in UPPER_BOUNDS else ("D", 10)
    volts, values = zip(*stated, strict=True)
    axes.plot(volts, values, marker, color=colour, markerfacecolor="none", markersize=size)


def _counted(
    axes: Axes, x: Sequence[float], rows: Sequence[SampledRateDocument], colour: str, marker: str, label: str
) -> None:  # fmt: skip
    """Points with their intervals; where nothing was wrong an arrow hangs from the upper end."""
    seen = [(at, row) for at, row in zip(x, rows, strict=True) if row["wrong"]]
    unseen = [(at, row["interval"][1]) for at, row in zip(x, rows, strict=True) if not row["wrong"]]
    points = [row["sampled"] for _, row in seen]
    below = [row["sampled"] - row["interval"][0] for _, row in seen]
    above = [row["interval"][1] - row["sampled"] for _, row in seen]
    style: dict[str, Any] = {"color": colour, "linestyle": "none", "elinewidth": 1.1, "capsize": 2.5}
    axes.errorbar(
        [at for at, _ in seen], points, yerr=[below, above], marker=marker, markersize=4.5, label=label or None, **style
    )
    if unseen:
        at, ends = zip(*unseen, strict=True)
        reach = [(1 - _ARROW) * end for end in ends]
        axes.errorbar(at, ends, yerr=[reach, [0.0] * len(ends)], uplims=True, **style)


def _floor(groups: Any) -> float:
    """A decade below all that is drawn: rates by theory, ends of intervals, tables; or NEVER."""
    rows = [row for group in groups for row in group]
    ends = [row["interval"][0] if row["wrong"] else _ARROW * row["interval"][1] for row in rows]
    stated = [row["tabulated"]["value"] for row in rows if "tabulated" in row]
    lowest = min((value for value in (*(row["value"] for row in rows), *ends, *stated) if value > 0), default=NEVER)
    return float(10 ** np.floor(np.log10(max(lowest, NEVER)) - 0.3))


def _cycles(count: int) -> str:
    return "0 cycles" if count == 0 else f"{count:,} cycles"


def _days(document: CharacterisedDocument) -> str:
    days = document["retention_days"]
    return f"{days:g} days after programming" if days else "just programmed"


def _broken(name: str) -> str:
    """A policy's name over two lines where it is long, broken after its last hyphen."""
    head, hyphen, tail = _short(name).rpartition("-")
    return f"{head}{hyphen}\n{tail}" if len(name) > 12 and head else _short(name)


def _short(name: str) -> str:
    """A very long name without its middle, so that panels keep their size."""
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 9]}…{name[-8:]}"
