"""`chip characterise` as JSON: error rates with what theory says, what was counted, what it is worth."""

from __future__ import annotations

from edgebnn.chip.device.conditions import KELVIN, SECONDS_A_DAY
from edgebnn.chip.device.error_formulas import Law
from edgebnn.chip.device.provenance import Graded, Rate
from edgebnn.chip.study.characterise import Characterisation, ErrorRates, PolicyFigures, StateFigures
from edgebnn.chip.study.comparators import Scheme, SchemeFigures
from edgebnn.chip.study.distributions import BIN_DECADES, QUANTILES, Distribution
from edgebnn.chip.study.sense_margins import Margins
from edgebnn.chip.study.ternary_errors import UPPER_BOUNDS, TernaryErrorRates
from edgebnn.chip.study.ternary_map import Outcomes
from edgebnn.chip.study.verify_cost import Verified
from edgebnn.confidence import LEVEL, Tally
from edgebnn.json_types.characterisation import (
    CharacterisedDocument,
    ComparisonDocument,
    HistogramDocument,
    MarginsDocument,
    NormalLawDocument,
    PolicyFiguresDocument,
    ProgramAndVerifyDocument,
    RateAtDocument,
    RateField,
    SampledRateDocument,
    SignsDocument,
    StatedDocument,
    StateDocument,
    TallyDocument,
    TernaryEvent,
    TernaryMapDocument,
    TernaryOutcomesDocument,
    TernaryRateDocument,
    TernaryRatesDocument,
)
from edgebnn.json_types.numbers import GradedDocument

# The JSON's field for the bit error rate of each scheme; SECDED(8,4) has the redundancy of 2T2R.
FIELDS: dict[Scheme, RateField] = {
    Scheme.SINGLE: "ber_1t1r",
    Scheme.SECDED_8_4: "ber_secded",
    Scheme.SECDED_72_64: "ber_secded_72_64",
    Scheme.PAIR: "ber_2t2r",
}


def characterisation_document(found: Characterisation) -> CharacterisedDocument:
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
        "ber_1t1r": _rates(found, Scheme.SINGLE),
        "ber_secded": _rates(found, Scheme.SECDED_8_4),
        "ber_secded_72_64": _rates(found, Scheme.SECDED_72_64),
        "ber_2t2r": _rates(found, Scheme.PAIR),
        "programming": [_verified(row) for row in found.programming],
        "ternary": [_ternary(errors) for errors in found.ternary],
        "ternary_theory": [
            {
                "supply_v": at.supply_v,
                "sign_flip": _graded(at.rates["sign_flip"]),
                "to_zero": _graded(at.rates["to_zero"]),
                "from_zero": _graded(at.rates["from_zero"]),
            }
            for at in found.ternary_theory
        ],
        **_ternary_map(found),
        "notes": list(found.notes),
    }


def _ternary_map(found: Characterisation) -> TernaryMapDocument:
    return {"ternary_map": [_outcomes(at) for at in found.ternary_map]} if found.ternary_map else {}


def _rates(found: Characterisation, scheme: Scheme) -> list[RateAtDocument]:
    return [_rate_at(rates, scheme) for rates in found.rates]


def _graded(number: Graded) -> GradedDocument:
    return {"value": number.value, "evidence": str(number.evidence)}


def _rate(rate: Rate) -> SampledRateDocument:
    counted = rate.sampled
    return {
        **_graded(rate.theory),
        "sampled": counted.share,
        "interval": list(counted.interval()),
        "wrong": counted.wrong,
        "trials": counted.trials,
    }


def _tally(tally: Tally) -> TallyDocument:
    return {"value": tally.share, "interval": list(tally.interval()), "wrong": tally.wrong, "trials": tally.trials}


def _rate_at(rates: ErrorRates, scheme: Scheme) -> RateAtDocument:
    signs: SignsDocument = {"plus": _rate(rates.plus), "minus": _rate(rates.minus)} if scheme is Scheme.PAIR else {}
    return {
        "policy": rates.policy,
        "cycles": rates.cycles,
        "supply_v": rates.supply_v,
        **_rate(rates.rates[scheme]),
        **signs,
    }


def _verified(row: Verified) -> ProgramAndVerifyDocument:
    return {
        "policy": row.policy,
        "attempts": row.attempts,
        "remaining": {
            **_tally(row.remaining),
            "evidence": str(row.evidence),
            "plus": _tally(row.plus),
            "minus": _tally(row.minus),
        },
        "energy_pj_per_synapse": _scaled(row.energy_j, 1e12),
        "time_us_per_row": _scaled(row.time_s, 1e6),
    }


def _ternary(errors: TernaryErrorRates) -> TernaryRatesDocument:
    return {
        "policy": errors.policy,
        "supply_v": errors.supply_v,
        "sign_flip": _ternary_rate(errors, "sign_flip"),
        "to_zero": _ternary_rate(errors, "to_zero"),
        "from_zero": _ternary_rate(errors, "from_zero"),
    }


def _ternary_rate(errors: TernaryErrorRates, event: TernaryEvent) -> TernaryRateDocument:
    plus, minus = errors.signs[event]
    stated: StatedDocument = {}
    if event in errors.tabulated:
        stated = {"tabulated": {**_graded(errors.tabulated[event]), "upper_bound": event in UPPER_BOUNDS}}
    return {**_rate(errors.rates[event]), "plus": _rate(plus), "minus": _rate(minus), **stated}


def _policy(policy: PolicyFigures) -> PolicyFiguresDocument:
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


def _margins(found: Margins) -> MarginsDocument:
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


def _law(law: Law) -> list[NormalLawDocument]:
    """The normal laws that it is a mixture of."""
    return [{"share": part.share, "mean": part.mean, "spread": part.spread} for part in law]


def _outcomes(at: Outcomes) -> TernaryOutcomesDocument:
    read_as = {
        f"{weight:+d}" if weight else "0": {
            f"{answer:+d}" if answer else "0": share for answer, share in shares.items()
        }
        for weight, shares in at.read_as.items()
    }
    return {"policy": at.policy, "supply_v": at.supply_v, "read_as": read_as, "evidence": str(at.evidence)}


def _state(state: StateFigures) -> StateDocument:
    sampled = state.distribution
    return {
        "median_ohm": _graded(state.median),
        "ln_spread": _graded(state.spread),
        "quantiles_ohm": {f"{share:g}": ohm for share, ohm in zip(QUANTILES, sampled.quantiles_ohm, strict=True)},
        "histogram": _histogram(sampled),
    }


def _histogram(sampled: Distribution) -> HistogramDocument:
    edges = range(sampled.first_bin, sampled.first_bin + len(sampled.counts) + 1)
    return {"edges_log10_ohm": [round(edge * BIN_DECADES, 6) for edge in edges], "counts": list(sampled.counts)}


def _comparison(row: SchemeFigures) -> ComparisonDocument:
    return {
        "scheme": str(row.scheme),
        "bit_error_rate": _graded(row.bit_error_rate),
        "devices_per_bit": _graded(row.devices),
        "programming_pj_per_bit": _scaled(row.programming_j, 1e12),
        "reading_fj_per_bit": None if row.reading_j is None else _scaled(row.reading_j, 1e15),
    }


def _scaled(number: Graded, factor: float) -> GradedDocument:
    return {"value": number.value * factor, "evidence": str(number.evidence)}
