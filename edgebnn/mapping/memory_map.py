"""The memory map for people and tools: `memory_map.json` and `memory_map.md`."""

from __future__ import annotations

import msgspec

from edgebnn.chip.target_files.loading import target_title
from edgebnn.mapping.mapped import MappedNetwork
from edgebnn.mapping.plan import (
    AddStage,
    AffineStage,
    Buffer,
    CopyStage,
    Int8Stage,
    Layout,
    LinearStage,
    MarkerPlan,
    Place,
    Plan,
    PoolStage,
    Section,
    Stage,
    SumPoolStage,
    TakeStage,
    ThresholdStage,
    Tile,
    WeightStage,
    scratch_of,
    sources_of,
    weight_sections,
)
from edgebnn.mapping.tiling import BankSpan


class LayerMap(msgspec.Struct, frozen=True):
    """Where a layer's weights lie: `weight_bytes` of the image, and of layers in RRAM synapses, banks and tiles.

    kernel_reason: why that kernel does the layer. verified_words: those of its rows that a chip verifies, where these
    are some alone.
    """

    name: str
    kind: str
    weights: str
    neurons: int
    fan_in: int
    synapses: int
    weight_bytes: int
    kernel: str
    kernel_reason: str
    policy: str | None
    attempts: int | None
    verified_words: int | None
    banks: BankSpan | None
    tiles: tuple[Tile, ...]


class ImageMap(msgspec.Struct, frozen=True):
    """The weights image, of which the first `rows_bytes` are the rows of the layers in RRAM, where it has these.

    The last `trimmed_bytes` are trimmed for one chip.
    """

    bytes: int
    rows_bytes: int
    trimmed_bytes: int
    sections: tuple[Section, ...]


class ScratchMap(msgspec.Struct, frozen=True):
    """Where the kernel of one stage works, in the work area, while that stage runs."""

    stage: int
    offset: int
    bytes: int


class WorkAreaMap(msgspec.Struct, frozen=True):
    """The work area, which is the caller's: where tensors lie while they are needed, and where kernels work.

    least_bytes: what the busiest stage needs at once, which no work area could be smaller than. gap_bytes: how much
    larger this one is.
    """

    bytes: int
    least_bytes: int
    gap_bytes: int
    buffers: tuple[Buffer, ...]
    scratch: list[ScratchMap]


class SizeMap(msgspec.Struct, frozen=True):
    """All inputs."""

    bytes: int


class InputMap(msgspec.Struct, frozen=True):
    """Where an input lies in the caller's bytes, and how."""

    name: str
    offset: int
    bytes: int
    layout: Layout


class ScoresMap(msgspec.Struct, frozen=True):
    """How the scores lie."""

    bytes: int
    layout: Layout


class MemoryMap(msgspec.Struct, frozen=True, kw_only=True):
    """`memory_map.json`: banks, the weights image and the work area."""

    target: str
    model_sha256: str
    layers: list[LayerMap]
    provisioning: str | None
    marker: MarkerPlan | None
    image: ImageMap
    work_area: WorkAreaMap
    input: SizeMap
    inputs: list[InputMap]
    scores: ScoresMap


def memory_map_json(mapped: MappedNetwork) -> bytes:
    """Banks, the weights image and the work area in one JSON document."""
    plan = mapped.plan
    document = MemoryMap(
        target=mapped.target.name,
        model_sha256=mapped.provenance.model_sha256,
        layers=[_layer(mapped, stage) for stage in mapped.weight_stages.values()],
        provisioning=mapped.provisioning,
        marker=plan.marker,
        image=ImageMap(plan.image_bytes, plan.rows_bytes, plan.trimmed_bytes, plan.sections),
        work_area=WorkAreaMap(
            plan.work_bytes,
            plan.least_work_bytes,
            plan.work_bytes - plan.least_work_bytes,
            plan.buffers,
            _scratch(plan),
        ),
        input=SizeMap(plan.input_bytes),
        inputs=[InputMap(entry.tensor, entry.offset, entry.layout.bytes, entry.layout) for entry in plan.inputs],
        scores=ScoresMap(plan.scores.bytes, plan.scores),
    )
    return msgspec.json.format(msgspec.json.encode(document), indent=1) + b"\n"


def memory_map_markdown(mapped: MappedNetwork) -> bytes:
    """The same as tables for reading."""
    plan = mapped.plan
    lines = [
        f"# Memory map of {_cell(mapped.network.name)} on {target_title(mapped.target)}",
        "",
        f"edgebnn {mapped.provenance.version}, `{_cell(mapped.provenance.options)}`, "
        f"model {mapped.provenance.model_sha256[:16]}",
        "",
        "## Layers",
        "",
        "| layer | kind | neurons | fan-in | synapses | weights in the image | banks | policy |",
        "|---|---|---:|---:|---:|---:|---|---|",
    ]
    for stage in mapped.weight_stages.values():
        facts = _layer(mapped, stage)
        span = "none" if facts.banks is None else _banks(facts.banks)
        lines.append(
            f"| {_cell(stage.node)} | {stage.layer_kind}, {facts.weights} | {facts.neurons} | {stage.fan_in} | "
            f"{facts.synapses} | {facts.weight_bytes} B | {span} | {_cell(facts.policy or 'none')} |"
        )
    if plan.marker is not None:
        lines += ["", f"The marker of a chip that is programmed lies in the banks from {plan.marker.bank} on."]
    lines += ["", "## Kernels", "", "| layer | kernel | why |", "|---|---|---|"]
    lines += [
        f"| {_cell(facts.name)} | {facts.kernel} | {facts.kernel_reason} |"
        for facts in (_layer(mapped, stage) for stage in mapped.weight_stages.values())
    ]
    lines += ["", f"## Weights image, {plan.image_bytes} bytes", "", "| offset | bytes | section |", "|---:|---:|---|"]
    lines += [f"| 0x{s.offset:06x} | {s.bytes} | {_cell(s.name)} |" for s in plan.sections]
    if plan.rows_bytes:
        lines += ["", f"The firmware is without the first {plan.rows_bytes} bytes, the rows of the layers in RRAM."]
    if plan.trimmed_bytes:
        lines += [
            "",
            f"The last {plan.trimmed_bytes} bytes are trimmed for one chip; all before are those of any chip.",
        ]
    lines += _inputs(plan)
    lines += [
        "",
        f"## Work area, {plan.work_bytes} bytes (the caller's), stage by stage",
        "",
        f"The busiest stage needs {plan.least_work_bytes} bytes at once: no work area could be smaller, "
        f"and this one is {_larger(plan.work_bytes - plan.least_work_bytes)}.",
        "",
        "| stage | node | kind | reads | writes |",
        "|---:|---|---|---|---|",
    ]
    lines += [
        f"| {index} | {_cell(each.node)} | {stage_kind(each)} | {_sources(each)} | {_place(each.target)} |"
        for index, each in enumerate(plan.stages)
    ]
    lines += ["", "| offset | bytes | tensor | alive in stages |", "|---:|---:|---|---|"]
    lines += [f"| 0x{b.offset:06x} | {b.bytes} | {_cell(b.tensor)} | {b.first} to {b.last} |" for b in plan.buffers]
    lines += [f"| 0x{s.offset:06x} | {s.bytes} | scratch of the kernel | {s.stage} |" for s in _scratch(plan)]
    return ("\n".join(lines) + "\n").encode()


def _scratch(plan: Plan) -> list[ScratchMap]:
    found = ((index, scratch_of(stage)) for index, stage in enumerate(plan.stages))
    return [ScratchMap(index, scratch.offset, scratch.bytes) for index, scratch in found if scratch is not None]


def _larger(gap_bytes: int) -> str:
    return f"{gap_bytes} bytes larger" if gap_bytes else "as small"


def _inputs(plan: Plan) -> list[str]:
    """Where each input lies, where there are several."""
    if len(plan.inputs) == 1:
        return []
    title = f"## Input, {plan.input_bytes} bytes (the caller's)"
    rows = [f"| 0x{e.offset:06x} | {e.layout.bytes} | {_cell(e.tensor)} |" for e in plan.inputs]
    return ["", title, "", "| offset | bytes | input |", "|---:|---:|---|", *rows]


def stage_kind(stage: Stage) -> str:
    """What a stage does, in the words of the network."""
    match stage:
        case LinearStage() | Int8Stage():
            pool = stage.pool if isinstance(stage, LinearStage) else None
            return stage.layer_kind + " + threshold" * (stage.steps is not None) + " + max pool" * (pool is not None)
        case ThresholdStage():
            return "threshold"
        case PoolStage():
            return "max pool"
        case SumPoolStage():
            return "sum pool"
        case AddStage():
            return "add"
        case CopyStage():
            return "concat"
        case TakeStage():
            return "take"
        case AffineStage():
            return "affine"


def weight_kind(stage: WeightStage) -> str:
    """The alphabet of a layer's weights, in the words of the network."""
    if isinstance(stage, Int8Stage):
        return "int8"
    return "ternary" if stage.is_ternary else "binary"


def _layer(mapped: MappedNetwork, stage: WeightStage) -> LayerMap:
    neurons = stage.output.channels
    cells = isinstance(stage, LinearStage)
    tiles = stage.tiles if isinstance(stage, LinearStage) else ()
    verified = mapped.allocation.verified or {}
    return LayerMap(
        name=stage.node,
        kind=stage.layer_kind,
        weights=weight_kind(stage),
        neurons=neurons,
        fan_in=stage.fan_in,
        synapses=neurons * stage.fan_in if cells else 0,
        weight_bytes=sum(section.bytes for section in weight_sections(stage)),
        kernel=stage.kernel if isinstance(stage, LinearStage) else "int8",
        kernel_reason=stage.reason if isinstance(stage, LinearStage) else "weights of 8 bits",
        policy=stage.policy if isinstance(stage, LinearStage) else None,
        attempts=stage.attempts or None if isinstance(stage, LinearStage) else None,
        verified_words=len(verified[stage.node]) if stage.node in verified else None,
        banks=BankSpan.of(tiles) if tiles else None,
        tiles=tiles,
    )


def _banks(span: BankSpan) -> str:
    """`0 to 37 (38)`, or `38 of 5 to 4001` where there are others between them."""
    whole = f"{span.first} to {span.last}"
    return f"{whole} ({span.count})" if span.whole else f"{span.count} of {whole}"


def _sources(stage: Stage) -> str:
    return " and ".join(_place(place) for place in sources_of(stage))


def _place(place: Place) -> str:
    return f"{place.base} + 0x{place.offset:06x}" if place.base == "work" or place.offset else place.base


def _cell(text: str) -> str:
    """Text for a cell of a Markdown table: a name from a model can hold anything."""
    printable = "".join(c if c.isprintable() else " " for c in text)
    return "".join(f"\\{c}" if c in "\\`*_{}[]<>()#|!~" else c for c in printable)
