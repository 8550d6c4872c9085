"""What a command prints, as text."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

from rich.console import Console

from edgebnn.report.terminal import Terminal

Document = dict[str, Any]


def printed(show: Callable[[Console, Document], None], document: Document, columns: int = 80) -> str:
    """The output in a terminal of so many columns, none of whose lines may be longer."""
    console = Terminal(file=io.StringIO(), width=columns, color_system=None)
    show(console, document)
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert all(len(line) <= columns for line in text.splitlines())
    return text
