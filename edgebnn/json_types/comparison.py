"""What `compare` answers."""

from __future__ import annotations

from typing import Literal, TypedDict

from edgebnn.json_types.deployment import FleetDocument, LifeDocument, MemoryOfTargetDocument, OriginDocument
from edgebnn.json_types.energy import InferenceDocument, OutsideDocument
from edgebnn.json_types.numbers import Interval, Shares


class FiguresDocument(TypedDict):
    """What deployments are compared by and a budget bounds; null where it is not known.

    accuracy is that without bit errors; energy and latency are of one inference; flash holds code and weights;
    programming programs all banks once; the battery lasts so long with the life that was described.
    """

    accuracy: float | None
    energy_nj: float | None
    latency_us: float | None
    flash_bytes: int | None
    sram_bytes: int
    banks: int
    synapses: int
    programming_uj: float | None
    battery_days: float | None


class EmulatedFiguresDocument(TypedDict):
    """What emulation found without bit errors, and the mean accuracy on chips with them."""

    samples: int
    firmware_samples: int
    accuracy: float | None
    accuracy_interval: Interval | None
    executors_agree: bool | None
    energy_per_inference_nj: dict[str, float] | None
    latency_per_inference_us: float | None
    evidence: Shares
    chips: int
    accuracy_on_chips: float | None


class DeploymentBesideDocument(OriginDocument):
    """One of the deployments.

    figures: energy and latency are those that emulation counted where `counted_on` is `data`, the estimate's where it
    is `zeros`. inputs_outside: the inputs whose own quantiser no figure counts.
    """

    name: str
    model: str
    weights_by_kind: dict[str, int]
    inputs: list[str]
    inputs_outside: list[OutsideDocument]
    figures: FiguresDocument
    counted_on: Literal["data", "zeros"]
    memory: MemoryOfTargetDocument
    estimated: InferenceDocument | None
    emulated: EmulatedFiguresDocument | None
    life: LifeDocument | None
    fleet: FleetDocument | None
    notes: list[str]


class JudgedDocument(TypedDict):
    """A deployment's figure, and whether it keeps to a limit; null where it is not known."""

    name: str
    value: float | None
    kept: bool | None


class LimitDocument(TypedDict):
    """The most, or with `least` the least, that a figure may be.

    In the unit of the `field` of a deployment's `figures` that it bounds.
    """

    figure: str
    field: str
    least: bool
    limit: float
    text: str
    deployments: list[JudgedDocument]


class BudgetDocument(TypedDict):
    """Whether every deployment keeps to every limit."""

    kept: bool
    limits: list[LimitDocument]


class ComparedDocument(TypedDict):
    """`edgebnn compare`: deployments in the order in which they were named; `differences` are figures that differ."""

    deployments: list[DeploymentBesideDocument]
    differences: list[str]
    budget: BudgetDocument | None
    notes: list[str]
