"""From a network and a target to the plan and the weights image."""

from __future__ import annotations

from edgebnn.chip.target import Target
from edgebnn.errors import FitError
from edgebnn.mapping.fit import fit_of_plan
from edgebnn.mapping.mapped import MappedNetwork, Provenance
from edgebnn.mapping.placing import place
from edgebnn.mapping.remedies import refusal
from edgebnn.mapping.tiling import has_bank_numbers
from edgebnn.network.types import Network


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
    plan, image = None, b""
    if has_bank_numbers(network, target.array):
        plan, image = place(network, target, policy)
    fit = fit_of_plan(network, target, plan)
    if plan is None or not fit.fits:
        raise FitError(refusal(network, target, fit))
    return MappedNetwork(network, target, plan, image, provenance, policy)
