"""From a node to its stage: layouts, places, and its constants in the weights image."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TypedDict

import msgspec
import numpy as np
import numpy.typing as npt

from edgebnn.chip.target.target import Target
from edgebnn.errors import ModelError
from edgebnn.mapping.active import plan_active
from edgebnn.mapping.allocation import Allocation
from edgebnn.mapping.halves import halves_words, limit_words, sum_planes
from edgebnn.mapping.image import ImageWriter, words_of
from edgebnn.mapping.kernel_scratch import int8_scratch_bytes, kernel_scratch_bytes
from edgebnn.mapping.kernels import Choice, ListShape, choose_kernel
from edgebnn.mapping.plan import (
    AddStage,
    AffineStage,
    BorderSections,
    CopyStage,
    HalvesSections,
    Int8Stage,
    Layout,
    LinearStage,
    Place,
    PoolPlan,
    PoolStage,
    Scratch,
    Section,
    Stage,
    Steps,
    SumPoolStage,
    TakeStage,
    ThresholdStage,
    Tile,
    TrimSections,
    WindowPlan,
)
from edgebnn.mapping.steps import plan_directions, plan_steps
from edgebnn.mapping.subsets import SubsetShape, has_limits, plan_subsets
from edgebnn.mapping.tensor_layouts import TensorView
from edgebnn.mapping.tiling import banks_of, tiles_of
from edgebnn.mapping.weight_words import Weights, fan_in_order, input_order, pack_rows
from edgebnn.network.network import Network
from edgebnn.network.types import (
    Add,
    Affine,
    Concat,
    Linear,
    MaxPool,
    SumPool,
    Take,
    Tensor,
    Threshold,
    WeightKind,
    Window,
)
from edgebnn.words import WORD_BITS, pack_words

Worker = Linear | Threshold | MaxPool | SumPool | Add | Concat | Take | Affine  # nodes that the runtime works on


@dataclass(frozen=True)
class Job:
    """What one stage does: a node, the threshold that alone reads its sums, the pool that alone reads the bits of that.

    For a concatenation also which source.
    """

    node: Worker
    threshold: Threshold | None = None
    pool: MaxPool | None = None
    part: int = 0

    @property
    def sources(self) -> tuple[str, ...]:
        """The tensors that it reads."""
        return (self.node.sources[self.part],) if isinstance(self.node, Concat) else self.node.sources

    @property
    def output(self) -> Tensor:
        """The tensor that it makes, or a part of."""
        return self.pool.output if self.pool else self.made

    @property
    def made(self) -> Tensor:
        """The same before the pool."""
        return (self.threshold or self.node).output


class _Common(TypedDict):
    node: str
    input: Layout
    output: Layout
    source: Place
    target: Place


@dataclass
class Planning:
    """One planning under way: what is being mapped, the image being written, the banks given away so far.

    `rows` is the image, or its part with the rows of the layers in RRAM where the firmware is without them; `steps` is
    the image, or its part with step functions and what sums and scores start from where these are trimmed for a chip.
    `trim_words` are those of what a chip finds when it trims itself, a check in front.
    """

    network: Network
    target: Target
    allocation: Allocation
    views: dict[str, TensorView]
    image: ImageWriter
    rows: ImageWriter
    steps: ImageWriter
    banks: int = 0
    trim_words: int = 1

    @property
    def parts(self) -> tuple[ImageWriter, ...]:
        """The parts of the image, in order: rows, what all chips have in common, and what was trimmed for one."""
        before = () if self.rows is self.image else (self.rows,)
        after = () if self.steps is self.image else (self.steps,)
        return (*before, self.image, *after)

    def scratch_bytes(self, job: Job) -> int:
        """Bytes of the work area that the kernel of a job needs for itself while it runs."""
        node = job.node
        if not isinstance(node, Linear):
            return 0
        view, output = self.views[node.sources[0]], self.views[job.made.name].layout
        if node.weight_kind is WeightKind.INT8:
            return int8_scratch_bytes(node, view.layout)
        return kernel_scratch_bytes(self._choice(node, _window_over(node, view), output), node, view.layout, output)

    def _choice(self, node: Linear, window: WindowPlan, output: Layout) -> Choice:
        return choose_kernel(node, window, self.views[node.sources[0]].layout, output, self.target)

    def stage(self, job: Job, places: dict[str, Place], scratch: Scratch | None) -> Stage:
        """The stage of a job, whose kernel works at `scratch` if it needs that.

        ModelError where it reads a tensor that lies in memory as it cannot read it.
        """
        node, image = job.node, self.image
        views = [self.views[source] for source in job.sources]
        common = _Common(
            node=node.name,
            input=views[0].layout,
            output=self.views[job.made.name].layout,
            source=places[views[0].root],
            target=places[job.output.name],
        )
        if isinstance(node, Linear):
            layer = self._linear(node, job.threshold, views[0], common)
            return self._pooled(msgspec.structs.replace(layer, scratch=scratch), job.pool)
        if isinstance(node, Take):
            return self._take(node, views[0], common)
        if any(view.flattened for view in views):
            raise ModelError(
                f"node '{node.name}' reads flattened bits, which only a dense layer can; remove the flatten"
            )
        match node:
            case Threshold():
                return ThresholdStage(**common, steps=self._steps(node, on_cpu=True))
            case MaxPool():
                directions = plan_directions(node.name, node.direction, image)
                return PoolStage(**common, window=_window_plan(node.window), directions=directions)
            case SumPool():
                return SumPoolStage(**common, window=_window_plan(node.window))
            case Add():
                return AddStage(**common, other=views[1].layout, other_source=places[views[1].root])
            case Concat():
                before = node.sources[: job.part]
                return CopyStage(**common, first_channel=sum(self.network.tensors[name].channels for name in before))
            case Affine():
                segments = node.multiplier.shape[1]
                return AffineStage(
                    **common,
                    segments=segments,
                    shift=node.shift,
                    multiplier=self.steps.add(f"{node.name}.multiplier", node.multiplier),
                    offset=self.steps.add(f"{node.name}.offset", words_of(node.offset)),
                    knees=self.steps.add(f"{node.name}.knees", node.knees) if segments > 1 else None,
                )

    def _linear(
        self, node: Linear, threshold: Threshold | None, view: TensorView, common: _Common
    ) -> LinearStage | Int8Stage:
        window = _window_over(node, view)
        weights, image = fan_in_order(node.weights, window), self.image
        if node.weight_kind is WeightKind.INT8:
            return Int8Stage(
                **common,
                layer_kind=node.kind,
                window=window,
                pad_value=node.pad_value,
                groups=node.groups,
                fan_in=node.fan_in,
                weights=image.add(f"{node.name}.weights", weights),
                steps=self._steps(threshold, on_cpu=True) if threshold else None,
                border=_plan_border(node, self.steps),
            )
        kernel, reason, shape = self._choice(node, window, common["output"])
        stage = LinearStage(
            **common,
            layer_kind=node.kind,
            window=window,
            pad_value=node.pad_value,
            groups=node.groups,
            fan_in=node.fan_in,
            row_words=-(-node.fan_in // WORD_BITS),
            kernel=kernel,
            reason=reason,
            sign=None,
            nonzero=None,
            steps=None,
            policy=self.allocation.policy_of(node.name),
        )
        if isinstance(shape, ListShape):
            return self._listed(node, threshold, weights, stage, shape)
        if shape is not None:
            return self._tabulated(node, threshold, stage, shape)
        if kernel == "halves":
            return self._in_halves(node, threshold, weights, stage)
        sign, nonzero = pack_rows(weights)
        tiles = self._tiles(node)
        return msgspec.structs.replace(
            stage,
            sign=self.rows.add(f"{node.name}.sign", sign),
            nonzero=self.rows.add(f"{node.name}.nonzero", nonzero) if node.weight_kind is WeightKind.TERNARY else None,
            steps=self._steps(threshold, on_cpu=not tiles) if threshold else None,
            banks=image.add(f"{node.name}.banks", np.array([t.bank for t in tiles], np.uint16)) if tiles else None,
            border=_plan_border(node, self.steps),
            trim=self._trim(node, window) if tiles else None,
            tiles=tiles,
            attempts=self.allocation.attempts.get(node.name, 0),
            verified=self._verified(node, sign.shape) if tiles else None,
        )

    def _trim(self, node: Linear, window: WindowPlan) -> TrimSections | None:
        if node.trim is None or node.border is None:
            return None
        zones, place = prod(node.border.start.shape[:-1]), self.trim_words
        self.trim_words += zones * node.neurons
        means = node.trim.values.reshape(node.groups, -1)[:, input_order(node.fan_in, window)]
        return TrimSections(
            means=self.image.add(f"{node.name}.means", means),
            fraction=node.trim.fraction,
            most=node.trim.most,
            zones=zones,
            place=place,
        )

    def _verified(self, node: Linear, words: tuple[int, ...]) -> Section | None:
        """The bits of the layer's (neurons, row words) that are verified; None where all are."""
        if self.allocation.verified is None:
            return None
        flags = np.zeros(prod(words), np.bool_)
        flags[list(self.allocation.verified.get(node.name, ()))] = True
        return self.image.add(f"{node.name}.verified", pack_words(flags))

    def _listed(
        self, node: Linear, threshold: Threshold | None, weights: Weights, stage: LinearStage, shape: ListShape
    ) -> LinearStage:
        """A layer whose inputs are listed. Its step function is part of the weights where counters can be compared."""
        border = _plan_border(node, self.steps)
        compared = threshold if border is None and stage.output.pixel_words else None
        return msgspec.structs.replace(
            stage,
            input=shape.input,
            window=shape.window,
            active=plan_active(node.name, node.weight_kind, weights, compared, shape, self.image),
            steps=_among_weights(compared) if compared else threshold and self._steps(threshold, on_cpu=True),
            border=border,
        )

    def _tabulated(
        self, node: Linear, threshold: Threshold | None, stage: LinearStage, shape: SubsetShape
    ) -> LinearStage:
        """A layer whose neurons look up sums of inputs. Where sums have limits, its steps are among the weights."""
        compared = threshold if has_limits(node, stage.output) else None
        return msgspec.structs.replace(
            stage,
            subsets=plan_subsets(node, compared, shape, self.image),
            steps=_among_weights(compared) if compared else threshold and self._steps(threshold, on_cpu=True),
            border=_plan_border(node, self.steps),
        )

    def _in_halves(
        self, node: Linear, threshold: Threshold | None, weights: Weights, stage: LinearStage
    ) -> LinearStage:
        """A layer of up to 16 neurons. Its step function is part of the weights where counters can be compared."""
        border, image = _plan_border(node, self.steps), self.image
        compared = threshold if border is None and stage.output.format == "bits" else None
        limits = None
        if compared is not None:
            limits = image.add(f"{compared.name}.limits", limit_words(compared, node.fan_in))
        return msgspec.structs.replace(
            stage,
            sign=image.add(f"{node.name}.sign", halves_words(weights > 0)),
            halves=HalvesSections(sum_planes=sum_planes(node.fan_in), limits=limits),
            steps=_among_weights(compared) if compared else threshold and self._steps(threshold, on_cpu=True),
            border=border,
        )

    def can_pool(self, node: Linear, threshold: Threshold, pool: MaxPool) -> bool:
        """Whether a layer's kernel in software pools its bits as it makes them: pools that have no input in common."""
        window, view, made = _window_plan(pool.window), self.views[node.sources[0]], self.views[threshold.output.name]
        outputs = (made.layout.height, made.layout.width)
        if self.target.array is not None or made.layout.format != "bits" or node.weight_kind is WeightKind.INT8:
            return False
        pooled = self.views[pool.output.name].layout
        whole = tuple(extent // size for extent, size in zip(outputs, window.kernel, strict=True))
        if window != WindowPlan(kernel=window.kernel, stride=window.kernel) or whole != (pooled.height, pooled.width):
            return False
        kernel = self._choice(node, _window_over(node, view), made.layout).kernel
        return (kernel in ("list", "halves") and node.border is None) or (
            kernel == "subsets" and has_limits(node, made.layout)
        )

    def _pooled(self, stage: LinearStage | Int8Stage, pool: MaxPool | None) -> LinearStage | Int8Stage:
        if pool is None:
            return stage
        directions = plan_directions(pool.name, pool.direction, self.image)
        size = _window_plan(pool.window).kernel
        return msgspec.structs.replace(stage, pool=PoolPlan(node=pool.name, size=size, directions=directions))

    def _take(self, node: Take, view: TensorView, common: _Common) -> TakeStage:
        """Of flattened bits, which lie as a map, each channel is taken by the place of its bit in that."""
        source = self.network.tensors[node.sources[0]]
        channels, *spatial = node.along
        rows, columns = (None, None, *zip(spatial, source.spatial, strict=True))[-2:]
        return TakeStage(
            **common,
            channels=self.image.add(f"{node.name}.channels", _bit_places(channels, view.layout))
            if view.flattened
            else self._places(node, "channels", channels, source.channels),
            rows=rows and self._places(node, "rows", *rows),
            columns=columns and self._places(node, "columns", *columns),
        )

    def _places(self, node: Take, name: str, places: npt.NDArray[np.int32], extent: int) -> Section | None:
        """Places along an axis; None for the axis as it is."""
        if np.array_equal(places, np.arange(extent)):
            return None
        return self.image.add(f"{node.name}.{name}", places.astype(np.uint32))

    def _steps(self, node: Threshold, on_cpu: bool) -> Steps:
        return plan_steps(node, self.network.tensors[node.sources[0]], self.steps, on_cpu)

    def _tiles(self, node: Linear) -> tuple[Tile, ...]:
        array = self.target.array
        if array is None:
            return ()
        first, chosen = self.banks, self.allocation.banks
        self.banks += banks_of(node.neurons, node.fan_in, array.geometry)
        numbers = range(first, self.banks) if chosen is None else chosen[first : self.banks]
        return tiles_of(node.neurons, node.fan_in, array.geometry, numbers)


def _among_weights(threshold: Threshold) -> Steps:
    """A step function whose thresholds the image has among a layer's weights, as its kernel compares them."""
    return Steps(node=threshold.name, steps=threshold.thresholds.shape[1], low=threshold.low, step=threshold.step)


def _bit_places(places: npt.NDArray[np.int32], layout: Layout) -> npt.NDArray[np.uint32]:
    """Where in the memory of a packed map, in bits from its beginning, the channels of the flattened map lie."""
    channel, pixel = np.divmod(places.astype(np.int64), layout.height * layout.width)
    return (pixel * layout.pixel_words * WORD_BITS + channel).astype(np.uint32)


def _plan_border(node: Linear, image: ImageWriter) -> BorderSections | None:
    """The zones of rows and columns, numbered so that a pixel's zone is the sum of the two."""
    border = node.border
    if border is None:
        return None
    only = np.zeros(1, np.uint16)
    rows, columns = (only, only, *border.zones)[-2:]
    across = int(columns.max()) + 1
    return BorderSections(
        rows=image.add(f"{node.name}.border_rows", (rows * across).astype(np.uint16)),
        columns=image.add(f"{node.name}.border_columns", columns),
        start=image.add(f"{node.name}.border_start", border.start),
        shift=border.shift,
    )


def _window_over(node: Linear, view: TensorView) -> WindowPlan:
    """A layer's window. A dense layer's is as large as the map for the runtime: one pixel for a true vector."""
    if view.flattened or not node.window.kernel:
        return WindowPlan(kernel=(view.layout.height, view.layout.width))
    return _window_plan(node.window)


def _window_plan(window: Window) -> WindowPlan:
    def pair(values: tuple[int, ...], missing: int) -> tuple[int, int]:
        vertical, horizontal = (missing, missing, *values)[-2:]
        return vertical, horizontal

    return WindowPlan(
        kernel=pair(window.kernel, 1),
        stride=pair(window.stride, 1),
        dilation=pair(window.dilation, 1),
        pad=pair(window.pad_begin, 0),
    )
