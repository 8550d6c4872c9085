"""`chip characterise` as JSON: error rates with what theory says, what was counted, what it is worth."""

from __future__ import annotations

from typing import Any

from edgebnn.chip.device.conditions import KELVIN, SECONDS_A_DAY
from edgebnn.chip.device.error_formulas import Law
from edgebnn.chip.device.provenance import Graded, Rate
from edgebnn.chip.study.characterise import Characterisation, ErrorRates, PolicyFigures, StateFigures
from edgebnn.chip.study.comparators import Scheme, SchemeFigures
from edgebnn.chip.study.distributions import BIN_DECADES, QUANTILES, Distribution
from edgebnn.chip.study.program_and_verify import Verified
from edgebnn.chip.study.sense_margins import Margins
from edgebnn.chip.study.ternary_errors import UPPER_BOUNDS, TernaryErrors
from edgebnn.chip.study.ternary_map import Outcomes
from edgebnn.confidence import LEVEL, Tally

Document = dict[str, Any]

# The JSON's field for the bit error rate of each scheme; SECDED(8,4) has the redundancy of 2T2R.
FIELDS = {
    Scheme.SINGLE: "ber_1t1r",
    Scheme.SECDED_8_4: "ber_secded",
    Scheme.SECDED_72_64: "ber_secded_72_64",
    Scheme.PAIR: "ber_2t2r",
}

# Ternary errors of which the tables state no more than what their rate lies below.


def characterisation_document(found: Characterisation) -> Document:
    """The value of a rate is theory's, its interval that of what was counted."""
    request = found.request
    return {
        "target": found.target,
        "target_changed": found.target_changed,
        "seed": request.seed,
        "cells": request.cells,
        "interval_level": LEVEL,
        "first": {"cycles": request.cycles[0], "supply_v": found.rates[0].supply_v},
        "retention_days": request.retention_s / SECONDS_A_DAY,
        "temperature_c": None if request.temperature_k is None else request.temperature_k - KELVIN,
        "policies": [_policy(policy) for policy in found.policies],
        **{field: [_rate_at(rates, scheme) for rates in found.rates] for scheme, field in FIELDS.items()},
        "programming": [_verified(row) for row in found.programming],
        "ternary": [_ternary(errors) for errors in found.ternary],
        "ternary_theory": [
            {"supply_v": at.supply_v, **{event: _graded(rate) for event, rate in at.rates.items()}}
            for at in found.ternary_theory
        ],
        **({"ternary_map": [_outcomes(at) for at in found.ternary_map]} if found.ternary_map else {}),
        "notes": list(found.notes),
    }


def _graded(number: Graded) -> Document:
    return {"value": number.value, "evidence": str(number.evidence)}


def _rate(rate: Rate) -> Document:
    return {**_graded(rate.theory), **_tally(rate.sampled, "sampled")}


def _tally(tally: Tally, share: str) -> Document:
    return {share: tally.share, "interval": list(tally.interval()), "wrong": tally.wrong, "trials": tally.trials}


def _rate_at(rates: ErrorRates, scheme: Scheme) -> Document:
    where = {"policy": rates.policy, "cycles": rates.cycles, "supply_v": rates.supply_v}
    signs = {"plus": _rate(rates.plus), "minus": _rate(rates.minus)} if scheme is Scheme.PAIR else {}
    return where | _rate(rates.rates[scheme]) | signs


def _verified(row: Verified) -> Document:
    return {
        "policy": row.policy,
        "attempts": row.attempts,
        "remaining": {
            **_tally(row.remaining, "value"),
            "evidence": str(row.evidence),
            "plus": _tally(row.plus, "value"),
            "minus": _tally(row.minus, "value"),
        },
        "energy_pj_per_synapse": _scaled(row.energy_j, 1e12),
        "time_us_per_row": _scaled(row.time_s, 1e6),
    }


def _ternary(errors: TernaryErrors) -> Document:
    rates = {
        event: _rate(rate)
        | {sign: _rate(each) for sign, each in zip(("plus", "minus"), errors.signs[event], strict=True)}
        for event, rate in errors.rates.items()
    }
    for event, stated in errors.tabulated.items():
        rates[event]["tabulated"] = {**_graded(stated), "upper_bound": event in UPPER_BOUNDS}
    return {"policy": errors.policy, "supply_v": errors.supply_v, **rates}


def _policy(policy: PolicyFigures) -> Document:
    return {
        "name": policy.name,
        "lrs": _state(policy.lrs),
        "hrs": _state(policy.hrs),
        "ln_contrast": _graded(policy.contrast),
        "endurance_cycles": _graded(policy.endurance),
        "ageing": [{"cycles": cycles, **_graded(pair), "single": single} for cycles, pair, single in policy.ageing],
        "comparison": [_comparison(row) for row in policy.comparison],
        "margins": _margins(policy.margins),
    }


def _margins(found: Margins) -> Document:
    return {
        "devices": [
            {
                "state": place.state,
                "side": place.side,
                "ln_ohm": _law(law),
                "histogram": _histogram(found.sampled[place]),
            }
            for place, law in found.laws.items()
        ],
        "ln_margin": {"plus": _law(found.plus), "minus": _law(found.minus)},
        "ln_amplifier_spread": found.amplifier,
        "ln_window": {"median": found.window.median, "spread": found.window.spread},
    }


def _law(law: Law) -> list[Document]:
    """The normal laws that it is a mixture of."""
    return [{"share": part.share, "mean": part.mean, "spread": part.spread} for part in law]


def _outcomes(at: Outcomes) -> Document:
    read_as = {
        f"{weight:+d}" if weight else "0": {
            f"{answer:+d}" if answer else "0": share for answer, share in shares.items()
        }
        for weight, shares in at.read_as.items()
    }
    return {"policy": at.policy, "supply_v": at.supply_v, "read_as": read_as, "evidence": str(at.evidence)}


def _state(state: StateFigures) -> Document:
    sampled = state.distribution
    return {
        "median_ohm": _graded(state.median),
        "ln_spread": _graded(state.spread),
        "quantiles_ohm": {f"{share:g}": ohm for share, ohm in zip(QUANTILES, sampled.quantiles_ohm, strict=True)},
        "histogram": _histogram(sampled),
    }


def _histogram(sampled: Distribution) -> Document:
    edges = range(sampled.first_bin, sampled.first_bin + len(sampled.counts) + 1)
    return {"edges_log10_ohm": [round(edge * BIN_DECADES, 6) for edge in edges], "counts": list(sampled.counts)}


def _comparison(row: SchemeFigures) -> Document:
    return {
        "scheme": str(row.scheme),
        "bit_error_rate": _graded(row.bit_error_rate),
        "devices_per_bit": _graded(row.devices),
        "programming_pj_per_bit": _scaled(row.programming_j, 1e12),
        "reading_fj_per_bit": None if row.reading_j is None else _scaled(row.reading_j, 1e15),
    }


def _scaled(number: Graded, factor: float) -> Document:
    return {"value": number.value * factor, "evidence": str(number.evidence)}
