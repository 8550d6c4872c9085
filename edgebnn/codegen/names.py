"""Identifiers in the generated C: an index makes them unique, a part of the model's own name makes them readable."""

from __future__ import annotations

from edgebnn.codegen.environment import Code, c_identifier
from edgebnn.mapping.plan import Buffer, Plan, Stage


def layer_names(plan: Plan) -> tuple[Code, ...]:
    """The identifier of each stage's descriptor, such as `layer0_conv1`."""
    return tuple(_indexed("layer", index, stage.node) for index, stage in enumerate(plan.stages))


def buffer_names(plan: Plan) -> tuple[Code, ...]:
    """The identifier of each buffer in the work area, such as `buffer1_conv1_sums`."""
    return tuple(_indexed("buffer", index, buffer.tensor) for index, buffer in enumerate(plan.buffers))


def input_macros(plan: Plan) -> tuple[Code, ...]:
    """How the names of each input's macros begin: `MODEL_INPUT`, or where there are several `MODEL_INPUT1_RR`."""
    if len(plan.inputs) == 1:
        return (Code("MODEL_INPUT"),)
    names = (_indexed("input", index, entry.tensor) for index, entry in enumerate(plan.inputs))
    return tuple(Code(f"MODEL_{macro_name(name)}") for name in names)


def macro_name(identifier: Code) -> Code:
    """The identifier as it stands in the names of preprocessor macros."""
    return Code(identifier.upper())


def buffer_at(plan: Plan, stage: int, offset: int) -> Buffer | None:
    """The buffer that lies at this offset of the work area while a stage runs."""
    alive = (buffer for buffer in plan.buffers if buffer.first <= stage <= buffer.last)
    return next((buffer for buffer in alive if buffer.offset == offset), None)


def stage_title(stage: Stage) -> str:
    """What a stage does, for a comment; it holds the model's own name, so it is not safe for C yet."""
    return f"{stage.node}: {getattr(stage, 'layer_kind', type(stage).__name__.removesuffix('Stage').lower())}"


def _indexed(word: str, index: int, name: str) -> Code:
    part = c_identifier(name)
    return Code(f"{word}{index}_{part}" if part else f"{word}{index}")
