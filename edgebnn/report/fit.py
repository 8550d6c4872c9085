"""Whether a network fits a target, as JSON and as rows of a table."""

from __future__ import annotations

from edgebnn.chip.target.target import Target
from edgebnn.errors import EdgeBNNError
from edgebnn.json_types.memory import AvailableDocument, FitDocument, NeedDocument
from edgebnn.mapping.fit import Fit, Need, fit_of
from edgebnn.mapping.remedies import refusal
from edgebnn.network.network import Network
from edgebnn.report import numbers
from edgebnn.report.terminal import Shown, line, red


def fit_document(network: Network, target: Target) -> FitDocument:
    """Needed and available of banks and bytes, None where the target has none; and why it does not fit, else None.

    `flash_bytes` are those of the weights image: the code comes on top.
    """
    try:
        fit = fit_of(network, target)
    except EdgeBNNError as error:
        return _document(Fit(), str(error))
    return _document(fit, None if fit.fits else refusal(network, target, fit))


def _document(fit: Fit, reason: str | None) -> FitDocument:
    return {
        "banks": _need(fit.banks),
        "banks_at_once": _need(fit.banks_at_once),
        "sram_bytes": _need(fit.sram),
        "flash_bytes": _need(fit.flash),
        "fits": reason is None,
        "reason": reason,
    }


def _need(need: Need | None) -> NeedDocument | None:
    return None if need is None else {"needed": need.needed, "available": need.available}


def available_document(target: Target) -> AvailableDocument:
    """What a target has of what `memory_document` counts; None where nothing bounds it."""
    array, memory = target.array, target.memory
    return {
        "banks": None if array is None else array.banks.integer("count"),
        "sram_bytes": None if memory is None else memory.sram.size.integer("memory"),
        "flash_bytes": None if memory is None else memory.flash.size.integer("memory"),
    }


def fit_rows(found: FitDocument, target: str) -> list[tuple[str, Shown]]:
    """What a network takes of a target, and whether that is there."""
    needs = (
        (found["banks"], "banks"),
        (found["sram_bytes"], "B of SRAM"),
        (found["flash_bytes"], "B of flash, and the code"),
    )
    parts = [part(need, unit) for need, unit in needs if need is not None]
    if not found["fits"]:
        return [(f"fits {target}", line(red("NO"), f": {found['reason']}"))]
    return [(f"fits {target}", f"yes: {', '.join(parts)}" if parts else "yes")]


def part(need: NeedDocument, unit: str) -> str:
    """`272 of 4,096 banks`."""
    return f"{numbers.count(need['needed'])} of {numbers.count(need['available'])} {unit}"
