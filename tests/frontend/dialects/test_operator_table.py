"""The page of operators says what the code does."""

from __future__ import annotations

import pytest

from edgebnn.frontend.constants.constant_folding import folded_operators
from edgebnn.frontend.dialects.dialect_table import DIALECTS
from edgebnn.frontend.dialects.operator_table import COMMAND, page, sentence_of
from edgebnn.frontend.dialects.unsupported_operators import REMEDIES
from tests.conftest import ROOT


def test_the_page_is_what_the_code_makes() -> None:
    written = (ROOT / "docs" / "operators.md").read_text(encoding="utf-8")
    assert written == page(), f"docs/operators.md is not what the code says; write it anew: {COMMAND}"


@pytest.mark.parametrize(
    ("dialect", "operator"), [(dialect.name, operator) for dialect in DIALECTS for operator in dialect.operators]
)
def test_every_operator_has_its_sentence(dialect: str, operator: str) -> None:
    recogniser = next(each for each in DIALECTS if each.name == dialect).operators[operator]
    sentence = sentence_of(recogniser)
    assert sentence.endswith(".") and "|" not in sentence and len(sentence) > 10


def test_no_operator_is_both_read_and_refused_by_name() -> None:
    read = {operator for dialect in DIALECTS for operator in dialect.operators}
    assert not read & REMEDIES.keys()


def test_two_dialects_of_one_domain_share_no_operator() -> None:
    seen: set[tuple[str, str]] = set()
    for dialect in DIALECTS:
        own = {(domain, operator) for domain in dialect.domains for operator in dialect.operators}
        assert not seen & own
        seen |= own


def test_what_is_folded_stands_on_the_page() -> None:
    assert all(f"`{name}`" in page() for name in folded_operators())
