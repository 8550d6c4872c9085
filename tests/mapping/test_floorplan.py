"""The picture of the memory map: sound XML whatever a model's names hold, drawn from the plan."""

from __future__ import annotations

import dataclasses
import re
from xml.etree import ElementTree

from hypothesis import given

from edgebnn.mapping.floorplan import floorplan_svg
from edgebnn.mapping.memory_map import memory_map_markdown
from edgebnn.network import Linear, Network
from tests.mapping.test_planner import dense, mapped_on
from tests.networks import networks

HOSTILE = '</title><script>alert(1)</script>\x00 "&{{ 7*7 }}'
SVG = "{http://www.w3.org/2000/svg}"


def renamed(network: Network, name: str) -> Network:
    first = network.nodes[0]
    assert isinstance(first, Linear)
    return dataclasses.replace(network, name=name, nodes=(dataclasses.replace(first, name=name), *network.nodes[1:]))


@given(networks())
def test_every_bank_in_use_is_drawn_once(network: Network) -> None:
    mapped = mapped_on(network)
    root = ElementTree.fromstring(floorplan_svg(mapped))
    tips = [title.text or "" for title in root.iter(f"{SVG}title")]
    for bank in range(mapped.plan.banks):
        assert sum(tip.startswith(f"bank {bank}:") for tip in tips) == 2  # the frame and its filled part


@given(networks())
def test_every_box_lies_within_the_picture(network: Network) -> None:
    root = ElementTree.fromstring(floorplan_svg(mapped_on(network)))
    width, height = (float(root.attrib[side]) for side in ("width", "height"))

    def check(element: ElementTree.Element, x: float, y: float) -> None:
        moved = re.match(r"translate\(([\d.]+)[ ,]+([\d.]+)\)", element.attrib.get("transform", ""))
        x, y = (x + float(moved[1]), y + float(moved[2])) if moved else (x, y)
        if element.tag == f"{SVG}rect" and "%" not in element.attrib["width"]:
            left, top, wide, high = (float(element.attrib.get(name, 0)) for name in ("x", "y", "width", "height"))
            assert 0 <= x + left <= x + left + wide <= width + 0.1
            assert 0 <= y + top <= y + top + high <= height + 0.1
        for child in element:
            check(child, x, y)

    check(root, 0, 0)


def test_of_thousands_of_banks_those_filled_alike_are_drawn_as_one() -> None:
    mapped = mapped_on(dense(32 * 100, 32 * 16 + 1))
    root = ElementTree.fromstring(floorplan_svg(mapped))
    tips = [title.text or "" for title in root.iter(f"{SVG}title")]
    found = re.findall(r"banks? (\d+)(?: to (\d+))?: fc,", "\n".join(tips))
    drawn = [bank for first, last in found for bank in range(int(first), int(last or first) + 1)]
    assert len(tips) < 100 and sorted(drawn) == sorted([*range(1700)] * 2)
    assert any(tip.startswith("banks 1600 to ") and "neurons 512 to 512, 32 inputs each" in tip for tip in tips)


def test_a_hostile_name_stays_text() -> None:
    svg = floorplan_svg(mapped_on(renamed(dense(40, 3), HOSTILE)))
    root = ElementTree.fromstring(svg)
    assert not list(root.iter(f"{SVG}script"))
    assert any("{{ 7*7 }}" in (title.text or "") for title in root.iter(f"{SVG}title"))


def test_a_hostile_name_breaks_no_markdown_table() -> None:
    text = memory_map_markdown(mapped_on(renamed(dense(40, 3), "a|b\n# c <script>"))).decode()
    assert "<script>" not in text.replace("\\<script\\>", "")
    assert not any(line.startswith("# c") for line in text.splitlines())


def test_the_same_deployment_gives_the_same_picture() -> None:
    assert floorplan_svg(mapped_on(dense(70, 40))) == floorplan_svg(mapped_on(dense(70, 40)))
