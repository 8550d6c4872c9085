"""What `inspect` answers."""

from __future__ import annotations

from typing import Literal, TypedDict

from edgebnn.json_types.memory import FitDocument
from edgebnn.json_types.target import NamedTargetDocument


class QuantizerDocument(TypedDict):
    """What makes integers of real numbers: how many levels, the step between them, and what becomes of 0.0."""

    levels: int
    step: int
    zero_becomes: list[int]


class ModelInputDocument(TypedDict):
    """An input's tensor, and what users hand over for it: its shape and type, and what a quantiser makes of it."""

    name: str
    kind: str
    shape: list[int]
    low: int
    high: int
    scale: float
    offset: float
    takes: str
    dtype: str
    model_shape: list[int]
    axes: list[int]
    quantizer: QuantizerDocument | None


class ScoresDocument(TypedDict):
    """The scores: what one unit is worth, how far they may be from the model's, and what was left out behind them."""

    shape: list[int]
    scale: float
    score_error: float | None
    ends_in: str


class BorderDocument(TypedDict):
    """Where a layer's sums start from at the borders of what it reads."""

    zones: list[int]
    shift: int


class OwnFieldsDocument(TypedDict, total=False):
    """What only nodes of some kinds have: layers, thresholds, pools, and scores."""

    parameters: int
    padding: str
    pad_begin: list[int]
    pad_end: list[int]
    pad_value: int
    border: BorderDocument | None
    ties: str
    ambiguous: int
    ambiguous_reachable: int
    roundings: list[str]
    band: float
    band_share: float
    steps: int
    window: list[int]
    stride: list[int]
    segments: int


class LayerDocument(OwnFieldsDocument):
    """A node of the network; `reads` names the nodes whose tensors it reads, or an input."""

    name: str
    kind: str
    weights: str | None
    reads: list[str]
    input_shape: list[int]
    output_shape: list[int]
    input_kind: str
    output_kind: str
    fan_in: int | None
    macs: int
    runs_on: Literal["rram", "cpu"]


class ProblemDocument(TypedDict):
    """A node that cannot be mapped: why, and the nearest remedy."""

    node: str
    operator: str
    reason: str
    remedy: str


class InspectedDocument(NamedTargetDocument):
    """`edgebnn inspect`: the layers as understood, or every problem.

    `float_layers` are those that nothing in the model quantises.
    """

    model: str
    model_sha256: str
    input: ModelInputDocument | None
    inputs: list[ModelInputDocument]
    scores: ScoresDocument | None
    layers: list[LayerDocument]
    macs: int
    weights: int
    weights_by_kind: dict[str, int]
    macs_in_rram: int
    producer: str
    ambiguous_thresholds: int
    ambiguous_reachable: int
    fit: FitDocument | None
    quantised: list[str]
    notes: list[str]
    problems: list[ProblemDocument]
    float_layers: list[str]
