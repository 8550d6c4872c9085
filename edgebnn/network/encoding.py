"""From samples as users hand them over to the integers of a network's inputs."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from edgebnn.choices import choice
from edgebnn.errors import DataError
from edgebnn.network.batches import parts
from edgebnn.network.network import Network
from edgebnn.network.types import Encoding, Input, Quantizer, Tensor

Values = npt.NDArray[np.int64]

# How far float32 takes a real number from an integer times the scale, beside the largest number on the way to it: the
# normalisation of a sample goes over that of its range, so that a small number may be as far off as a large one.
_ROUNDING = 2.0**-20


def _again() -> str:
    stated = f"{choice('input_type')}, {choice('input_scale')} and {choice('input_offset')}"
    calibrated = choice("calibration", "data.npz", "x")
    return f"quantise them to the sensor's integers, or compile again with {calibrated}, or with {stated}"


def encode(network: Network, x: npt.NDArray[np.generic]) -> dict[str, Values]:
    """A batch as the integers (B, *shape) of each input's tensor, by name; DataError where it cannot be the input."""
    return {entry.name: encode_input(entry, part).astype(np.int64) for entry, part in parts(network.inputs, x)}


def encode_input(entry: Input, x: npt.NDArray[np.generic]) -> npt.NDArray[np.integer[Any]]:
    """Samples (B, *model's own shape) of one input as integers (B, *shape); integers stay of their own type."""
    tensor, encoding = entry.tensor, entry.encoding
    _check_numbers(x, entry.name)
    if encoding.quantizer is None:
        return _channel_first(_integers(x, tensor, encoding.offset), encoding)
    return _stepped(_channel_first(x, encoding), encoding, encoding.quantizer)


def always_fits(dtype: np.dtype[Any], tensor: Tensor) -> bool:
    """Whether all numbers of a type are in the tensor's range."""
    if dtype.kind not in "iu":
        return False
    lowest, highest = _range_of(dtype)
    return tensor.low <= lowest and highest <= tensor.high


def what_is_taken(entry: Input) -> str:
    """A sentence on which samples an input takes: their shape, and what arrays of integers and of floats mean."""
    tensor, encoding = entry.tensor, entry.encoding
    head = f"input '{entry.name}' takes samples of the shape {entry.model_shape}: "
    if encoding.quantizer is not None:
        return f"{head}real numbers, which the model's own steps turn into integers"
    units = "-1 and +1" if tensor.kind == "bits" else f"integers from {tensor.low} to {tensor.high}"
    worth = _worth(tensor, encoding.offset)
    if not worth:
        return f"{head}{units}; fractions are refused"
    return (
        f"{head}{units} as arrays of integers, or as arrays of floats such integers{worth}; other fractions are refused"
    )


def how_taken(network: Network, x: npt.NDArray[np.generic]) -> tuple[str, ...]:
    """Sentences on what these samples were taken for, where their type alone decides that and may not be meant so."""
    return tuple(note for entry, part in parts(network.inputs, x) for note in how_input_taken(entry, part))


def how_input_taken(entry: Input, x: npt.NDArray[np.generic]) -> tuple[str, ...]:
    """The sentences of `how_taken` on one input, at most one."""
    tensor, encoding = entry.tensor, entry.encoding
    if x.dtype.kind not in "iu" or not may_be_meant_otherwise(entry):
        return ()
    if encoding.quantizer is not None:
        return (
            f"the data are {x.dtype}, but input '{entry.name}' takes real numbers, so that 1 was taken for 1.0; where "
            "they are a sensor's integers, scale them as in training, or compile again with "
            f"{choice('input_type')} and {choice('input_scale')}",
        )
    worth = _worth(tensor, encoding.offset)
    return (
        f"the data for input '{entry.name}' are {x.dtype}, taken as the sensor's integers{worth}; floats are real "
        "numbers",
    )


def may_be_meant_otherwise(entry: Input) -> bool:
    """Whether integers may be meant otherwise than they are taken: for real numbers that differ from them."""
    encoding = entry.encoding
    if not encoding.dtype.startswith("float"):
        return False
    return encoding.quantizer is not None or bool(_worth(entry.tensor, encoding.offset))


def _worth(tensor: Tensor, offset: float) -> str:
    """What an integer of the input is worth to the model, where that is not the integer itself."""
    times = f" times {tensor.scale:g}" if tensor.scale != 1 else ""
    return times + (f" plus {offset:g}" if offset else "")


def _channel_first(x: npt.NDArray[Any], encoding: Encoding) -> npt.NDArray[Any]:
    return np.transpose(x, (0, *(1 + axis for axis in encoding.axes))) if encoding.axes else x


def _check_numbers(x: npt.NDArray[np.generic], name: str) -> None:
    if x.dtype.kind not in "iufb":
        raise DataError(f"input '{name}' takes numbers, but the data are {x.dtype}; convert them")
    if x.dtype.kind == "f" and not np.all(np.isfinite(x)):
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


def _integers(x: npt.NDArray[np.generic], tensor: Tensor, offset: float) -> npt.NDArray[np.integer[Any]]:
    """Integers as they are; real numbers in units of the tensor's scale, from its offset on."""
    real = x.dtype.kind == "f"
    worth = _worth(tensor, offset) if real else ""
    # Whole batches pass here before every run: each kind of data takes no more passes than it needs.
    units: npt.NDArray[Any] = x
    if worth:
        with np.errstate(over="ignore"):  # infinite is out of range
            units = (x.astype(np.float64) - offset) / tensor.scale
    whole = np.rint(units) if real else units
    if x.size and not always_fits(x.dtype, tensor) and (np.min(whole) < tensor.low or np.max(whole) > tensor.high):
        raise DataError(
            f"input '{tensor.name}' takes values from {tensor.low} to {tensor.high}{worth}, but the data run from "
            f"{np.min(x)} to {np.max(x)}; scale the data, or compile again with another {choice('input_type')}"
        )
    if real and not np.array_equal(whole, units):
        range_ = max(-tensor.low, tensor.high, abs(offset / tensor.scale)) if worth else None
        found = fraction_in(units, range_)
        if found is not None:
            raise DataError(
                f"input '{tensor.name}' takes integers{worth}, but the data hold fractions: x{list(found)} is "
                f"{x[found]:g}, {abs(units[found] - whole[found]):.2g} of a step from {whole[found]:g}{worth}; "
                f"{_again()}"
            )
    values: npt.NDArray[np.integer[Any]] = whole if whole.dtype.kind in "iu" else whole.astype(np.int64)
    if tensor.kind == "bits" and np.any(values == 0):
        raise DataError(f"input '{tensor.name}' takes -1 and +1, but the data hold 0; map the data to signs")
    return values


@cache
def _range_of(dtype: np.dtype[Any]) -> tuple[int, int]:
    info = np.iinfo(dtype)
    return int(info.min), int(info.max)


def fraction_in(units: npt.NDArray[Any], largest: float | None) -> tuple[int, ...] | None:
    """Where in real numbers the one farthest from an integer lies; None where float32 explains all of their distances.

    `largest` is the largest number that samples go over, by default each one's own.
    """
    real = units.astype(np.float64)
    whole = np.rint(real)
    distance = np.abs(real - whole)
    slack = _ROUNDING * (np.maximum(np.abs(real), 1) if largest is None else max(largest, 1.0))
    if units.size and np.any(distance > slack if np.any(whole != 0) else distance > 0):
        return tuple(int(place) for place in np.unravel_index(int(np.argmax(distance)), units.shape))
    return None
