"""QONNX's layers on maps with their channels last, which its transformation to that layout makes.

Each is ONNX's operator of the same name between two transposes, its weights too having their channels last
(qonnx/custom_op/channels_last/base_wrapped_op.py). It only recognises.
"""

from __future__ import annotations

from edgebnn.frontend.dialects.channel_order import channels_first, operands_channels_first
from edgebnn.frontend.dialects.conv_gemm_batchnorm import batch_normalization, conv
from edgebnn.frontend.dialects.pooling_and_padding import max_pool
from edgebnn.frontend.onnx.graph import OnnxNode
from edgebnn.frontend.operations import Dialect, Operands, Operation, Recogniser
from edgebnn.frontend.problems import Refusal


def _conv(node: OnnxNode, operands: Operands) -> Operation:
    """A convolution over one or two axes, its weights (outputs, kernel..., inputs)."""
    rank = operands.constant(1, "weights").ndim
    if rank not in (3, 4):
        raise Refusal(f"has weights with {rank} axes", "only 1-d and 2-d convolutions are mapped")
    return channels_first(conv(node, operands_channels_first(operands, rank, also=1)), rank)


def _max_pool(node: OnnxNode, operands: Operands) -> Operation:
    """The largest value under a window of a map with its channels last."""
    rank = len(operands.shape(0))
    return channels_first(max_pool(node, operands_channels_first(operands, rank)), rank)


def _batch_normalization(node: OnnxNode, operands: Operands) -> Operation:
    """Batch norm with constant means and variances."""
    rank = len(operands.shape(0))
    return channels_first(batch_normalization(node, operands_channels_first(operands, rank)), rank)


OPERATORS: dict[str, Recogniser] = {
    "BatchNormalization": _batch_normalization,
    "Conv": _conv,
    "MaxPool": _max_pool,
}


CHANNELS_LAST = Dialect("QONNX, channels last", frozenset(("qonnx.custom_op.channels_last",)), OPERATORS)
