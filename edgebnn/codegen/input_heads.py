"""What `model.h` says of each input: what it holds, where it lies, and what its numbers are worth to the model."""

from __future__ import annotations

from dataclasses import dataclass

from edgebnn.codegen.environment import Code
from edgebnn.codegen.names import input_macros
from edgebnn.mapping.mapped import MappedNetwork
from edgebnn.mapping.plan import InputPlan
from edgebnn.network.types import Input

_C_TYPES = {
    "bits": "uint32_t",
    "trits": "uint32_t",
    "int8": "int8_t",
    "uint8": "uint8_t",
    "int16": "int16_t",
    "uint16": "uint16_t",
    "int32": "int32_t",
}


@dataclass(frozen=True)
class InputHead:
    """One input; `macro` begins the names of its preprocessor macros. `name` is the model's own, not safe for C yet."""

    number: int
    macro: Code
    name: str
    plan: InputPlan
    entry: Input

    @property
    def type(self) -> Code:
        """The C type of its elements: words where they are packed."""
        return Code(_C_TYPES[self.plan.layout.format])

    @property
    def packed(self) -> bool:
        """Whether it is packed, pixel by pixel."""
        return self.plan.layout.pixel_words > 0

    @property
    def elements(self) -> int:
        """How many elements of the type it has."""
        return self.plan.layout.bytes // 4 if self.packed else self.entry.tensor.size


def input_heads(mapped: MappedNetwork) -> tuple[InputHead, ...]:
    """The inputs in the order in which they lie."""
    plan, entries = mapped.plan, mapped.network.inputs
    return tuple(
        InputHead(number, macro, each.tensor, each, entry)
        for number, (macro, each, entry) in enumerate(zip(input_macros(plan), plan.inputs, entries, strict=True))
    )
