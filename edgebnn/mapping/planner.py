"""From a network and a target to the plan and the weights image."""

from __future__ import annotations

from collections import Counter

from edgebnn.chip.target import Target
from edgebnn.errors import FitError
from edgebnn.mapping.arena import plan_arena
from edgebnn.mapping.layouts import layout_of, views_of
from edgebnn.mapping.mapped import MappedNetwork, Provenance
from edgebnn.mapping.plan import Buffer, Int8Stage, LinearStage, Place, Plan, Stage
from edgebnn.mapping.stages import Job, Planning
from edgebnn.mapping.tiling import banks_of, check_banks
from edgebnn.network.types import Concat, Network, Reshape, Threshold, WeightKind


def map_network(network: Network, target: Target, provenance: Provenance, policy: str | None = None) -> MappedNetwork:
    """The network on the target, its weights programmed under `policy` (by default the target's first) in RRAM.

    Raises ModelError for a node that cannot be laid out, FitError where a memory is too small, TargetError for an
    unknown policy.
    """
    if target.array is not None:
        policy = policy or next(iter(target.policies))
        target.policy(policy)
        check_banks(
            {
                node.name: banks_of(node.neurons, node.fan_in, target.array)
                for node in network.linear
                if node.weight_kind is not WeightKind.INT8
            },
            target.array,
            target.name,
        )
    elif policy is not None:
        raise FitError(f"target '{target.name}' has no RRAM, so it takes no programming policy; leave out --policy")
    planning = Planning(network, target, policy, views_of(network))
    plan = _plan(planning)
    return MappedNetwork(network, target, plan, planning.image.image(), provenance, policy)


def _plan(planning: Planning) -> Plan:
    network = planning.network
    jobs = _jobs(network)
    buffers = _buffers(jobs, planning)
    places = {buffer.tensor: Place(base="work", offset=buffer.offset) for buffer in buffers}
    places[network.input.name] = Place(base="input")
    places[planning.views[network.output.name].root] = Place(base="scores")
    stages = tuple(planning.stage(job, places) for job in jobs)
    work = max((buffer.offset + buffer.bytes for buffer in buffers), default=0)
    scratch = max(map(_scratch_bytes, stages), default=0)
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


def _jobs(network: Network) -> list[Job]:
    """What the stages do, in order: a layer with weights takes in the threshold that alone reads its sums."""
    readers = Counter(source for node in network.nodes for source in node.sources)
    thresholds = {node.sources[0]: node for node in network.nodes if isinstance(node, Threshold)}
    joined: dict[str, Threshold] = {
        node.output.name: thresholds[node.output.name]
        for node in network.linear
        if node.output.name in thresholds and readers[node.output.name] == 1
    }
    taken = {threshold.output.name for threshold in joined.values()}
    return [
        Job(node, joined.get(node.output.name), part)
        for node in network.nodes
        if not isinstance(node, Reshape) and node.output.name not in taken
        for part in range(len(node.sources) if isinstance(node, Concat) else 1)
    ]


def _buffers(jobs: list[Job], planning: Planning) -> tuple[Buffer, ...]:
    """The SRAM plan of every tensor that is neither the input nor the scores."""
    born: dict[str, int] = {}
    dies: dict[str, int] = {}
    sizes: dict[str, int] = {}
    for index, job in enumerate(jobs):
        output = job.output
        born.setdefault(output.name, index)
        dies[output.name] = index
        sizes[output.name] = layout_of(output).bytes
        for source in job.sources:
            dies[planning.views[source].root] = index
    outside = {planning.network.input.name, planning.views[planning.network.output.name].root}
    inside = [name for name in sizes if name not in outside]
    return plan_arena({name: sizes[name] for name in inside}, {name: (born[name], dies[name]) for name in inside})


def _scratch_bytes(stage: Stage) -> int:
    """What the kernels gather a neuron's inputs in."""
    match stage:
        case LinearStage(banks=None):  # a vector a bit plane and one for the mask
            return 4 * stage.row_words * (stage.input.planes + 1)
        case Int8Stage():  # 16 bits each
            return (2 * stage.fan_in + 3) // 4 * 4
        case _:
            return 0


def _check_fit(plan: Plan, planning: Planning) -> None:
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
