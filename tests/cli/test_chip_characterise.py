"""`edgebnn chip characterise`: the JSON that other tools rely on, tables, the picture, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from edgebnn.chip.target_files.loading import load_target
from edgebnn.cli.main import group

POLICIES = list(load_target("rram130").policies)
RATES = ("ber_1t1r", "ber_2t2r", "ber_secded", "ber_secded_72_64")
EVENTS = ("sign_flip", "to_zero", "from_zero")
FEW = ("--cells", 20_000)


def characterise(*words: object) -> Result:
    return CliRunner().invoke(group, ["chip", "characterise", *(str(word) for word in words)])


def document(*words: object) -> dict[str, Any]:
    result = characterise("rram130", *words, "--json")
    assert result.exit_code == 0, result.output
    parsed: dict[str, Any] = json.loads(result.stdout)
    return parsed


@pytest.fixture(scope="module")
def whole() -> dict[str, Any]:
    return document()


def test_every_rate_has_value_interval_and_evidence(whole: dict[str, Any]) -> None:
    ternary = [row[event] for row in whole["ternary"] for event in EVENTS]
    for row in [*(row for name in RATES for row in whole[name]), *ternary]:
        low, high = row["interval"]
        assert 0 <= low <= row["sampled"] <= high <= 1
        assert row["wrong"] == pytest.approx(row["sampled"] * row["trials"])
        assert row["evidence"] in ("recalled", "secondary", "assumed")


def test_the_policies_stand_in_the_targets_order_with_their_devices(whole: dict[str, Any]) -> None:
    assert [policy["name"] for policy in whole["policies"]] == POLICIES
    for name in RATES:
        assert [row["policy"] for row in whole[name]] == POLICIES
    for policy in whole["policies"]:
        for state in ("lrs", "hrs"):
            quantiles = list(policy[state]["quantiles_ohm"].values())
            assert quantiles == sorted(quantiles)
            assert policy[state]["quantiles_ohm"]["0.5"] == pytest.approx(
                policy[state]["median_ohm"]["value"], rel=0.02
            )
            histogram = policy[state]["histogram"]
            assert len(histogram["edges_log10_ohm"]) == len(histogram["counts"]) + 1
        assert policy["ageing"][-1]["cycles"] == policy["endurance_cycles"]["value"]
        assert [row["scheme"] for row in policy["comparison"]][0::3] == ["1T1R", "2T2R"]


def test_the_2t2r_rates_are_the_policies_own_and_keep_their_word(whole: dict[str, Any]) -> None:
    assert [row["value"] for row in whole["ber_2t2r"]] == pytest.approx([1e-7, 1e-5, 2e-3, 3.3e-2], rel=1e-4)
    assert [row["evidence"] for row in whole["ber_2t2r"]] == ["assumed", "assumed", "assumed", "secondary"]
    assert {row["evidence"] for row in whole["ber_secded"]} == {"assumed"}


def test_ternary_errors_stand_at_the_tabulated_supplies_beside_the_table(whole: dict[str, Any]) -> None:
    """Of the policy that the window was fitted for; under the others the same window, and no table."""
    assert [row["supply_v"] for row in whole["ternary"]] == [1.2, 0.6] * 4
    assert [row["policy"] for row in whole["ternary"]][:3] == ["strong", "strong", "nominal"]
    assert not any("tabulated" in row["from_zero"] for row in whole["ternary"][2:])
    for row, from_zero in zip(whole["ternary"][:2], (0.185, 0.065), strict=True):
        assert row["from_zero"]["value"] == pytest.approx(from_zero, rel=1e-4)
        assert row["from_zero"]["tabulated"] == {"value": from_zero, "evidence": "recalled", "upper_bound": False}
        bound = row["sign_flip"]["tabulated"]
        assert bound["upper_bound"] and row["sign_flip"]["value"] < bound["value"] == 1e-6


def test_the_same_seed_gives_the_same_document_and_another_seed_another_sample() -> None:
    first = document(*FEW, "--policy", "low-energy", "--seed", 5)
    assert first == document(*FEW, "--policy", "low-energy", "--seed", 5)
    other = document(*FEW, "--policy", "low-energy", "--seed", 6)
    assert first["seed"] == 5 and other["seed"] == 6
    assert first["ber_1t1r"][0]["wrong"] != other["ber_1t1r"][0]["wrong"]
    assert first["ber_1t1r"][0]["value"] == other["ber_1t1r"][0]["value"]


def test_several_cycles_and_supplies_give_a_rate_each() -> None:
    found = document(*FEW, "--policy", "nominal", "--cycles", 0, "--cycles", 6 * 10**7, "--vdd", 1.2, "--vdd", 0.6)
    where = [(row["supply_v"], row["cycles"]) for row in found["ber_2t2r"]]
    assert where == [(1.2, 0), (1.2, 6 * 10**7), (0.6, 0), (0.6, 6 * 10**7)]
    values = [row["value"] for row in found["ber_2t2r"]]
    # The square of three times the onset, a fifth of the endurance of 1e8.
    assert values[1] == pytest.approx(9 * values[0], rel=1e-3) and values[2] == pytest.approx(8.9e-6, rel=0.03)
    assert [row["policy"] for row in found["ternary"]] == ["nominal", "nominal"]


def test_a_temperature_is_stated_and_has_no_table_beside_it() -> None:
    found = document(*FEW, "--temperature", 60)
    assert found["temperature_c"] == pytest.approx(60)
    assert all("tabulated" not in row[event] for row in found["ternary"] for event in EVENTS)
    assert found["ber_2t2r"][-1]["evidence"] == "assumed"


def test_policies_that_do_not_endure_the_cycles_are_left_out_with_a_note() -> None:
    found = document(*FEW, "--cycles", 10**7)
    assert [policy["name"] for policy in found["policies"]] == POLICIES[1:]
    assert found["notes"] == ["'strong' is left out: its devices endure 1,000,000 cycles, not 10,000,000"]


def test_the_tables_name_seed_cells_and_evidence() -> None:
    result = characterise("rram130", *FEW)
    assert result.exit_code == 0
    for words in ("seed 0", "20,000 cells", "SECDED(8,4)", "ultra-low-energy", "secondary", "0.185, recalled"):
        assert words in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_pictures_are_written_whole_in_the_form_of_their_name(tmp_path: Path) -> None:
    """They are the same each time: tests/report says so of what is drawn, a test above of what it shows."""
    options = [("--png", "a.png"), ("--margin-png", "b.SVG"), ("--ternary-png", "c.svg")]
    words = [word for option, name in options for word in (option, tmp_path / name)]
    assert characterise("rram130", *FEW, "--policy", "strong", *words).exit_code == 0
    png, *svgs = [(tmp_path / name).read_bytes() for _, name in options]
    assert png.startswith(b"\x89PNG\r") and png.endswith(b"IEND\xaeB`\x82") and b"Software" not in png
    assert all(svg.startswith(b"<?xml") and svg.endswith(b"</svg>\n") for svg in svgs)
    assert len(list(tmp_path.iterdir())) == len(options)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["rram130", "--policy", "weak"], "no programming policy 'weak'; it has: strong"),
        (["rram130", "--vdd", "2"], "works from 0.6 to 1.2 V, not at 2 V"),
        (["rram130", "--policy", "strong", "--cycles", "1000001"], "endure 1e+06; choose fewer"),
        (["rram130", "--cycles", "5000000001"], "no policy of 'rram130' endures 5,000,000,001 programming cycles"),
        (["rram130", "--temperature", "200"], "reaches from -20 to 70 C"),
        (["rram130", "--cells", str(10**15)], "cells cannot be sampled"),
        (["rram130", *map(str, FEW), "--png", "no-such-folder/one.png"], "cannot be written"),
        (["host"], "target 'host' describes no devices"),
        (["cortex-m4"], "target 'cortex-m4' describes no devices"),
    ],
)
def test_what_the_model_does_not_cover_is_one_sentence(words: list[str], sentence: str) -> None:
    result = characterise(*words)
    assert result.exit_code == 1 and result.stdout == ""
    assert len(result.stderr.splitlines()) == 1 and sentence in result.stderr


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["rram130", "--cycles", "-1"],
        ["rram130", "--vdd", "0"],
        ["rram130", "--cells", "0"],
        ["rram130", "--png", "a.pdf"],
    ],
)
def test_wrong_usage_ends_with_2(words: list[str]) -> None:
    assert characterise(*words).exit_code == 2
