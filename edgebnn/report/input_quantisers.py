"""Quantisers of a model's own, on its input, that stay outside the firmware: no figure of a deployment counts them."""

from __future__ import annotations

from collections.abc import Sequence

from edgebnn.json_types.energy import OutsideDocument
from edgebnn.network.network import Network
from edgebnn.report import numbers
from edgebnn.report.names import listed, tail

_MOST_NAMED = 3
_LONGEST = 24


def outside_document(network: Network) -> list[OutsideDocument]:
    """The inputs with such a quantiser, and how many numbers each makes integers of in an inference."""
    return [{"name": entry.name, "values": entry.tensor.size} for entry in network.quantised_outside]


def outside_rows(outside: Sequence[OutsideDocument]) -> list[tuple[str, str]]:
    """What the figures of an inference leave out; no row where that is nothing."""
    if not outside:
        return []
    names = listed([f"'{tail(entry['name'], _LONGEST)}'" for entry in outside], _MOST_NAMED)
    values = numbers.counted(sum(entry["values"] for entry in outside), "number")
    whose = f"quantiser of input {names}" if len(outside) == 1 else f"quantisers of inputs {names}"
    return [("  not counted in them", f"the model's own {whose}, outside the firmware: {values} each time")]
