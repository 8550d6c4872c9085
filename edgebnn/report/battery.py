"""What is told of a battery: which cell it is, how long it lasts, and what most of its charge goes into."""

from __future__ import annotations

from edgebnn.chip.lifetime.batteries import OWN_NAME, Battery
from edgebnn.chip.lifetime.lifetime import Lifetime
from edgebnn.json_types.energy import BatteryDocument
from edgebnn.report import numbers


def battery_document(battery: Battery | None) -> BatteryDocument | None:
    """The cell whose life is told; None on a target without a [device]."""
    if battery is None:
        return None
    return {
        "name": battery.name,
        "charge_mah": battery.charge_mah,
        "voltage_v": battery.voltage_v,
        "evidence": str(battery.evidence),
    }


def leakage_note(life: Lifetime) -> list[str]:
    """A sentence where most of the energy leaks away, since then work hardly matters."""
    if life.leakage_share <= 0.5:
        return []
    share = numbers.portion(life.leakage_share)
    return [
        f"leakage, which flows all the time, is {share} of the energy of {life.usage.days:g} days: fewer inferences or "
        "cheaper ones change the battery's life little, a lower supply or switching the chip off does"
    ]


def battery_words(battery: BatteryDocument) -> str:
    """`CR2032, 225 mAh`; `100 mAh, 3.7 V` where it is no shipped cell."""
    charge = f"{battery['charge_mah']:,g} mAh"
    if battery["name"] == OWN_NAME:
        return f"{charge}, {battery['voltage_v']:g} V"
    return f"{battery['name']}, {charge}"
