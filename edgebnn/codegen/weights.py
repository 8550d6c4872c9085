"""The weights image as a C structure: one typed array a section, at the very offset that it has in `weights.bin`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
import numpy as np
import numpy.typing as npt

from edgebnn.codegen.environment import Code
from edgebnn.codegen.names import layer_names
from edgebnn.mapping.image import read_section
from edgebnn.mapping.mapped import MappedNetwork
from edgebnn.mapping.plan import (
    ActiveSections,
    AffineStage,
    Int8Stage,
    LinearStage,
    LineSections,
    PoolStage,
    Section,
    Stage,
    Steps,
    SubsetSections,
    TakeStage,
    steps_of,
)

# NumPy type of a section's values -> C type and values a line.
_C_TYPES = {
    "<u4": ("uint32_t", 8),
    "<i4": ("int32_t", 10),
    "<u2": ("uint16_t", 16),
    "<i2": ("int16_t", 14),
    "|u1": ("uint8_t", 24),
    "|i1": ("int8_t", 24),
}

WEIGHTS, ROWS = Code("model_weights"), Code("model_rows")


@dataclass(frozen=True)
class Member:
    """An array of a structure, `struct`: `member` is its C name, `section` where it lies in the image.

    It takes whole words, so `count` elements may be a few more than the section has.
    """

    struct: Code
    member: Code
    section: Section
    type: Code
    count: int
    rows: tuple[Code, ...]

    @property
    def expression(self) -> Code:
        """How a layer's descriptor points to it."""
        return Code(f"{self.struct}.{self.member}")

    @property
    def macro(self) -> Code:
        """Its part in the names of preprocessor macros."""
        return Code(self.member.upper())


def members(mapped: MappedNetwork) -> dict[Section, Member]:
    """The arrays of the image by their sections, in the image's order.

    Those of the rows that the firmware is without have a structure of their own.
    """
    plan, image = mapped.plan, mapped.image
    names = layer_names(plan)
    found = {
        section: _member(
            ROWS if section.offset < plan.rows_bytes else WEIGHTS, Code(f"{names[index]}_{part}"), section, dtype, image
        )
        for index, stage in enumerate(plan.stages)
        for part, section, dtype in _sections(stage)
    }
    if plan.marker is not None:
        found[plan.marker.words] = _member(WEIGHTS, Code("marker"), plan.marker.words, "<u4", image)
    return {section: found[section] for section in plan.sections}


def _member(struct: Code, name: Code, section: Section, dtype: str, image: bytes) -> Member:
    whole = msgspec.structs.replace(section, bytes=(section.bytes + 3) // 4 * 4)
    values = read_section(image, whole, dtype)
    c_type, width = _C_TYPES[dtype]
    return Member(struct, name, section, Code(c_type), len(values), tuple(_rows(values, width)))


def _rows(values: npt.NDArray[np.generic], width: int) -> Iterator[Code]:
    if values.dtype == np.uint32:
        literals = [f"0x{word}" for word in values.astype(">u4").tobytes().hex(" ", 4).split()]
    else:
        smallest = np.iinfo(np.int32).min
        literals = ["(-2147483647 - 1)" if value == smallest else str(value) for value in values.tolist()]
    for start in range(0, len(literals), width):
        yield Code(", ".join(literals[start : start + width]))


def _sections(stage: Stage) -> Iterator[tuple[str, Section, str]]:
    """(part of the name, section, NumPy type) of everything in the image that belongs to a stage."""
    match stage:
        case LinearStage():
            if stage.sign is not None:
                yield "sign", stage.sign, "<u4"
            if stage.nonzero is not None:
                yield "nonzero", stage.nonzero, "<u4"
            if stage.banks is not None:
                yield "banks", stage.banks, "<u2"
            if stage.verified is not None:
                yield "verified", stage.verified, "<u4"
            if stage.trim is not None:
                yield "means", stage.trim.means, "<i2"
            if stage.halves is not None and stage.halves.limits is not None:
                yield "limits", stage.halves.limits, "<u4"
            if stage.active is not None:
                yield from _active_sections(stage.active)
            if stage.subsets is not None:
                yield from _subset_sections(stage.subsets)
            if stage.pool is not None and stage.pool.directions is not None:
                yield "directions", stage.pool.directions, "<u4"
        case Int8Stage():
            yield "weights", stage.weights, "|i1"
        case PoolStage():
            if stage.directions is not None:
                yield "directions", stage.directions, "<u4"
        case TakeStage():
            for part, places in (("channels", stage.channels), ("rows", stage.rows), ("columns", stage.columns)):
                if places is not None:
                    yield part, places, "<u4"
        case AffineStage():
            yield "multiplier", stage.multiplier, "<i4"
            yield "offset", stage.offset, "<u4"
            if stage.knees is not None:
                yield "knees", stage.knees, "<i4"
    if isinstance(stage, LinearStage | Int8Stage) and stage.border is not None:
        yield "border_rows", stage.border.rows, "<u2"
        yield "border_columns", stage.border.columns, "<u2"
        yield "border_start", stage.border.start, "<i4"
    steps = steps_of(stage)
    if steps is not None:
        yield from _step_sections(steps)


def _active_sections(active: ActiveSections) -> Iterator[tuple[str, Section, str]]:
    yield "plus", active.plus, "<u4"
    if active.not_minus is not None:
        yield "not_minus", active.not_minus, "<u4"
    if active.missing is not None:
        yield "missing", active.missing, "<u4"
    if active.limits is not None:
        yield "limits", active.limits, "<u4"
    if active.totals is not None:
        yield "totals", active.totals, "<i4"


def _subset_sections(subsets: SubsetSections) -> Iterator[tuple[str, Section, str]]:
    yield "plus", subsets.plus, "<u4"
    if subsets.not_minus is not None:
        yield "not_minus", subsets.not_minus, "<u4"
    if subsets.limits is not None and subsets.turned is not None:
        yield "limits", subsets.limits, "<i4"
        yield "turned", subsets.turned, "<u4"


def _step_sections(steps: Steps) -> Iterator[tuple[str, Section, str]]:
    if steps.thresholds is not None:
        yield "thresholds", steps.thresholds, "<i4"
    if steps.directions is not None:
        yield "directions", steps.directions, "<u4"
    if steps.lines is not None:
        yield from _line_sections(steps.lines)


def _line_sections(lines: LineSections) -> Iterator[tuple[str, Section, str]]:
    yield "multiplier", lines.multiplier, "<i4"
    yield "offset", lines.offset, "<u4"
    yield "shift", lines.shift, "|u1"
    if lines.first is not None and lines.exceptions is not None:
        yield "first_exception", lines.first, "<u2"
        yield "exceptions", lines.exceptions, "<u2"
