"""A target's [physics]: what is refused, in one sentence that names the field."""

from __future__ import annotations

import pytest

from edgebnn.chip.target_files.device_check import check_solvable
from edgebnn.chip.target_files.loading import load_target, parse_target
from edgebnn.errors import TargetError
from edgebnn.resources import resource_folder

RRAM130 = (resource_folder("targets") / "rram130.toml").read_text()


def changed(old: str, new: str, count: int = 1) -> str:
    assert old in RRAM130
    return RRAM130.replace(old, new, count)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (changed("lrs = {", "#"), r"policies\.strong\.lrs is missing; \[physics\] needs"),
        (changed("lrs = { value = 3,", "lrs = { value = 300,"), r"policies\.strong\.lrs is not below its hrs"),
        (changed("value = 3.3e-2", "value = 0.5"), r"ultra-low-energy\.bit_error_rate must be below 0\.5"),
        (
            changed('window_policy = "strong"', 'window_policy = "weak"'),
            r"window_policy names no policy; use one",
        ),
        (changed("value = 253.15", "value = 310"), r"physics\.temperature must have lowest <= reference"),
        (
            changed("bit_error_rate = { value = 1e-7", "bit_error_rate = { value = 0"),
            r"policies\.strong\.bit_error_rate must be more than zero",
        ),
        (
            changed("lrs_drift = { value = 0.001", "lrs_drift = { value = 0.03"),
            r"physics\.temperature\.lrs_drift leaves no low resistance",
        ),
        (
            changed('capacitance = { value = 30, unit = "fF"', 'capacitance = { value = 5e-324, unit = "fF"'),
            r"physics\.sense\.capacitance is 5e-324; it must be more than zero",
        ),
        (changed("to_zero = { value = 1e-2", "to_zero = { value = 1e-300"), r"nominal\.to_zero must lie from 1e-09"),
        (changed("value = 0.185", "value = 0.6"), r"physics\.ternary\.nominal\.from_zero must lie from 1e-09 to below"),
        (changed("[physics.ternary.nominal]", '[physics.ternary."no/minal"]'), r"a name in \[physics\.ternary\]"),
        (
            changed("supply = { value = 0.6", "supply = { value = 1.2"),
            r"two tables of \[physics\.ternary\]",
        ),
        (changed("near_threshold = { value = 0.6", "near_threshold = { value = 1.6"), r"near_threshold is above"),
        (changed('unit = "kohm"', 'unit = "V"'), r"policies\.strong\.lrs has the unit 'V'.*one of ohm"),
        (changed("[physics.spatial]", "[physics.spaces]"), r"physics\.spa\w+ is (not known|missing)"),
    ],
)
def test_unsound_physics_is_one_sentence(text: str, message: str) -> None:
    with pytest.raises(TargetError, match=message) as refusal:
        parse_target(text, "mine.toml")
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            changed("offset = { value = 10, unit", "offset = { value = 900, unit"),
            "no spread of its devices gives",
        ),
        (
            changed("from_zero = { value = 0.185", "from_zero = { value = 1e-9"),
            r"physics\.ternary\.nominal of",
        ),
        (
            changed("threshold = { value = 0.4, unit", "threshold = { value = 0.7, unit"),
            "sense amplifiers of",
        ),
        (  # at the reference temperature they do, just
            changed("threshold = { value = 0.4, unit", "threshold = { value = 0.58, unit"),
            "at 0.6 V the sense amplifiers of",
        ),
    ],
)
def test_numbers_that_contradict_each_other_are_found_by_a_check(text: str, message: str) -> None:
    with pytest.raises(TargetError, match=message) as refusal:
        check_solvable(parse_target(text, "mine.toml"), "target file 'mine.toml'")
    assert "\n" not in str(refusal.value) and str(refusal.value).startswith("target file 'mine.toml': ")


def test_the_shipped_targets_are_solvable() -> None:
    for name in ("rram130", "cortex-m4", "host"):
        check_solvable(load_target(name), name)
