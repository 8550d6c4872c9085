"""What the tables say fits into a terminal of 80 columns, has no empty rows, and explains what it counts."""

from __future__ import annotations

import numpy as np
import pytest

from edgebnn.chip.target_files.loading import load_target, target_names
from edgebnn.report.documents import target_document
from edgebnn.report.tables import show_run, show_target
from tests.report.printing import Document, printed

RUN: Document = {"samples": 1, "on": "fast", "chip": None, "class_counts": [0, 1], "accuracy": None}


@pytest.mark.parametrize("name", target_names())
def test_every_number_of_a_target_is_shown_whole(name: str) -> None:
    document = target_document(load_target(name))
    text = printed(show_target, document)
    for number in document["numbers"]:
        section, _, field = number["path"].rpartition(".")
        assert f"│ {section} " in text and f"│   {field} " in text


def test_a_target_without_numbers_has_no_empty_table() -> None:
    text = printed(show_target, target_document(load_target("host")))
    assert "states no physical numbers" in text and "┃" not in text


def test_a_run_of_one_sample_is_singular() -> None:
    document: Document = {**RUN, "ends_in": "scores"}
    assert printed(show_run, document) == "1 sample on fast, no bit errors: class 1: 1\n"
    none = {**document, "samples": 0, "class_counts": np.zeros(2, int).tolist()}
    assert printed(show_run, none) == "0 samples on fast, no bit errors\n"


def test_a_run_says_that_the_models_ending_is_left_out() -> None:
    document: Document = {**RUN, "ends_in": "classes"}
    assert "none is a probability" in " ".join(printed(show_run, document).split())
