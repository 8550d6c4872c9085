"""The consoles that tables and progress are printed on: whatever a text holds, the terminal is sent plain letters.

No text is markup here. What is to be bold or red is told so by `bold` and `red`, never within a string.
"""

from __future__ import annotations

import errno
import os
from typing import Any

from rich.console import Console
from rich.text import Text

from edgebnn.legible import legible

Shown = str | Text
"""What a line or a cell of a table may be."""


class Terminal(Console):
    """A rich console for strangers' texts, in which brackets are letters like others."""

    def __init__(self, **options: Any) -> None:
        super().__init__(emoji=False, markup=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """All strings become rich's texts here, those of tables and titles too."""
        return super().render_str(legible(text), **{**options, "markup": False, "emoji": False})

    def on_broken_pipe(self) -> None:
        """Leaves it to whoever prints to end then; rich would end the process with exit code 1."""
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))


def bold(text: str) -> Text:
    """The text, in bold letters."""
    return Text(legible(text), "bold")


def red(text: str) -> Text:
    """The text, in red."""
    return Text(legible(text), "red")


def line(*parts: Shown) -> Text:
    """One text of plain and other parts."""
    return Text.assemble(*(legible(part) if isinstance(part, str) else part for part in parts))
