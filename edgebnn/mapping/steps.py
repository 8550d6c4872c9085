"""Step functions in the weights image: as tables of thresholds, or as the lines that they lie on."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edgebnn.mapping.image import ImageWriter, words_of
from edgebnn.mapping.lines import Lines, fit_lines
from edgebnn.mapping.plan import LineSections, Section, Steps
from edgebnn.network.types import Tensor, Threshold
from edgebnn.words import pack_words

# With fewer steps the table is as small, and comparing is faster than a product of 64 bits.
FEWEST_ON_LINES = 4


def plan_steps(node: Threshold, source: Tensor, image: ImageWriter, on_cpu: bool) -> Steps:
    """The step function as the runtime counts it: thresholds <= y, where y is x, or ~x where the direction is down.

    Lines are for the CPU: the macro compares with a table.
    """
    thresholds, down = step_table(node)
    count = thresholds.shape[1]
    if on_cpu and count >= FEWEST_ON_LINES:
        low, high = np.where(down, ~source.high, source.low), np.where(down, ~source.low, source.high)
        lines = fit_lines(thresholds, low.astype(np.int64), high.astype(np.int64))
        if lines is not None:
            sections = _plan_lines(node.name, lines, down, image)
            return Steps(node=node.name, steps=count, low=node.low, step=node.step, lines=sections)
    return Steps(
        node=node.name,
        steps=count,
        low=node.low,
        step=node.step,
        thresholds=image.add(f"{node.name}.thresholds", thresholds),
        directions=plan_directions(node.name, node.direction, image),
    )


def step_table(node: Threshold) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.bool_]]:
    """Thresholds int32 (C, K), ascending, of y, and the channels (C,) whose y is ~x."""
    down = node.direction < 0
    thresholds = np.where(down[:, np.newaxis], ~node.thresholds, node.thresholds)
    return np.sort(thresholds, axis=1).astype(np.int32), down


def plan_directions(name: str, direction: npt.NDArray[np.int8], image: ImageWriter) -> Section | None:
    """One bit a channel, set where the direction is down; None where it is nowhere."""
    down = direction < 0
    return image.add(f"{name}.directions", pack_words(down)) if np.any(down) else None


def _plan_lines(name: str, lines: Lines, down: npt.NDArray[np.bool_], image: ImageWriter) -> LineSections:
    # A line over y = ~x = -x - 1 is one over x, with another offset.
    multiplier = np.where(down, -lines.multiplier, lines.multiplier).astype(np.int32)
    offset = np.where(down, lines.offset - lines.multiplier, lines.offset)
    excepted = len(lines.exceptions) > 0
    return LineSections(
        multiplier=image.add(f"{name}.multiplier", multiplier),
        offset=image.add(f"{name}.offset", words_of(offset)),
        shift=image.add(f"{name}.shift", lines.shift),
        first=image.add(f"{name}.first_exception", lines.first) if excepted else None,
        exceptions=image.add(f"{name}.exceptions", lines.exceptions) if excepted else None,
    )
