"""The numbers of the weak RESET law: how a device's resistance rises with pulses (arXiv 2107.06064)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class WeakResetLaw:
    """Laws of a device's numbers, and of its noises; `targets/devices/` has values, each with its source.

    R0 is normal (`start_mean`, `start_deviation`, in ohm) from `start_lowest` to `start_highest`; w_mean rises by the
    first slope (ln per pulse: exponential behind `first_slope_location`), after the turn (pulses: log-normal) by the
    second (exponential), from an offset (ln: normal within +-`offset_reach`). `telegraph_rise` and `telegraph_fall` are
    probabilities per pulse, `telegraph_amplitude` the largest a device has (ln), `telegraph_draws` how many uniform
    draws it is multiplied by. `pink_coupling` (ln) weighs the noise of the last `pink_memory` pulses. An update gives a
    device `most_pulses` at most.
    """

    start_mean: float
    start_deviation: float
    start_lowest: float
    start_highest: float
    first_slope_location: float
    first_slope_scale: float
    first_slope_lowest: float
    first_slope_highest: float
    turn_median: float
    turn_spread: float
    turn_lowest: float
    turn_highest: float
    offset_mean: float
    offset_deviation: float
    offset_reach: float
    second_slope_scale: float
    second_slope_highest: float
    telegraph_rise: float
    telegraph_fall: float
    telegraph_amplitude: float
    telegraph_draws: int
    pink_coupling: float
    pink_memory: int
    most_pulses: int
