"""From samples as users hand them over to the integers of a network's input."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from edgebnn.errors import DataError
from edgebnn.network.types import Encoding, Network, Quantizer, Tensor

Values = npt.NDArray[np.int64]

# How far a real number may lie from an integer times the scale, in units of the integer: float32's own rounding of
# both, and nothing that a measurement could mean.
_ROUNDING = 2.0**-20


def model_shape(network: Network) -> tuple[int, ...]:
    """The shape of one sample as the model itself takes it."""
    tensor, axes = network.input, network.encoding.axes
    return tuple(tensor.shape[axes.index(axis)] for axis in range(len(axes))) if axes else tensor.shape


def encode(network: Network, x: npt.NDArray[np.generic]) -> Values:
    """A batch (B, *model's own shape) as integers (B, *input shape); DataError where it cannot be the input."""
    tensor, encoding = network.input, network.encoding
    check_shape(network, x)
    _check_numbers(x, tensor.name)
    if encoding.axes:
        x = np.transpose(x, (0, *(1 + axis for axis in encoding.axes)))
    if encoding.quantizer is not None:
        return _stepped(x, encoding, encoding.quantizer)
    return _integers(x, tensor)


def check_shape(network: Network, x: npt.NDArray[np.generic]) -> None:
    """DataError where a batch is not of the model's own shape."""
    shape = model_shape(network)
    if x.shape[1:] != shape:
        raise DataError(
            f"input '{network.input.name}' has the shape (batch, {', '.join(map(str, shape))}), "
            f"but the data have {x.shape}; reshape the data"
        )


def _check_numbers(x: npt.NDArray[np.generic], name: str) -> None:
    if x.dtype.kind not in "iufb":
        raise DataError(f"input '{name}' takes numbers, but the data are {x.dtype}; convert them")
    if x.size and not np.all(np.isfinite(x)):
        raise DataError(f"the data for input '{name}' hold NaN or infinity; remove those samples")


def _stepped(x: npt.NDArray[np.generic], encoding: Encoding, quantizer: Quantizer) -> Values:
    """Real numbers through the model's own steps, compared in float32 as the model does."""
    with np.errstate(over="ignore"):  # what float32 cannot hold is infinite to the model too, beyond all steps
        real = x.astype(encoding.dtype).astype(np.float32)
    counts = np.empty(x.shape, np.int64)
    for channel, thresholds in enumerate(quantizer.thresholds):
        if quantizer.direction[channel] > 0:
            counts[:, channel] = np.searchsorted(np.sort(thresholds), real[:, channel], side="right")
        else:
            counts[:, channel] = len(thresholds) - np.searchsorted(np.sort(thresholds), real[:, channel], side="left")
    levels: Values = quantizer.low + quantizer.step * counts
    return levels


def _integers(x: npt.NDArray[np.generic], tensor: Tensor) -> Values:
    """Integers as they are; real numbers in units of the tensor's scale."""
    real = x.dtype.kind == "f"
    scaled = real and tensor.scale != 1.0
    # Whole batches pass here before every run: each kind of data takes no more passes than it needs.
    with np.errstate(over="ignore"):  # infinite is out of range
        units: npt.NDArray[Any] = x.astype(np.float64) / tensor.scale if scaled else x
    whole = np.rint(units) if real else units
    if x.size and (np.min(whole) < tensor.low or np.max(whole) > tensor.high):
        unit = f" times {tensor.scale:g}" if scaled else ""
        raise DataError(
            f"input '{tensor.name}' takes values from {tensor.low} to {tensor.high}{unit}, but the data run from "
            f"{np.min(x)} to {np.max(x)}; scale the data or compile with another --input-type"
        )
    values = whole.astype(np.int64)
    slack = _ROUNDING * np.maximum(np.abs(units), 1) if scaled else 0.0
    if real and (np.any(np.abs(whole - units) > slack) if scaled else not np.array_equal(whole, units)):
        unit = f" times {tensor.scale:g}" if scaled else ""
        raise DataError(
            f"input '{tensor.name}' takes integers{unit}, but the data hold fractions; quantise them to the sensor's "
            "integers, or compile with --input-type and --input-scale"
        )
    if tensor.kind == "bits" and np.any(values == 0):
        raise DataError(f"input '{tensor.name}' takes -1 and +1, but the data hold 0; map the data to signs")
    return values
