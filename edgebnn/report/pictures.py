"""What all pictures of reports have in common: style, forms, and that the same document gives the same bytes."""

from __future__ import annotations

import importlib.util
import io
import warnings
from textwrap import fill
from typing import TYPE_CHECKING, Any

from edgebnn.errors import ToolError
from edgebnn.mapping.floorplan import INK, MUTED

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FORMS = ("png", "svg")
DPI = 150
_LETTERS_AN_INCH = 16  # of a caption
_LEGEND_POINTS = 13.0  # height of a line of a legend

_STYLE: Any = {
    "font.family": "DejaVu Sans",
    "svg.hashsalt": "edgebnn",  # names of elements that do not change from run to run
    "font.size": 9,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e4e7eb",
    "grid.linewidth": 0.6,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "legend.frameon": True,  # of the panel's own colour: lines end at it
    "legend.framealpha": 0.9,
    "legend.edgecolor": "none",
    "legend.fontsize": 8,
}
_METADATA: Any = {"png": {"Software": None}, "svg": {"Date": None}}


def need_matplotlib() -> None:
    """ToolError where the package is missing, which is optional: before the work, if that can be."""
    if importlib.util.find_spec("matplotlib") is None:
        raise ToolError("drawing pictures needs the package matplotlib; pip install 'edgebnn[plots]'")


def picture(size_inches: tuple[float, float], form: str, draw: Callable[[Figure], None]) -> bytes:
    """The bytes of a PNG or SVG (`form`) of what `draw` puts onto a figure.

    They depend on what is drawn and on the version of matplotlib alone. ToolError where that is missing.
    """
    need_matplotlib()
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with rc_context(_STYLE), warnings.catch_warnings():
        # Letters of a stranger's name that the font does not have are drawn as boxes, which says enough.
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        figure = Figure(figsize=size_inches, dpi=DPI)
        FigureCanvasAgg(figure)
        draw(figure)
        _lay_out(figure)
        buffer = io.BytesIO()
        figure.savefig(buffer, format=form, metadata=_METADATA[form])
    return buffer.getvalue()


def _lay_out(figure: Figure) -> None:
    """Panels where the figure's layout engine puts them, to a fiftieth of a pixel.

    The engine's solver adds in an order that memory addresses decide, so its answers differ in their last bits.
    """
    engine = figure.get_layout_engine()
    if engine is None:
        return
    engine.execute(figure)  # without drawing the figure, which takes as long as the picture itself
    figure.set_layout_engine("none")
    for axes in figure.axes:
        left, bottom, width, height = (round(float(each), 5) for each in axes.get_position(original=True).bounds)
        axes.set_position((left, bottom, width, height))


def keyed(axes: Axes, title: str, columns: int) -> None:
    """A panel's title, and below it, above the panel, where no line runs, its legend in so many columns."""
    handles, labels = axes.get_legend_handles_labels()
    lines = -(-len(labels) // columns)
    axes.legend(
        handles, labels, loc="lower left", bbox_to_anchor=(0, 1), ncols=columns, borderpad=0.2, labelspacing=0.25,
        borderaxespad=0.1, columnspacing=1.4, handlelength=1.6,
    )  # fmt: skip
    axes.set_title(title, pad=5 + lines * _LEGEND_POINTS)


def headed(figure: Figure, heading: str, caption: str) -> None:
    """A heading above the panels and a caption below them, whose lines are broken where the figure ends."""
    left, edge = 0.045, 0.11 / figure.get_figheight()
    characters = int(_LETTERS_AN_INCH * (1 - 2 * left) * figure.get_figwidth())
    caption = "\n".join(fill(line, characters, break_on_hyphens=False) for line in caption.splitlines())
    # A stranger's name may hold what would be a formula.
    figure.suptitle(heading, x=left, y=1 - edge, ha="left", va="top", fontsize=13, fontweight="bold", parse_math=False)
    figure.text(left, edge, caption, ha="left", va="bottom", fontsize=8, color=MUTED, parse_math=False)
