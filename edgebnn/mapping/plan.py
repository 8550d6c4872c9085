"""The plan: what the runtime is told to do, stage by stage, and where every byte lies.

A plan is pure data, the part of a deployment that code generation, the fast path and the reports read. Its stages
mirror the layer descriptors of `runtime/include/ebnn.h` one to one.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from edgebnn.brief import brief


class _Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    __repr__ = brief


Format = Literal["bits", "trits", "int8", "uint8", "int16", "uint16", "int32"]

# What does a layer of binary or ternary weights: the RRAM macro, or `ebnn_linear_active` (by lists of inputs, its
# weights input after input), `ebnn_linear` (row by row), `ebnn_linear_halves` (up to 16 neurons, two inputs' weights a
# word) or `ebnn_linear_subsets` (by sums of subsets of the inputs).
Kernel = Literal["macro", "list", "rows", "halves", "subsets"]

_PACKED_PLANES = {"bits": 1, "trits": 2}
_ELEMENT_BYTES = {"int8": 1, "uint8": 1, "int16": 2, "uint16": 2, "int32": 4}

# Codes of `ebnn_format`, in the order of the C enumeration.
FORMATS: tuple[Format, ...] = ("bits", "trits", "int8", "uint8", "int16", "uint16", "int32")


class Layout(_Record, frozen=True):
    """How a tensor lies in memory: `ebnn_tensor`."""

    height: int
    width: int
    channels: int
    format: Format
    planes: int

    @property
    def pixel_words(self) -> int:
        """Words of one pixel of a packed format; 0 for elements."""
        return (self.channels + 31) // 32 * _PACKED_PLANES.get(self.format, 0)

    @property
    def bytes(self) -> int:
        """Bytes that the tensor takes, a multiple of 4."""
        pixels = self.height * self.width
        if self.pixel_words:
            return 4 * pixels * self.pixel_words
        return (pixels * self.channels * _ELEMENT_BYTES[self.format] + 3) // 4 * 4


class InputPlan(_Record, frozen=True):
    """Where an input lies in the caller's input, at an offset in bytes, and how."""

    tensor: str
    offset: int
    layout: Layout


class Place(_Record, frozen=True):
    """Where a tensor lies: in the caller's input, the caller's scores, or the work area, at an offset in bytes."""

    base: Literal["input", "scores", "work"]
    offset: int = 0


class Scratch(_Record, frozen=True):
    """Where a stage's kernel works, in the work area: bytes that are its own while it runs, at an offset in bytes."""

    offset: int
    bytes: int


class Section(_Record, frozen=True):
    """A stretch of the weights image: what it holds, its offset and its length in bytes."""

    name: str
    offset: int
    bytes: int


class WindowPlan(_Record, frozen=True):
    """A two-dimensional window: `ebnn_window`, (vertical, horizontal)."""

    kernel: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    pad: tuple[int, int] = (0, 0)


class LineSections(_Record, frozen=True):
    """A line per channel in fixed point: `ebnn_lines`. `offset` holds 64 bits a channel, `shift` a byte.

    `first` and `exceptions` are None where the lines alone are exact.
    """

    multiplier: Section
    offset: Section
    shift: Section
    first: Section | None
    exceptions: Section | None


class Steps(_Record, frozen=True):
    """A step function: `ebnn_steps`, as a table of thresholds or as lines, which hold the directions in their signs.

    `directions` is None where every channel of a table counts upwards.
    """

    node: str
    steps: int
    low: int
    step: int
    thresholds: Section | None = None
    directions: Section | None = None
    lines: LineSections | None = None


class BorderSections(_Record, frozen=True):
    """What a layer's sums start from: `ebnn_border`."""

    rows: Section
    columns: Section
    start: Section
    shift: int


class TrimSections(_Record, frozen=True):
    """What a chip trims a layer by: `ebnn_trimming`.

    `means`, int16 (groups, fan-in), are a neuron's mean inputs in the order of its row, in units of 2^-`fraction`. From
    the word `place` of what was found on a chip on lies what the sums of each of the `zones` start from.
    """

    means: Section
    fraction: int
    most: int
    zones: int
    place: int


class ActiveSections(_Record, frozen=True):
    """The constants of the kernel that lists inputs: `ebnn_active_layer`.

    `missing` holds what places of the window add where nothing is there, of bits that may be missing. `limits` are the
    thresholds of a step function into bits or trits, in tables of bits; `totals` stand where there is none, or one of
    another kind.
    """

    plus: Section
    not_minus: Section | None
    limits: Section | None
    totals: Section | None
    planes: int
    strip: int
    sum_planes: int
    missing: Section | None = None
    place_planes: int = 0


class HalvesSections(_Record, frozen=True):
    """What the kernel of up to 16 neurons has beside its rows: `ebnn_halves_layer`.

    `limits` are the thresholds of a step function into bits, in a table of bits; None where there is none, or another.
    """

    sum_planes: int
    limits: Section | None


class SubsetSections(_Record, frozen=True):
    """The kernel that looks up sums of subsets: `ebnn_subsets_layer`, with its own view of input and window.

    `limits` and `turned` are the thresholds of a step function into bits; None where there is none, or another one.
    """

    input: Layout
    window: WindowPlan
    plus: Section
    not_minus: Section | None
    limits: Section | None
    turned: Section | None
    lanes: int
    strip: int
    together: int


class PoolPlan(_Record, frozen=True):
    """A pool of a layer's bits as they are made: `ebnn_pooled`. (height, width) outputs become one."""

    node: str
    size: tuple[int, int]
    directions: Section | None


class Tile(_Record, frozen=True):
    """Neurons by inputs in one bank, as many as that has rows and columns at most.

    Row r of the bank is neuron `neuron + r`, and its first column the neuron's input 32 * `word`.
    """

    bank: int
    neuron: int
    neurons: int
    word: int
    inputs: int


class _Stage(_Record, frozen=True):
    """What every stage has: the node that it does, the tensor that it makes, and one that it reads."""

    node: str
    input: Layout
    output: Layout
    source: Place
    target: Place


class LinearStage(_Stage, frozen=True, tag="linear"):
    """Dot products with binary or ternary weights, and the step function behind them.

    `ebnn_linear_layer`, or `ebnn_active_layer` where `active` has the weights, or `ebnn_subsets_layer` where `subsets`
    has them; `sign` is None there. With `halves` it is `ebnn_halves_layer`, whose words of `sign` and `nonzero` have
    its weights in another order. `reason` says why it is this kernel. With a `pool`, `output` is what goes
    into it, and what comes out is stored. `attempts` is how often a chip that verifies programs a row at most, 0 for as
    often as it does; `verified` are bits, one for each word of each row, of the words that it verifies, None for all.
    With a `trim` each chip finds from what the sums start on it. `scratch` is None where the kernel needs none.
    """

    layer_kind: str
    window: WindowPlan
    pad_value: int
    groups: int
    fan_in: int
    row_words: int
    kernel: Kernel
    reason: str
    sign: Section | None
    nonzero: Section | None
    steps: Steps | None
    active: ActiveSections | None = None
    subsets: SubsetSections | None = None
    halves: HalvesSections | None = None
    banks: Section | None = None
    border: BorderSections | None = None
    trim: TrimSections | None = None
    pool: PoolPlan | None = None
    tiles: tuple[Tile, ...] = ()
    policy: str | None = None
    attempts: int = 0
    verified: Section | None = None
    scratch: Scratch | None = None

    @property
    def is_ternary(self) -> bool:
        """Whether weights may be 0."""
        return len(weight_sections(self)) > 1


class Int8Stage(_Stage, frozen=True, tag="int8"):
    """Dot products with weights of 8 bits, and the step function behind them: `ebnn_int8_layer`."""

    layer_kind: str
    window: WindowPlan
    pad_value: int
    groups: int
    fan_in: int
    weights: Section
    steps: Steps | None
    border: BorderSections | None = None
    scratch: Scratch | None = None


class ThresholdStage(_Stage, frozen=True, tag="threshold"):
    """A step function on its own: `ebnn_threshold_layer`."""

    steps: Steps


class PoolStage(_Stage, frozen=True, tag="maxpool"):
    """The largest value under a window: `ebnn_pool_layer`."""

    window: WindowPlan
    directions: Section | None


class SumPoolStage(_Stage, frozen=True, tag="sumpool"):
    """The sum of the values under a window: `ebnn_pool_layer`."""

    window: WindowPlan


class AddStage(_Stage, frozen=True, tag="add"):
    """The sum of two tensors: `ebnn_add_layer`."""

    other: Layout
    other_source: Place


class CopyStage(_Stage, frozen=True, tag="copy"):
    """One of the tensors that a concatenation joins, to its channels from `first_channel` on: `ebnn_copy_layer`."""

    first_channel: int


class TakeStage(_Stage, frozen=True, tag="take"):
    """Elements at given places of each axis: `ebnn_take_layer`. None is the whole axis in its own order."""

    channels: Section | None
    rows: Section | None
    columns: Section | None


class AffineStage(_Stage, frozen=True, tag="affine"):
    """A bent line per channel: `ebnn_affine_layer`. `offset` holds 64 bits a segment."""

    segments: int
    shift: int
    multiplier: Section
    offset: Section
    knees: Section | None

    @property
    def is_scale(self) -> bool:
        """Whether the smaller kernel `ebnn_scale` does it."""
        return self.input.format == self.output.format == "int32" and self.segments == 1 and self.shift == 0


Stage = (
    LinearStage | Int8Stage | ThresholdStage | PoolStage | SumPoolStage | AddStage | CopyStage | TakeStage | AffineStage
)
WeightStage = LinearStage | Int8Stage


def weight_sections(stage: WeightStage) -> tuple[Section, ...]:
    """Where in the image the weights of a layer lie."""
    if isinstance(stage, Int8Stage):
        return (stage.weights,)
    placed = stage.active or stage.subsets
    parts = (stage.sign, stage.nonzero) if placed is None else (placed.plus, placed.not_minus)
    return tuple(part for part in parts if part is not None)


def sources_of(stage: Stage) -> tuple[Place, ...]:
    """Where the tensors lie that a stage reads."""
    return (stage.source, stage.other_source) if isinstance(stage, AddStage) else (stage.source,)


def scratch_of(stage: Stage) -> Scratch | None:
    """Where the kernel of a stage works, if it needs a place of its own."""
    return stage.scratch if isinstance(stage, LinearStage | Int8Stage) else None


def steps_of(stage: Stage) -> Steps | None:
    """The step function of a stage, if it has one."""
    return stage.steps if isinstance(stage, LinearStage | Int8Stage | ThresholdStage) else None


class Buffer(_Record, frozen=True):
    """A tensor's stay in the work area: from the stage that makes it to the last one that reads it."""

    tensor: str
    offset: int
    bytes: int
    first: int
    last: int


class MarkerPlan(_Record, frozen=True):
    """Which rows of RRAM show that a chip was programmed: `ebnn_marker`.

    They are those of the banks from `bank` on, programmed under `policy` with the section `words`, and count as there
    where no more than `most_wrong` of their cells read otherwise.
    """

    bank: int
    policy: str
    most_wrong: int
    words: Section


class TrimPlan(_Record, frozen=True):
    """What is found when a chip trims itself: so many words, the first of which shows that the others belong to this.

    `identity` tells those of other weights or other means apart.
    """

    words: int
    identity: int


class Plan(_Record, frozen=True):
    """The whole of it. The inputs lie one behind another.

    The work area holds the buffers and, while their stages run, the kernels' scratch. No work area could be smaller
    than `least_work_bytes`: what the busiest stage needs at once. The first `rows_bytes` of the image are the rows of
    the layers in RRAM where the firmware is without them; its last `trimmed_bytes` are all that was trimmed for one
    chip, so that images of one network for several chips differ there alone. `marker` is None where every boot
    programs, `trim` where chips do not trim themselves.
    """

    stages: tuple[Stage, ...]
    inputs: tuple[InputPlan, ...]
    scores: Layout
    buffers: tuple[Buffer, ...]
    work_bytes: int
    least_work_bytes: int
    sections: tuple[Section, ...]
    image_bytes: int
    rows_bytes: int = 0
    trimmed_bytes: int = 0
    marker: MarkerPlan | None = None
    trim: TrimPlan | None = None

    @property
    def trim_bytes(self) -> int:
        """Bytes of what is found when a chip trims itself; 0 where none does."""
        return 0 if self.trim is None else 4 * self.trim.words

    @property
    def input_bytes(self) -> int:
        """Bytes of all inputs of a sample, a multiple of 4."""
        return sum(entry.layout.bytes for entry in self.inputs)

    @property
    def banks(self) -> int:
        """RRAM banks in use."""
        return len(self._bank_numbers)

    @property
    def bank_end(self) -> int:
        """One more than the highest number of a bank in use; 0 where none is."""
        return max(self._bank_numbers, default=-1) + 1

    @property
    def _bank_numbers(self) -> list[int]:
        return [tile.bank for stage in self.stages if isinstance(stage, LinearStage) for tile in stage.tiles]
