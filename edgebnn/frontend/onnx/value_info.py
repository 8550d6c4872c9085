"""What a file says of its values beside computing them: types and shapes. A file that says otherwise is not taken."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from onnx import ModelProto, TensorProto, ValueInfoProto

from edgebnn.frontend.problems import Refusal

_FLOATS = frozenset((TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE, TensorProto.BFLOAT16))


@dataclass(frozen=True)
class Stated:
    """A value's elements (`float`, `bool`, `integer`), and its extents with None for those that are open.

    Either is None where nothing is said.
    """

    elements: str | None
    extents: tuple[int | None, ...] | None


def stated_of(model: ModelProto) -> Mapping[str, Stated]:
    """What the file says of outputs, types and shapes, and of values between its nodes, of which shapes are hints that
    tools which rewrite models leave behind: onnxruntime takes the types alone seriously."""
    between = {value.name: Stated(_elements(value), None) for value in model.graph.value_info}
    return between | {value.name: _stated(value) for value in model.graph.output}


def check_stated(stated: Stated | None, elements: str, shape: Iterable[int]) -> None:
    """Refusal where a value with these elements and this shape (the batch in front) is said to be another one."""
    if stated is None:
        return
    if stated.elements not in (None, elements):
        raise Refusal(f"makes {elements} elements, which the file says are {stated.elements} ones", _AGAIN)
    if stated.extents is None:
        return
    _, *made = shape
    _, *said = stated.extents or (None,)
    differ = len(made) != len(said) or any(other not in (None, one) for one, other in zip(made, said, strict=True))
    if differ:
        known = ["?" if extent is None else str(extent) for extent in said]
        raise Refusal(
            f"makes values of shape {made} behind the batch, which the file says have the shape [{', '.join(known)}]",
            _AGAIN,
        )


_AGAIN = "the file was changed by hand, or is damaged; export the model again"


def _stated(value: ValueInfoProto) -> Stated:
    tensor = value.type.tensor_type
    if not tensor.HasField("shape"):
        return Stated(_elements(value), None)
    dims = [dim.dim_value if dim.HasField("dim_value") and dim.dim_value >= 0 else None for dim in tensor.shape.dim]
    return Stated(_elements(value), tuple(None if each is None else int(each) for each in dims))


def _elements(value: ValueInfoProto) -> str | None:
    kind = value.type.tensor_type.elem_type
    if not kind:
        return None
    return "float" if kind in _FLOATS else "bool" if kind == TensorProto.BOOL else "integer"
