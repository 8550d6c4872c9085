"""The picture of the sense margin: resistances of both devices in both states, and how far apart a read finds them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from edgebnn.json_types.characterisation import (
    CharacterisedDocument,
    NormalLawDocument,
    PolicyFiguresDocument,
    RateAtDocument,
    SignName,
)
from edgebnn.mapping.floorplan import INK, MUTED, PALETTE
from edgebnn.report import numbers
from edgebnn.report.chip_figures import state_of, words_of
from edgebnn.report.pictures import headed, picture
from edgebnn.report.target_names import shown_target

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Values = npt.NDArray[np.float64]

WIDTH_INCHES, ROW_INCHES, REST_INCHES = 12.0, 2.4, 2.3
_LEGEND_PLACE = (0.5, 1.1)  # above the words about misreads
_COLOURS = {"lrs": PALETTE[0], "hrs": PALETTE[1]}
_LINES = {"bl": "-", "blb": "--"}
_NAMES = {"lrs": "LRS", "hrs": "HRS", "bl": "BL", "blb": "BLb"}
_SIGNS: dict[SignName, tuple[str, str, str]] = {"plus": ("+1", PALETTE[2], "-"), "minus": ("-1", PALETTE[3], "--")}
_WITHIN = 1.6449  # standard deviations: 90 % of a normal law
_LEAST_DENSITY = 1e-9


def margin_picture(document: CharacterisedDocument, form: str = "png") -> bytes:
    """The bytes of a PNG or SVG (`form`) of a document of `chip characterise`; a row for each policy."""
    policies = document["policies"]
    height = REST_INCHES + ROW_INCHES * len(policies)

    def draw(figure: Figure) -> None:
        rows = figure.subplots(len(policies), 2, sharex="col", squeeze=False)
        for policy, (left, right) in zip(policies, rows, strict=True):
            _devices(left, policy)
            _margin(right, policy, _rates(document, policy["name"]))
        left, right = rows[0]
        left.legend(loc="lower center", bbox_to_anchor=_LEGEND_PLACE, ncols=3)
        right.legend(loc="lower center", bbox_to_anchor=_LEGEND_PLACE, ncols=2)
        rows[-1][0].set_xlabel("resistance (Ω)")
        rows[-1][1].set_xlabel("sense margin in ln R: device in HRS less device in LRS, amplifier included")
        heading = (
            f"{shown_target(document)}: resistances and sense margin of 2T2R cells (simulated)\n{state_of(document)}"
        )
        headed(figure, heading, _caption(document))
        figure.subplots_adjust(
            left=0.06, right=0.985, top=1 - 1.35 / height, bottom=1.05 / height, hspace=0.24, wspace=0.16
        )

    return picture((WIDTH_INCHES, height), form, draw)


def _devices(axes: Axes, policy: PolicyFiguresDocument) -> None:
    """ln R of the devices on both sides: sampled ones filled, the law as a line; and the window of ternary reads."""
    for device in policy["margins"]["devices"]:
        colour, name = _COLOURS[device["state"]], f"{_NAMES[device['state']]} on {_NAMES[device['side']]}"
        edges = np.asarray(device["histogram"]["edges_log10_ohm"])
        counts = np.asarray(device["histogram"]["counts"], np.float64)
        axes.stairs(
            counts / counts.sum() / np.diff(edges), 10**edges, fill=True, color=colour, alpha=0.18
        )  # fmt: skip
        if all(part["spread"] > 0 for part in device["ln_ohm"]):
            x = _grid(device["ln_ohm"], 4.5)
            # Over log10 R, as the histogram.
            axes.plot(
                np.exp(x), np.log(10) * _density(device["ln_ohm"], x), _LINES[device["side"]], color=colour,
                linewidth=1.3, label=name,
            )  # fmt: skip
    window = policy["margins"]["ln_window"]
    low, high = (window["median"] + sign * _WITHIN * window["spread"] for sign in (-1, 1))
    axes.axvspan(np.exp(low), np.exp(high), color=MUTED, alpha=0.1, linewidth=0, label="ternary window, 5 to 95%")
    axes.axvline(np.exp(window["median"]), color=MUTED, linewidth=1, linestyle=":", label="its median")
    axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    axes.set_yticks([])
    axes.set_ylabel(policy["name"], fontweight="bold")


def _margin(axes: Axes, policy: PolicyFiguresDocument, rate: RateAtDocument) -> None:
    """The law of the margin on a logarithmic scale, so that the area of misreads left of 0 is seen."""
    found = policy["margins"]
    for sign, (name, colour, line) in _SIGNS.items():
        law = found["ln_margin"][sign]
        if any(part["spread"] == 0 for part in law):
            continue
        x = _grid(law, 6.5)
        density = np.maximum(_density(law, x), _LEAST_DENSITY / 10)
        axes.plot(x, density, line, color=colour, linewidth=1.3, label=f"weights {name}")
        axes.fill_between(x, _LEAST_DENSITY / 10, density, where=x <= 0, color=colour, alpha=0.3, linewidth=0)
    reach = found["ln_amplifier_spread"]
    axes.axvspan(
        -reach, reach, color=MUTED, alpha=0.25, linewidth=0, label="offset and noise of the amplifier, ± its spread"
    )
    axes.axvline(0, color=INK, linewidth=1, label="decision: misread left of it")
    axes.set_yscale("log")
    axes.set_ylim(_LEAST_DENSITY, 3)
    axes.set_yticks([1e-8, 1e-6, 1e-4, 1e-2, 1])
    axes.set_ylabel("density")
    axes.set_title(_misread(rate, reach), fontsize=8, fontweight="normal", pad=3)


def _misread(rate: RateAtDocument, amplifier: float) -> str:
    counted = numbers.interval(rate["interval"], 2, "g")
    plus, minus = (rate[sign]["value"] for sign in ("plus", "minus"))
    signs = "" if plus == minus else f" (+1 {plus:.2g}, -1 {minus:.2g})"
    return f"misread {rate['value']:.2g}{signs} by theory, counted {counted}; amplifier ±{amplifier:.2g}"


def _rates(document: CharacterisedDocument, policy: str) -> RateAtDocument:
    """The 2T2R bit error rate of a policy at the first of the cycles and supplies."""
    return next(row for row in document["ber_2t2r"] if row["policy"] == policy)


def _grid(law: Sequence[NormalLawDocument], reach: float) -> Values:
    """Where a law is drawn: so many standard deviations to either side."""
    low = min(part["mean"] - reach * part["spread"] for part in law)
    high = max(part["mean"] + reach * part["spread"] for part in law)
    return np.linspace(low, high, 600)


def _density(law: Sequence[NormalLawDocument], x: Values) -> Values:
    found: Values = np.zeros_like(x)
    for part in law:
        z = (x - part["mean"]) / part["spread"]
        found = found + part["share"] * np.exp(-(z**2) / 2) / (part["spread"] * np.sqrt(2 * np.pi))
    return found


def _caption(document: CharacterisedDocument) -> str:
    policies = document["policies"]
    rates = [_rates(document, policy["name"]) for policy in policies]
    medians, spreads = ([policy["lrs"][name] for policy in policies] for name in ("median_ohm", "ln_spread"))
    window = words_of([row["to_zero"] for row in document["ternary"]])
    return (
        f"Lines: the laws of theory. Left: filled the devices sampled on the chip of seed {document['seed']}, "
        "height: density over log R; grey the sensing window of ternary rows, a line that has not fallen by its end "
        "counts as HRS. Right: filled the reads that answer the other sign; counted among "
        f"{rates[0]['trials']:,} cells, {document['interval_level']:.0%} intervals.\n"
        f"Evidence: medians {words_of(medians)}; spreads {words_of(spreads)}; bit error rates {words_of(rates)}; "
        f"window and amplifier {window}."
    )
