"""Copies of target files: the numbers that were set, what they are worth, and nothing else changed."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from edgebnn.chip.target.quantity import Evidence
from edgebnn.chip.target_files.copies import copy_target
from edgebnn.chip.target_files.loading import load_target, target_names
from edgebnn.chip.target_files.settings import Worth, parse_setting, with_settings
from edgebnn.errors import TargetError
from edgebnn.resources import resource_folder


@pytest.mark.parametrize("name", target_names())
def test_a_copy_is_the_same_target_under_the_name_of_its_file(name: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.v2.toml"
    copied = copy_target(name, file)
    original = (resource_folder("targets") / f"{name}.toml").read_text()
    assert copied.name == "mine.v2"
    assert load_target(str(file)) == copied
    assert file.read_text() == original.replace(f'name = "{name}"', 'name = "mine.v2"', 1)  # comments and all


def test_a_number_that_was_set_is_assumed_and_says_who_set_it_and_what_it_was(tmp_path: Path) -> None:
    texts = ("array.banks=16384", "memory.sram.size = 512 KiB", "policies.low-energy.bit_error_rate=1e-3")
    copied = copy_target("rram130", tmp_path / "mine.toml", [parse_setting(text) for text in texts])
    before = {path: quantity for path, quantity, _ in load_target("rram130").quantities()}
    after = {path: quantity for path, quantity, _ in copied.quantities()}
    changed = {path: number for path, number in after.items() if number != before[path]}
    assert {path: (number.value, number.unit) for path, number in changed.items()} == {
        "array.banks": (16384, "banks"),
        "memory.sram.size": (512, "KiB"),
        "policies.low-energy.bit_error_rate": (0.001, "1"),
    }
    assert {number.evidence for number in changed.values()} == {Evidence.ASSUMED}
    assert changed["array.banks"].source == "set by the user ('rram130' has 4096 banks)"


def test_a_number_is_worth_what_the_user_states(tmp_path: Path) -> None:
    worth = Worth('our "chip" of May, \\ lot 7', Evidence.MEASURED)
    copied = copy_target("rram130", tmp_path / "mine.toml", [parse_setting("energy.pcsa_read=18")], worth)
    assert copied.energy is not None and copied.energy.pcsa_read is not None
    assert copied.energy.pcsa_read.evidence is Evidence.MEASURED
    assert copied.energy.pcsa_read.source.startswith('our "chip" of May, \\ lot 7 (')


def test_numbers_that_a_target_may_state_are_added(tmp_path: Path) -> None:
    """Rates of each sign, which go together, below their policy's header; and a table that was not there."""
    texts = [f"policies.low-energy.error_rate_{sign}" for sign in ("plus=1e-3", "minus=3e-3")]
    text = (resource_folder("targets") / "rram130.toml").read_text()
    head, _, tail = text.partition("[physics.stuck]\n")
    plain = tmp_path / "plain.toml"
    plain.write_text((head + tail.split("\n", 2)[2]).replace('name = "rram130"', 'name = "plain"'))
    texts += ["physics.stuck.lrs=0.01", "physics.stuck.hrs=0.02", "physics.variability.lrs_spread=0.7"]
    copied = copy_target(str(plain), tmp_path / "mine.toml", [parse_setting(text) for text in texts])
    after = {path: quantity for path, quantity, _ in copied.quantities()}
    assert [after[text.partition("=")[0]].value for text in texts] == [1e-3, 3e-3, 0.01, 0.02, 0.7]
    assert after["physics.variability.lrs_spread"].unit == "times"
    assert after["physics.stuck.lrs"].source == "set by the user ('plain' has none)"
    assert load_target(str(tmp_path / "mine.toml")) == copied
    with pytest.raises(TargetError, match="go together"):
        copy_target("rram130", tmp_path / "half.toml", [parse_setting(texts[0])])


def test_a_copy_can_be_copied_again(tmp_path: Path) -> None:
    first, second = tmp_path / "one.toml", tmp_path / "two.toml"
    copy_target("rram130", first, [parse_setting("array.banks=8192")])
    copied = copy_target(str(first), second, [parse_setting("array.banks=64")])
    assert copied.array is not None and copied.array.banks.source == "set by the user ('one' has 8192 banks)"


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("array.bank=1", r"has no number 'array\.bank'; did you mean array\.banks"),
        ("array.banks=70000", r"array\.banks must be 1 to 65536"),
        ("array.banks=-1", "zero or more"),
        ("array.banks=1.5", "whole number"),
        ("memory.sram.size=512pJ", "one of B, KiB, MiB"),
        ("memory.sram.size=2000MiB", "overlaps|beyond"),
        ("policies.strong.lrs=900", "HRS|lrs|below|smaller"),
    ],
)
def test_what_makes_no_sound_target_writes_nothing(setting: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(TargetError, match=message):
        copy_target("rram130", tmp_path / "mine.toml", [parse_setting(setting)])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "text", ["array.banks", "array.banks=", "array.banks=x", "=3", "a=1=2", "a=nan", "a=1..2", "\x1b=1"]
)
def test_what_sets_no_number_is_refused(text: str) -> None:
    with pytest.raises(TargetError, match="sets no number"):
        parse_setting(text)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("mine.txt", r"\.toml"),
        ("rram130.toml", "ships with"),
        ("a b.toml", "letters, digits"),
        ("there.toml", "already"),
    ],
)
def test_a_file_that_cannot_be_the_copy_is_refused(name: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "there.toml").write_text("mine\n")
    with pytest.raises(TargetError, match=message):
        copy_target("rram130", tmp_path / name)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["mine\n"]


def test_numbers_that_stand_otherwise_than_a_line_each_are_left_to_the_user(tmp_path: Path) -> None:
    text = (resource_folder("targets") / "host.toml").read_text()
    odd = tmp_path / "odd.toml"
    odd.write_text(text.replace("name =", '"name" ='))
    assert tomllib.loads(odd.read_text())["name"] == "host"
    with pytest.raises(TargetError, match="by hand"):
        copy_target(str(odd), tmp_path / "mine.toml")


def test_numbers_are_set_without_a_file_too() -> None:
    changed = with_settings(load_target("rram130"), {"array.banks": (8192, "banks")})
    assert changed.array is not None and changed.array.banks.integer("count") == 8192


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("rows=1025", r"array\.rows must be 1 to 1024, so that"),
        ("columns=48", r"array\.columns must be a multiple of 32 from 32 to 1024"),
        ("columns=2147483648", r"array\.columns must be a multiple of 32 from 32 to 1024"),
        ("columns=64 sense_amplifiers=48", r"array\.sense_amplifiers must divide array\.columns \(64\)"),
        ("sense_amplifiers=64", r"array\.sense_amplifiers must divide array\.columns \(32\)"),
        ("rows=1024 columns=512", r"are 2,147,483,648 synapses, of which the emulator keeps 1,073,741,824"),
        ("sense_amplifiers=2 cycles_per_row=268435456", r"of an amplifier must be below 2\^32 in all"),
    ],
)
def test_a_bank_of_no_sound_shape_is_refused(settings: str, said: str, tmp_path: Path) -> None:
    chosen = [parse_setting(f"array.{setting}") for setting in settings.split()]
    with pytest.raises(TargetError, match=said):
        copy_target("rram130", tmp_path / "mine.toml", chosen)


@pytest.mark.parametrize("settings", ["rows=1 columns=1024 sense_amplifiers=1", "rows=1024 columns=256 banks=4096"])
def test_banks_up_to_the_bounds_are_targets(settings: str, tmp_path: Path) -> None:
    chosen = [parse_setting(f"array.{setting}") for setting in settings.split()]
    assert copy_target("rram130", tmp_path / "mine.toml", chosen).array is not None
