"""What layers of 8 bits cost on a chip whose RRAM cannot hold them."""

from __future__ import annotations

from edgebnn.chip.energy.energy import Energy, EnergyGroup
from edgebnn.mapping.mapped import MappedNetwork
from edgebnn.network.types import WeightKind
from edgebnn.report import numbers

_MOSTLY = 0.9  # of the energy


def spent_on_int8(mapped: MappedNetwork, energy: Energy | None) -> list[str]:
    """A sentence where a chip with RRAM spends most of its energy on the CPU, which has layers of 8 bits to do."""
    macs = {node.name: node.macs for node in mapped.network.linear}
    int8 = sum(macs[node.name] for node in mapped.network.linear if node.weight_kind is WeightKind.INT8)
    if energy is None or mapped.target.array is None or not int8:
        return []
    groups = energy.by_group()
    share = (groups.get(EnergyGroup.CPU, 0.0) + groups.get(EnergyGroup.SRAM, 0.0)) / energy.total_j
    if share < _MOSTLY:
        return []
    of_all = numbers.portion(int8 / sum(macs.values()))
    return [
        f"the CPU and its memories take {numbers.portion(share)} of an inference's energy: they run the int8 layers, "
        f"{of_all} of all multiply-accumulates; only layers with binary or ternary weights run in RRAM"
    ]
