"""The formulas of docs/physics.md, written again from that page and the target's file alone; and the page's own tables.

Nothing here but the last line of each test knows the model.
"""

from __future__ import annotations

import tomllib
from math import exp, log, log10, sqrt
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import binomtest, norm

from edgebnn.chip.device.cell import pair_rates, ternary_rates
from edgebnn.chip.device.cell_solver import solve_cell
from edgebnn.chip.device.conditions import Conditions
from edgebnn.chip.study.comparators import CODES, Scheme
from edgebnn.chip.study.secded import bit_error_rate
from edgebnn.chip.study.verify_cost import verify
from edgebnn.chip.target_files.loading import load_target, read_target_file

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "physics.md").read_text(encoding="utf-8")
RRAM130 = load_target("rram130")
STATED = tomllib.loads(read_target_file("rram130")[0])
POLICIES = list(STATED["policies"])
HOUR, DAY = 3600.0, 86_400.0
BOLTZMANN_EV = 8.617333262e-5

# In the file's own units: V, mV, kohm, mV, K, 1/K, eV, h.
SUPPLY, SENSE, ACCESS = STATED["supply"], STATED["physics"]["sense"], STATED["physics"]["access"]
AGEING, KEPT, WARM = (STATED["physics"][name] for name in ("ageing", "retention", "temperature"))
NOMINAL_V, REFERENCE_K = SUPPLY["nominal"]["value"], WARM["reference"]["value"]


class Line(NamedTuple):
    """ln R of a device: median and spread."""

    median: float
    spread: float


class State(NamedTuple):
    """Supply, temperature, programming cycles and days since."""

    volts: float = NOMINAL_V
    kelvin: float = REFERENCE_K
    cycles: int = 0
    days: float = 0.0

    def conditions(self) -> Conditions:
        return Conditions(self.cycles, self.volts, self.kelvin, self.days * DAY)


def amplifier(volts: float, kelvin: float) -> tuple[float, float]:
    """Offset and noise in ln R: v / (V_m ln(V / V_m))."""
    threshold = SENSE["threshold"]["value"] - 1e-3 * SENSE["threshold_drift"]["value"] * (kelvin - REFERENCE_K)
    switching = volts - threshold
    per_volt = 1 / (switching * log(volts / switching))
    offset, noise = (1e-3 * SENSE[name]["value"] * per_volt for name in ("offset", "noise"))
    return offset, noise * sqrt(kelvin / REFERENCE_K)


def medians(policy: str) -> list[float]:
    return [log(1e3 * STATED["policies"][policy][name]["value"]) for name in ("lrs", "hrs")]


def spread(policy: str, cycles: int) -> float:
    """s, by which Q(D / sqrt(2 s^2 + offset^2 + noise^2)) is the policy's rate after so many cycles."""
    stated, (low, high) = STATED["policies"][policy], medians(policy)
    onset = AGEING["onset"]["value"] * stated["endurance"]["value"]
    rate = stated["bit_error_rate"]["value"] * max(1.0, cycles / onset) ** AGEING["exponent"]["value"]
    width = (high - low) / norm.isf(min(rate, AGEING["worst"]["value"]))
    return sqrt((width**2 - sum(each**2 for each in amplifier(NOMINAL_V, REFERENCE_K))) / 2)


def lines(policy: str, state: State) -> tuple[Line, Line]:
    """Of LRS and HRS: the transistor in series, then retention and temperature."""
    found = []
    overdrive, nominal = state.volts - ACCESS["threshold"]["value"], NOMINAL_V - ACCESS["threshold"]["value"]
    before, mismatch = 1e3 * ACCESS["resistance"]["value"], 1e-3 * ACCESS["mismatch"]["value"]
    after = before * nominal / overdrive
    for median in medians(policy):
        resistance = exp(median)
        seen = resistance + after - before
        own = sqrt(spread(policy, state.cycles) ** 2 - (before / resistance * mismatch / nominal) ** 2)
        found.append(Line(log(seen), sqrt((own * resistance / seen) ** 2 + (after / seen * mismatch / overdrive) ** 2)))
    lrs, hrs = found
    decades = max(0.0, log10(state.days * DAY / (KEPT["onset"]["value"] * HOUR))) if state.days else 0.0
    lost = KEPT["drift"]["value"] * decades * (hrs.median - lrs.median)
    hopping = WARM["hrs_activation"]["value"] / BOLTZMANN_EV * (1 / state.kelvin - 1 / REFERENCE_K)
    metal = log(1 + WARM["lrs_drift"]["value"] * (state.kelvin - REFERENCE_K))
    return Line(lrs.median + metal, lrs.spread), Line(hrs.median - lost + hopping, hrs.spread)


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize(
    "state",
    [
        State(), State(days=3650), State(kelvin=330.0), State(volts=0.62), State(cycles=700_000),
        State(0.7, 260.0, 999_999, 30.0),
    ],
)  # fmt: skip
def test_pairs_err_as_the_page_says(policy: str, state: State) -> None:
    """Supply and series transistor, temperature, ageing and retention, each by itself and all together."""
    (low, s_low), (high, s_high) = lines(policy, state)
    width = sqrt(s_low**2 + s_high**2 + sum(each**2 for each in amplifier(state.volts, state.kelvin)))
    expected = norm.sf((high - low) / width)
    assert pair_rates(solve_cell(RRAM130, policy, state.conditions())).mean == pytest.approx(expected, rel=1e-4)


def zeros_and_ones(pair: tuple[Line, Line], median: float, wide: float) -> tuple[float, float]:
    """(+-1 as 0, 0 as +-1) by the page's formulas, P over w by a sum."""
    z = np.linspace(-8, 8, 2001)
    weight = np.exp(-(z**2) / 2) / np.exp(-(z**2) / 2).sum()
    in_time = [norm.cdf((median + wide * z - line.median) / line.spread) for line in pair]
    return float(weight @ ((1 - in_time[0]) * (1 - in_time[1]))), float(weight @ (1 - (1 - in_time[1]) ** 2))


def window(volts: float, wanted: tuple[float, float]) -> tuple[float, float]:
    """Median and spread that give both tabulated rates with the devices of the window's policy."""
    pair = lines(SENSE["window_policy"], State(volts))

    def median_at(wide: float) -> float:
        return brentq(lambda median: log(max(zeros_and_ones(pair, median, wide)[0], 1e-300) / wanted[0]), 5, 20)

    wide = brentq(lambda wide: zeros_and_ones(pair, median_at(wide), wide)[1] - wanted[1], 0.1, 3)
    return median_at(wide), wide


@pytest.mark.parametrize("table", ["nominal", "near-threshold"])
def test_ternary_reads_err_as_the_page_says(table: str) -> None:
    """The window is fitted anew from the table, and stays as it is under the other policies."""
    stated = STATED["physics"]["ternary"][table]
    volts = stated["supply"]["value"]
    fitted = window(volts, (stated["to_zero"]["value"], stated["from_zero"]["value"]))
    for policy in POLICIES:
        expected = zeros_and_ones(lines(policy, State(volts)), *fitted)
        rates = ternary_rates(solve_cell(RRAM130, policy, State(volts).conditions()))
        assert (rates.to_zero, rates.from_zero) == pytest.approx(expected, rel=2e-4)


def test_between_two_tables_ternary_reads_err_as_the_page_says() -> None:
    """The normal quantiles of both rates go along straight lines, and the window is fitted to what they give."""
    low, high = (STATED["physics"]["ternary"][table] for table in ("near-threshold", "nominal"))
    volts = 0.9
    way = (volts - low["supply"]["value"]) / (high["supply"]["value"] - low["supply"]["value"])
    to_zero, from_zero = (
        norm.cdf((1 - way) * norm.ppf(low[name]["value"]) + way * norm.ppf(high[name]["value"]))
        for name in ("to_zero", "from_zero")
    )
    fitted = window(volts, (to_zero, from_zero))
    for policy in POLICIES:
        expected = zeros_and_ones(lines(policy, State(volts)), *fitted)
        rates = ternary_rates(solve_cell(RRAM130, policy, State(volts).conditions()))
        assert (rates.to_zero, rates.from_zero) == pytest.approx(expected, rel=2e-4)


@pytest.mark.parametrize("guard_band", [0.0, 0.2])
def test_verified_weights_age_as_the_page_says(guard_band: float) -> None:
    """Up to five attempts at t = 0 under a guard band, then ten years: counts of both within one another's interval."""
    policy, cells, share = "ultra-low-energy", 1 << 18, STATED["physics"]["variability"]["device_share"]["value"]
    (low, s), (high, _) = lines(policy, State())
    offset, noise = amplifier(NOMINAL_V, REFERENCE_K)
    draws = np.random.default_rng(11)
    device, sensed = draws.standard_normal((2, cells)), offset * draws.standard_normal(cells)
    margin, rejected = np.empty(cells), np.arange(cells)
    for _ in range(5):
        pulse = draws.standard_normal((2, len(rejected)))
        slow, fast = s * (sqrt(share) * device[:, rejected] + sqrt(1 - share) * pulse)
        margin[rejected] = high + slow - low - fast
        reads = [
            margin[rejected] + sign * sensed[rejected] + noise * draws.standard_normal(len(rejected))
            for sign in (1, -1)
        ]
        rejected = rejected[np.minimum(*reads) < guard_band]
    aged = margin - (high - lines(policy, State(days=3650))[1].median)
    wrong = int((aged < np.abs(sensed)).sum())
    found = verify(RRAM130, policy, Conditions(retention_s=3650 * DAY), 5, 1 << 16, 0, guard_band)[-1].remaining
    theirs = binomtest(wrong, cells).proportion_ci(0.9999, "exact")
    ours = found.interval(0.9999)
    assert max(ours[0], theirs.low) <= min(ours[1], theirs.high)


def table(head: str) -> list[list[str]]:
    """The cells of the page's table with this header, row by row."""
    rows = PAGE.split(f"\n{head}", 1)[1].split("\n\n", 1)[0].splitlines()[2:]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def digits(text: str, value: float) -> None:
    """The text is the value, rounded to as many digits as it has."""
    mantissa = text.partition("e")[0]
    step = 10.0 ** -len(mantissa.partition(".")[2]) * (10.0 ** int(text.partition("e")[2] or 0))
    assert abs(float(text) - value) <= 0.501 * step, f"the page has {text} for {value:.4g}"


def test_the_pages_table_of_supplies_is_what_the_model_says() -> None:
    head = "| policy | 1.2 V | 0.9 V | 0.7 V | 0.65 V | 0.6 V |"
    for policy, *rates in table(head):
        for text, volts in zip(rates, (1.2, 0.9, 0.7, 0.65, 0.6), strict=True):
            digits(text, pair_rates(solve_cell(RRAM130, policy, State(volts).conditions())).mean)


def test_the_pages_table_of_ternary_reads_is_what_the_model_says() -> None:
    for policy, *events in table("| policy | +-1 as 0 | 0 as +-1 | +1 as -1 |"):
        for volts, place in ((1.2, 0), (0.6, 1)):
            rates = ternary_rates(solve_cell(RRAM130, policy, State(volts).conditions()))
            found = (100 * rates.to_zero, 100 * rates.from_zero, rates.sign_flip)
            for text, value in zip(events, found, strict=True):
                digits(text.replace(" %", "").replace(")", "").split(" (")[place], value)


def test_the_pages_table_of_codes_is_what_the_formulas_say() -> None:
    for text, pair, small, ratio, large in table("| 1T1R | 2T2R | SECDED(8,4) |"):
        single = float(text)
        two = norm.sf(2 * norm.isf(single) / sqrt(2))
        codes = [bit_error_rate(CODES[scheme], single) for scheme in (Scheme.SECDED_8_4, Scheme.SECDED_72_64)]
        for stated, value in zip((pair, small, ratio, large), (two, codes[0], two / codes[0], codes[1]), strict=True):
            digits(stated, value)
