"""How long a battery lasts: front end, samples, leakage and one inference a beat."""

from __future__ import annotations

from edgebnn.chip.target import ChipPower, Device, Target
from edgebnn.errors import TargetError

SECONDS_A_DAY = 86_400.0


def average_power_w(target: Target, sample_rate_hz: float, inference_j: float, inferences_per_s: float) -> float:
    """Mean power in watts that the device takes from its battery, the converter's loss included.

    The leakage flows all the time; what an inference takes must not contain it again. Raises TargetError for a target
    without a [device] table.
    """
    device, power = _tables(target)
    supply = (
        device.front_end.si("power")
        + device.sample.si("energy") * sample_rate_hz
        + power.leakage.si("power")
        + inference_j * inferences_per_s
    )
    return supply / device.converter_efficiency.si("ratio")


def battery_days(target: Target, power_w: float) -> float:
    """Days until the target's battery has given its nominal charge at this mean power."""
    device, _ = _tables(target)
    energy_j = device.battery_charge.si("charge") * device.battery_voltage.si("voltage")
    return energy_j / power_w / SECONDS_A_DAY


def _tables(target: Target) -> tuple[Device, ChipPower]:
    if target.device is None or target.power is None:
        raise TargetError(f"target '{target.name}' has no [device] table, so no battery; choose another target")
    return target.device, target.power
