"""Placing a network: a stage for each call of the runtime, every tensor in SRAM, every constant in the image."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import NamedTuple

import msgspec

from edgebnn.chip.target.target import Target
from edgebnn.mapping.allocation import Allocation
from edgebnn.mapping.arena import Stay, arena_bytes, least_bytes, plan_arena
from edgebnn.mapping.image import ImageWriter
from edgebnn.mapping.marker import marker_banks, plan_marker
from edgebnn.mapping.plan import (
    Buffer,
    InputPlan,
    LinearStage,
    MarkerPlan,
    Place,
    Plan,
    Scratch,
    Stage,
    TrimPlan,
    weight_sections,
)
from edgebnn.mapping.stages import Job, Planning
from edgebnn.mapping.tensor_layouts import layout_of, views_of
from edgebnn.network.network import Network
from edgebnn.network.types import (
    Concat,
    Linear,
    MaxPool,
    Reshape,
    Threshold,
    WeightKind,
)
from edgebnn.words import WORD_BITS


def place(network: Network, target: Target, allocation: Allocation) -> tuple[Plan, bytes]:
    """The plan and the weights image on a target of this kind, however large its memories are.

    The allocation is one that `settled` gives.

    Raises ModelError for a node that cannot be laid out. Bank numbers have 16 bits: the network may need no more.
    """
    separate = allocation.provisioning == "separate"
    rows_bytes = sum(map(_row_bytes, network.linear)) if separate else 0

    def planned(steps: ImageWriter | None) -> tuple[Plan, Planning]:
        image = ImageWriter(rows_bytes)
        rows = ImageWriter() if separate else image
        planning = Planning(network, target, allocation, views_of(network), image, rows, steps or image)
        return _plan(planning, rows_bytes), planning

    plan, planning = planned(ImageWriter() if network.trimmed_for else None)
    if network.trimmed_for:  # planned once more, now that it is known where the part begins that was trimmed
        plan, planning = planned(ImageWriter(planning.image.length))
    return plan, b"".join(part.image() for part in planning.parts)


def _row_bytes(node: Linear) -> int:
    """Bytes of a layer's rows in the weights image, on a target with RRAM."""
    if node.weight_kind is WeightKind.INT8:
        return 0
    planes = 2 if node.weight_kind is WeightKind.TERNARY else 1
    return 4 * planes * node.neurons * -(-node.fan_in // WORD_BITS)


def _plan(planning: Planning, rows_bytes: int) -> Plan:
    network = planning.network
    jobs = _jobs(planning)
    work = _work_area(jobs, planning)
    places = {buffer.tensor: Place(base="work", offset=buffer.offset) for buffer in work.buffers}
    inputs = _inputs(planning)
    places |= {entry.tensor: Place(base="input", offset=entry.offset) for entry in inputs}
    places[planning.views[network.output.name].root] = Place(base="scores")
    stages = tuple(planning.stage(job, places, work.scratch.get(index)) for index, job in enumerate(jobs))
    marker = _marker(planning, stages)
    return Plan(
        stages=stages,
        inputs=inputs,
        scores=layout_of(network.output),
        buffers=work.buffers,
        work_bytes=work.bytes,
        least_work_bytes=work.least_bytes,
        sections=tuple(section for part in planning.parts for section in part.sections),
        image_bytes=planning.steps.length,
        rows_bytes=rows_bytes,
        trimmed_bytes=planning.steps.length - planning.image.length,
        marker=marker,
        trim=_trim(planning, stages),
    )


def _trim(planning: Planning, stages: tuple[Stage, ...]) -> TrimPlan | None:
    """What a chip that trims itself finds; None where no layer has means."""
    digest, found = hashlib.sha256(), False
    for stage in stages:
        if isinstance(stage, LinearStage) and stage.trim is not None and stage.border is not None:
            found = True
            digest.update(msgspec.json.encode((stage.trim, stage.border.shift)))
            digest.update(b"".join(map(planning.rows.read, weight_sections(stage))))
            digest.update(planning.image.read(stage.trim.means) + planning.steps.read(stage.border.start))
    identity = int.from_bytes(digest.digest()[:4], "little")
    return TrimPlan(words=planning.trim_words, identity=identity) if found else None


def _marker(planning: Planning, stages: tuple[Stage, ...]) -> MarkerPlan | None:
    """That of the layers in RRAM; None where every boot programs them."""
    array, policy = planning.target.array, planning.allocation.policy
    if array is None or policy is None or planning.allocation.provisioning == "boot":
        return None
    layers = [stage for stage in stages if isinstance(stage, LinearStage)]
    held = [b"".join(map(planning.rows.read, weight_sections(each))) for each in layers]
    verified = [b"" if each.verified is None else planning.image.read(each.verified) for each in layers]
    programmed = [words + also for words, also in zip(held, verified, strict=True)]
    bank = array.banks.integer("count") - marker_banks(array.geometry)
    return plan_marker(layers, programmed, bank, policy, planning.image)


def _inputs(planning: Planning) -> tuple[InputPlan, ...]:
    """The inputs one behind another, in the model's order."""
    placed, offset = [], 0
    for entry in planning.network.inputs:
        layout = planning.views[entry.name].layout
        placed.append(InputPlan(tensor=entry.name, offset=offset, layout=layout))
        offset += layout.bytes
    return tuple(placed)


def _jobs(planning: Planning) -> list[Job]:
    """What the stages do, in order.

    A layer with weights takes in the threshold that alone reads its sums, and where its kernel can the pool that alone
    reads the bits.
    """
    network = planning.network
    readers = Counter(source for node in network.nodes for source in node.sources)
    thresholds = {node.sources[0]: node for node in network.nodes if isinstance(node, Threshold)}
    joined: dict[str, Threshold] = {
        node.output.name: thresholds[node.output.name]
        for node in network.linear
        if node.output.name in thresholds and readers[node.output.name] == 1
    }
    pools = {node.sources[0]: node for node in network.nodes if isinstance(node, MaxPool)}
    pooled: dict[str, MaxPool] = {}
    for node in network.linear:
        threshold = joined.get(node.output.name)
        pool = pools.get(threshold.output.name) if threshold else None
        if threshold and pool and readers[threshold.output.name] == 1 and planning.can_pool(node, threshold, pool):
            pooled[node.output.name] = pool
    taken = {node.output.name for part in (joined, pooled) for node in part.values()}
    return [
        Job(node, joined.get(node.output.name), pooled.get(node.output.name), part)
        for node in network.nodes
        if not isinstance(node, Reshape) and node.output.name not in taken
        for part in range(len(node.sources) if isinstance(node, Concat) else 1)
    ]


class _WorkArea(NamedTuple):
    """What lies where in the work area; `scratch` by the stage whose kernel works there."""

    buffers: tuple[Buffer, ...]
    scratch: dict[int, Scratch]
    bytes: int
    least_bytes: int


def _work_area(jobs: list[Job], planning: Planning) -> _WorkArea:
    """The SRAM plan of every tensor that is neither an input nor the scores, and of what each kernel needs."""
    born: dict[str, int] = {}
    dies: dict[str, int] = {}
    sizes: dict[str, int] = {}
    for index, job in enumerate(jobs):
        output = job.output
        born.setdefault(output.name, index)
        dies[output.name] = index
        sizes[output.name] = planning.views[output.name].layout.bytes
        for source in job.sources:
            dies[planning.views[source].root] = index
    inputs = (entry.name for entry in planning.network.inputs)
    outside = {*inputs, planning.views[planning.network.output.name].root}
    tensors = {name: Stay(sizes[name], born[name], dies[name]) for name in sizes if name not in outside}
    needed = {index: Stay(planning.scratch_bytes(job), index, index) for index, job in enumerate(jobs)}
    kernels = {index: stay for index, stay in needed.items() if stay.bytes}
    stays = (*tensors.values(), *kernels.values())
    offsets = plan_arena(stays)
    buffers = [
        Buffer(tensor=name, offset=offset, bytes=stay.bytes, first=stay.first, last=stay.last)
        for (name, stay), offset in zip(tensors.items(), offsets, strict=False)
    ]
    return _WorkArea(
        buffers=tuple(sorted(buffers, key=lambda buffer: (buffer.first, buffer.offset))),
        scratch={
            index: Scratch(offset=offset, bytes=stay.bytes)
            for (index, stay), offset in zip(kernels.items(), offsets[len(tensors) :], strict=True)
        },
        bytes=arena_bytes(stays, offsets),
        least_bytes=least_bytes(stays),
    )
