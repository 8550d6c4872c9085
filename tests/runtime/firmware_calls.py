"""A mapped network through the public functions of `ebnn.h`, one sample and one call a stage, as its firmware does it.

The descriptors point into the weights image itself, with rows as long as the plan says, so this is the layout that a
microcontroller sees, not the padded one of the fast path.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from edgebnn.chip.target_files.loading import load_target
from edgebnn.emulator.descriptors import (
    ActiveDescriptor,
    AddDescriptor,
    AffineDescriptor,
    BorderDescriptor,
    CopyDescriptor,
    HalvesDescriptor,
    Int8Descriptor,
    LinearDescriptor,
    LinesDescriptor,
    PoolDescriptor,
    PooledDescriptor,
    StepsDescriptor,
    SubsetsDescriptor,
    TakeDescriptor,
    ThresholdDescriptor,
    describe_tensor,
    describe_window,
)
from edgebnn.emulator.samples import encode_batch
from edgebnn.mapping.mapped import MappedNetwork, Provenance
from edgebnn.mapping.plan import (
    ActiveSections,
    AddStage,
    AffineStage,
    BorderSections,
    CopyStage,
    Int8Stage,
    LinearStage,
    Place,
    PoolPlan,
    PoolStage,
    Section,
    Stage,
    Steps,
    SubsetSections,
    SumPoolStage,
    TakeStage,
    ThresholdStage,
    scratch_of,
    sources_of,
)
from edgebnn.mapping.planner import map_network
from edgebnn.native import library
from edgebnn.network import Network

PROVENANCE = Provenance(
    version="0", options="compile", model_name="test", model_sha256="0", target_name="host", target_sha256="0"
)

# A pattern that a kernel which reads or writes too far would disturb or be disturbed by.
CANARY = 0xA5


def map_on_host(network: Network) -> MappedNetwork:
    return map_network(network, load_target("host"), PROVENANCE)


class GuardedBuffer:
    """Memory between two stretches of canaries, aligned to 4 bytes and filled with them at first."""

    GUARD = 64

    def __init__(self, size: int) -> None:
        self._memory = np.full(size + 2 * self.GUARD, CANARY, np.uint8)
        self.bytes = self._memory[self.GUARD : self.GUARD + size]
        self.address = self.bytes.ctypes.data
        assert self.address % 4 == 0

    @property
    def whole(self) -> bool:
        """No guard was written to."""
        size = len(self.bytes)
        guards = np.concatenate([self._memory[: self.GUARD], self._memory[self.GUARD + size :]])
        return bool(np.all(guards == CANARY))


def lister_of(name: str) -> int:
    """Where the C library has what lists inputs of a format."""
    kind = name if name in ("bits", "trits") else "elements"
    return ctypes.addressof(ctypes.c_byte.in_dll(library(), f"ebnn_{kind}_lister"))


def run_stage(stage: Stage, image: bytes, sources: Sequence[int], target: int) -> tuple[int, int]:
    """One call of the runtime on the memory at some addresses: the status, and how many bytes of scratch it asked for.

    The scratch is guarded, and checked.
    """
    base = np.frombuffer(image, np.uint8).ctypes.data

    def at(section: Section | None) -> int | None:
        return None if section is None else base + section.offset

    def steps_of(steps: Steps | None) -> StepsDescriptor:
        if steps is None:
            return StepsDescriptor()
        lines, found = None, steps.lines
        if found is not None:
            parts = (found.multiplier, found.offset, found.shift, found.first, found.exceptions)
            kept.append(LinesDescriptor(*map(at, parts)))
            lines = ctypes.addressof(kept[-1])
        return StepsDescriptor(at(steps.thresholds), at(steps.directions), steps.steps, steps.low, steps.step, lines)

    def border_of(border: BorderSections | None) -> int | None:
        if border is None:
            return None
        kept.append(BorderDescriptor(at(border.rows), at(border.columns), at(border.start), border.shift))
        return ctypes.addressof(kept[-1])

    def pooled_of(pool: PoolPlan | None) -> PooledDescriptor:
        return PooledDescriptor() if pool is None else PooledDescriptor(*pool.size, at(pool.directions))

    kept: list[LinesDescriptor | BorderDescriptor] = []
    native, tensors = library(), (describe_tensor(stage.input), describe_tensor(stage.output))
    data = [*map(pointer, sources), pointer(target)]
    match stage:
        case LinearStage(active=ActiveSections() as active):
            listed = ActiveDescriptor(
                input=describe_tensor(stage.input),
                output=describe_tensor(stage.output),
                window=describe_window(stage.window),
                pad_value=stage.pad_value,
                lister=lister_of(stage.input.format),
                planes=active.planes,
                strip=active.strip,
                sum_planes=active.sum_planes,
                plus=at(active.plus),
                not_minus=at(active.not_minus),
                missing=at(active.missing),
                place_planes=active.place_planes,
                limits=at(active.limits),
                totals=at(active.totals),
                steps=steps_of(stage.steps),
                border=border_of(stage.border),
                pooled=pooled_of(stage.pool),
            )
            words = native.ebnn_linear_active_scratch_words(ctypes.byref(listed))
            return with_scratch(stage, native.ebnn_linear_active, listed, data, words)
        case LinearStage(subsets=SubsetSections() as subsets):
            tabulated = SubsetsDescriptor(
                input=describe_tensor(subsets.input),
                output=describe_tensor(stage.output),
                window=describe_window(subsets.window),
                pad_value=stage.pad_value,
                groups=stage.groups,
                lanes=subsets.lanes,
                strip=subsets.strip,
                together=subsets.together,
                plus=at(subsets.plus),
                not_minus=at(subsets.not_minus),
                limits=at(subsets.limits),
                turned=at(subsets.turned),
                steps=steps_of(stage.steps),
                border=border_of(stage.border),
                pooled=pooled_of(stage.pool),
            )
            words = native.ebnn_linear_subsets_scratch_words(ctypes.byref(tabulated))
            return with_scratch(stage, native.ebnn_linear_subsets, tabulated, data, words)
        case LinearStage():
            layer = LinearDescriptor(
                input=describe_tensor(stage.input),
                output=describe_tensor(stage.output),
                window=describe_window(stage.window),
                pad_value=stage.pad_value,
                groups=stage.groups,
                row_words=stage.row_words,
                sign=at(stage.sign),
                nonzero=at(stage.nonzero),
                steps=steps_of(stage.steps),
                border=border_of(stage.border),
            )
            words = native.ebnn_linear_scratch_words(ctypes.byref(layer))
            if stage.halves is not None:
                halves = HalvesDescriptor(
                    linear=layer,
                    sum_planes=stage.halves.sum_planes,
                    limits=at(stage.halves.limits),
                    pooled=pooled_of(stage.pool),
                )
                return with_scratch(stage, native.ebnn_linear_halves, halves, data, words)
            return with_scratch(stage, native.ebnn_linear, layer, data, words)
        case Int8Stage():
            int8 = Int8Descriptor(
                input=describe_tensor(stage.input),
                output=describe_tensor(stage.output),
                window=describe_window(stage.window),
                pad_value=stage.pad_value,
                groups=stage.groups,
                weights=at(stage.weights),
                steps=steps_of(stage.steps),
                border=border_of(stage.border),
            )
            words = native.ebnn_int8_scratch_words(ctypes.byref(int8))
            return with_scratch(stage, native.ebnn_int8, int8, data, words)
        case ThresholdStage():
            threshold = ThresholdDescriptor(*tensors, steps_of(stage.steps))
            return int(native.ebnn_threshold(ctypes.byref(threshold), *data)), 0
        case PoolStage():
            pool = PoolDescriptor(*tensors, describe_window(stage.window), at(stage.directions))
            return int(native.ebnn_max_pool(ctypes.byref(pool), *data)), 0
        case SumPoolStage():
            sums = PoolDescriptor(*tensors, describe_window(stage.window), None)
            return int(native.ebnn_sum_pool(ctypes.byref(sums), *data)), 0
        case AddStage():
            add = AddDescriptor(tensors[0], describe_tensor(stage.other), tensors[1])
            return int(native.ebnn_add(ctypes.byref(add), *data)), 0
        case CopyStage():
            copy = CopyDescriptor(*tensors, stage.first_channel)
            return int(native.ebnn_copy_channels(ctypes.byref(copy), *data)), 0
        case TakeStage():
            take = TakeDescriptor(*tensors, at(stage.channels), at(stage.rows), at(stage.columns))
            return int(native.ebnn_take(ctypes.byref(take), *data)), 0
        case AffineStage():
            parts = (at(stage.multiplier), at(stage.offset), at(stage.knees))
            affine = AffineDescriptor(*tensors, stage.segments, stage.shift, *parts)
            function = native.ebnn_scale if stage.is_scale else native.ebnn_affine
            return int(function(ctypes.byref(affine), *data)), 0


def with_scratch(
    stage: Stage, function: Any, layer: ctypes.Structure, data: Sequence[ctypes.c_void_p], words: int
) -> tuple[int, int]:
    scratch = GuardedBuffer(4 * words)
    status = function(ctypes.byref(layer), *data, pointer(scratch.address))
    assert scratch.whole, f"'{stage.node}' writes beside its scratch"
    return int(status), 4 * words


def pointer(address: int) -> ctypes.c_void_p:
    return ctypes.c_void_p(address)


def run_like_firmware(mapped: MappedNetwork, x: npt.NDArray[Any]) -> npt.NDArray[np.int32]:
    """Scores int32 (B, *scores shape); fails where a call has an error or writes beside the buffers."""
    plan = mapped.plan
    scores = np.empty((len(x), mapped.network.output.size), np.int32)
    for index, sample in enumerate(encode_batch(mapped.network, plan, x)):
        buffers = {
            "input": GuardedBuffer(plan.input_bytes),
            "scores": GuardedBuffer(plan.scores.bytes),
            "work": GuardedBuffer(plan.work_bytes),
        }
        buffers["input"].bytes[:] = sample

        def at(place: Place, buffers: dict[str, GuardedBuffer] = buffers) -> int:
            return buffers[place.base].address + place.offset

        for stage in plan.stages:
            status, asked = run_stage(stage, mapped.image, [at(place) for place in sources_of(stage)], at(stage.target))
            assert status == 0, f"'{stage.node}' has the status {status}"
            planned = scratch_of(stage)
            assert asked == (planned.bytes if planned else 0), f"the runtime asks for another scratch in '{stage.node}'"
        assert all(buffer.whole for buffer in buffers.values()), "a stage writes beside its buffer"
        assert np.array_equal(buffers["input"].bytes, sample), "a stage writes into its input"
        scores[index] = buffers["scores"].bytes[: scores.shape[1] * 4].view(np.int32)
    return scores.reshape(len(x), *mapped.network.output.shape)
