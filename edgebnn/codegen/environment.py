"""The template environment: nothing reaches a generated file unless it was made safe for the place where it stands.

A template prints whole numbers and `Code`, the type of text that is fit for C, and nothing else: a plain string, such
as a node's name, raises TypeError until it has gone through one of the filters below.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from edgebnn.resources import resource_folder

LONGEST_COMMENT = 200
LONGEST_IDENTIFIER = 32

# What may stand in a comment of C, assembly, a linker script or a Makefile. Left out are `*` (it could end a comment),
# `\` (it could join lines), `?` (trigraphs) and `$` (make would expand it where a comment is moved).
_COMMENT_UNSAFE = re.compile(r"[^A-Za-z0-9 !\"#%&'()+,\-./:;<=>@\[\]^_`{|}~]")


class Code(str):
    """Text that may stand in a generated file as it is."""


def c_comment(text: str) -> Code:
    """Text inside a comment, on one line: what could end it or is no printable ASCII becomes a dot."""
    safe = _COMMENT_UNSAFE.sub(".", text)
    return Code(safe if len(safe) <= LONGEST_COMMENT else safe[: LONGEST_COMMENT - 3] + "...")


def c_identifier(text: str) -> Code:
    """The part of an identifier that reminds of a name: lower-case letters, digits and single underscores, or nothing.

    Two names may give the same part, so an identifier needs an index beside it.
    """
    words = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
    return Code(words[:LONGEST_IDENTIFIER].strip("_"))


def c_string(text: str) -> Code:
    """A string literal with its quotes; everything but plain printable ASCII is an octal escape of its UTF-8 bytes."""
    data = text[:LONGEST_COMMENT].encode("utf-8", "replace")
    plain = set(range(0x20, 0x7F)) - set(b'"\\?')
    return Code('"' + "".join(chr(byte) if byte in plain else f"\\{byte:03o}" for byte in data) + '"')


def c_integer(value: int) -> Code:
    """A decimal literal of an int32; the smallest one has no literal of its own."""
    return Code("(-2147483647 - 1)" if value == -(1 << 31) else str(int(value)))


def c_hex(value: int) -> Code:
    """A literal of a uint32."""
    return Code(f"0x{value:08x}u")


def linker_address(value: int) -> Code:
    """An address or a length in a linker script."""
    return Code(f"0x{value:08x}")


def decimal(value: float) -> Code:
    """A real number in a comment, with all its digits."""
    return Code(repr(float(value)))


def render(template: str, **values: Any) -> bytes:
    """The template of this name, filled in; the text ends with one newline."""
    text = environment().get_template(template).render(**values)
    return (text.rstrip("\n") + "\n").encode("ascii")


@cache
def environment() -> Environment:
    """The jinja2 environment of all generated C."""
    made = Environment(
        loader=FileSystemLoader(resource_folder("templates")),
        undefined=StrictUndefined,
        finalize=_only_safe,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # HTML's rules; ours are `_only_safe` and the filters
    )
    for filter_ in (c_comment, c_identifier, c_string, c_integer, c_hex, linker_address, decimal):
        made.filters[filter_.__name__] = filter_
    return made


def _only_safe(value: object) -> object:
    if isinstance(value, Code) or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise TypeError(f"a template prints {value!r}, which no filter has made safe for C")
