"""What a target's devices do under its programming policies: by theory, and counted on a sampled chip.

Every error rate stands with both: the value that the formulas of `device/error_formulas.py` and `secded.py` give, and
how often it happened to sampled cells, with the exact interval of that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import exp

from edgebnn.chip.device.cell import cell_error_rate, cell_error_rates
from edgebnn.chip.device.cell_solver import solve_cell
from edgebnn.chip.device.conditions import Conditions
from edgebnn.chip.device.provenance import Graded, Rate, contrast_evidence, pair_evidence, single_evidence
from edgebnn.chip.instance.chip_checks import array_of
from edgebnn.chip.study.coded_samples import CellErrors, count_cell_errors
from edgebnn.chip.study.comparators import CODES, Scheme, SchemeFigures, compare, scheme_error_rate
from edgebnn.chip.study.distributions import Distribution, distributions
from edgebnn.chip.study.sense_margins import Margins, margins
from edgebnn.chip.study.ternary_errors import (
    TernaryErrorRates,
    TernaryTheory,
    above_bounds,
    ternary_errors,
    ternary_theory,
)
from edgebnn.chip.study.ternary_map import Outcomes, ternary_map
from edgebnn.chip.study.verify_cost import Verified, verify
from edgebnn.chip.target.supply import off_nominal, supply_v
from edgebnn.chip.target.target import Target, physics_of
from edgebnn.chip.target_files.loading import changed
from edgebnn.confidence import Tally
from edgebnn.errors import TargetError

_STEPS_A_DECADE = 4  # of the cycles at which ageing is followed


@dataclass(frozen=True)
class Request:
    """What is asked for; None stands for all policies, the nominal supply, the reference temperature.

    Error rates are those at each of the `cycles` and `supplies_v`; distributions and ternary errors at the first of the
    cycles, and ternary errors without any supply at the tabulated ones. cells: how many are sampled each time.
    outcomes: whether ternary outcomes are followed over the supply, under every policy.
    attempts: at programming, up to which program-and-verify, with this guard_band in ln R, is compared with programming
    once.
    """

    policy: str | None = None
    cycles: tuple[int, ...] = (0,)
    supplies_v: tuple[float, ...] = ()
    temperature_k: float | None = None
    retention_s: float = 0.0
    cells: int = 10**6
    seed: int = 0
    attempts: int = 3
    guard_band: float = 0.0
    outcomes: bool = False


@dataclass(frozen=True)
class StateFigures:
    """One of the two states of a device: median in ohm, standard deviation of ln R, and what was sampled."""

    median: Graded
    spread: Graded
    distribution: Distribution


@dataclass(frozen=True)
class PolicyFigures:
    """Devices under a policy; `ageing` is their bit error rate after so many cycles, up to the endurance: (cycles, of
    2T2R, of 1T1R)."""

    name: str
    lrs: StateFigures
    hrs: StateFigures
    contrast: Graded
    endurance: Graded
    ageing: tuple[tuple[int, Graded, float], ...]
    comparison: tuple[SchemeFigures, ...]
    margins: Margins


@dataclass(frozen=True)
class ErrorRates:
    """The bit error rate of each scheme under a policy and conditions; `plus` and `minus` are those of 2T2R weights."""

    policy: str
    cycles: int
    supply_v: float
    rates: Mapping[Scheme, Rate]
    plus: Rate
    minus: Rate


@dataclass(frozen=True)
class Characterisation:
    """All of it; `notes` are sentences about what is missing, or does not fit."""

    target: str
    target_changed: bool
    request: Request
    policies: tuple[PolicyFigures, ...]
    rates: tuple[ErrorRates, ...]
    programming: tuple[Verified, ...]
    ternary: tuple[TernaryErrorRates, ...]
    ternary_theory: tuple[TernaryTheory, ...]
    ternary_map: tuple[Outcomes, ...]
    notes: tuple[str, ...]


def characterise(target: Target, request: Request) -> Characterisation:
    """Raises TargetError for a target without devices, an unknown policy, and conditions beyond its model."""
    names, notes = _policies(target, request)
    supplies = [off_nominal(target, supply) for supply in request.supplies_v] or [None]
    first = Conditions(request.cycles[0], supplies[0], request.temperature_k, request.retention_s)
    ternary = ternary_errors(target, names, first, request.supplies_v, request.cells, request.seed)
    return Characterisation(
        target=target.name,
        target_changed=changed(target),
        request=request,
        policies=tuple(_policy(target, name, first, request) for name in names),
        rates=tuple(
            _error_rates(target, name, Conditions(cycles, supply, request.temperature_k, request.retention_s), request)
            for name in names
            for supply in supplies
            for cycles in request.cycles
        ),
        programming=tuple(
            row
            for name in names
            for row in verify(target, name, first, request.attempts, request.cells, request.seed, request.guard_band)
        ),
        ternary=ternary,
        ternary_theory=ternary_theory(target, names, first),
        ternary_map=ternary_map(target, names, first) if request.outcomes else (),
        notes=(*notes, *above_bounds(ternary)),
    )


def _policies(target: Target, request: Request) -> tuple[list[str], tuple[str, ...]]:
    """Those to look at; of all policies, those that do not endure the cycles are left out with a note."""
    physics_of(target)
    if request.policy is not None:
        return [request.policy], ()
    most = max(request.cycles)
    endurance = {name: policy.endurance.integer("cycles") for name, policy in target.policies.items()}
    names = [name for name in endurance if most <= endurance[name]]
    if not names:
        raise TargetError(
            f"no policy of '{target.name}' endures {most:,} programming cycles; choose at most "
            f"{max(endurance.values()):,}"
        )
    worn = [name for name in endurance if name not in names]
    notes = [f"'{name}' is left out: its devices endure {endurance[name]:,} cycles, not {most:,}" for name in worn]
    return names, tuple(notes)


def _policy(target: Target, name: str, conditions: Conditions, request: Request) -> PolicyFigures:
    cell, geometry = solve_cell(target, name, conditions), array_of(target).geometry
    sampled = distributions(cell, request.seed, request.cells, geometry)
    of_medians = contrast_evidence(target, name, conditions)
    of_spreads = single_evidence(target, name, conditions)
    lrs, hrs = (
        StateFigures(Graded(exp(state.ln_median), of_medians), Graded(state.spread, of_spreads), distribution)
        for state, distribution in zip((cell.lrs, cell.hrs), sampled, strict=True)
    )
    endurance = target.policy(name).endurance
    return PolicyFigures(
        name=name,
        lrs=lrs,
        hrs=hrs,
        contrast=Graded(cell.contrast, of_medians),
        endurance=Graded(endurance.si("cycles"), endurance.evidence),
        ageing=_ageing(target, name, conditions),
        comparison=compare(target, name, conditions),
        margins=margins(cell, request.seed, request.cells, geometry),
    )


def _ageing(target: Target, name: str, conditions: Conditions) -> tuple[tuple[int, Graded, float], ...]:
    endurance = target.policy(name).endurance.integer("cycles")
    onset = round(physics_of(target).ageing.onset.si("ratio") * endurance)
    steps = range(_STEPS_A_DECADE * len(str(endurance)))
    even = {round(10 ** (step / _STEPS_A_DECADE)) for step in steps}
    cycles = sorted({count for count in {*even, onset} if 0 < count < endurance} | {endurance})
    evidence = pair_evidence(target, name, replace(conditions, cycles=endurance))
    cells = [solve_cell(target, name, replace(conditions, cycles=count)) for count in cycles]
    return tuple(
        (count, Graded(cell_error_rate(cell), evidence), scheme_error_rate(cell, Scheme.SINGLE))
        for count, cell in zip(cycles, cells, strict=True)
    )


def _error_rates(target: Target, name: str, conditions: Conditions, request: Request) -> ErrorRates:
    cell = solve_cell(target, name, conditions)
    counted = count_cell_errors(cell, request.seed, request.cells, CODES.values(), array_of(target).geometry)
    rates = {
        row.scheme: Rate(row.bit_error_rate, _tally(counted, row.scheme)) for row in compare(target, name, conditions)
    }
    signs, evidence = cell_error_rates(cell), pair_evidence(target, name, conditions)
    plus, minus = Rate(Graded(signs.plus, evidence), counted.plus), Rate(Graded(signs.minus, evidence), counted.minus)
    return ErrorRates(name, conditions.cycles, supply_v(target, conditions.supply_v), rates, plus, minus)


def _tally(counted: CellErrors, scheme: Scheme) -> Tally:
    if scheme in CODES:
        return counted.words[CODES[scheme]].bits
    return counted.pair if scheme is Scheme.PAIR else counted.single
