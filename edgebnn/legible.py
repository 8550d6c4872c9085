"""A stranger's text, made fit for a terminal and for people.

Names, units and messages of other libraries may hold what a terminal obeys (ESC, BEL, the C1 codes), what turns the
order of letters around (bidi overrides) and what nobody sees (zero-width letters). All that people are shown goes
through here: errors as they are raised, tables and other lines as they are printed.
"""

from __future__ import annotations

import re

# Python calls no control, format, private or unassigned code printable, and of the blanks the plain one alone.
_UNSEEN = re.compile(r"[^ -~]")
_LONGEST_NAME = 80


def legible(text: str) -> str:
    """The text with ? for what no terminal should get; newlines stay, other blanks become plain ones."""
    return _UNSEEN.sub(lambda match: _shown(match[0]), text)


def legible_line(text: str) -> str:
    """The text as `legible`, on one line."""
    return legible(text).replace("\n", " ")


def legible_name(text: str, longest: int = _LONGEST_NAME) -> str:
    """A name on one line, as `legible`, and not endless."""
    clean = legible_line(text)
    return clean if len(clean) <= longest else clean[: longest - 3] + "..."


def legible_json(text: str) -> str:
    """A JSON text with the same meaning in which all that `legible` would replace is escaped."""
    return _UNSEEN.sub(
        lambda match: match[0] if match[0] == "\n" or match[0].isprintable() else _escape(match[0]), text
    )


def _shown(letter: str) -> str:
    if letter == "\n" or letter.isprintable():
        return letter
    return " " if letter.isspace() else "?"


def _escape(letter: str) -> str:
    units = letter.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))
