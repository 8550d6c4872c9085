"""Target files: every number has provenance, and a bad file is one sentence."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from edgebnn.chip.quantity import Evidence
from edgebnn.chip.target import load_target, parse_target, target_names
from edgebnn.errors import TargetError
from edgebnn.resources import resource_folder

RRAM130 = (resource_folder("targets") / "rram130.toml").read_text()


def without(line: str) -> str:
    changed = re.sub(rf"(?m)^{line} = .*\n", "", RRAM130, count=1)
    assert changed != RRAM130
    return changed


def test_the_three_targets_ship() -> None:
    assert target_names() == ["cortex-m4", "host", "rram130"]
    for name in target_names():
        assert load_target(name).name == name


def test_every_number_states_unit_source_and_evidence() -> None:
    for name in target_names():
        for path, quantity, _ in load_target(name).quantities():
            assert quantity.source.strip() and quantity.evidence in Evidence, path


def test_numbers_keep_the_evidence_that_the_papers_give_them() -> None:
    """`abstract` is reserved for what an abstract states; the papers' bodies were not read."""
    chip = load_target("rram130")
    words = {path: quantity.evidence for path, quantity, _ in chip.quantities()}
    assert words["policies.strong.set_energy"] is Evidence.RECALLED
    assert words["policies.ultra-low-energy.bit_error_rate"] is Evidence.SECONDARY
    assert [path for path, word in words.items() if word is Evidence.ABSTRACT] == ["array.devices_per_synapse"]
    assert all(word is Evidence.ASSUMED for path, word in words.items() if path.startswith(("energy.", "power.")))
    assert Evidence.MEASURED not in words.values()


def test_the_ultra_low_policy_costs_a_thirtieth_of_the_strong_one() -> None:
    """arXiv 1904.03652, abstract: the programming energy falls by a factor 30."""
    policies = load_target("rram130").policies
    for pulse in ("set_energy", "reset_energy"):
        strong, low = (getattr(policies[name], pulse).si("energy") for name in ("strong", "ultra-low-energy"))
        assert strong / low == pytest.approx(30)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (without("pcsa_read"), "energy.pcsa_read is missing"),
        (without("instruction"), "missing required field `instruction`"),
        (RRAM130.replace("value = 20, unit", "value = -20, unit", 1), r"energy\.pcsa_read is -20.*zero or more"),
        (RRAM130.replace("value = 20, unit", "value = nan, unit", 1), r"energy\.pcsa_read is nan"),
        (RRAM130.replace('"fJ"', '"uW"', 1), r"energy\.pcsa_read has the unit 'uW'.*one of J"),
        (RRAM130.replace('evidence = "recalled"', 'evidence = "certain"', 1), "certain"),
        (RRAM130.replace("value = 20, unit", 'value = "20", unit', 1), "Expected `int | float`"),
        (RRAM130.replace("offset = 0x04", "offset = 0x00"), "same offset"),
        (RRAM130.replace("offset = 0x04", "offset = 0x05"), "multiples of 4"),
        (RRAM130.replace('name = "status"', 'name = "state"'), "lacks status"),
        (RRAM130.replace("schema = 1", "schema = 2"), "schema"),
        (RRAM130.replace('name = "rram130"', 'name = "a/../b"'), "name"),
        (RRAM130 + "\nsurprise = 1\n", "surprise"),
        ("schema = ", "Invalid value"),
        ("", "missing required field"),
    ],
)
def test_a_bad_target_file_is_one_sentence(text: str, message: str) -> None:
    with pytest.raises(TargetError, match=message) as caught:
        parse_target(text, "mine.toml")
    assert "mine.toml" in str(caught.value)


def test_an_unknown_target_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="cortex-m4, host, rram130"):
        load_target(str(tmp_path / "none.toml"))


def test_a_users_own_file_is_a_target(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(RRAM130.replace("value = 4096", "value = 8192"))
    target = load_target(str(path))
    assert target.array is not None and target.array.banks.value == 8192
    assert target.sha256 != load_target("rram130").sha256
