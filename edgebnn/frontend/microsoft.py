"""onnxruntime's own quantised operators (domain com.microsoft). It only recognises."""

from __future__ import annotations

from edgebnn.frontend import qdq
from edgebnn.frontend.operations import Dialect, Recogniser

OPERATORS: dict[str, Recogniser] = {
    "DequantizeLinear": qdq.OPERATORS["DequantizeLinear"],
    "QuantizeLinear": qdq.OPERATORS["QuantizeLinear"],
}

MICROSOFT = Dialect("onnxruntime", frozenset(("com.microsoft",)), OPERATORS)
