"""How often the synapses of a chip are wrong, and what that number is worth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgebnn.chip.banks.geometry import COLUMNS
from edgebnn.chip.banks.pattern import BINARY, TERNARY, Pattern
from edgebnn.chip.device.error_formulas import SignRates, TernaryRates
from edgebnn.chip.device.provenance import ternary_evidence
from edgebnn.chip.errors.models import model_of
from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.chip.instance.error_model import ErrorKinds
from edgebnn.chip.target.evidence import weakest
from edgebnn.chip.target.quantity import Evidence
from edgebnn.chip.target.target import Target

_BLOCK_ROWS = 4096


@dataclass(frozen=True)
class ChipRate:
    """The mean over a chip's synapses, its read error rate apart; None where no formula gives it.

    That is so after more than one attempt at programming. `evidence` is None where the user gave the rate.
    `measured_share` is the share of the synapses whose rate was measured. `signs` are the rates of +1 and of -1, where
    they are known apart.
    """

    rate: float | None
    evidence: Evidence | None
    measured_share: float = 0.0
    signs: SignRates | None = None


def model_rates(chip: ChipInstance, target: Target, policy: str) -> SignRates:
    """Of +1 and -1: those given, or those of policy and conditions, for the kinds of errors that the chip has."""
    return model_of(chip).rates(chip, target, chip.policy or policy)


def ternary_model(chip: ChipInstance, target: Target, policy: str) -> TernaryRates | None:
    """How often a chip's ternary weights are read wrong where it reads them through a sensing window, by theory.

    None where they become a neighbour at the binary rate instead, and where no formula gives their rates: with measured
    cells, or after more than one attempt at programming.
    """
    if chip.bit_error_rate is not None or target.physics is None or chip.measured is not None or chip.attempts > 1:
        return None
    return model_of(chip).window_rates(chip, target, chip.policy or policy)


def chip_rate(chip: ChipInstance, target: Target, policy: str, pattern: Pattern | None = None) -> ChipRate:
    """The rate of the synapses that `pattern` uses, binary and ternary; without one, of binary ones not measured.

    Where rows are programmed under several policies it is the mean over all rows.
    """
    if pattern is None:
        return _rate_under(chip, target, chip.policy or policy, None)
    parts = pattern.by_policy(chip.policy, policy)
    rates = [_rate_under(chip, target, name, part) for name, part in parts]
    return rates[0] if len(rates) == 1 else _mean_rate(rates, [len(part.rows.row) for _, part in parts])


def rates_by_policy(chip: ChipInstance, target: Target, policy: str, pattern: Pattern) -> dict[str, ChipRate]:
    """The same of the rows under each policy."""
    parts = pattern.by_policy(chip.policy, policy)
    return {name: _rate_under(chip, target, name, part) for name, part in parts}


def _mean_rate(rates: Sequence[ChipRate], rows: Sequence[int]) -> ChipRate:
    """The rate of so many rows of each, worth what the weakest of them is."""
    known = [rate.rate for rate in rates if rate.rate is not None]
    signs = [rate.signs for rate in rates if rate.signs is not None]
    words = [rate.evidence for rate in rates if rate.evidence is not None]

    def mean(values: Sequence[float]) -> float:
        return float(np.average(values, weights=rows))

    return ChipRate(
        mean(known) if len(known) == len(rates) else None,
        weakest(*words) if len(words) == len(rates) else None,
        mean([rate.measured_share for rate in rates]),
        SignRates(mean([each.plus for each in signs]), mean([each.minus for each in signs]))
        if len(signs) == len(rates)
        else None,
    )


def _rate_under(chip: ChipInstance, target: Target, policy: str, pattern: Pattern | None) -> ChipRate:
    """All rows being programmed under this policy."""
    evidence = _model_evidence(chip, target, policy)
    if chip.attempts > 1:
        return ChipRate(None, evidence)
    signs = model_rates(chip, target, policy)
    model = signs.mean
    if pattern is not None and pattern.rows.kinds.ternary.any():
        ternary = ternary_model(chip, target, policy)
        if ternary is not None:
            window = ternary_evidence(target, policy, chip.conditions)
            worth = window if evidence is None or not (pattern.kind == BINARY).any() else weakest(evidence, window)
            return ChipRate(_with_ternary(model, ternary, pattern), worth)
    if chip.measured is None or pattern is None or chip.kinds is ErrorKinds.READ:
        return ChipRate(model, evidence, signs=signs)
    known, wrong, synapses = _measured(chip, target, policy, pattern)
    if synapses == 0:
        return ChipRate(model, evidence, signs=signs)
    share = known / synapses
    found = {1.0: Evidence.MEASURED, 0.0: evidence}.get(share)
    if 0 < share < 1:
        found = None if evidence is None else weakest(evidence, Evidence.MEASURED)
    return ChipRate((wrong + model * (synapses - known)) / synapses, found, share)


def _with_ternary(binary: float, ternary: TernaryRates, pattern: Pattern) -> float:
    """The mean over all weights, those of a ternary row by its layer's share of zeros."""
    zeros = pattern.zero_share[pattern.kind == TERNARY]
    wrong = zeros * ternary.from_zero + (1 - zeros) * (ternary.to_zero + ternary.sign_flip)
    rows = int((pattern.kind == BINARY).sum())
    return (rows * binary + float(wrong.sum())) / (rows + len(zeros))


def _model_evidence(chip: ChipInstance, target: Target, policy: str) -> Evidence | None:
    if chip.bit_error_rate is not None:
        return None
    if target.physics is None:
        return target.policy(policy).bit_error_rate.evidence
    return model_of(chip).evidence(target, policy, chip.conditions)


def _measured(chip: ChipInstance, target: Target, policy: str, pattern: Pattern) -> tuple[int, float, int]:
    """Synapses of the pattern that were measured, how many of them are expected to be wrong, and all synapses."""
    known, wrong, synapses = 0, 0.0, 0
    for rows in pattern.blocks(_BLOCK_ROWS):
        each, here = model_of(chip).measured_rates(chip, target, policy, rows)
        known += int(here.sum())
        wrong += float(each[here].sum())
        synapses += len(rows.row) * COLUMNS
    return known, wrong, synapses
