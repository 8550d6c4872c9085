"""Which integers the network's input holds."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgebnn.errors import DataError, ModelError
from edgebnn.frontend.graph import Graph, Node
from edgebnn.frontend.problems import printable
from edgebnn.network.types import Kind, Tensor

_INTEGER_TYPES = ("uint8", "int8", "uint16", "int16")
_NAMES = "bits, trits, or uintN or intN with N from 1 to 16"


@dataclass(frozen=True, eq=False)
class ReadOptions:
    """What the reader of a model is told beside the model.

    `input_type` is `bits`, `trits`, `uintN` or `intN` (N from 1 to 16); without it, an array of samples in
    `calibration` (batch first) shows the range where the model itself does not.
    """

    input_type: str | None = None
    calibration: npt.NDArray[np.generic] | None = None


def input_tensor(graph: Graph, options: ReadOptions) -> tuple[Tensor, tuple[str, ...]]:
    """The type of the network's input, and notes for the user.

    Raises ModelError where the model's own type and the options do not go together, DataError for calibration data
    that are no integers.
    """
    given, name = graph.input, printable(graph.input.name)
    notes: tuple[str, ...] = ()
    if given.dtype not in (*_INTEGER_TYPES, "float32", "int32", "int64", "bool"):
        raise ModelError(f"input '{name}' is {given.dtype}; export the model with a float32 or integer input")
    own = _own_range(given.dtype)
    if options.input_type is not None:
        kind, low, high = parse_input_type(options.input_type)
    elif own is not None:
        kind, low, high = Kind.INTEGERS, *own
    elif options.calibration is not None:
        kind, low, high = Kind.INTEGERS, *_range_of(options.calibration)
    else:
        kind, low, high = Kind.INTEGERS, -(2**15), 2**15 - 1
        notes = (
            f"input '{name}' is taken to hold 16-bit integers (-32768 to 32767); --input-type, such as uint8 or int12, "
            "or --calibration narrows it, which makes the first layer faster",
        )
    if own is not None and not own[0] <= low <= high <= own[1]:
        raise ModelError(
            f"input '{name}' is {given.dtype}, which does not hold {options.input_type}; choose another type"
        )
    clip = _clip_behind(graph)
    if clip is not None and kind is Kind.INTEGERS:
        low, high = max(low, clip[0]), min(high, clip[1])
        if low > high:
            raise ModelError(f"input '{name}' is clipped to a range that holds none of its integers; check the clip")
    return Tensor(name, kind, given.shape, low, high), notes


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
    """The range of calibration data: that of their type where it has up to 16 bits, else the narrowest that fits."""
    own = _own_range(str(samples.dtype))
    if own is not None:
        return own
    if samples.dtype.kind not in "iuf" or samples.size == 0 or not np.all(np.isfinite(samples)):
        raise DataError("the calibration data hold no finite numbers; give an array of samples as the model takes them")
    if not np.array_equal(np.rint(samples.astype(np.float64)), samples):
        raise DataError(
            "the calibration data hold fractions; quantise them to the sensor's integers, or use --input-type"
        )
    least, most = int(np.min(samples)), int(np.max(samples))
    bits = most.bit_length() if least >= 0 else max((-least - 1).bit_length(), most.bit_length()) + 1
    if bits > 16:
        raise DataError(f"the calibration data run from {least} to {most}, more than 16 bits; scale them down")
    bits = max(bits, 1)
    return (0, 2**bits - 1) if least >= 0 else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def _clip_behind(graph: Graph) -> tuple[int, int] | None:
    """The integers that a clip right behind the input lets through (a cast may stand between)."""
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
            return math.ceil(min(max(low, -widest), widest)), math.floor(max(min(high, widest), -widest))
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
