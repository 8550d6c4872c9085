"""Which integers the network's inputs hold."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from edgebnn.choices import choice
from edgebnn.errors import DataError, ModelError
from edgebnn.frontend.onnx.graph import Array, Graph, GraphInput, OnnxNode
from edgebnn.frontend.options import InputOptions, ReadOptions, parse_input_type
from edgebnn.frontend.problems import printable
from edgebnn.network.batches import batch_of, parts
from edgebnn.network.encoding import fraction_in
from edgebnn.network.types import Encoding, Input, Kind, Quantizer, Tensor

_INTEGER_TYPES = ("uint8", "int8", "uint16", "int16")
_FLOAT_TYPES = ("float32", "float16")
_FEW_SAMPLES = 16
_LARGEST_HALF = 2**11  # the integers up to here are float16 values


@dataclass(frozen=True, eq=False)
class GivenInput:
    """An input of the network as model and options give it: integers, each worth `scale`, the integer 0 worth `offset`.

    `name` is the model's own, which its tensor has in print. `open` says that neither of them says which integers, so
    that the model's own quantiser may.
    """

    name: str
    tensor: Tensor
    scale: Fraction
    offset: Fraction
    encoding: Encoding
    open: bool
    said: tuple[str, ...] = ()

    def encoded(self, tensor: Tensor, quantizer: Quantizer | None) -> Input:
        """The input with this tensor, and the model's own quantiser where that makes its integers."""
        return Input(tensor, replace(self.encoding, quantizer=quantizer or self.encoding.quantizer))

    def notes(self, quantizer: Quantizer | None) -> tuple[str, ...]:
        """What a user should know of the input, where the model's own quantiser makes its integers or none does."""
        if quantizer is not None:
            return (
                f"input '{self.tensor.name}' takes real numbers, which the model's own quantiser turns into integers "
                f"before the firmware; {choice('input_type')} and {choice('input_scale')} give the firmware the "
                "sensor's integers instead",
            )
        return self.said


def calibration_batch(graph: Graph, options: ReadOptions) -> Array | None:
    """The calibration samples of all inputs as a batch; DataError where they are no samples of the model."""
    samples = options.calibration
    if samples is None:
        return None
    try:
        batch = batch_of(graph.inputs, samples, single=False)
        each = parts(graph.inputs, batch)
    except DataError as error:
        raise DataError(f"of the calibration data: {error}") from error
    if not len(batch):
        raise DataError("the calibration data hold no sample; give some hundred of those that will come")
    for given, part in each:
        if not np.all(np.isfinite(part)):
            raise DataError(
                f"the calibration data for input '{printable(given.name)}' hold numbers that are not finite; give "
                "samples as the model takes them"
            )
    return batch


def given_inputs(
    graph: Graph, options: ReadOptions, samples: Array | None, axes: Mapping[str, tuple[int, ...]]
) -> tuple[GivenInput, ...]:
    """The types of the network's inputs, and notes for the user.

    `samples` are a batch for calibration. `axes` are, for inputs that are not channel first, those of the model's axes
    that come first, second, ... in the network. Raises ModelError where the model's own type and the options do not go
    together, DataError for calibration data of which no integers can be made.
    """
    options.check_names([given.name for given in graph.inputs])
    found: list[npt.NDArray[np.generic] | None] = [None] * len(graph.inputs)
    if samples is not None:
        found = [part for _, part in parts(graph.inputs, samples)]
    return tuple(
        _given_input(graph, given, options.of(given.name), part, axes.get(given.name, ()))
        for given, part in zip(graph.inputs, found, strict=True)
    )


def _given_input(
    graph: Graph, given: GraphInput, stated: InputOptions, samples: Array | None, axes: tuple[int, ...]
) -> GivenInput:
    name = printable(given.name)
    if given.dtype not in (*_INTEGER_TYPES, *_FLOAT_TYPES, "int32", "int64", "bool"):
        raise ModelError(f"input '{name}' is {given.dtype}; export the model with a float32 or integer input")
    own = _own_range(given.dtype)
    scale, offset = stated.scale or Fraction(1), stated.offset or Fraction(0)
    if own is not None and (scale != 1 or offset):
        raise ModelError(
            f"input '{name}' is {given.dtype}, whose integers are worth 1 each; leave out "
            f"{choice('input_scale')} and {choice('input_offset')}"
            + ("" if len(graph.inputs) == 1 else ", or name the input that they are of (NAME=1/255)")
        )
    open_scale = stated.scale is None and stated.offset is None
    quantizer = None
    opened = False
    notes: tuple[str, ...] = ()
    shape = tuple(given.shape[axis] for axis in axes) if axes else given.shape
    if stated.type is not None:
        kind, low, high = parse_input_type(stated.type)
    elif own is not None:
        kind, low, high = Kind.INTEGERS, *own
    elif samples is not None:
        kind = Kind.INTEGERS
        scale, low, high, quantizer, notes = _calibrated(samples, name, shape[0], scale, offset)
        opened = quantizer is not None and open_scale  # the model's own steps come first
    else:
        bits = 12 if given.dtype == "float16" else 16
        kind, low, high = Kind.INTEGERS, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
        opened = open_scale and given.dtype in _FLOAT_TYPES
        notes = (
            f"input '{name}' is taken to hold {bits}-bit integers ({low} to {high}) and no fractions; "
            f"{choice('input_type')}, such as uint8 or int12, or {choice('calibration')} narrows it, which "
            f"makes the first layer faster, and "
            f"{choice('input_scale')} says what an integer is worth to a model that takes fractions",
        )
    if given.dtype == "float16" and quantizer is None:
        _check_half(name, scale, offset, max(-low, high))
    if own is not None and not own[0] <= low <= high <= own[1]:
        raise ModelError(f"input '{name}' is {given.dtype}, which does not hold {stated.type}; choose another type")
    clip = _clip_behind(graph, given) if quantizer is None else None
    if clip is not None and kind is Kind.INTEGERS:
        low, high = max(low, math.ceil((clip[0] - offset) / scale)), min(high, math.floor((clip[1] - offset) / scale))
        if low > high:
            raise ModelError(f"input '{name}' is clipped to a range that holds none of its integers; check the clip")
    tensor = Tensor(name, kind, shape, low, high, float(scale))
    encoding = Encoding(given.dtype, axes, quantizer, float(offset))
    return GivenInput(given.name, tensor, scale, offset, encoding, opened, (*notes, *_few_samples(samples)))


def _few_samples(samples: npt.NDArray[np.generic] | None) -> tuple[str, ...]:
    """What a user should know of calibration samples that show no range."""
    if samples is None:
        return ()
    if np.all(samples == samples[:1]):
        many = "is one sample" if len(samples) == 1 else f"are {len(samples)} times the same sample"
        return (
            f"the calibration data {many}, which shows no range; give some hundred samples of those that will come",
        )
    if len(samples) < _FEW_SAMPLES:
        return (
            f"the calibration data are {len(samples)} samples, whose range may be too narrow; give some hundred of "
            "those that will come",
        )
    return ()


def _check_half(name: str, scale: Fraction, offset: Fraction, largest: int) -> None:
    """ModelError where a float16 input does not hold the integers times their scale, plus the offset."""
    if scale.numerator & (scale.numerator - 1) or scale.denominator & (scale.denominator - 1):
        held = f"the multiples of {scale}"
    elif (offset / scale).denominator != 1:
        held = f"the multiples of {scale} plus {offset}"
    elif largest + abs(offset / scale) > _LARGEST_HALF:
        held = f"integers beyond {_LARGEST_HALF}"
    else:
        return
    raise ModelError(
        f"input '{name}' is float16, which rounds {held}; choose a narrower {choice('input_type')}, or export "
        "the model with a float32 input"
    )


def _calibrated(
    samples: npt.NDArray[np.generic], name: str, channels: int, scale: Fraction, offset: Fraction
) -> tuple[Fraction, int, int, Quantizer | None, tuple[str, ...]]:
    """Scale, lowest and highest integer that stand for samples, the quantiser that makes them, and what to say."""
    values = (samples.astype(np.float64) - float(offset)) / float(scale)
    stated = scale != 1 or offset != 0
    largest = float(max(np.abs(values).max(), abs(offset / scale)))
    if np.array_equal(np.rint(values), values) or (stated and fraction_in(values, largest) is None):
        return scale, *_range_of(np.rint(values) if stated else samples), None, ()
    if offset:
        raise DataError(
            f"the calibration data for input '{name}' are no integers times {scale} plus {offset}; correct "
            f"{choice('input_scale')} and {choice('input_offset')}, or leave them out"
        )
    if values.min() >= 0 and values.max() <= 1 and np.allclose(np.rint(values * 255), values * 255, atol=1e-4, rtol=0):
        return scale / 255, 0, 255, None, (f"input '{name}' is taken to hold 8-bit integers, each worth 1/255",)
    least, most = (0, 255) if values.min() >= 0 else (-127, 127)
    unit = Fraction(float(np.float32(np.abs(values).max() * float(scale) / most)))
    edges = (np.arange(least, most) + 0.5) * float(unit)
    quantizer = Quantizer(
        np.tile(edges.astype(np.float32), (channels, 1)), np.ones(channels, np.int8), low=least, step=1
    )
    note = (
        f"input '{name}' takes real numbers, which were quantised here to {least} to {most}, each worth {float(unit):g}"
    )
    return unit, least, most, quantizer, (note,)


def _own_range(dtype: str) -> tuple[int, int] | None:
    if dtype == "bool":
        return 0, 1
    if dtype not in _INTEGER_TYPES:
        return None
    limits = np.iinfo(dtype)
    return int(limits.min), int(limits.max)


def _range_of(samples: npt.NDArray[np.generic]) -> tuple[int, int]:
    """The range of whole samples: that of their type where it has up to 16 bits, else the narrowest that fits."""
    own = _own_range(str(samples.dtype))
    if own is not None:
        return own
    least, most = int(np.min(samples)), int(np.max(samples))
    bits = most.bit_length() if least >= 0 else max((-least - 1).bit_length(), most.bit_length()) + 1
    if bits > 16:
        least_shown, most_shown = f"{float(least):.10g}", f"{float(most):.10g}"  # not all of 300 digits
        raise DataError(
            f"the calibration data run from {least_shown} to {most_shown}, more than 16 bits; scale them down"
        )
    bits = max(bits, 1)
    return (0, 2**bits - 1) if least >= 0 else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def _clip_behind(graph: Graph, given: GraphInput) -> tuple[float, float] | None:
    """The range that a clip right behind an input lets through (a cast may stand between)."""
    value = given.name
    for _ in range(2):
        readers = graph.readers(value)
        if len(readers) != 1:
            return None
        (node,) = readers
        if node.operator == "Clip" and not node.domain:
            low, high = (_bound(graph, node, *which) for which in ((1, "min", -math.inf), (2, "max", math.inf)))
            if math.isnan(low) or math.isnan(high) or not node.inputs or node.inputs[0] != value:
                return None
            widest = 2.0**17
            return min(max(low, -widest), widest), max(min(high, widest), -widest)
        if node.operator != "Cast" or node.domain:
            return None
        value = node.outputs[0]
    return None


def _bound(graph: Graph, node: OnnxNode, index: int, attribute: str, missing: float) -> float:
    """A bound of a clip, NaN where it is not a constant that lies open."""
    if graph.opset < 11:
        return node.number(attribute, missing)
    if index >= len(node.inputs) or not node.inputs[index]:
        return missing
    constant = graph.constants.get(node.inputs[index])
    if constant is None:
        maker = next((other for other in graph.nodes if node.inputs[index] in other.outputs), None)
        value = maker.attributes.get("value") if maker is not None and maker.operator == "Constant" else None
        constant = value if isinstance(value, np.ndarray) else None
    return float(constant.reshape(-1)[0]) if constant is not None and constant.size == 1 else math.nan
