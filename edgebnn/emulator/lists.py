"""Weights for lists of active inputs, as `ebnn_lists` of `runtime/host` has them: input after input, a bit a neuron."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from edgebnn.emulator.cache_lines import on_line
from edgebnn.emulator.descriptors import ListsDescriptor, address, host_library
from edgebnn.mapping.plan import LinearStage, Steps
from edgebnn.mapping.steps import step_table
from edgebnn.mapping.weight_words import Weights
from edgebnn.network.types import Threshold

# Listing inputs costs the same for one panel as for many, and so do the neurons that a panel lacks.
_LEAST_INPUTS = 128
_LEAST_FILL = 0.75
# Half a register's, of so few neurons that a whole one of 32 bytes would be filled less: where lists of a map's pixels
# serve several windows.
_HALF_BYTES = 16
# Places in a list are numbers of 16 bits, of which one is that of the row of zeros; so are counts of listed rows.
_MOST_ROWS = 0xFFC0
# Tables of limits, one for each set of taps that windows at a border of zeros see.
_MOST_ZONES = 64


class Lists(NamedTuple):
    """uint8 rows (panels, rows, bytes) and limits (zones, 2, panels, planes + 1, bytes); zones of rows and columns;
    totals uint32 (zones, panels, neurons of a panel)."""

    rows: npt.NDArray[np.uint8]
    limits: npt.NDArray[np.uint8] | None
    zones_y: npt.NDArray[np.uint16]
    zones_x: npt.NDArray[np.uint16]
    inputs: int
    input_rows: int
    planes: int
    totals: npt.NDArray[np.uint32]

    @property
    def arrays(self) -> tuple[npt.NDArray[Any], ...]:
        """What a descriptor points to."""
        return tuple(part for part in self if isinstance(part, np.ndarray))

    def described(self) -> ListsDescriptor:
        """The descriptor of these."""
        parts = map(address, (self.rows, self.limits, self.zones_y, self.zones_x))
        row_bytes = self.rows.shape[-1]
        return ListsDescriptor(*parts, self.inputs, self.input_rows, self.planes, row_bytes, address(self.totals))


def list_bytes() -> int:
    """Bytes of a row of a panel that suit this processor."""
    return int(host_library().ebnn_host_list_bytes())


def lists_of(stage: LinearStage, rows: Weights, threshold: Threshold | None) -> Lists | None:
    """The lists of a layer whose weights are (O, n) in the runtime's order; None where panels alone are faster."""
    answers = threshold is not None and _answers(stage, stage.steps)
    row_bytes = _row_bytes(stage, rows, answers)
    if row_bytes is None:
        return None
    input_rows = 1 if np.all(rows) else 2
    inputs = rows.shape[1]
    ys, xs = _seen_taps(stage)
    zones_y, zone_of_y = np.unique(ys, axis=0, return_inverse=True)
    zones_x, zone_of_x = np.unique(xs, axis=0, return_inverse=True)
    if inputs * input_rows > _MOST_ROWS or len(zones_y) * len(zones_x) > _MOST_ZONES:
        return None
    by_tap = rows.reshape(len(rows), *stage.window.kernel, -1).sum(axis=-1, dtype=np.int64)
    totals = np.einsum("okl,yk,xl->yxo", by_tap, zones_y, zones_x).reshape(-1, len(rows))
    planes = (2 * inputs + 1).bit_length()
    weights = np.zeros((inputs * input_rows + 1, len(rows)), np.bool_)
    weights[:-1:input_rows] = rows.T > 0
    if input_rows == 2:
        weights[1:-1:2] = rows.T >= 0
    return Lists(
        rows=_panels(weights, row_bytes),
        limits=_limits(totals, threshold, inputs, planes, row_bytes) if answers and threshold is not None else None,
        zones_y=(zone_of_y.reshape(-1) * len(zones_x)).astype(np.uint16),
        zones_x=zone_of_x.reshape(-1).astype(np.uint16),
        inputs=inputs,
        input_rows=input_rows,
        planes=planes,
        totals=_padded(totals, 8 * row_bytes),
    )


def _row_bytes(stage: LinearStage, rows: Weights, answers: bool) -> int | None:
    """Bytes of a panel's row of a layer that takes lists; None for one that does not."""
    if stage.input.format != "bits" or stage.groups != 1 or stage.border is not None or rows.shape[1] < _LEAST_INPUTS:
        return None
    if not answers and not host_library().ebnn_host_sums_by_lists():
        return None
    row_bytes = list_bytes()
    pixels = stage.output.height * stage.output.width
    if row_bytes == 2 * _HALF_BYTES and len(rows) <= 8 * _HALF_BYTES and pixels > 1:
        row_bytes = _HALF_BYTES
    neurons = -(-len(rows) // (8 * row_bytes)) * 8 * row_bytes
    return row_bytes if len(rows) >= _LEAST_FILL * neurons else None


def _answers(stage: LinearStage, steps: Steps | None) -> bool:
    """Whether bits behind one step a neuron are all that is wanted of it."""
    return stage.output.format == "bits" and steps is not None and steps.steps == 1 and steps.lines is None


def _seen_taps(stage: LinearStage) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Which rows of a window (output rows, kernel rows) are inputs, of the map or of padding; and which columns."""

    def seen(outputs: int, inputs: int, axis: int) -> npt.NDArray[np.int64]:
        window = stage.window
        taps = np.arange(outputs)[:, np.newaxis] * window.stride[axis] - window.pad[axis]
        taps = taps + np.arange(window.kernel[axis]) * window.dilation[axis]
        return ((taps >= 0) & (taps < inputs) | (stage.pad_value != 0)).astype(np.int64)

    return seen(stage.output.height, stage.input.height, 0), seen(stage.output.width, stage.input.width, 1)


def _limits(
    totals: npt.NDArray[np.int64], threshold: Threshold, inputs: int, planes: int, row_bytes: int
) -> npt.NDArray[np.uint8]:
    """What counters do not have to reach, in planes, and whether answers are turned over, where inputs of +1 are listed
    and where those of -1 are: (zones, 2, panels, planes + 1, bytes).

    A counter is V + inputs, where V is the sum of the listed inputs' weights, and the dot product 2 V - total, or with
    inputs of -1 total - 2 V; the weights of a zone add up to `totals` (zones, O).
    """
    thresholds, down = step_table(threshold)
    wanted = np.where(down, -thresholds[:, 0].astype(np.int64), thresholds[:, 0])
    plus = -((-wanted - totals) // 2)
    minus = (totals - wanted) // 2 + 1
    limits = np.clip(np.stack([plus, minus], axis=1) + inputs, 0, 2 * inputs + 1)
    turned = np.broadcast_to(down ^ np.array([False, True])[:, np.newaxis], limits.shape)
    # A neuron that is not there never reaches its limit, the largest that there is.
    bits = np.concatenate([~limits[..., np.newaxis] >> np.arange(planes) & 1, turned[..., np.newaxis]], axis=-1)
    return _panels(np.moveaxis(bits, 2, -1) != 0, row_bytes)


def _padded(totals: npt.NDArray[np.int64], panel_neurons: int) -> npt.NDArray[np.uint32]:
    """Totals (zones, O) as uint32 (zones, panels, neurons of a panel), 0 behind the last neuron."""
    zones, neurons = totals.shape
    padded = np.zeros((zones, -(-neurons // panel_neurons) * panel_neurons), np.uint32)
    padded[:, :neurons] = totals.astype(np.uint32)
    return padded.reshape(zones, -1, panel_neurons)


def _panels(bits: npt.NDArray[np.bool_], row_bytes: int) -> npt.NDArray[np.uint8]:
    """Bits (..., rows, O) as uint8 (..., panels, rows, row_bytes), 0 behind the last neuron."""
    packed = np.packbits(bits, axis=-1, bitorder="little")
    panels = -(-packed.shape[-1] // row_bytes)
    padded = np.zeros((*packed.shape[:-1], panels * row_bytes), np.uint8)
    padded[..., : packed.shape[-1]] = packed
    by_panel = padded.reshape(*packed.shape[:-1], panels, row_bytes)
    return on_line(np.moveaxis(by_panel, -2, -3))
