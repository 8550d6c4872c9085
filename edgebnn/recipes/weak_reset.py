"""From a file of devices to the law that the optimiser takes."""

from __future__ import annotations

from pathlib import Path

from edgebnn.chip.target.weak_reset import WeakResetDevices
from edgebnn.chip.target_files.weak_reset_file import load_weak_reset
from edgebnn.nn.weak_reset_law import WeakResetLaw


def weak_reset_law(path: Path | None = None) -> WeakResetLaw:
    """The law of a device file, or of `targets/devices/hfo2-weak-reset.toml`; TargetError where it is unsound."""
    return law_of(load_weak_reset(path))


def law_of(devices: WeakResetDevices) -> WeakResetLaw:
    """The numbers of a device file, in ohm, ln and pulses."""
    numbers = {path.replace(".", "_"): quantity.si(bounds.dimension) for path, quantity, bounds in devices.quantities()}
    whole = {name: int(numbers.pop(path)) for path, name in _WHOLE.items()}
    return WeakResetLaw(**numbers, **whole)  # type: ignore[arg-type]  # the numbers that are left are no counts


_WHOLE = {
    "telegraph_draws": "telegraph_draws",
    "pink_memory": "pink_memory",
    "update_most_pulses": "most_pulses",
}
"""Counts of a file, by their paths, and what the law calls them."""
