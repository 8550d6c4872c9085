"""The plan's stages as what `model.c` prints: constant descriptors of `ebnn.h`, and the call that runs each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from edgebnn.codegen.environment import Code, c_integer
from edgebnn.codegen.names import buffer_at, buffer_names, input_macros, layer_names, macro_name, stage_title
from edgebnn.codegen.weights import Member
from edgebnn.errors import ModelError
from edgebnn.mapping.mapped import MappedNetwork
from edgebnn.mapping.marker import MARKER_WORDS
from edgebnn.mapping.plan import (
    ActiveSections,
    AddStage,
    AffineStage,
    BorderSections,
    CopyStage,
    HalvesSections,
    Int8Stage,
    Layout,
    LinearStage,
    LineSections,
    Place,
    Plan,
    PoolPlan,
    PoolStage,
    Section,
    Stage,
    Steps,
    SubsetSections,
    SumPoolStage,
    TakeStage,
    ThresholdStage,
    WindowPlan,
    scratch_of,
)

Members = Mapping[Section, Member]


@dataclass(frozen=True)
class Field:
    """A field of a descriptor and its initialiser."""

    name: Code
    value: Code


@dataclass(frozen=True)
class Layer:
    """A stage in C. `title` has the model's own name; `programming` are the arguments of programming it, RRAM alone.

    `trimming` are the fields of `ebnn_trimming` where a chip trims it, and `trim_place` is where it finds what for.
    """

    identifier: Code
    title: str
    struct: Code
    fields: tuple[Field, ...]
    call: Code
    programming: Code | None
    trimming: Code | None = None
    trim_place: int = 0


def layers(mapped: MappedNetwork, arrays: Members, rows: bool = True) -> tuple[Layer, ...]:
    """The layers in order, with the rows of those in RRAM or without them.

    ModelError where a place of the plan lies in no buffer.
    """
    names = layer_names(mapped.plan)
    found = (_layer(mapped, arrays, index, names[index]) for index in range(len(names)))
    return tuple(each if rows or each.programming is None else _in_rram_alone(each) for each in found)


def _in_rram_alone(layer: Layer) -> Layer:
    """The layer without its rows; `in_rram` says that weights may be 0."""
    held = {"sign": "NULL", "nonzero": "in_rram"}
    return replace(
        layer,
        fields=tuple(
            replace(field, value=Code(held[field.name])) if field.name in held and field.value != "NULL" else field
            for field in layer.fields
        ),
    )


def marker_fields(mapped: MappedNetwork, arrays: Members) -> tuple[Field, ...]:
    """`ebnn_marker` of a plan that has one."""
    marker = mapped.plan.marker
    if marker is None:
        return ()
    values = {
        "words": _pointer(marker.words, arrays),
        "count": c_integer(MARKER_WORDS),
        "bank": c_integer(marker.bank),
        "policy": c_integer(list(mapped.target.policies).index(marker.policy)),
        "most_wrong": c_integer(marker.most_wrong),
    }
    return tuple(Field(Code(name), value) for name, value in values.items())


def _layer(mapped: MappedNetwork, arrays: Members, index: int, identifier: Code) -> Layer:
    plan, stage = mapped.plan, mapped.plan.stages[index]
    source, target = _place(plan, index, stage.source), _place(plan, index, stage.target)
    sums = f"(int32_t *)({target})"
    scratch = f"words + MODEL_{macro_name(identifier)}_SCRATCH_OFFSET / 4" if scratch_of(stage) else "NULL"
    programming = trimming = None
    place = 0
    match stage:
        case LinearStage(active=ActiveSections() as active):
            struct, fields = "ebnn_active_layer", _active_fields(stage, active, arrays)
            call = f"ebnn_linear_active(&{identifier}, {source}, {target}, {scratch})"
        case LinearStage(subsets=SubsetSections() as subsets):
            struct, fields = "ebnn_subsets_layer", _subset_fields(stage, subsets, arrays)
            call = f"ebnn_linear_subsets(&{identifier}, {source}, {target}, {scratch})"
        case LinearStage(halves=HalvesSections() as halves):
            struct, fields = "ebnn_halves_layer", _halves_fields(stage, halves, arrays)
            call = f"ebnn_linear_halves(&{identifier}, {source}, {target}, {scratch})"
        case LinearStage():
            struct, fields = "ebnn_linear_layer", _linear_fields(stage, arrays)
            call = f"ebnn_linear(&{identifier}, {source}, {target}, {scratch})"
            if stage.banks is not None and stage.policy is not None:
                policy = list(mapped.target.policies).index(stage.policy)
                programming = Code(f"{policy}, {stage.attempts}, {_pointer(stage.verified, arrays)}")
            if stage.trim is not None:
                trim, place = stage.trim, stage.trim.place
                call = f"ebnn_linear_trimmed(&{identifier}, trim + {place}, {source}, {target})"
                numbers = f"{c_integer(trim.fraction)}, {c_integer(trim.most)}, {trim.zones}"
                trimming = Code(f"{_pointer(trim.means, arrays)}, {numbers}")
        case Int8Stage():
            struct, fields = "ebnn_int8_layer", _int8_fields(stage, arrays)
            call = f"ebnn_int8(&{identifier}, {source}, {target}, {scratch})"
        case ThresholdStage():
            struct, fields = "ebnn_threshold_layer", {**_tensors(stage), "steps": _steps(stage.steps, arrays)}
            call = f"ebnn_threshold(&{identifier}, {source}, {target})"
        case PoolStage():
            struct = "ebnn_pool_layer"
            fields = {
                **_tensors(stage),
                "window": _window(stage.window),
                "directions": _pointer(stage.directions, arrays),
            }
            call = f"ebnn_max_pool(&{identifier}, {source}, {target})"
        case SumPoolStage():
            struct, fields = "ebnn_pool_layer", {**_tensors(stage), "window": _window(stage.window)}
            call = f"ebnn_sum_pool(&{identifier}, {source}, {sums})"
        case AddStage():
            struct, fields = "ebnn_add_layer", {**_tensors(stage), "other": _tensor(stage.other)}
            call = f"ebnn_add(&{identifier}, {source}, {_place(plan, index, stage.other_source)}, {sums})"
        case CopyStage():
            struct, fields = "ebnn_copy_layer", {**_tensors(stage), "first_channel": c_integer(stage.first_channel)}
            call = f"ebnn_copy_channels(&{identifier}, {source}, {target})"
        case TakeStage():
            struct = "ebnn_take_layer"
            fields = {
                **_tensors(stage),
                "channels": _pointer(stage.channels, arrays),
                "rows": _pointer(stage.rows, arrays),
                "columns": _pointer(stage.columns, arrays),
            }
            call = f"ebnn_take(&{identifier}, {source}, {target})"
        case AffineStage():
            struct = "ebnn_affine_layer"
            fields = {
                **_tensors(stage),
                "segments": c_integer(stage.segments),
                "shift": c_integer(stage.shift),
                "multiplier": _pointer(stage.multiplier, arrays),
                "offset": _pointer(stage.offset, arrays),
                "knees": _pointer(stage.knees, arrays),
            }
            if stage.is_scale:
                call = f"ebnn_scale(&{identifier}, (const int32_t *)({source}), {sums})"
            else:
                call = f"ebnn_affine(&{identifier}, {source}, {target})"
    return Layer(
        identifier=identifier,
        title=stage_title(stage),
        struct=Code(struct),
        fields=tuple(Field(Code(name), value) for name, value in fields.items()),
        call=Code(call),
        programming=programming,
        trimming=trimming,
        trim_place=place,
    )


def _linear_fields(stage: LinearStage, arrays: Members) -> dict[str, Code]:
    return {
        **_tensors(stage),
        "window": _window(stage.window),
        "pad_value": c_integer(stage.pad_value),
        "groups": c_integer(stage.groups),
        "row_words": c_integer(stage.row_words),
        "sign": _pointer(stage.sign, arrays),
        "nonzero": _pointer(stage.nonzero, arrays),
        "steps": _steps(stage.steps, arrays),
        "banks": _pointer(stage.banks, arrays),
        **_border(stage.border, arrays),
    }


def _halves_fields(stage: LinearStage, halves: HalvesSections, arrays: Members) -> dict[str, Code]:
    linear = ", ".join(f".{name} = {value}" for name, value in _linear_fields(stage, arrays).items())
    return {
        "linear": Code(f"{{{linear}}}"),
        "sum_planes": c_integer(halves.sum_planes),
        "limits": _pointer(halves.limits, arrays),
        **_pooled(stage.pool, arrays),
    }


def _active_fields(stage: LinearStage, active: ActiveSections, arrays: Members) -> dict[str, Code]:
    return {
        **_tensors(stage),
        "window": _window(stage.window),
        "pad_value": c_integer(stage.pad_value),
        "lister": Code(f"&ebnn_{stage.input.format if stage.input.pixel_words else 'elements'}_lister"),
        "planes": c_integer(active.planes),
        "strip": c_integer(active.strip),
        "sum_planes": c_integer(active.sum_planes),
        "plus": _pointer(active.plus, arrays),
        "not_minus": _pointer(active.not_minus, arrays),
        "missing": _pointer(active.missing, arrays),
        "place_planes": c_integer(active.place_planes),
        "limits": _pointer(active.limits, arrays),
        "totals": _pointer(active.totals, arrays),
        "steps": _steps(stage.steps, arrays),
        **_border(stage.border, arrays),
        **_pooled(stage.pool, arrays),
    }


def _subset_fields(stage: LinearStage, subsets: SubsetSections, arrays: Members) -> dict[str, Code]:
    return {
        "input": _tensor(subsets.input),
        "output": _tensor(stage.output),
        "window": _window(subsets.window),
        "pad_value": c_integer(stage.pad_value),
        "groups": c_integer(stage.groups),
        "lanes": c_integer(subsets.lanes),
        "strip": c_integer(subsets.strip),
        "together": c_integer(subsets.together),
        "plus": _pointer(subsets.plus, arrays),
        "not_minus": _pointer(subsets.not_minus, arrays),
        "limits": _pointer(subsets.limits, arrays),
        "turned": _pointer(subsets.turned, arrays),
        "steps": _steps(stage.steps, arrays),
        **_border(stage.border, arrays),
        **_pooled(stage.pool, arrays),
    }


def _int8_fields(stage: Int8Stage, arrays: Members) -> dict[str, Code]:
    return {
        **_tensors(stage),
        "window": _window(stage.window),
        "pad_value": c_integer(stage.pad_value),
        "groups": c_integer(stage.groups),
        "weights": _pointer(stage.weights, arrays),
        "steps": _steps(stage.steps, arrays),
        **_border(stage.border, arrays),
    }


def _border(border: BorderSections | None, arrays: Members) -> dict[str, Code]:
    """The field of a layer that has a border: a pointer to a constant without a name of its own."""
    if border is None:
        return {}
    pointers = ", ".join(_pointer(part, arrays) for part in (border.rows, border.columns, border.start))
    return {"border": Code(f"&(const ebnn_border){{{pointers}, {border.shift}}}")}


def _pooled(pool: PoolPlan | None, arrays: Members) -> dict[str, Code]:
    """The field of a layer that pools its bits."""
    if pool is None:
        return {}
    height, width = pool.size
    return {"pooled": Code(f"{{{height}, {width}, {_pointer(pool.directions, arrays)}}}")}


def _tensors(stage: Stage) -> dict[str, Code]:
    return {"input": _tensor(stage.input), "output": _tensor(stage.output)}


def _tensor(layout: Layout) -> Code:
    extents = f"{layout.height}, {layout.width}, {layout.channels}"
    return Code(f"{{{extents}, EBNN_{layout.format.upper()}, {layout.planes}}}")


def _window(window: WindowPlan) -> Code:
    numbers = (*window.kernel, *window.stride, *window.dilation, *window.pad)
    return Code(f"{{{', '.join(map(str, numbers))}}}")


def _steps(steps: Steps | None, arrays: Members) -> Code:
    if steps is None:
        return Code("{NULL, NULL, 0, 0, 0, NULL}")
    pointers = f"{_pointer(steps.thresholds, arrays)}, {_pointer(steps.directions, arrays)}"
    numbers = f"{steps.steps}, {c_integer(steps.low)}, {c_integer(steps.step)}"
    return Code(f"{{{pointers}, {numbers}, {_lines(steps.lines, arrays)}}}")


def _lines(lines: LineSections | None, arrays: Members) -> Code:
    """A pointer to a constant without a name of its own."""
    if lines is None:
        return Code("NULL")
    parts = (lines.multiplier, lines.offset, lines.shift, lines.first, lines.exceptions)
    return Code(f"&(const ebnn_lines){{{', '.join(_pointer(part, arrays) for part in parts)}}}")


def _pointer(section: Section | None, arrays: Members) -> Code:
    return Code("NULL") if section is None else arrays[section].expression


def _place(plan: Plan, stage: int, place: Place) -> Code:
    if place.base == "input" and len(plan.inputs) > 1:
        at = [entry.offset for entry in plan.inputs].index(place.offset)
        return Code(f"(const uint32_t *)input + {input_macros(plan)[at]}_OFFSET / 4")
    if place.base != "work":
        return Code(place.base)
    buffer = buffer_at(plan, stage, place.offset)
    if buffer is None:
        raise ModelError(f"stage {stage} of the plan uses the work area at {place.offset}, where no buffer lies")
    name = macro_name(buffer_names(plan)[plan.buffers.index(buffer)])
    return Code(f"words + MODEL_{name}_OFFSET / 4")
