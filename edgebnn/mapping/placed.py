"""A network placed by bit error rate: mapped anew with what `ber_aware` found, and `placement.json`, which tells it."""

from __future__ import annotations

import msgspec
import numpy as np
import numpy.typing as npt

from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.json_types.placement import PlacedLayerDocument, PlacementFileDocument, TileSensitivityDocument
from edgebnn.mapping.ber_aware import BerAware, place_by_errors
from edgebnn.mapping.mapped import MappedNetwork
from edgebnn.mapping.placed_for import PlacedFor
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
    document["errors_by_place"] = chip is not None and chip.errs_by_place
    document["placed_for"] = None if chip is None or not chip.errs_by_place else PlacedFor.of(chip).document
    return map_network(found.network, mapped.target, provenance, allocation), msgspec.json.encode(document)


def _document(found: BerAware, mapped: MappedNetwork, title: str | None, readings: int) -> PlacementFileDocument:
    return {
        "kind": "ber-aware",
        "chip": title,
        "readings": None if title is None else readings,
        "harm_banks_alone": found.banks_alone,
        "harm": found.harm,
        # Layers under several policies share the banks: those under which most harm is done are told.
        "bank_error_rates_policy": mapped.linear_stages[found.worst].policy if found.worst else None,
        "bank_error_rates": [_rounded(rate) for rate in found.rates.tolist()],
        "layers": {
            name: {**layer, **_sensitivity_document(found, mapped, name)}
            for name, layer in layers_document(found, mapped).items()
        },
    }


def _sensitivity_document(found: BerAware, mapped: MappedNetwork, name: str) -> TileSensitivityDocument:
    """How much each of a layer's tiles matters, in the order of `banks`; with `linear_` before the placement."""
    return {
        "sensitivity": [_rounded(count) for count in found.counts[name]],
        "linear_banks": [tile.bank for tile in mapped.linear_stages[name].tiles],
        "linear_sensitivity": [_rounded(count) for count in found.linear_counts[name]],
    }


def _rounded(value: float) -> float:
    """To as many digits as people want to read."""
    return float(f"{value:.5g}")


def layers_document(found: BerAware, mapped: MappedNetwork) -> dict[str, PlacedLayerDocument]:
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
