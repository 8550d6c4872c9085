"""A network placed by bit error rate: mapped anew with what `ber_aware` found, and `placement.json`, which tells it."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from edgebnn.chip.instance import ChipInstance
from edgebnn.mapping.ber_aware import BerAware, place_by_errors
from edgebnn.mapping.mapped import MappedNetwork
from edgebnn.mapping.planner import map_network


def placed(
    mapped: MappedNetwork, chip: ChipInstance | None, x: npt.NDArray[np.generic], readings: int
) -> tuple[MappedNetwork, bytes]:
    """The network, which is mapped linearly, placed for a chip, or for all of the target; and `placement.json`.

    The batch x, as the network's inputs take it, shows which weights matter. Raises what `place_by_errors` raises.
    """
    found = place_by_errors(mapped, chip, x, readings)
    title = None if chip is None else chip.title(", ".join(mapped.policies))
    allocation = msgspec.structs.replace(mapped.allocation, banks=found.banks)
    goes_by = "" if title is None else f", placed for {title} by {readings} readings"
    provenance = msgspec.structs.replace(mapped.provenance, options=f"{mapped.provenance.options}{goes_by}")
    document = _document(found, mapped, title, readings)
    return map_network(found.network, mapped.target, provenance, allocation), msgspec.json.encode(document)


def _document(found: BerAware, mapped: MappedNetwork, title: str | None, readings: int) -> dict[str, Any]:
    return {
        "kind": "ber-aware",
        "chip": title,
        "readings": None if title is None else readings,
        "harm_banks_alone": found.banks_alone,
        "harm": found.harm,
        "layers": layers_document(found, mapped),
    }


def layers_document(found: BerAware, mapped: MappedNetwork) -> dict[str, Any]:
    """Where each layer went, by its name.

    `neurons` are the model's own numbers in the order in which they lie; `inverted` are places in that order.
    """
    banks = iter(found.banks)
    return {
        name: {
            "banks": [next(banks) for _ in mapped.linear_stages[name].tiles],
            "neurons": order.tolist(),
            "inverted": np.flatnonzero(found.turned[name]).tolist(),
        }
        for name, order in found.orders.items()
    }
