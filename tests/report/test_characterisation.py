"""`chip characterise` as a table and as a picture, also of a target with other names than rram130's."""

from __future__ import annotations

import io
from typing import Any

import pytest
from msgspec.structs import replace

from edgebnn.chip.characterise import Request, characterise
from edgebnn.chip.target import Target
from edgebnn.chip.target_files import load_target
from edgebnn.report.characterisation import characterisation_document, show_characterisation
from edgebnn.report.chip_figures import characterisation_picture
from tests.report.printing import printed

RRAM130 = load_target("rram130")


def found(target: Target = RRAM130, **request: Any) -> dict[str, Any]:
    return characterisation_document(characterise(target, Request(cells=20_000, **request)))


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


def test_a_name_of_any_length_and_rich_markup_in_notes_are_printed_as_they_are() -> None:
    document = found(renamed("p" * 64))
    document["notes"] = ["[red]as it is[/red]"]
    assert "[red]as it is[/red]" in printed(show_characterisation, document)


def test_the_picture_has_its_size_and_is_not_empty() -> None:
    from matplotlib.image import imread

    pixels = imread(io.BytesIO(characterisation_picture(found())))
    assert pixels.shape[:2] == (1380, 1800)
    assert len({tuple(pixel) for pixel in pixels[::7, ::7].reshape(-1, pixels.shape[2]).round(2).tolist()}) > 20


@pytest.mark.parametrize("name", ["p" * 64, "a-policy-of-a-long-name"])
def test_other_policies_are_drawn_too(name: str) -> None:
    assert characterisation_picture(found(renamed(name))).startswith(b"\x89PNG")


def test_devices_without_spread_are_drawn_too() -> None:
    assert RRAM130.physics is not None
    policy = RRAM130.policies["nominal"]
    sound = replace(policy, bit_error_rate=replace(policy.bit_error_rate, value=0))
    target = replace(RRAM130, policies=RRAM130.policies | {"nominal": sound})
    assert characterisation_picture(found(target)).startswith(b"\x89PNG")


def test_the_picture_says_what_the_devices_went_through() -> None:
    """As text in the SVG's source: ten years are not fresh devices."""
    document = found()
    document["retention_days"], document["first"]["cycles"] = 3650, 1000
    svg = characterisation_picture(document, "svg").decode()
    assert "1,000 cycles, 3650 days after programming, reference temperature, 1.2 V" in svg
    assert "fresh devices" not in svg


def test_the_same_document_gives_the_same_svg() -> None:
    document = found()
    first, second = (characterisation_picture(document, "svg") for _ in range(2))
    assert first == second and b"<dc:date>" not in first
