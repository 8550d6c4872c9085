"""What `compile`, `run`, `estimate` and `trim` answer about a deployment."""

from __future__ import annotations

from typing import TypedDict

from edgebnn.json_types.chips import ChipDocument
from edgebnn.json_types.energy import (
    BatteryDocument,
    EnergyPartJDocument,
    EnergyPartNjDocument,
    InferenceDocument,
    OutsideDocument,
    ProgrammingCostDocument,
    WearDocument,
)
from edgebnn.json_types.memory import AvailableDocument, LayerMemoryDocument, MemoryDocument
from edgebnn.json_types.numbers import Interval, Shares
from edgebnn.json_types.placement import PlacementDocument
from edgebnn.json_types.policies import PolicyChoiceDocument
from edgebnn.json_types.target import NamedTargetDocument
from edgebnn.json_types.trimming import SelfTrimDocument


class OriginDocument(NamedTargetDocument):
    """The target, the model, the policy of layers without their own, and that of each layer in RRAM.

    provisioning: when banks are programmed, `boot`, `once` or `separate`; null without RRAM.
    """

    model_sha256: str
    policy: str | None
    policies: dict[str, str]
    provisioning: str | None
    trim: str | None


class VerifiedDocument(TypedDict):
    """How many words of rows a chip verifies that verifies, of all, and of each layer."""

    words: int
    of: int
    layers: dict[str, int]


class ProgrammedOnceDocument(TypedDict, total=False):
    """What programming once takes, beside all under the policy that errs least and under the one that takes least."""

    programming_energy_uj: float
    programming_energy_strongest_uj: float
    programming_energy_cheapest_uj: float
    strongest_policy: str
    cheapest_policy: str


class ChosenPoliciesDocument(ProgrammedOnceDocument, total=False):
    """The figures of a choice of policies by accuracy, and all of `policies.json`; empty where policies were named."""

    programming_energy_attempts_uj: float
    accuracy: float
    accuracy_predicted: float
    accuracy_predicted_interval: Interval
    accuracy_verified: float
    accuracy_verified_interval: Interval
    accuracy_drop_predicted: float
    accuracy_drop_predicted_interval: Interval
    accuracy_drop_verified: float
    accuracy_drop_verified_interval: Interval
    rounds: int
    policy_choice: PolicyChoiceDocument


class CompiledDocument(OriginDocument, MemoryDocument, ChosenPoliciesDocument):
    """`edgebnn compile`: what was written and what it takes; energies in uJ."""

    deployment: str
    takes: str
    available: AvailableDocument
    placement: PlacementDocument
    attempts: dict[str, int]
    verified: VerifiedDocument | None
    trim_tried: SelfTrimDocument | None
    layers: dict[str, LayerMemoryDocument]
    compiler: str | None
    notes: list[str]


class RunDocument(OriginDocument):
    """`edgebnn run`: the class of each sample, and with labels the accuracy; the scores go to a file."""

    on: str
    samples: int
    chip: ChipDocument | None
    scale: float
    ends_in: str
    notes: list[str]
    accuracy: float | None
    accuracy_interval: Interval | None
    classes: list[int]
    class_counts: list[int]


class MemoryOfTargetDocument(MemoryDocument):
    """What a deployment takes, and what there is."""

    available: AvailableDocument


class TrimmingDocument(TypedDict):
    """What it takes a chip to trim itself behind a programming; null where it does not."""

    trim_bytes: int | None
    trim_energy_uj: float | None
    trim_time_us: float | None
    trim_evidence: Shares


class LifeDocument(TypedDict):
    """A deployment's life: what it does and what that takes, all programming included."""

    days: float
    inferences_per_day: float
    reprogrammings_per_day: float
    channels: int
    sample_rate_hz: float | None
    boots_per_day: float
    inferences: float
    reprogrammings: float
    boots: float
    energy_j: dict[str, float]
    energy_parts: list[EnergyPartJDocument]
    evidence: Shares
    leakage_share: float
    mean_power_uw: float
    battery: BatteryDocument | None
    battery_power_uw: float | None
    battery_days: float | None


class FleetDocument(TypedDict):
    """What many devices take that live alike, each updated so often a year of 365 days.

    updates: of one device in its life. programming_energy_j: of all devices, a part of energy_j. batteries: of all
    devices in their life; null where no cell is known. update_bytes: code and weights, of one update of one device;
    sent_bytes: of all.
    """

    devices: int
    updates_per_year: float
    updates: float
    energy_j: float
    programming_energy_j: float
    batteries: float | None
    update_bytes: int | None
    sent_bytes: float | None


class EnduranceDocument(TypedDict):
    """How often the banks can be programmed, and what that does to their bit error rate.

    `worn` is the rate where devices are worn out, `at_the_end` that at the end of the planned life.
    """

    policy: str
    cycles: int
    reprogrammings: int
    evidence: str
    worn: WearDocument | None
    at_the_end: WearDocument | None
    years: float | None


class EstimatedDocument(OriginDocument, InferenceDocument, ProgrammingCostDocument, TrimmingDocument):
    """`edgebnn estimate`: one inference, programming, and the whole life; energies from counted events."""

    supply_v: float | None
    inputs_outside: list[OutsideDocument]
    energy_parts: list[EnergyPartNjDocument]
    latency_parts_us: dict[str, float]
    memory: MemoryOfTargetDocument
    programming_time_evidence: Shares
    provisioning_energy_uj: float | None
    boot_energy_uj: float | None
    deployment: LifeDocument | None
    fleet: FleetDocument | None
    endurance: EnduranceDocument | None
    array_events_closed_form: dict[str, int]
    events_counted: dict[str, int] | None
    notes: list[str]


class ShiftDocument(TypedDict):
    """Of a layer's channels how many had a threshold moved, the largest shift, and the root of their mean square."""

    channels: int
    moved: int
    largest: int
    root_mean_square: float


class TrimsDocument(TypedDict):
    """On how many samples the class is that without errors, before and after, and what was moved in each layer.

    image_offset, image_bytes: the end of the weights image, which is this chip's alone.
    """

    samples: int
    same_before: int
    same_after: int
    image_offset: int
    image_bytes: int
    layers: dict[str, ShiftDocument]


class TrimmedDocument(NamedTargetDocument):
    """`edgebnn trim`: the trimmed deployment, and the chip that it is for."""

    deployment: str
    model_sha256: str
    policy: str | None
    policies: dict[str, str]
    provisioning: str | None
    chip: ChipDocument
    trim: TrimsDocument
    notes: list[str]
