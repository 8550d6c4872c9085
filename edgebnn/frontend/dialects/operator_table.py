"""The page of all operators, made from the table of dialects: `python -m edgebnn.frontend.dialects.operator_table`."""

from __future__ import annotations

from edgebnn.frontend.constants.constant_folding import folded_operators
from edgebnn.frontend.dialects.dialect_table import DIALECTS
from edgebnn.frontend.dialects.unsupported_operators import GROUPS
from edgebnn.frontend.onnx.parser import OLDEST_OPSET
from edgebnn.frontend.operations import Dialect, Recogniser

COMMAND = "python -m edgebnn.frontend.dialects.operator_table > docs/operators.md"

_HEAD = f"""# Operators

What `edgebnn compile` reads, dialect by dialect; `edgebnn inspect model.onnx` says of one model which nodes are not
read and why. An operator in the tables is mapped where integers can say the same: between two layers any function of
the sum of its channel that takes few levels, at the end an affine. What is refused is refused by the node's name, with
a reason and a remedy.

ONNX opsets from {OLDEST_OPSET} on are read. Weights, scales, biases, thresholds and bounds have to be constants, or to
follow from constants by the operators that are folded. Local functions are put in place of their calls.

This page is made from the code: `{COMMAND}`.
"""


def sentence_of(recogniser: Recogniser) -> str:
    """What a recogniser's docstring says of its operator, in its first paragraph."""
    paragraph = (recogniser.__doc__ or "").strip().split("\n\n")[0]
    return " ".join(paragraph.split())


def page() -> str:
    """The whole page in Markdown."""
    parts = [_HEAD, *map(_dialect, DIALECTS), _constants(), _refused()]
    return "\n".join(parts)


def _dialect(dialect: Dialect) -> str:
    named = ", ".join(f"`{domain}`" for domain in sorted(dialect.domains) if domain)
    own = "ONNX's own, or none" if "" in dialect.domains else ""
    rows = [f"| `{name}` | {sentence_of(dialect.operators[name])} |" for name in sorted(dialect.operators)]
    domains = ", ".join(filter(None, (own, named)))
    return "\n".join(
        (f"## {dialect.name}\n", f"Domains: {domains}.\n", "| operator | meaning |", "|---|---|", *rows, "")
    )


def _constants() -> str:
    names = _wrapped(", ".join(f"`{name}`" for name in folded_operators()) + ".")
    return f"## Folded where all operands are constants\n\n{names}\n"


def _refused() -> str:
    rows = [f"| {', '.join(f'`{name}`' for name in sorted(names))} | {remedy} |" for remedy, names in GROUPS.items()]
    text = _wrapped(
        "These, and any operator that is nowhere on this page, are refused where they work on values of the network."
    )
    head = f"## Refused by name\n\n{text}\n"
    return "\n".join((head, "| operators | remedy |", "|---|---|", *rows, ""))


def _wrapped(text: str, width: int = 118) -> str:
    lines = [""]
    for word in text.split():
        if len(lines[-1]) + len(word) >= width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return "\n".join(lines)


if __name__ == "__main__":
    print(page(), end="")
