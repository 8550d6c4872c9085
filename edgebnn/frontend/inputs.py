"""Which integers the network's input holds."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from edgebnn.errors import DataError, ModelError
from edgebnn.frontend.graph import Graph, GraphInput, Node
from edgebnn.frontend.problems import printable
from edgebnn.network.encoding import fraction_in
from edgebnn.network.types import Encoding, Kind, Quantizer, Tensor

_INTEGER_TYPES = ("uint8", "int8", "uint16", "int16")
_FLOAT_TYPES = ("float32", "float16")
_FEW_SAMPLES = 16
_LARGEST_HALF = 2**11  # the integers up to here are float16 values
_NAMES = "bits, trits, or uintN or intN with N from 1 to 16"


@dataclass(frozen=True, eq=False)
class ReadOptions:
    """What the reader of a model is told beside the model.

    `input_type` is `bits`, `trits`, `uintN` or `intN` (N from 1 to 16), `input_scale` the real value of one of these
    integers, by default 1, and `input_offset` that of the integer 0, by default 0. Samples in `calibration` (batch
    first, in the model's own layout) show the range of the input where the model itself does not, and those of float
    layers that are to become int8. `output` names the output that the network ends in, where the model has several.
    """

    input_type: str | None = None
    input_scale: Fraction | None = None
    calibration: npt.NDArray[np.generic] | None = None
    output: str | None = None
    input_offset: Fraction | None = None


@dataclass(frozen=True, eq=False)
class GivenInput:
    """The network's input as model and options give it: integers, each worth `scale`, the integer 0 worth `offset`.

    `open` says that neither of them says which integers, so that the model's own quantiser may.
    """

    tensor: Tensor
    scale: Fraction
    offset: Fraction
    encoding: Encoding
    open: bool
    said: tuple[str, ...] = ()

    def notes(self, quantizer: Quantizer | None) -> tuple[str, ...]:
        """What a user should know of the input, where the model's own quantiser makes its integers or none does."""
        if quantizer is not None:
            return (
                f"input '{self.tensor.name}' takes real numbers, which the model's own quantiser turns into integers "
                "before the firmware; --input-type and --input-scale give the firmware the sensor's integers instead",
            )
        return self.said


def given_input(graph: Graph, options: ReadOptions, axes: tuple[int, ...] = ()) -> GivenInput:
    """The type of the network's input, and notes for the user.

    `axes` are those of the model's axes that come first, second, ... in the network, where it is not channel first.

    Raises ModelError where the model's own type and the options do not go together, DataError for calibration data
    that are no samples of the model.
    """
    given, name = graph.input, printable(graph.input.name)
    if given.dtype not in (*_INTEGER_TYPES, *_FLOAT_TYPES, "int32", "int64", "bool"):
        raise ModelError(f"input '{name}' is {given.dtype}; export the model with a float32 or integer input")
    _check_calibration(options, given)
    own = _own_range(given.dtype)
    scale, offset = options.input_scale or Fraction(1), options.input_offset or Fraction(0)
    if own is not None and (scale != 1 or offset):
        raise ModelError(
            f"input '{name}' is {given.dtype}, whose integers are worth 1 each; leave out --input-scale and "
            "--input-offset"
        )
    open_scale = options.input_scale is None and options.input_offset is None
    quantizer = None
    opened = False
    notes: tuple[str, ...] = ()
    shape = tuple(given.shape[axis] for axis in axes) if axes else given.shape
    if options.input_type is not None:
        kind, low, high = parse_input_type(options.input_type)
    elif own is not None:
        kind, low, high = Kind.INTEGERS, *own
    elif options.calibration is not None:
        kind = Kind.INTEGERS
        scale, low, high, quantizer, notes = _calibrated(options.calibration, name, shape[0], scale, offset)
        opened = quantizer is not None and open_scale  # the model's own steps come first
    else:
        bits = 12 if given.dtype == "float16" else 16
        kind, low, high = Kind.INTEGERS, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
        opened = open_scale and given.dtype in _FLOAT_TYPES
        notes = (
            f"input '{name}' is taken to hold {bits}-bit integers ({low} to {high}) and no fractions; --input-type, "
            "such as uint8 or int12, or --calibration narrows it, which makes the first layer faster, and "
            "--input-scale says what an integer is worth to a model that takes fractions",
        )
    if given.dtype == "float16" and quantizer is None:
        _check_half(name, scale, offset, max(-low, high))
    if own is not None and not own[0] <= low <= high <= own[1]:
        raise ModelError(
            f"input '{name}' is {given.dtype}, which does not hold {options.input_type}; choose another type"
        )
    clip = _clip_behind(graph) if quantizer is None else None
    if clip is not None and kind is Kind.INTEGERS:
        low, high = max(low, math.ceil((clip[0] - offset) / scale)), min(high, math.floor((clip[1] - offset) / scale))
        if low > high:
            raise ModelError(f"input '{name}' is clipped to a range that holds none of its integers; check the clip")
    tensor = Tensor(name, kind, shape, low, high, float(scale))
    encoding = Encoding(given.dtype, axes, quantizer, float(offset))
    return GivenInput(tensor, scale, offset, encoding, opened, (*notes, *_few_samples(options.calibration)))


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
        f"input '{name}' is float16, which rounds {held}; choose a narrower --input-type, or export the model with a "
        "float32 input"
    )


def parse_input_scale(text: str) -> Fraction:
    """The real value of one integer, such as "1/255" or "0.005"; ModelError for anything else."""
    try:
        scale = Fraction(text) if len(text) <= 40 else None
    except (ValueError, ZeroDivisionError):
        scale = None
    if scale is None or not 2.0**-60 < scale < 2.0**60:
        raise ModelError(f"the input scale '{printable(text)}' is no positive number; write it as 1/255 or 0.005")
    return scale


def parse_input_offset(text: str) -> Fraction:
    """The real value of the integer 0, such as "-1" or "-0.5"; ModelError for anything else."""
    try:
        offset = Fraction(text) if len(text) <= 40 else None
    except (ValueError, ZeroDivisionError):
        offset = None
    if offset is None or not -(2.0**60) < offset < 2.0**60:
        raise ModelError(f"the input offset '{printable(text)}' is no number; write it as -1 or -0.5")
    return offset


def _check_calibration(options: ReadOptions, given: GraphInput) -> None:
    samples = options.calibration
    if samples is None:
        return
    if samples.ndim != len(given.shape) + 1 or samples.shape[1:] != given.shape or not len(samples):
        raise DataError(
            f"the calibration data have the shape {samples.shape}, but the model takes (batch, "
            f"{', '.join(map(str, given.shape))}); give samples as the model takes them"
        )
    if samples.dtype.kind not in "iufb" or not np.all(np.isfinite(samples)):
        raise DataError("the calibration data hold no finite numbers; give an array of samples as the model takes them")


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
            "--input-scale and --input-offset, or leave them out"
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


def parse_input_type(text: str) -> tuple[Kind, int, int]:
    """Kind, lowest and highest value of an input type by name; ModelError for an unknown name."""
    if text in ("bits", "trits"):
        return Kind(text), -1, 1
    match = re.fullmatch(r"(u?)int([1-9]|1[0-6])", text)
    if match is None:
        raise ModelError(f"the input type '{printable(text)}' is not known; choose {_NAMES}")
    bits = int(match[2])
    return (Kind.INTEGERS, 0, 2**bits - 1) if match[1] else (Kind.INTEGERS, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


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


def _clip_behind(graph: Graph) -> tuple[float, float] | None:
    """The range that a clip right behind the input lets through (a cast may stand between)."""
    value = graph.input.name
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


def _bound(graph: Graph, node: Node, index: int, attribute: str, missing: float) -> float:
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
