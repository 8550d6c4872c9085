"""The page of the Python API says what the docstrings say, and has every public name."""

from __future__ import annotations

import pytest

import edgebnn
from tests.conftest import ROOT

pytest.importorskip("torch", reason="the page has the names of edgebnn.nn, which need PyTorch")

from edgebnn import nn
from tests.project.api_reference import COMMAND, page


def test_the_page_is_what_the_docstrings_make() -> None:
    written = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    assert written == page(), f"docs/api.md is not what the code says; write it anew: {COMMAND}"


@pytest.mark.parametrize("name", [*edgebnn.__all__, *nn.__all__])
def test_every_public_name_is_on_it(name: str) -> None:
    if name != "__version__":
        assert f"### `{name}`" in page().splitlines()
