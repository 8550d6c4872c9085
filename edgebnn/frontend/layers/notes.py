"""What a user should know of how layers and values were changed on the way to the network."""

from __future__ import annotations

from collections.abc import Sequence

from edgebnn.frontend.problems import printable


class Notes:
    """`quantised` and `activations` are the layers and the values that calibration made 8 bits of."""

    def __init__(self) -> None:
        self.quantised: list[str] = []
        self.activations: list[str] = []
        self._notes: list[str] = []

    def add(self, sentence: str) -> None:
        """Something that a user should know of a layer."""
        self._notes.append(sentence)

    @property
    def sentences(self) -> tuple[str, ...]:
        """All of it."""
        return (*self._notes, *self._quantised_notes())

    def _quantised_notes(self) -> tuple[str, ...]:
        differ = "with the calibration data, so the scores differ from the float model's"
        layers, activations = self.quantised, self.activations
        return (
            *((f"float layers were quantised here to int8 {differ}: {_few(layers)}",) if layers else ()),
            *((f"activations were rounded here to 8 bits {differ}: {_few(activations)}",) if activations else ()),
        )


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - 4} more" if len(names) > 4 else ""
    return ", ".join(map(printable, names[:4])) + more
