"""The refusal of what a layer cannot read, since it is neither steps nor a line: named for the activation there."""

from __future__ import annotations

from edgebnn.choices import choice
from edgebnn.frontend.algebra.expression import Apply, Expression, parts
from edgebnn.frontend.algebra.smooth_functions import CURVES
from edgebnn.frontend.problems import Refusal

_BENT = {"Relu": "a Relu", "PRelu": "a PReLU", "Max": "a clip", "Min": "a clip", "Abs": "an absolute value"}


def too_many_levels(expression: Expression) -> Refusal:
    """The refusal of an expression that a layer reads."""
    found = [part.operator for part in parts(expression) if isinstance(part, Apply)]
    smooth = next((name for name in found if name in CURVES), None)
    if smooth is not None:
        return Refusal(f"reads the result of a smooth activation ({smooth}), which is no few levels", _remedy())
    for operator, name in _BENT.items():
        if operator in found:
            return Refusal(f"reads the result of {name}, which is neither binary nor ternary", _remedy())
    return Refusal("reads a value of too many levels", _remedy())


def _remedy() -> str:
    return (
        "put a sign or a quantiser of up to 8 bits before this layer (torch.sign, or x >= 0 as 1 and -1), or give "
        f"{choice('calibration', 'data.npz', 'x')} to round it to 8 bits here"
    )
