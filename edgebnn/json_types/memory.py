"""What a network takes of a target's memories, and what there is of them."""

from __future__ import annotations

from typing import TypedDict


class MemoryDocument(TypedDict):
    """Synapses, banks and bytes; `bank_utilisation` is the share of the used banks' synapses that hold a weight.

    There is no `code_bytes` where no firmware was built.
    """

    synapses: int
    banks: int
    bank_utilisation: float | None
    sram_bytes: int
    code_bytes: int | None
    weights_bytes: int


class AvailableDocument(TypedDict):
    """What a target has; null where nothing bounds it."""

    banks: int | None
    sram_bytes: int | None
    flash_bytes: int | None


class LayerMemoryDocument(TypedDict):
    """Synapses of a layer, and the bytes that its weights take in the image."""

    synapses: int
    weight_bytes: int


class NeedDocument(TypedDict):
    """What a network takes of a memory, of so much."""

    needed: int
    available: int


class FitDocument(TypedDict):
    """Whether a network fits a target, and why it does not; null for memories that the target has none of."""

    banks: NeedDocument | None
    banks_at_once: NeedDocument | None
    sram_bytes: NeedDocument | None
    flash_bytes: NeedDocument | None
    fits: bool
    reason: str | None
