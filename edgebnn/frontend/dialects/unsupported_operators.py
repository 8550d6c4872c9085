"""Operators that are refused by name, and what to do instead."""

from __future__ import annotations

_SIGN = "use a sign (torch.sign, or x >= 0 as 1 and -1) as the activation"
_RECURRENT = "use convolutions over time in place of the recurrent layer"
_UPWARDS = "make maps larger by copies of their elements (torch.nn.Upsample, mode nearest), and a convolution behind it"
_NORM = "use batch norm, whose means and variances are constants"
_STATIC = "quantise statically, with constant scales"
_MOVE = "leave it out, or move it before the model's input or behind its output"

GROUPS: dict[str, tuple[str, ...]] = {
    _SIGN: ("Log",),
    _RECURRENT: ("GRU", "LSTM", "RNN", "QuantLSTMCell"),
    _UPWARDS: ("ConvTranspose", "DepthToSpace"),
    _NORM: (
        *("GroupNormalization", "InstanceNormalization", "LRN", "LayerNormalization", "LpNormalization"),
        *("MeanVarianceNormalization", "RMSNormalization"),
    ),
    _STATIC: ("DynamicQuantizeLinear", "FloatQuant"),
    "use max or average pooling, or a convolution with stride": (
        *("GlobalLpPool", "LpPool", "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMin"),
        *("ReduceProd", "ReduceSum", "ReduceSumSquare"),
    ),
    "compute with convolutions; attention is not mapped": ("Attention", "Einsum", "MultiHeadAttention"),
    "take elements at constant places with Slice, Split or Gather": ("GatherElements", "GatherND"),
    "repeat channels by joining a value to itself (torch.cat)": ("Expand", "Tile"),
    "compute it on constants, or use Add, Mul and a sign in its place": ("Mod", "Pow", "Reciprocal", "Sqrt"),
    "export the model before FINN lowers its convolutions to matrices": ("Im2Col",),
    "export the whole model as one graph, without partitions": ("GenericPartition", "StreamingDataflowPartition"),
}

REMEDIES: dict[str, str] = {operator: remedy for remedy, group in GROUPS.items() for operator in group}

# Domains of which some operators are read.
_DOMAIN_REMEDIES = {
    "com.microsoft": "export the model without onnxruntime's optimiser, quantised as pairs of QuantizeLinear and "
    "DequantizeLinear (QuantFormat.QDQ)",
}

# Domains that are not read, by how their names begin.
_DOMAINS = (
    ("finn.", "export the model before FINN converts it to hardware layers"),
    ("ai.onnx.ml", "export the network alone, without classical machine learning around it"),
    ("pytorch_aten", "export the model with onnx operators alone (operator_export_type ONNX)"),
)


def remedy_of(operator: str, domain: str = "") -> str:
    """What to do in place of an operator that is not mapped, of a domain of which others are."""
    return REMEDIES.get(operator, _DOMAIN_REMEDIES.get(domain, _MOVE))


def domain_remedy(domain: str) -> str:
    """What to do about an operator of an unknown domain."""
    for beginning, remedy in _DOMAINS:
        if domain.startswith(beginning):
            return remedy
    return "export the model with ONNX's own operators, or those of QONNX"
