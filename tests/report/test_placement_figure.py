"""The picture of a placement: both forms, the same bytes each time, names that are not obeyed."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest

from edgebnn.report.placement_figure import placement_picture


def placement(chip: str | None = "chip 7") -> dict[str, Any]:
    layers = {
        "a": {"banks": [7, 3], "sensitivity": [2.0, 1.0], "linear_banks": [0, 1], "linear_sensitivity": [1.0, 2.0]},
        "b": {"banks": [5], "sensitivity": [0.0], "linear_banks": [2], "linear_sensitivity": [0.0]},
    }
    rates = [0.05, 0.04, 0.03, 0.01, 0.03, 0.02, 0.06, 0.005, 0.04, 0.07]
    told = {"bank_error_rates_policy": "strong", "harm": 0.1, "harm_banks_alone": 0.2, "readings": 4 if chip else None}
    return {"kind": "ber-aware", "chip": chip, "bank_error_rates": rates, "layers": layers, **told}


def words(svg: bytes) -> str:
    """All texts, which matplotlib also writes as comments."""
    comments = (line for part in svg.decode().split("<!--")[1:] for line in part.partition("-->")[0].splitlines())
    return " ".join(line.strip() for line in comments)


def test_both_forms_are_drawn_the_same_each_time() -> None:
    first, again = (placement_picture(placement(), "net on rram130", "svg") for _ in range(2))
    assert first == again
    ElementTree.fromstring(first.decode())
    assert placement_picture(placement(), "net on rram130").startswith(b"\x89PNG")


def test_it_says_what_the_banks_err_by_how_much_they_matter() -> None:
    told = words(placement_picture(placement(), "net on rram130", "svg"))
    # (0.05 * 1 + 0.04 * 2) / 3 before, (0.005 * 2 + 0.01 * 1) / 3 after
    assert "before 0.0433, after 0.00667" in told
    assert "10.0% of" in told and "with the banks alone 20.0%" in told and "4 readings" in told


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", ["$\\frac{$", "<script>&", "\x1b[31mred", "名" * 200])
def test_a_name_is_text_and_no_more(name: str) -> None:
    svg = placement_picture(placement(name), name, "svg")
    ElementTree.fromstring(svg.decode())
    assert b"<script>" not in svg and b"\x1b" not in svg


def test_a_placement_of_no_chip_is_drawn_too() -> None:
    alike = placement(None) | {"bank_error_rates": [0.03] * 10}
    assert "what all chips of the target have in common" in words(placement_picture(alike, "net", "svg"))
