"""The table of dialects: adding one means its file and its line here."""

from __future__ import annotations

from edgebnn.frontend.dialects.finn import FINN
from edgebnn.frontend.dialects.microsoft import MICROSOFT
from edgebnn.frontend.dialects.onnx_operators import PYTORCH
from edgebnn.frontend.dialects.qdq import QDQ
from edgebnn.frontend.dialects.qonnx import QONNX
from edgebnn.frontend.dialects.qonnx_channels_last import CHANNELS_LAST
from edgebnn.frontend.dialects.unsupported_operators import domain_remedy, remedy_of
from edgebnn.frontend.onnx.graph import OnnxNode
from edgebnn.frontend.operations import Dialect, Recogniser
from edgebnn.frontend.problems import Refusal, printable

DIALECTS: tuple[Dialect, ...] = (PYTORCH, QDQ, MICROSOFT, QONNX, FINN, CHANNELS_LAST)

KNOWN_DOMAINS: tuple[str, ...] = tuple(sorted({domain for dialect in DIALECTS for domain in dialect.domains} - {""}))


def recogniser_of(node: OnnxNode) -> Recogniser:
    """The function that recognises a node; Refusal, naming what is known, where no dialect has the operator."""
    for dialect in DIALECTS:
        if node.domain in dialect.domains and node.operator in dialect.operators:
            return dialect.operators[node.operator]
    if node.has_subgraph:
        raise Refusal("has a subgraph (a branch or a loop)", "export the model without control flow")
    if node.domain and node.domain not in KNOWN_DOMAINS:
        raise Refusal(
            f"is of the domain '{printable(node.domain)}', which is not known (known: ONNX's own, "
            f"{', '.join(KNOWN_DOMAINS)})",
            domain_remedy(node.domain),
        )
    raise Refusal("is an operator that is not mapped", remedy_of(node.operator, node.domain))
