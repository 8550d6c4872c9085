"""What a sentence calls a choice of the user's: an option on the command line, an argument in Python."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_ON_COMMAND_LINE: ContextVar[bool] = ContextVar("_ON_COMMAND_LINE", default=False)
_OTHERWISE_CALLED = {"policies": "policy-for", "attempts": "attempts-for"}


@contextmanager
def on_the_command_line() -> Iterator[None]:
    """As long as this lasts, choices are called as the options that the command line has for them."""
    token = _ON_COMMAND_LINE.set(True)
    try:
        yield
    finally:
        _ON_COMMAND_LINE.reset(token)


def choice(argument: str, value: str = "", in_python: str | None = None) -> str:
    """`--chip-yield` on the command line and `chip_yield` in Python; with a value `--trim on-chip`, `trim="on-chip"`.

    `in_python` is the value there, where it is written otherwise than a text or a number is.
    """
    if _ON_COMMAND_LINE.get():
        option = f"--{_OTHERWISE_CALLED.get(argument, argument).replace('_', '-')}"
        return f"{option} {value}" if value else option
    if in_python is None:
        in_python = value if not value or value[0].isdigit() else f'"{value}"'
    return f"{argument}={in_python}" if in_python else argument
