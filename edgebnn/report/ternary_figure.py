"""The map of ternary outcomes: what weights +1, 0 and -1 are read as, over the supply, under each policy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edgebnn.json_types.characterisation import CharacterisedDocument, TernaryOutcomesDocument
from edgebnn.mapping.floorplan import INK, PALETTE
from edgebnn.report.chip_figures import words_of
from edgebnn.report.pictures import headed, picture
from edgebnn.report.target_names import shown_target

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH_INCHES, ROW_INCHES, REST_INCHES = 11.0, 1.9, 2.2
WEIGHTS = ("+1", "0", "-1")
# 0 is the brightest, so that they are told apart without colour too.
_ANSWERS = {"+1": PALETTE[0], "0": "#e4e7eb", "-1": PALETTE[1]}


def ternary_picture(document: CharacterisedDocument, form: str = "png") -> bytes:
    """The bytes of a PNG or SVG (`form`) of a document of `chip characterise` that has a `ternary_map`."""
    policies = list(dict.fromkeys(at["policy"] for at in document["ternary_map"]))
    height = REST_INCHES + ROW_INCHES * len(policies)

    def draw(figure: Figure) -> None:
        rows = figure.subplots(len(policies), len(WEIGHTS), sharex=True, sharey=True, squeeze=False)
        for policy, panels in zip(policies, rows, strict=True):
            points = [at for at in document["ternary_map"] if at["policy"] == policy]
            for weight, axes in zip(WEIGHTS, panels, strict=True):
                _outcomes(axes, points, weight)
            panels[0].set_ylabel(f"{policy}\nreads (%)")
        for weight, top, bottom in zip(WEIGHTS, rows[0], rows[-1], strict=True):
            top.set_title(f"weight {weight}")
            bottom.set_xlabel("supply (V)")
        handles, labels = rows[0][0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="upper right", ncols=3, bbox_to_anchor=(0.985, 1 - 0.52 / height))
        headed(
            figure,
            f"{shown_target(document)}: what ternary weights are read as (simulated)\n{_state(document)}",
            _caption(document),
        )
        figure.subplots_adjust(
            left=0.085, right=0.985, top=1 - 1.1 / height, bottom=1.0 / height, hspace=0.22, wspace=0.13
        )

    return picture((WIDTH_INCHES, height), form, draw)


def _outcomes(axes: Axes, points: list[TernaryOutcomesDocument], weight: str) -> None:
    """Shares of answers, one on the other; the wrong ones in figures at either end."""
    supplies = [at["supply_v"] for at in points]
    shares = [[100 * at["read_as"][weight][answer] for at in points] for answer in _ANSWERS]
    labels = [f"read as {answer}" for answer in _ANSWERS]
    axes.stackplot(supplies, *shares, labels=labels, colors=list(_ANSWERS.values()), linewidth=0)
    axes.set_ylim(0, 100)
    axes.set_xlim(supplies[0], supplies[-1])
    axes.set_yticks([0, 25, 50, 75, 100])
    ticks = np.linspace(supplies[0], supplies[-1], 4)
    axes.set_xticks(ticks, [f"{volts:.3g}" for volts in ticks])
    axes.grid(visible=False)
    for at, x, side in ((points[0], 0.03, "left"), (points[-1], 0.97, "right")):
        wrong = [f"{answer}: {100 * share:.2g}%" for answer, share in at["read_as"][weight].items() if answer != weight]
        axes.text(
            x, 0.5, "\n".join(wrong), transform=axes.transAxes, ha=side, va="center", fontsize=7.5, color=INK,
            bbox={"facecolor": "white", "alpha": 0.85, "edgecolor": "none", "pad": 2},
        )  # fmt: skip


def _state(document: CharacterisedDocument) -> str:
    first, temperature = document["first"], document["temperature_c"]
    warm = "reference temperature" if temperature is None else f"{temperature:g} °C"
    days = document["retention_days"]
    return f"{first['cycles']:,} cycles, {f'{days:g} days after programming' if days else 'just programmed'}, {warm}"


def _caption(document: CharacterisedDocument) -> str:
    words = words_of(document["ternary_map"])
    return (
        "By theory, programming and reading together; in figures: the shares of wrong answers at the lowest and at the "
        "highest supply. The sensing window is fitted to the target's tables with the devices of one policy, and stays "
        "as it is under the others. Counts of sampled reads beside these rates: edgebnn chip characterise. "
        f"Evidence: {words}."
    )
