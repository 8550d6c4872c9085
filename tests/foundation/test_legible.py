"""Whatever a stranger's text holds, a terminal gets plain letters of it."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from edgebnn.errors import DataError
from edgebnn.legible import legible, legible_json, legible_line

HOSTILE = "a\x1b[2J\x07\x9b1m\u202eb\u200b\u2066\ufeff\x7f\u2028c"


def test_what_a_terminal_obeys_and_what_nobody_sees_is_replaced() -> None:
    assert legible(HOSTILE) == "a?[2J??1m?b????" + " c"
    assert legible("Gerät µV 心電図, two\nlines\tand\xa0blanks") == "Gerät µV 心電図, two\nlines and blanks"
    assert legible_line("two\nlines") == "two lines"


@given(st.text(st.characters()))
def test_any_text_becomes_one_line_of_the_same_length(text: str) -> None:
    assert legible_line(text).isprintable() and len(legible_line(text)) == len(text)


@given(st.text(st.characters(codec="utf-8")))
def test_json_keeps_its_meaning(text: str) -> None:
    written = legible_json(json.dumps({"name": text}, ensure_ascii=False, indent=1))
    assert json.loads(written) == {"name": text} and written.replace("\n", "").isprintable()


def test_an_error_is_a_line_that_no_terminal_obeys() -> None:
    assert str(DataError(f"'{HOSTILE}'\nis none")) == f"'{legible(HOSTILE)}' is none"
