"""Which chip a network was placed for, as `placement.json` has it."""

from __future__ import annotations

import msgspec

from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.chip.instance.error_model import ErrorModel
from edgebnn.choices import choice
from edgebnn.json_types.placement import PlacedForDocument
from edgebnn.legible import legible_name


class PlacedFor(msgspec.Struct, frozen=True):
    """Which chip a network was placed for, whatever it went through: its seed, how it errs, and what was measured, by
    name and content."""

    seed: int
    errors: ErrorModel
    measured: str | None = None
    measured_sha256: str | None = None

    @classmethod
    def of(cls, chip: ChipInstance) -> PlacedFor:
        """That of a chip."""
        if chip.measured is None:
            return cls(chip.seed, chip.errors)
        return cls(chip.seed, chip.errors, legible_name(chip.measured.name), chip.measured.sha256)

    @property
    def document(self) -> PlacedForDocument:
        """The same for `placement.json`."""
        return {
            "seed": self.seed,
            "errors": str(self.errors),
            "measured": self.measured,
            "measured_sha256": self.measured_sha256,
        }

    @property
    def words(self) -> str:
        """For a reader, with the options that draw it."""
        if self.measured is not None:
            return f"the measured chip '{legible_name(self.measured)}'"
        drawn_by = f"{choice('seed', str(self.seed))} {choice('errors', str(self.errors))}"
        return f"chip {self.seed} with errors of the kind {self.errors} ({drawn_by})"
