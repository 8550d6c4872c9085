"""Batteries: the cells that ship, the one of a target, and a user's own."""

from __future__ import annotations

import msgspec
import pytest

from edgebnn.chip.energy.energy import Energy, inference_energy
from edgebnn.chip.energy.events import Events
from edgebnn.chip.lifetime.batteries import OWN_NAME, battery_of, cells, read_battery
from edgebnn.chip.lifetime.lifetime import Usage, lifetime
from edgebnn.chip.target.quantity import bounds_of, check
from edgebnn.chip.target.target import Device
from edgebnn.chip.target_files.loading import load_target
from edgebnn.errors import TargetError

CHIP = load_target("rram130")
INFERENCE = inference_energy(Events(500, 600, 2200, 750_000, 23_000, 3_000, 16_000), CHIP)


def test_every_cell_has_sound_numbers_with_unit_source_and_evidence() -> None:
    assert {"CR2032", "CR1632", "CR2450", "LiPo"} <= set(cells())
    charges = msgspec.structs.fields(Device)
    bounds = {field.name: bounds_of(field.type.__metadata__) for field in charges}
    for name, cell in cells().items():
        for field, quantity in (("battery_charge", cell.charge), ("battery_voltage", cell.voltage)):
            found = bounds[field]
            assert found is not None
            check(quantity, found, name)
        assert cell.name == name and cell.evidence == "assumed"


@pytest.mark.parametrize("target", ["rram130", "cortex-m4"])
def test_a_targets_battery_is_named_for_the_cell_that_it_is(target: str) -> None:
    device = load_target(target).device
    assert device is not None and battery_of(device).name == "CR2032"
    other = msgspec.structs.replace(device, battery_charge=msgspec.structs.replace(device.battery_charge, value=99))
    assert battery_of(other).name == OWN_NAME and battery_of(other).charge_mah == pytest.approx(99)


@pytest.mark.parametrize(
    ("text", "charge_mah", "voltage_v"),
    [("CR2032", 225, 3), ("cr2450", 620, 3), ("90,3.7", 90, 3.7), ("1e3 mAh, 1.5 V", 1000, 1.5), ("0.5,1", 0.5, 1)],
)
def test_a_battery_is_a_cells_name_or_its_charge_and_voltage(text: str, charge_mah: float, voltage_v: float) -> None:
    battery = read_battery(text)
    assert (battery.charge_mah, battery.voltage_v) == (pytest.approx(charge_mah), pytest.approx(voltage_v))
    life = lifetime(CHIP, Usage(), INFERENCE, battery=battery)
    assert life.battery is battery and life.battery_days is not None and life.battery_power_w is not None
    assert life.battery_days * 86_400 * life.battery_power_w == pytest.approx(charge_mah * 3.6 * voltage_v)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("CR9999", "there is no battery 'CR9999'; use one of CR1632, CR2032, .* such as 225,3.0"),
        ("", "there is no battery ''"),
        ("225", "there is no battery '225'"),
        ("0,3", "a battery of '0' mAh is out of range"),
        ("-5,3", "a battery of '-5' mAh"),
        ("5,1e9", "a battery of '1e9' V is out of range; use a number above 0, up to 1000"),
        ("1e999,3", "a battery of '1e999' mAh"),
        ("1-2,3", "a battery of '1-2' mAh"),
        ("nan,3", "there is no battery 'nan,3'"),
    ],
)
def test_what_is_no_battery_is_refused(text: str, said: str) -> None:
    with pytest.raises(TargetError, match=said):
        read_battery(text)


def test_a_target_without_a_device_takes_no_battery() -> None:
    bare = msgspec.structs.replace(CHIP, device=None)
    assert lifetime(bare, Usage(), INFERENCE).battery is None
    with pytest.raises(TargetError, match="nothing for a battery to feed"):
        lifetime(bare, Usage(), INFERENCE, battery=read_battery("CR2032"))


def test_the_share_that_leaks_away_is_told() -> None:
    assert CHIP.power is not None
    life = lifetime(CHIP, Usage(inferences_per_day=0), Energy(()))
    assert life.leakage_share == 1
    busy = lifetime(CHIP, Usage(inferences_per_day=86_400), INFERENCE)
    rest_j = INFERENCE.total_j - INFERENCE.by_group()["leakage"]  # type: ignore[index]  # a StrEnum is its text
    leaked_j = CHIP.power.leakage.si("power")
    assert busy.leakage_share == pytest.approx(leaked_j / (leaked_j + rest_j))


def test_what_an_annotation_says_besides_bounds_is_left_alone() -> None:
    assert bounds_of(("a note", msgspec.Meta(description="of no bounds"), msgspec.Meta(extra={"other": 1}))) is None
