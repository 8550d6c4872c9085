"""A fault that can be put into a file of the source."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Mutant:
    """Text of a file, from character `begin` to `end`, and what is put in its place.

    path: relative to the project's root. before: the lines, with the text in brackets. lines: those whose execution
    reaches it, the nearest first. place: the function that it stands in.
    """

    path: str
    begin: int
    end: int
    before: str
    after: str
    lines: tuple[int, ...]
    place: str

    @property
    def key(self) -> str:
        """What tells it from all others, and stays as it is where other functions change."""
        return f"{self.path}: {self.place}: {self.before} -> {self.after}"

    def applied(self, source: str) -> str:
        """The file's text with the fault in it."""
        return source[: self.begin] + self.after + source[self.end :]
