"""`placement.json`: where the weights of a deployment went, if not bank after bank."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict


class TileSensitivityDocument(TypedDict, total=False):
    """How much each tile matters; `linear_`: where it lay, and how much it mattered, before placement by errors."""

    sensitivity: list[float]
    linear_banks: list[int]
    linear_sensitivity: list[float]


class PlacedLayerDocument(TileSensitivityDocument):
    """A layer's banks, tile by tile, the model's own numbers of its neurons as they lie, and which are inverted."""

    banks: list[int]
    neurons: list[int]
    inverted: list[int]


class PlacedForDocument(TypedDict):
    """The chip that a network was placed for: its seed, how it errs, and what was measured."""

    seed: int
    errors: str
    measured: str | None
    measured_sha256: str | None


class PlacementDocument(TypedDict):
    """How weights went to cells: bank after bank (`linear`), by errors (`ber-aware`), or over what a chip holds.

    By errors: the harm that is left, of that of linear placement, with the banks alone and with all of it. Of an
    update in place (`update`) or beside it (`fresh-banks`): the network that it updates, under which policies it was
    programmed, the pulses that it takes, of those of programming everything, and as which policies besides its own
    devices may stay that get none (`stays_as`).
    """

    kind: Literal["linear", "ber-aware", "update", "fresh-banks"]
    chip: NotRequired[str | None]
    readings: NotRequired[int | None]
    harm_banks_alone: NotRequired[float]
    harm: NotRequired[float]
    bank_error_rates_policy: NotRequired[str | None]
    errors_by_place: NotRequired[bool]
    placed_for: NotRequired[PlacedForDocument | None]
    of: NotRequired[str]
    of_sha256: NotRequired[str]
    of_policies: NotRequired[list[str]]
    stays_as: NotRequired[list[str]]
    pulses: NotRequired[int]
    pulses_as_trained: NotRequired[int]
    pulses_of_all: NotRequired[int]


class PlacementFileDocument(PlacementDocument):
    """`placement.json`: the same, each layer, and of a placement by errors how often every bank errs.

    bank_error_rates: under `bank_error_rates_policy`, the policy that does most harm.
    """

    bank_error_rates: NotRequired[list[float]]
    layers: dict[str, PlacedLayerDocument]
