"""From a network and a target to the plan and the weights image."""

from __future__ import annotations

from edgebnn.chip.target.target import Target
from edgebnn.errors import FitError
from edgebnn.mapping.allocation import LINEAR, Allocation, settled
from edgebnn.mapping.fit import fit_of_plan
from edgebnn.mapping.mapped import MappedNetwork, Provenance
from edgebnn.mapping.placing import place
from edgebnn.mapping.remedies import refusal
from edgebnn.mapping.tiling import has_bank_numbers
from edgebnn.network.network import Network


def map_network(
    network: Network, target: Target, provenance: Provenance, allocation: Allocation = LINEAR
) -> MappedNetwork:
    """The network on the target, in RRAM as the allocation has it: by default bank after bank under the first policy.

    Raises ModelError for a node that cannot be laid out, FitError where a memory is too small, and what `settled` does
    for an allocation that cannot be carried out.
    """
    allocation = settled(allocation, network, target)
    plan, image = None, b""
    if has_bank_numbers(network, target.array):
        plan, image = place(network, target, allocation)
    fit = fit_of_plan(network, target, plan)
    if plan is None or not fit.fits:
        raise FitError(refusal(network, target, fit))
    return MappedNetwork(network, target, plan, image, provenance, allocation)
