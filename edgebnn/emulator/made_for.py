"""Sentences about chips that are not the one that weights were placed for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.errors import DeploymentError
from edgebnn.mapping.folder import PLACEMENT
from edgebnn.mapping.placed_for import PlacedFor


class _Told(msgspec.Struct, frozen=True):
    """What of `placement.json` says for which chip it is; a placement for all chips, or an update, is for none."""

    chip: str | None = None
    placed_for: PlacedFor | None = None


def on_other_chips(files: Mapping[str, bytes], chips: Sequence[ChipInstance]) -> list[str]:
    """What to say where some of these chips are not the one that the weights of a deployment of these files were placed
    for; DeploymentError where `placement.json` is damaged."""
    told = files.get(PLACEMENT)
    if told is None:
        return []
    try:
        found = msgspec.json.decode(told, type=_Told)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise DeploymentError(
            f"'{PLACEMENT}' in the deployment is damaged ({error}); compile the model again"
        ) from error
    if found.placed_for is None:
        return []
    others = sum(PlacedFor.of(chip) != found.placed_for for chip in chips)
    if not others:
        return []
    which = f"{others:,} of these {len(chips):,} chips are not it"
    if others == len(chips):
        which = "this chip is another one" if others == 1 else f"none of these {others:,} chips is it"
    return [f"the weights are placed for {found.placed_for.words}: {which}, on which the choice of banks gains nothing"]
