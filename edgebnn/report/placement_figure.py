"""The picture of a placement: banks by how often they err and by how much what they hold matters, before and after."""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil, sqrt
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from edgebnn.json_types.placement import PlacementFileDocument
from edgebnn.legible import legible_name
from edgebnn.report.pictures import headed, picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = npt.NDArray[np.float64]

SIZE_INCHES = (11.0, 11.4)
_EMPTY, _MARK = "#e4e7eb", "#d55e00"
_MOST_MARKED = 1024  # banks: frames round more of them would hide what they frame


def placement_picture(document: PlacementFileDocument, title: str, form: str = "png") -> bytes:
    """The bytes of a PNG or SVG (`form`) of a `placement.json` that a placement by errors wrote; `title` is what lies
    there."""
    rates = np.array(document["bank_error_rates"])
    layers = document["layers"].values()
    before = _held(((layer["linear_banks"], layer["linear_sensitivity"]) for layer in layers), len(rates))
    after = _held(((layer["banks"], layer["sensitivity"]) for layer in layers), len(rates))
    most = max(np.nanmax(before), np.nanmax(after), np.finfo(np.float64).tiny)

    def draw(figure: Figure) -> None:
        figure.set_layout_engine("constrained", rect=(0.03, 0.055, 0.94, 0.89))
        panels = figure.subplots(2, 2)
        for column, (when, held) in enumerate((("before", before), ("after", after))):
            _draw_rates(figure, panels[0][column], rates, held, f"Error rate of each bank, in use {when}: framed")
            _draw_held(figure, panels[1][column], held, most, f"How much each bank's weights matter, {when}")
        heading = f"{legible_name(title)}: banks before and after placement by errors (simulated)"
        headed(figure, heading, _caption(document, rates, before, after))

    return picture(SIZE_INCHES, form, draw)


def _held(layers: Iterable[tuple[list[int], list[float]]], banks: int) -> Floats:
    """How much what each bank holds matters, (banks,), by the banks of each layer; NaN where it holds nothing."""
    found = np.full(banks, np.nan)
    for used, sensitivity in layers:
        found[used] = sensitivity
    return found


def _draw_rates(figure: Figure, axes: Axes, rates: Floats, held: Floats, title: str) -> None:
    low, high = np.percentile(rates, (0, 99))
    image = axes.imshow(_square(rates), cmap="viridis", vmin=low, vmax=max(high, low + 1e-12), interpolation="nearest")
    _clean(figure, axes, image, title, "share of weights read wrong")
    used = np.flatnonzero(~np.isnan(held))
    if len(used) <= _MOST_MARKED:
        side = _side(len(rates))
        axes.scatter(
            used % side,
            used // side,
            s=(260 / side) ** 2,
            marker="s",
            facecolors="none",
            edgecolors=_MARK,
            linewidths=1.2,
        )


def _draw_held(figure: Figure, axes: Axes, held: Floats, most: float, title: str) -> None:
    axes.set_facecolor(_EMPTY)
    image = axes.imshow(_square(held / most), cmap="inferno_r", vmin=0, vmax=1, interpolation="nearest")
    _clean(figure, axes, image, title, "of the bank that matters most (grey: holds nothing)")


def _clean(figure: Figure, axes: Axes, image: Any, title: str, label: str) -> None:
    axes.set_title(title)
    axes.grid(visible=False)
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
    figure.colorbar(image, ax=axes, orientation="horizontal", shrink=0.8, pad=0.02, aspect=36, label=label)


def _square(values: Floats) -> Floats:
    """Banks row after row, as many in a row as there are rows; NaN behind the last."""
    side = _side(len(values))
    found = np.full(side * side, np.nan)
    found[: len(values)] = values
    return found.reshape(side, side)


def _side(banks: int) -> int:
    return ceil(sqrt(banks))


def _caption(document: PlacementFileDocument, rates: Floats, before: Floats, after: Floats) -> str:
    each = ", ".join(f"{when} {_weighted(rates, held):.3g}" for when, held in (("before", before), ("after", after)))
    chip = document["chip"]
    where = "what all chips of the target have in common" if chip is None else legible_name(chip)
    learnt = "" if document["readings"] is None else f", as {document['readings']} readings show it"
    return (
        f"Banks by their numbers, {_side(len(rates))} in a row, of {where}{learnt}. Error rate of banks in use, under "
        f"the policy {document['bank_error_rates_policy']}, each weighed by how much it matters: {each}. With order "
        f"and polarity of neurons {document['harm']:.1%} of the expected harm is left, with the banks alone "
        f"{document['harm_banks_alone']:.1%}."
    )


def _weighted(rates: Floats, held: Floats) -> float:
    used = ~np.isnan(held)
    weights = held[used]
    return float(np.average(rates[used], weights=weights if weights.sum() > 0 else None))
