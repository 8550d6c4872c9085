"""The memory map for people and tools: `memory_map.json` and `memory_map.md`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import msgspec

from edgebnn.chip.target_files.loading import target_title
from edgebnn.mapping.mapped import MappedNetwork
from edgebnn.mapping.plan import (
    AddStage,
    AffineStage,
    CopyStage,
    Int8Stage,
    LinearStage,
    Place,
    Plan,
    PoolStage,
    Stage,
    SumPoolStage,
    TakeStage,
    ThresholdStage,
    WeightStage,
    sources_of,
    weight_sections,
)
from edgebnn.mapping.tiling import BankSpan


def memory_map_json(mapped: MappedNetwork) -> bytes:
    """Banks, the weights image and the work area in one JSON document."""
    plan = mapped.plan
    document = {
        "target": mapped.target.name,
        "model_sha256": mapped.provenance.model_sha256,
        "layers": [_layer(mapped, stage) for stage in mapped.weight_stages.values()],
        "provisioning": mapped.provisioning,
        "marker": plan.marker,
        "image": {"bytes": plan.image_bytes, "rows_bytes": plan.rows_bytes, "sections": list(plan.sections)},
        "work_area": {
            "bytes": plan.work_bytes,
            "buffers": list(plan.buffers),
            "scratch": {"offset": plan.scratch_offset, "bytes": plan.scratch_bytes},
        },
        "input": {"bytes": plan.input_bytes},
        "inputs": [
            {"name": entry.tensor, "offset": entry.offset, "bytes": entry.layout.bytes, "layout": entry.layout}
            for entry in plan.inputs
        ],
        "scores": {"bytes": plan.scores.bytes, "layout": plan.scores},
    }
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
        banks = facts["banks"]
        span = _banks(BankSpan(**banks)) if banks else "none"
        lines.append(
            f"| {_cell(stage.node)} | {stage.layer_kind}, {facts['weights']} | {facts['neurons']} | {stage.fan_in} | "
            f"{facts['synapses']} | {facts['weight_bytes']} B | {span} | {_cell(facts['policy'] or 'none')} |"
        )
    if plan.marker is not None:
        lines += ["", f"The marker of a chip that is programmed lies in the banks from {plan.marker.bank} on."]
    lines += ["", "## Kernels", "", "| layer | kernel | why |", "|---|---|---|"]
    lines += [
        f"| {_cell(facts['name'])} | {facts['kernel']} | {facts['kernel_reason']} |"
        for facts in (_layer(mapped, stage) for stage in mapped.weight_stages.values())
    ]
    lines += ["", f"## Weights image, {plan.image_bytes} bytes", "", "| offset | bytes | section |", "|---:|---:|---|"]
    lines += [f"| 0x{s.offset:06x} | {s.bytes} | {_cell(s.name)} |" for s in plan.sections]
    if plan.rows_bytes:
        lines += ["", f"The firmware is without the first {plan.rows_bytes} bytes, the rows of the layers in RRAM."]
    lines += _inputs(plan)
    lines += [
        "",
        f"## Work area, {plan.work_bytes} bytes (the caller's), stage by stage",
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
    if plan.scratch_bytes:
        lines.append(f"| 0x{plan.scratch_offset:06x} | {plan.scratch_bytes} | kernels' scratch | all |")
    return ("\n".join(lines) + "\n").encode()


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


def _layer(mapped: MappedNetwork, stage: WeightStage) -> dict[str, Any]:
    neurons = stage.output.channels
    cells = isinstance(stage, LinearStage)
    tiles = stage.tiles if isinstance(stage, LinearStage) else ()
    verified = mapped.allocation.verified or {}
    return {
        "name": stage.node,
        "kind": stage.layer_kind,
        "weights": weight_kind(stage),
        "neurons": neurons,
        "fan_in": stage.fan_in,
        "synapses": neurons * stage.fan_in if cells else 0,
        "weight_bytes": sum(section.bytes for section in weight_sections(stage)),
        "kernel": stage.kernel if isinstance(stage, LinearStage) else "int8",
        "kernel_reason": stage.reason if isinstance(stage, LinearStage) else "weights of 8 bits",
        "policy": stage.policy if isinstance(stage, LinearStage) else None,
        "attempts": stage.attempts or None if isinstance(stage, LinearStage) else None,
        "verified_words": len(verified[stage.node]) if stage.node in verified else None,
        "banks": asdict(BankSpan.of(tiles)) if tiles else None,
        "tiles": list(tiles),
    }


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
