"""`memory_map.svg`: the banks of the chip, the weights image and the work area, drawn to scale."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from edgebnn.chip.target_files.loading import target_title
from edgebnn.mapping.mapped import MappedNetwork
from edgebnn.mapping.memory_map import stage_kind, weight_kind
from edgebnn.mapping.plan import LinearStage, Tile, scratch_of, weight_sections
from edgebnn.mapping.tiling import BankSpan
from edgebnn.resources import resource_folder
from edgebnn.words import WORD_BITS

# Okabe and Ito's colours that stay apart for colour-blind readers; white text is readable on all of them.
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#b0508a", "#8a6d00", "#3b7ea1", "#7b3f00", "#5b5ea6")
INK, MUTED, WHITE = "#1f2933", "#52606d", "#ffffff"
# Buffers are no layers, so they have none of the layers' colours.
BUFFER_TONES = ("#334e68", "#627d98", "#486581", "#7b8794")
MARGIN, WIDTH = 28, 960
LONGEST_NAME, LONGEST_LINE = 40, 130
SMALLEST_BANK = 6  # pixels


@dataclass(frozen=True)
class Box:
    """A filled rectangle with a tool tip; pixels."""

    x: float
    y: float
    width: float
    height: float
    tip: str
    fill: str = INK


@dataclass(frozen=True)
class Label:
    """A line of text; pixels."""

    x: float
    y: float
    text: str
    size: int = 11
    fill: str = INK
    anchor: str = "start"


@dataclass(frozen=True)
class Panel:
    """A part of the picture with a heading; its boxes are placed from its own corner."""

    title: str
    height: float
    frames: tuple[Box, ...] = ()
    boxes: tuple[Box, ...] = ()
    labels: tuple[Label, ...] = ()
    x: float = field(default=MARGIN)
    y: float = field(default=0)


def floorplan_svg(mapped: MappedNetwork) -> bytes:
    """The picture; the same deployment gives the same bytes."""
    colours = {name: PALETTE[i % len(PALETTE)] for i, name in enumerate(mapped.weight_stages)}
    panels = [_legend(mapped, colours)]
    if mapped.plan.banks:
        panels.append(_banks(mapped, colours))
    panels += [_image(mapped, colours), _work_area(mapped)]
    placed, top = [], 92.0
    for panel in panels:
        placed.append(Panel(panel.title, panel.height, panel.frames, panel.boxes, panel.labels, MARGIN, top))
        top += panel.height + 44
    environment = Environment(
        loader=FileSystemLoader(resource_folder("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_printable,
    )
    provenance = mapped.provenance
    text = environment.get_template(
        "memory_map.svg.j2"
    ).render(
        width=WIDTH,
        height=round(top),
        margin=MARGIN,
        version=provenance.version,
        options=provenance.options.replace("--", "- -"),  # two hyphens may not stand in an XML comment
        model_sha256=provenance.model_sha256,
        title=f"{_short(mapped.network.name)} on {target_title(mapped.target)}",
        subtitle=_short(
            f"model {provenance.model_sha256[:16]}, edgebnn {provenance.version}, {provenance.options}", LONGEST_LINE
        ),
        panels=placed,
    )
    return text.encode()


def _legend(mapped: MappedNetwork, colours: dict[str, str]) -> Panel:
    boxes, labels = [], []
    for index, stage in enumerate(mapped.weight_stages.values()):
        y = index * 18
        neurons, kind = stage.output.channels, weight_kind(stage)
        tiles = stage.tiles if isinstance(stage, LinearStage) else ()
        banks = f", {_banks_of(BankSpan.of(tiles))}" if tiles else ""
        boxes.append(Box(0, y, 12, 12, stage.node, colours[stage.node]))
        facts = f"{stage.layer_kind}, {kind}, {neurons} neurons x {stage.fan_in} inputs = {neurons * stage.fan_in:,}"
        what = "synapses" if isinstance(stage, LinearStage) else "weights in flash"
        labels.append(Label(20, y + 10, f"{_short(stage.node)}: {facts} {what}{banks}"))
    return Panel("Layers with weights", len(boxes) * 18, (), tuple(boxes), tuple(labels))


def _banks(mapped: MappedNetwork, colours: dict[str, str]) -> Panel:
    """One rectangle a bank in use, at the place of its number; its filled part are rows and columns that hold weights.

    Of thousands of banks, neighbours that are filled alike are one rectangle: nobody could tell them apart.
    """
    used, end = mapped.plan.banks, mapped.plan.bank_end
    side = 24 if end <= 300 else 12 if end <= 1500 else SMALLEST_BANK
    across = (WIDTH - 2 * MARGIN) // side
    assert mapped.target.array is not None, "only a target with an array has banks"
    bank = mapped.target.array.geometry
    longest = max(bank.rows, bank.columns)
    frames, boxes = [], []
    for stage in mapped.linear_stages.values():
        for alike in _alike(stage.tiles, across, apart=side > SMALLEST_BANK):
            first, last = alike[0], alike[-1]
            row, column = divmod(first.bank, across)
            x, y, inner = column * side, row * side, side - 2
            width, height = inner * bank.columns // longest, inner * bank.rows // longest
            beside = (last.bank - first.bank) * side
            tip = _bank_tip(stage, first, last)
            frames.append(Box(x, y, beside + width, height, tip))
            filled_width, filled_height = width * first.inputs / bank.columns, height * first.neurons / bank.rows
            boxes.append(Box(x, y, beside + filled_width, filled_height, tip, colours[stage.node]))
    total = mapped.target.array.banks.integer("count")
    filled = sum(tile.neurons * tile.inputs for s in mapped.linear_stages.values() for tile in s.tiles)
    share = filled / (used * bank.synapses)
    title = f"RRAM banks: {used} of {total} in use, {share:.0%} of their synapses hold a weight (filled part)"
    return Panel(title, (end - 1) // across * side + side, tuple(frames), tuple(boxes))


def _alike(tiles: tuple[Tile, ...], across: int, apart: bool) -> Iterator[list[Tile]]:
    """Tiles of a layer side by side in the picture and filled alike; each alone where they are drawn `apart`."""
    run: list[Tile] = []
    for tile in tiles:
        if run and (apart or tile.bank % across == 0 or not _follows(tile, run[-1])):
            yield run
            run = []
        run.append(tile)
    if run:
        yield run


def _follows(tile: Tile, before: Tile) -> bool:
    """Whether a tile lies in the next bank, and fills it alike."""
    return (tile.bank, tile.neurons, tile.inputs) == (before.bank + 1, before.neurons, before.inputs)


def _bank_tip(stage: LinearStage, first: Tile, last: Tile) -> str:
    neurons = f"neurons {first.neuron} to {last.neuron + last.neurons - 1}"
    inputs = f"{first.inputs} inputs from {WORD_BITS * first.word}" if first is last else f"{first.inputs} inputs each"
    return f"{_span(first.bank, last.bank)}: {stage.node}, {neurons}, {inputs}, policy {stage.policy}"


def _image(mapped: MappedNetwork, colours: dict[str, str]) -> Panel:
    scale = (WIDTH - 2 * MARGIN) / max(mapped.plan.image_bytes, 1)
    owner = {
        section.offset: stage.node for stage in mapped.weight_stages.values() for section in weight_sections(stage)
    }
    boxes = tuple(
        Box(
            section.offset * scale,
            0,
            max(section.bytes * scale, 0.5),
            22,
            f"{section.name}: {section.bytes} bytes at 0x{section.offset:06x}",
            colours[owner[section.offset]] if section.offset in owner else "#9aa5b1",
        )
        for section in mapped.plan.sections
    )
    title = f"Weights image: {mapped.plan.image_bytes:,} bytes (grey: thresholds, directions, tables)"
    return Panel(title, 22, (), boxes)


def _work_area(mapped: MappedNetwork) -> Panel:
    """Buffers over the stages: from left to right time, from top to bottom the offset in the work area."""
    plan = mapped.plan
    height, left = 170.0, 0.0
    step = (WIDTH - 2 * MARGIN - left) / len(plan.stages)
    scale = height / max(plan.work_bytes, 1)
    boxes, labels = [], []
    for index, buffer in enumerate(plan.buffers):
        x, y = buffer.first * step, buffer.offset * scale
        width, tall = (buffer.last - buffer.first + 1) * step, max(buffer.bytes * scale, 1)
        tip = f"{buffer.tensor}: {buffer.bytes} bytes at 0x{buffer.offset:06x}"
        boxes.append(Box(x, y, width, tall, tip, BUFFER_TONES[index % len(BUFFER_TONES)]))
        if tall >= 14 and width >= 70:
            labels.append(Label(x + 5, y + 11, f"{_short(buffer.tensor, int(width / 7))} {buffer.bytes} B", 10, WHITE))
    for index, stage in enumerate(plan.stages):
        scratch = scratch_of(stage)
        if scratch is None:
            continue
        x, y, tall = index * step, scratch.offset * scale, max(scratch.bytes * scale, 1)
        tip = f"scratch of the kernel in stage {index}: {scratch.bytes} bytes at 0x{scratch.offset:06x}"
        boxes.append(Box(x, y, step, tall, tip, "#9aa5b1"))
        if tall >= 14 and step >= 70:
            labels.append(Label(x + 5, y + 11, f"scratch {scratch.bytes} B", 10, WHITE))
    frame = Box(0, 0, WIDTH - 2 * MARGIN, height, f"work area: {plan.work_bytes} bytes")
    for index, stage in enumerate(plan.stages):
        text = _short(f"{index}: {stage_kind(stage)}", max(int(step / 6), 3))
        labels.append(Label((index + 0.5) * step, height + 16, text, 10, MUTED, "middle"))
    title = f"Work area in SRAM: {plan.work_bytes:,} bytes, stage by stage"
    return Panel(title, height + 20, (frame,), tuple(boxes), tuple(labels))


def _span(first: int, last: int) -> str:
    return f"bank {first}" if first == last else f"banks {first} to {last}"


def _banks_of(span: BankSpan) -> str:
    return _span(span.first, span.last) if span.whole else f"{span.count} of {_span(span.first, span.last)}"


def _short(text: str, longest: int = LONGEST_NAME) -> str:
    return text if len(text) <= longest else text[: max(longest - 3, 1)] + "..."


def _printable(value: object) -> object:
    """Text without control characters, which XML forbids even when they are escaped."""
    if not isinstance(value, str) or value.isprintable():
        return value
    return "".join(c if c.isprintable() else " " for c in value)
