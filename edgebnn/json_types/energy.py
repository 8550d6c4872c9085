"""Energy, latency and programming, as `emulate`, `estimate` and others state them."""

from __future__ import annotations

from typing import TypedDict

from edgebnn.json_types.numbers import Shares


class InferenceDocument(TypedDict):
    """One inference: the energy with its parts and groups in nJ, the latency in us, and what both rest on.

    Null where a target has no energy model, or there is no firmware to count.
    """

    energy_per_inference_nj: dict[str, float] | None
    energy_groups_nj: dict[str, float] | None
    latency_per_inference_us: float | None
    evidence: Shares
    latency_evidence: Shares


class OutsideDocument(TypedDict):
    """An input whose own quantiser stays outside the firmware, and how many numbers it makes integers of each time."""

    name: str
    values: int


class EnergyPartDocument(TypedDict):
    """A part of an energy, the group that it belongs to, and what it is worth."""

    part: str
    group: str
    evidence: str


class EnergyPartNjDocument(EnergyPartDocument):
    """A part of an inference's energy."""

    energy_nj: float


class EnergyPartJDocument(EnergyPartDocument):
    """A part of a life's energy."""

    energy_j: float


class PolicyCostDocument(TypedDict):
    """What programming takes of rows under one policy."""

    energy_uj: float
    time_us: float


class ProgrammingCostDocument(TypedDict):
    """What programming all banks takes, and each boot of it; without RRAM there is none.

    programming_energy_uj is everywhere that of programming once, with one attempt at each row.
    """

    programming_by_policy: dict[str, PolicyCostDocument]
    programming_energy_uj: float | None
    programming_evidence: Shares
    programming_time_us: float | None
    marker_energy_uj: float | None
    programming_energy_per_boot_uj: float | None


class ProgrammingDocument(ProgrammingCostDocument):
    """The same with the policy, where all is programmed under one.

    programming_energy_uj is that of one attempt at each row; programming_energy_attempts_uj, as all the others, that
    of the attempts that the first chip made.
    """

    programming_policy: str | None
    programming_energy_attempts_uj: float | None


class WearDocument(TypedDict):
    """The bit error rate of binary weights after so many cycles, beside that of fresh devices.

    `doubled_after`: the cycles after which it is twice that of fresh devices; null where devices wear out before.
    """

    cycles: int
    bit_error_rate: float
    fresh_bit_error_rate: float
    doubled_after: int | None
    evidence: str


class BatteryDocument(TypedDict):
    """The cell whose life is told."""

    name: str
    charge_mah: float
    voltage_v: float
    evidence: str
