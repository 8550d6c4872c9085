"""Files of devices under weak RESET pulses: where their numbers come from, and what is wrong with another one."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgebnn.chip.target.quantity import Evidence
from edgebnn.chip.target_files.weak_reset_file import load_weak_reset
from edgebnn.errors import TargetError
from edgebnn.recipes.weak_reset import law_of, weak_reset_law
from edgebnn.resources import resource_folder

SHIPPED = resource_folder("targets") / "devices" / "hfo2-weak-reset.toml"


def test_every_number_was_read_in_the_authors_code() -> None:
    devices = load_weak_reset()
    found = list(devices.quantities())
    assert len(found) == 24
    for path, quantity, _ in found:
        assert quantity.evidence is Evidence.AUTHORS_CODE, path
        assert "2107.06064" in quantity.source, path


def test_the_law_is_what_the_file_states() -> None:
    law = weak_reset_law()
    assert (law.start_mean, law.turn_median, law.offset_reach) == (6988.0, 542.54, 0.15)
    assert (law.most_pulses, law.pink_memory, law.telegraph_draws) == (14, 15, 2)
    assert law == law_of(load_weak_reset(SHIPPED))


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("value = 6988", "value = 9000", "start has its middle outside"),
        ("value = 6252", "value = 8000", "start.lowest is not below"),
        ("value = 3.74e-5", "value = 1", "first_slope.lowest is not below"),
        ("value = 3.7416e-5", "value = 0.5", "first_slope.location is not below"),
        ("value = 542.54", "value = 40", "turn has its middle outside"),
        ("value = 5.293e-3", "value = 0.2", "offset.mean is beyond"),
        ("value = 5.3208e-2", "value = 0", "offset.deviation is 0"),
        ("value = 8e-4", "value = 0.999", "telegraph.rise and telegraph.fall"),
        ("value = 14", "value = 14.5", "update.most_pulses is no whole number"),
        ("value = 15", "value = 100000", "pink.memory is no whole number"),
        ("value = 2,", "value = 0.5,", "telegraph.draws is no whole number"),
        ("value = 381.7", "value = -1", "start.deviation is -1"),
        ("value = 381.7", "value = nan", "start.deviation is nan"),
        ('unit = "pulses"', 'unit = "s"', "has the unit 's'"),
        ("[pink]", "[pinks]", "pinks is not known"),
        ("schema = 1", "schema = 2", "schema is 2"),
        ("schema = 1", "schema = ", "no sound TOML"),
    ],
)
def test_what_is_wrong_is_one_sentence(tmp_path: Path, old: str, new: str, reason: str) -> None:
    text = SHIPPED.read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "mine.toml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(TargetError, match=reason) as raised:
        load_weak_reset(path)
    assert str(path) in str(raised.value)


@given(data=st.data())
def test_a_damaged_file_is_a_sentence_or_a_law(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    octets = bytearray(SHIPPED.read_bytes())
    for _ in range(data.draw(st.integers(1, 4), "changes")):
        octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("devices") / "mine.toml"
    path.write_bytes(octets)
    try:
        assert law_of(load_weak_reset(path)).start_mean > 0
    except TargetError as error:
        assert str(path) in str(error)


def test_what_is_no_file_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="cannot be read"):
        load_weak_reset(tmp_path / "none.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(TargetError, match="UTF-8"):
        load_weak_reset(tmp_path / "binary.toml")
