"""`chip characterise` as a table and as a picture, also of a target with other names than rram130's."""

from __future__ import annotations

import io
from typing import Any

import pytest
from msgspec.structs import replace
from scipy.stats import norm

from edgebnn.chip.study.characterise import Request, characterise
from edgebnn.chip.target.target import Target
from edgebnn.chip.target_files.loading import load_target, parse_target
from edgebnn.confidence import exact_interval
from edgebnn.report.characterisation import characterisation_document
from edgebnn.report.characterisation_tables import show_characterisation
from edgebnn.report.chip_figures import characterisation_picture
from edgebnn.report.margin_figure import margin_picture
from edgebnn.report.ternary_figure import ternary_picture
from tests.chip.test_device_laws import SIGNS, TEXT, WHERE
from tests.report.printing import printed

PICTURES = [characterisation_picture, margin_picture, ternary_picture]

RRAM130 = load_target("rram130")


UNEVEN = parse_target(
    TEXT.replace("[policies.low-energy]\n", "[policies.low-energy]\n" + SIGNS.format(1e-3, 3e-3)), WHERE
)


def found(target: Target = RRAM130, **request: Any) -> dict[str, Any]:
    return characterisation_document(characterise(target, Request(cells=20_000, **request)))


@pytest.fixture(scope="module")
def shipped() -> dict[str, Any]:
    """rram130's, which no test changes."""
    return found(outcomes=True)


@pytest.fixture(scope="module")
def uneven() -> dict[str, Any]:
    """Weights +1 and -1 that err at rates of their own."""
    return found(UNEVEN, policy="low-energy", outcomes=True)


def renamed(name: str) -> Target:
    """rram130 with a single policy of this name."""
    assert RRAM130.physics is not None
    sense = replace(RRAM130.physics.sense, window_policy=name)
    policies = {name: RRAM130.policies["strong"]}
    return replace(RRAM130, policies=policies, physics=replace(RRAM130.physics, sense=sense))


def test_the_tables_fit_into_80_columns_under_many_conditions() -> None:
    document = found(cycles=(0, 10**6), supplies_v=(1.2, 0.9, 0.6), temperature_k=310.0)
    text = printed(show_characterisation, document)
    assert "ultra-low-energy" in text and "after 1,000,000 cycles, 0.9 V" in text and "fresh, 0.6 V" in text


@pytest.fixture(scope="module", params=["p" * 64, "a-policy-of-a-long-name"])
def others(request: pytest.FixtureRequest) -> dict[str, Any]:
    return found(renamed(request.param))


def test_a_name_of_any_length_and_rich_markup_in_notes_are_printed_as_they_are(others: dict[str, Any]) -> None:
    text = printed(show_characterisation, others | {"notes": ["[red]as it is[/red]"]})
    assert "[red]as it is[/red]" in text


def test_the_picture_has_its_size_and_is_not_empty(shipped: dict[str, Any]) -> None:
    from matplotlib.image import imread

    pixels = imread(io.BytesIO(characterisation_picture(shipped)))
    assert pixels.shape[:2] == (1455, 1800)
    assert len({tuple(pixel) for pixel in pixels[::7, ::7].reshape(-1, pixels.shape[2]).round(2).tolist()}) > 20


def test_rates_stand_by_sign_where_they_differ_and_only_there(shipped: dict[str, Any], uneven: dict[str, Any]) -> None:
    text = printed(show_characterisation, uneven)
    for title, end, of_plus, as_plus in (
        ("Bit error rates", "Programmed again", 1, 0),
        ("Programmed again", "Ternary weights", 3, 0),
        ("Ternary weights", "Theory's value", 4, 2),
    ):
        table = text.partition(title)[2].partition(end)[0]
        assert table.count("  of +1") == table.count("  of -1") == of_plus
        assert table.count("  as +1") == table.count("  as -1") == as_plus
    text = printed(show_characterisation, shipped)
    assert "of +1" not in text and "of -1" not in text and "  as +1" not in text


def test_what_is_counted_by_sign_adds_up_and_holds_theory(uneven: dict[str, Any]) -> None:
    for row in uneven["ternary"]:
        for event in ("sign_flip", "to_zero", "from_zero"):
            whole, signs = row[event], [row[event]["plus"], row[event]["minus"]]
            assert whole["wrong"] == sum(sign["wrong"] for sign in signs)
            for sign in signs:
                low, high = exact_interval(sign["wrong"], sign["trials"], 0.9999)
                assert low <= sign["value"] <= high
    for row in uneven["programming"]:
        left = row["remaining"]
        assert left["wrong"] == left["plus"]["wrong"] + left["minus"]["wrong"]
    once = uneven["programming"][0]["remaining"]
    assert once["minus"]["wrong"] > once["plus"]["wrong"]


@pytest.mark.parametrize("which", ["shipped", "uneven"])
def test_the_area_of_misreads_is_the_error_rate(which: str, request: pytest.FixtureRequest) -> None:
    """What is drawn left of 0, from the mixture in the JSON alone."""
    document = request.getfixturevalue(which)
    for policy, row in zip(document["policies"], document["ber_2t2r"], strict=True):
        for sign, law in policy["margins"]["ln_margin"].items():
            area = sum(part["share"] * norm.sf(part["mean"] / part["spread"]) for part in law)
            assert area == pytest.approx(row[sign]["value"], rel=1e-4)
        counted = {sum(device["histogram"]["counts"]) for device in policy["margins"]["devices"]}
        assert counted == {20_480 // 2}


def test_outcomes_are_shares_and_meet_the_tables_at_their_supplies(shipped: dict[str, Any]) -> None:
    points = [at for at in shipped["ternary_map"] if at["policy"] == "strong"]
    assert [points[0]["supply_v"], points[-1]["supply_v"]] == [0.6, 1.2]
    for at in shipped["ternary_map"]:
        for shares in at["read_as"].values():
            assert sum(shares.values()) == pytest.approx(1) and min(shares.values()) >= 0
    for at, row in ((points[-1], shipped["ternary"][0]), (points[0], shipped["ternary"][1])):
        assert at["read_as"]["0"]["0"] == pytest.approx(1 - row["from_zero"]["tabulated"]["value"], rel=1e-3)
        assert at["read_as"]["+1"]["0"] == pytest.approx(row["to_zero"]["tabulated"]["value"], rel=1e-3)


@pytest.mark.parametrize("picture", PICTURES)
def test_pictures_say_under_which_conditions(picture: Any, shipped: dict[str, Any]) -> None:
    """As text in the SVG's source: ten years are not fresh devices."""
    document = shipped | {"retention_days": 3650, "first": shipped["first"] | {"cycles": 1000}}
    svg = picture(document, "svg").decode()
    assert "1,000 cycles, 3650 days after programming, reference temperature" in svg
    assert "just programmed" not in svg and b"<dc:date>" not in svg.encode()
    assert svg == picture(document, "svg").decode()


@pytest.mark.parametrize("picture", PICTURES[1:])
def test_pictures_of_signs_that_differ(picture: Any, uneven: dict[str, Any]) -> None:
    assert picture(uneven).startswith(b"\x89PNG")


def test_other_policies_are_drawn_too(others: dict[str, Any]) -> None:
    assert characterisation_picture(others).startswith(b"\x89PNG")
    assert margin_picture(others).startswith(b"\x89PNG")


def test_devices_without_spread_are_drawn_too() -> None:
    assert RRAM130.physics is not None
    policy = RRAM130.policies["nominal"]
    sound = replace(policy, bit_error_rate=replace(policy.bit_error_rate, value=0))
    target = replace(RRAM130, policies=RRAM130.policies | {"nominal": sound})
    document = found(target)
    assert characterisation_picture(document).startswith(b"\x89PNG") and margin_picture(document)
