"""The JSON of chip instances: what one is made of, and what `edgebnn chip new`, `import` and `compare` found."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgebnn.chip.banks.pattern import Pattern
from edgebnn.chip.device.cell_solver import solve_cell
from edgebnn.chip.device.conditions import Conditions
from edgebnn.chip.device.resistances import StuckIn
from edgebnn.chip.errors.error_rates import ChipRate, chip_rate, rates_by_policy
from edgebnn.chip.instance.chip_instance import ChipInstance, measured_model
from edgebnn.chip.measured.cells import Measured
from edgebnn.chip.measured.files import MeasuredFile
from edgebnn.chip.measured.plausibility import doubts, orientation
from edgebnn.chip.study.chip_comparison import ChipComparison, WrongSigns, WrongSynapses
from edgebnn.chip.target.quantity import Evidence
from edgebnn.chip.target.target import Target
from edgebnn.json_types.chips import (
    AttemptsDocument,
    ChipDocument,
    ComparedChipsDocument,
    ConditionsDocument,
    ImportedChipDocument,
    MeasuredCellsDocument,
    MeasuredFiguresDocument,
    MeasurementDocument,
    NewChipDocument,
    RateDocument,
    WrongSynapsesDocument,
)
from edgebnn.report import numbers
from edgebnn.report.policies import the_one
from edgebnn.report.target_names import named

_QUANTILES = (0.05, 0.5, 0.95)


def chip_document(chip: ChipInstance, target: Target, policy: str, pattern: Pattern | None = None) -> ChipDocument:
    """A chip with the rate at which its binary synapses are wrong: those of a pattern, else those not measured.

    `policy` is that of a pattern that names none. The rate is None where no formula gives it: after further attempts.
    Of rows under several policies it is the mean, `policy` is None, and `by_policy` has the rates of each.
    """
    celsius = chip.conditions.temperature_c
    rate = chip_rate(chip, target, policy, pattern)
    each = {chip.policy or policy: rate} if pattern is None else rates_by_policy(chip, target, policy, pattern)
    return {
        "seed": chip.seed,
        "errors": str(chip.errors),
        "kinds": str(chip.kinds),
        "policy": the_one(each),
        "policies": list(each),
        "own_policy": chip.policy is not None,
        **_rate_document(rate),
        "by_policy": [{"policy": name, **_rate_document(found)} for name, found in each.items()],
        "measured_share": rate.measured_share,
        **attempts_document(chip),
        **conditions_document(chip.conditions),
        "temperature_c": None if celsius is None else round(celsius, 6),
        "measured": None if chip.measured is None else _origin(chip.measured),
    }


def conditions_document(conditions: Conditions) -> ConditionsDocument:
    """What a chip went through and how it works; None stands for the target's nominal or reference value."""
    return {
        "cycles": conditions.cycles,
        "supply_v": conditions.supply_v,
        "temperature_c": conditions.temperature_c,
        "retention_days": conditions.retention_days,
    }


def attempts_document(chip: ChipInstance) -> AttemptsDocument:
    """How a chip is programmed, and how often it misreads whatever was programmed."""
    return {"read_error_rate": chip.read_error_rate, "attempts": chip.attempts, "guard_band": chip.guard_band}


def _rate_document(rate: ChipRate) -> RateDocument:
    return {
        "bit_error_rate": rate.rate,
        "error_rate_plus": None if rate.signs is None else rate.signs.plus,
        "error_rate_minus": None if rate.signs is None else rate.signs.minus,
        "bit_error_rate_evidence": "given" if rate.evidence is None else str(rate.evidence),
    }


def new_document(chip: ChipInstance, target: Target, policy: str, wrong: WrongSigns, path: Path) -> NewChipDocument:
    """`chip new`: the chip, and how many synapses of its first banks are wrong where all weights are +1, and -1.

    They are read with the input +1.
    """
    return {
        **named(target),
        "chip": chip_document(chip, target, policy),
        "sample": _wrong(wrong.plus),
        "sample_minus": _wrong(wrong.minus),
        "file": str(path),
    }


def import_document(
    chip: ChipInstance, target: Target, policy: str, wrong: WrongSigns, path: Path, found: MeasuredFile
) -> ImportedChipDocument:
    """`chip import`: as `chip new`, and what the measurement says by itself."""
    assert chip.measured is not None
    return {
        **new_document(chip, target, policy, wrong, path),
        "measurement": measurement_document(chip.measured),
        "ignored_columns": list(found.ignored),
        "notes": [*_doubts(found, chip, target, policy), *_mirrored(chip.measured), *_zeros_alone(chip.measured)],
    }


def measurement_document(measured: Measured) -> MeasuredCellsDocument:
    """What was measured: cells, and the 5, 50 and 95 % quantiles of resistances or error rates."""
    found: MeasuredFiguresDocument = {}
    if measured.ln_resistance is not None:
        found["readings"] = len(measured.readings)
    pairs, zeros = measured.pairs, measured.zeros
    ln_lrs, ln_hrs = pairs[:, 0], np.append(pairs[:, 1], zeros)
    if len(ln_lrs):
        found["lrs_ohm"] = _quantiles(np.exp(ln_lrs.astype(np.float64)))
    if len(ln_hrs):
        found["hrs_ohm"] = _quantiles(np.exp(ln_hrs.astype(np.float64)))
    if len(pairs):
        read = orientation(pairs)
        found["wrong_share"], found["equal_share"] = read.opposite, read.equal
    if measured.stuck is not None:
        lrs, hrs = (int((measured.stuck == state).sum()) for state in (StuckIn.LRS, StuckIn.HRS))
        found["stuck_devices"] = {"lrs": lrs, "hrs": hrs}
    if measured.error_rate is not None:
        found["error_rate"] = _quantiles(measured.error_rate.mean(axis=-1))
        found["mean_error_rate"] = float(measured.error_rate.mean())
        plus, minus = measured.error_rate.mean(axis=0).tolist()
        found["mean_error_rate_plus"], found["mean_error_rate_minus"] = plus, minus
    return {**_origin(measured), "evidence": str(Evidence.MEASURED), **found}


def compare_document(
    chips: tuple[ChipInstance, ChipInstance],
    paths: tuple[Path, Path],
    target: Target,
    policy: str,
    found: ChipComparison,
) -> ComparedChipsDocument:
    """`chip compare`."""
    return {
        **named(target),
        "chips": [
            {"file": str(path), **chip_document(chip, target, policy)} for chip, path in zip(chips, paths, strict=True)
        ],
        "same_seed": chips[0].seed == chips[1].seed,
        "differences": {name: list(pair) for name, pair in found.fields.items()},
        "banks": found.banks,
        "patterns": [
            {
                "weight": pattern.weight,
                "weights": "ternary" if pattern.ternary else "binary",
                "wrong": [_wrong(each) for each in pattern.wrong],
                "differ": pattern.differ,
                "correlation": pattern.correlation,
                "mean_ln_resistance_difference": pattern.ln_resistance,
            }
            for pattern in found.patterns
        ],
    }


def _origin(measured: Measured) -> MeasurementDocument:
    return {
        "file": measured.name,
        "sha256": measured.sha256,
        "model": str(measured_model(measured)),
        "cells": len(measured.cell),
        "banks": measured.banks,
    }


def _wrong(wrong: WrongSynapses) -> WrongSynapsesDocument:
    return {
        "count": wrong.count,
        "synapses": wrong.synapses,
        "share": wrong.share,
        "interval": list(wrong.interval),
        "misread_share": wrong.misread_share,
    }


def _quantiles(values: npt.NDArray[np.float64]) -> list[float]:
    return [float(value) for value in np.quantile(values, _QUANTILES)]


def _doubts(found: MeasuredFile, chip: ChipInstance, target: Target, policy: str) -> list[str]:
    name, measured = chip.policy or policy, found.measured
    if measured.ln_resistance is None:
        return []
    cell = solve_cell(target, name, chip.conditions)
    return doubts(measured.pairs, measured.zeros, found.weighted, name, cell)


def _mirrored(measured: Measured) -> list[str]:
    if not measured.mirrored:
        return []
    cells = f"{measured.mirrored:,} of {numbers.counted(len(measured.cell), 'cell')}"
    return [
        f"measured with one weight alone: {cells}; with the other weight each device there has the resistance that the "
        "cell's other device had, as a mirror image (a column 'reading' takes both)"
    ]


def _zeros_alone(measured: Measured) -> list[str]:
    if not measured.zeros_alone:
        return []
    cells = f"{measured.zeros_alone:,} of {numbers.counted(len(measured.cell), 'cell')}"
    return [
        f"measured as 0 alone, with both devices in HRS: {cells}; where a network has +1 or -1 there, the LRS "
        "is drawn: add a line with the reading +1 or -1 for each of them to have it measured"
    ]
