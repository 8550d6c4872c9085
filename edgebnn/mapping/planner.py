"""From a network and a target to the plan and the weights image."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from edgebnn.chip.target import Target
from edgebnn.errors import FitError, ModelError
from edgebnn.mapping.arena import plan_arena
from edgebnn.mapping.image import ImageWriter
from edgebnn.mapping.layouts import View, layout_of, views_of
from edgebnn.mapping.mapped import MappedNetwork, Provenance
from edgebnn.mapping.plan import (
    AffineStage,
    Buffer,
    LinearStage,
    Place,
    Plan,
    PoolStage,
    Section,
    Stage,
    Steps,
    ThresholdStage,
    Tile,
    WindowPlan,
)
from edgebnn.mapping.rows import fan_in_order, pack_bits, pack_rows
from edgebnn.mapping.tiling import banks_of, check_banks, check_parallel, tiles_of
from edgebnn.network.types import Affine, Linear, MaxPool, Network, Reshape, Threshold, WeightKind, Window

Worker = Linear | Threshold | MaxPool | Affine  # nodes that become a stage of their own


def map_network(network: Network, target: Target, provenance: Provenance, policy: str | None = None) -> MappedNetwork:
    """The network on the target, its weights programmed under `policy` (by default the target's first) in RRAM.

    Raises ModelError for a node that cannot be laid out, FitError where a memory is too small, TargetError for an
    unknown policy.
    """
    if target.array is not None:
        policy = policy or next(iter(target.policies))
        target.policy(policy)
    elif policy is not None:
        raise FitError(f"target '{target.name}' has no RRAM, so it takes no programming policy; leave out --policy")
    if target.array is not None:
        check_banks(
            {node.name: banks_of(node.neurons, node.fan_in, target.array) for node in network.linear},
            target.array,
            target.name,
        )
    planning = _Planning(network, target, policy, views_of(network))
    plan = _plan(planning)
    return MappedNetwork(network, target, plan, planning.image.image(), provenance, policy)


@dataclass
class _Planning:
    """One planning under way: what is being mapped, the image being written, the banks given away so far."""

    network: Network
    target: Target
    policy: str | None
    views: dict[str, View]
    image: ImageWriter = field(default_factory=ImageWriter)
    banks: dict[str, int] = field(default_factory=dict)


def _plan(planning: _Planning) -> Plan:
    network, target = planning.network, planning.target
    workers = _fused(network)
    buffers = _buffers(workers, planning)
    places = {buffer.tensor: Place(base="work", offset=buffer.offset) for buffer in buffers}
    places[network.input.name] = Place(base="input")
    places[planning.views[network.output.name].root] = Place(base="scores")
    stages = tuple(_stage(worker, threshold, places, planning) for worker, threshold in workers)
    work = max((buffer.offset + buffer.bytes for buffer in buffers), default=0)
    scratch = 0 if target.array else max(map(_scratch_bytes, stages), default=0)
    plan = Plan(
        stages=stages,
        input=layout_of(network.input),
        scores=layout_of(network.output),
        buffers=buffers,
        work_bytes=work + scratch,
        scratch_offset=work,
        scratch_bytes=scratch,
        sections=planning.image.sections,
        image_bytes=planning.image.length,
    )
    _check_fit(plan, planning)
    return plan


def _fused(network: Network) -> list[tuple[Worker, Threshold | None]]:
    """The nodes that become stages, each layer with weights joined with the threshold that alone reads its sums."""
    readers = Counter(source for node in network.nodes for source in node.sources)
    thresholds = {node.sources[0]: node for node in network.nodes if isinstance(node, Threshold)}
    joined: dict[str, Threshold] = {
        node.output.name: thresholds[node.output.name]
        for node in network.linear
        if node.output.name in thresholds and readers[node.output.name] == 1
    }
    taken = {threshold.output.name for threshold in joined.values()}
    return [
        (node, joined.get(node.output.name))
        for node in network.nodes
        if not isinstance(node, Reshape) and node.output.name not in taken
    ]


def _buffers(workers: list[tuple[Worker, Threshold | None]], planning: _Planning) -> tuple[Buffer, ...]:
    """The SRAM plan of every tensor that is neither the input nor the scores."""
    born: dict[str, int] = {}
    dies: dict[str, int] = {}
    sizes: dict[str, int] = {}
    for index, (worker, threshold) in enumerate(workers):
        output = (threshold or worker).output
        born[output.name] = dies[output.name] = index
        sizes[output.name] = layout_of(output).bytes
        for source in worker.sources:
            dies[planning.views[source].root] = index
    outside = {planning.network.input.name, planning.views[planning.network.output.name].root}
    inside = [name for name in sizes if name not in outside]
    return plan_arena({name: sizes[name] for name in inside}, {name: (born[name], dies[name]) for name in inside})


def _stage(worker: Worker, threshold: Threshold | None, places: dict[str, Place], planning: _Planning) -> Stage:
    view = planning.views[worker.sources[0]]
    output = (threshold or worker).output
    source, target = places[view.root], places[output.name]
    if isinstance(worker, Linear):
        return _linear_stage(worker, threshold, view, source, target, planning)
    if view.flattened:
        raise ModelError(f"node '{worker.name}' reads flattened bits, which only a dense layer can; remove the flatten")
    layouts = {"input": view.layout, "output": layout_of(output)}
    image = planning.image
    match worker:
        case Threshold():
            return ThresholdStage(
                node=worker.name, **layouts, source=source, target=target, steps=_steps(worker, image)
            )
        case MaxPool():
            return PoolStage(
                node=worker.name,
                **layouts,
                source=source,
                target=target,
                window=_window_plan(worker.window),
                directions=_directions(worker.name, worker.direction, image),
            )
        case Affine():
            return AffineStage(
                node=worker.name,
                **layouts,
                source=source,
                target=target,
                multiplier=image.add(f"{worker.name}.multiplier", worker.multiplier),
                offset=image.add(f"{worker.name}.offset", worker.offset),
            )


def _linear_stage(
    node: Linear, threshold: Threshold | None, view: View, source: Place, target: Place, planning: _Planning
) -> LinearStage:
    if view.flattened or not node.window.kernel:
        # A dense layer: for the runtime a window as large as the map, which for a true vector is one pixel.
        window = WindowPlan(kernel=(view.layout.height, view.layout.width))
    else:
        window = _window_plan(node.window)
    image = planning.image
    sign, nonzero = pack_rows(fan_in_order(node.weights, window))
    ternary = node.weight_kind is WeightKind.TERNARY
    tiles = _tiles(node, planning)
    return LinearStage(
        node=node.name,
        layer_kind=node.kind,
        input=view.layout,
        output=layout_of((threshold or node).output),
        source=source,
        target=target,
        window=window,
        pad_value=node.pad_value,
        groups=node.groups,
        fan_in=node.fan_in,
        row_words=sign.shape[1],
        sign=image.add(f"{node.name}.sign", sign),
        nonzero=image.add(f"{node.name}.nonzero", nonzero) if ternary else None,
        steps=_steps(threshold, image) if threshold else None,
        banks=image.add(f"{node.name}.banks", np.array([t.bank for t in tiles], dtype=np.uint16)) if tiles else None,
        tiles=tiles,
        policy=planning.policy,
    )


def _tiles(node: Linear, planning: _Planning) -> tuple[Tile, ...]:
    array = planning.target.array
    if array is None:
        return ()
    check_parallel(node.name, node.fan_in, array)
    tiles = tiles_of(node.neurons, node.fan_in, array, first_bank=sum(planning.banks.values()))
    planning.banks[node.name] = len(tiles)
    return tiles


def _steps(node: Threshold, image: ImageWriter) -> Steps:
    """The step function as the runtime counts it: thresholds <= x, or <= ~x where the direction is downwards."""
    down = (node.direction < 0)[:, np.newaxis]
    thresholds = np.sort(np.where(down, ~node.thresholds, node.thresholds), axis=1).astype(np.int32)
    return Steps(
        node=node.name,
        steps=thresholds.shape[1],
        low=node.low,
        step=node.step,
        thresholds=image.add(f"{node.name}.thresholds", thresholds),
        directions=_directions(node.name, node.direction, image),
    )


def _directions(name: str, direction: npt.NDArray[np.int8], image: ImageWriter) -> Section | None:
    down = direction < 0
    return image.add(f"{name}.directions", pack_bits(down)) if np.any(down) else None


def _window_plan(window: Window) -> WindowPlan:
    def pair(values: tuple[int, ...], missing: int) -> tuple[int, int]:
        vertical, horizontal = (missing, *values)[-2:]
        return vertical, horizontal

    return WindowPlan(
        kernel=pair(window.kernel, 1),
        stride=pair(window.stride, 1),
        dilation=pair(window.dilation, 1),
        pad=pair(window.pad_begin, 0),
    )


def _scratch_bytes(stage: Stage) -> int:
    """What `ebnn_linear` needs: the gathered input, a vector a bit plane and one for the mask."""
    return 4 * stage.row_words * (stage.input.planes + 1) if isinstance(stage, LinearStage) else 0


def _check_fit(plan: Plan, planning: _Planning) -> None:
    memory = planning.target.memory
    if memory is None:
        return
    name = planning.target.name
    sram, flash = memory.sram.size.integer("memory"), memory.flash.size.integer("memory")
    needed = plan.input.bytes + plan.scores.bytes + plan.work_bytes
    if needed > sram:
        peak = max(plan.buffers, key=lambda buffer: buffer.bytes, default=None)
        largest = f"; the largest buffer, '{peak.tensor}', takes {peak.bytes}" if peak else ""
        raise FitError(
            f"the network needs {needed} bytes of SRAM for input, scores and work area, but target '{name}' has {sram}"
            f"{largest}: pool earlier, use fewer channels, or raise memory.sram.size in a copy of the target file"
        )
    if plan.image_bytes > flash:
        raise FitError(
            f"the weights image takes {plan.image_bytes} bytes, but target '{name}' has {flash} bytes of flash; make "
            "the largest layers smaller, or raise memory.flash.size in a copy of the target file"
        )
