"""A batch as the bytes that a model's inputs take in memory."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from edgebnn.mapping.plan import Layout, Plan
from edgebnn.network.batches import parts
from edgebnn.network.encoding import always_fits, encode_input
from edgebnn.network.network import Network
from edgebnn.words import pack_words


def encode_batch(network: Network, plan: Plan, x: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """A batch as users hand it over as uint8 (B, plan.input_bytes); DataError where it cannot be the inputs."""
    values = {entry.name: encode_input(entry, part) for entry, part in parts(network.inputs, x)}
    encoded = [encode_samples(values[entry.tensor], entry.layout) for entry in plan.inputs]
    return encoded[0] if len(encoded) == 1 else np.concatenate(encoded, axis=1)


def type_as_it_lies(network: Network, plan: Plan) -> np.dtype[Any] | None:
    """The type of samples that are the input as they lie in memory, whatever their values; None where none is.

    What `encode_batch` makes of such a batch are the batch's own bytes, of each sample perhaps padding behind them.
    """
    if len(network.inputs) > 1:
        return None
    tensor, encoding, layout = network.inputs[0].tensor, network.inputs[0].encoding, plan.inputs[0].layout
    if tensor.kind == "bits" or layout.pixel_words or encoding.quantizer is not None or encoding.axes:
        return None
    stored = _little_endian(layout.format)
    return stored if stored.isnative and always_fits(stored, tensor) else None


def encode_samples(x: npt.NDArray[Any], layout: Layout) -> npt.NDArray[np.uint8]:
    """Samples x (B, C, *spatial), in the input's range, as uint8 (B, layout.bytes), little-endian.

    Where they lie like that already, these are the samples' own bytes.
    """
    batch, channels, pixels = len(x), layout.channels, layout.height * layout.width
    if layout.pixel_words:
        values = x.reshape(batch, channels, pixels)
        planes = (values > 0,) if layout.format == "bits" else (values > 0, values != 0)
        return np.concatenate([_packed(plane) for plane in planes], axis=-1).reshape(batch, layout.bytes)
    stored = np.ascontiguousarray(x, _little_endian(layout.format))
    octets = stored.reshape(batch, channels * pixels).view(np.uint8)
    if octets.shape[1] == layout.bytes:
        return octets
    encoded = np.zeros((batch, layout.bytes), np.uint8)
    encoded[:, : octets.shape[1]] = octets
    return encoded


@cache
def _little_endian(element: str) -> np.dtype[Any]:
    return np.dtype(element).newbyteorder("<")


def _packed(plane: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    """Bits (B, C, pixels) as bytes (B, pixels, 4 * words), channel c in bit c % 32 of word c / 32."""
    return pack_words(plane.transpose(0, 2, 1)).astype("<u4", copy=False).view(np.uint8)
