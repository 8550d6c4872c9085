"""The consoles that tables and progress are printed on: whatever a text holds, the terminal is sent plain letters."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.text import Text

from edgebnn.legible import legible


class Terminal(Console):
    """A rich console for strangers' texts; what is to be bold or red says so in markup, the rest is escaped."""

    def __init__(self, **options: Any) -> None:
        super().__init__(emoji=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """All strings become rich's texts here, those of tables and titles too."""
        return super().render_str(legible(text), **options)
