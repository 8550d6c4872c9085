"""A network that has found its place on a target: the data that code generation and the emulator work from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import msgspec

from edgebnn.brief import brief
from edgebnn.chip.target.target import Target
from edgebnn.mapping.allocation import LINEAR, Allocation, Provisioning
from edgebnn.mapping.plan import Int8Stage, LinearStage, Plan, WeightStage
from edgebnn.network.network import Network


class Provenance(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What made a deployment: the head of every generated file. It holds no path and no time."""

    version: str
    options: str  # the command line without paths, such as "compile --target rram130 --policy nominal"
    model_name: str
    model_sha256: str
    target_name: str
    target_sha256: str


@dataclass(frozen=True, eq=False)
class MappedNetwork:
    """A network, the target, the plan and the weights image (little-endian 32-bit words and their sections)."""

    network: Network
    target: Target
    plan: Plan
    image: bytes
    provenance: Provenance
    allocation: Allocation = LINEAR

    __repr__ = brief

    @property
    def policy(self) -> str | None:
        """The programming policy of every layer in RRAM without its own; None on a target without RRAM."""
        return self.allocation.policy

    @property
    def provisioning(self) -> Provisioning | None:
        """When the banks are programmed; None on a target without RRAM."""
        return self.allocation.provisioning

    @cached_property
    def policies(self) -> tuple[str, ...]:
        """The programming policies in use, in the target's order: those of the layers in RRAM, or `policy` without any.

        None without RRAM.
        """
        used = {stage.policy for stage in self.linear_stages.values()} or {self.policy}
        return tuple(name for name in self.target.policies if name in used)

    @cached_property
    def linear_stages(self) -> dict[str, LinearStage]:
        """The stage of each layer with binary or ternary weights, by the node's name: in RRAM where there is any."""
        return {stage.node: stage for stage in self.plan.stages if isinstance(stage, LinearStage)}

    @cached_property
    def weight_stages(self) -> dict[str, WeightStage]:
        """The stage of each layer with weights of any kind, by the node's name."""
        return {stage.node: stage for stage in self.plan.stages if isinstance(stage, LinearStage | Int8Stage)}
