"""How often the synapses of a chip are wrong, and what that number is worth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgebnn.chip.ageing import aged_rates
from edgebnn.chip.cell import cell_error_rates, ternary_rates
from edgebnn.chip.device_model import device_cell, known_wrong
from edgebnn.chip.evidence import weakest
from edgebnn.chip.geometry import COLUMNS
from edgebnn.chip.instance import ChipInstance, ErrorKinds, ErrorModel
from edgebnn.chip.pattern import BINARY, TERNARY, Pattern, Rows
from edgebnn.chip.provenance import pair_evidence, single_evidence, ternary_evidence
from edgebnn.chip.quantity import Evidence
from edgebnn.chip.solving import solve_cell
from edgebnn.chip.stuck_devices import stuck_cell
from edgebnn.chip.target import Target
from edgebnn.chip.theory import SignRates, TernaryRates

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
    name = chip.policy or policy
    if chip.errors is ErrorModel.DEVICE and chip.kinds is not ErrorKinds.BOTH:
        return cell_error_rates(device_cell(chip, target, name))
    defective = stuck_cell(chip, target, name)
    return sound_rates(chip, target, name) if defective is None else cell_error_rates(defective)


def sound_rates(chip: ChipInstance, target: Target, policy: str) -> SignRates:
    """As `model_rates`, of synapses of which no device is stuck."""
    name = chip.policy or policy
    if chip.kinds is ErrorKinds.READ and chip.errors is not ErrorModel.NEIGHBOUR:
        return SignRates(0.0, 0.0)
    if chip.bit_error_rate is not None:
        return SignRates(chip.bit_error_rate, chip.bit_error_rate)
    if chip.conditions.as_tabulated:
        return aged_rates(target, name, chip.conditions.cycles)
    return cell_error_rates(solve_cell(target, name, chip.conditions).sound())


def ternary_model(chip: ChipInstance, target: Target, policy: str) -> TernaryRates | None:
    """How often a chip's ternary weights are read wrong where it reads them through a sensing window, by theory.

    None where they become a neighbour at the binary rate instead, and where no formula gives their rates: with measured
    cells, or after more than one attempt at programming.
    """
    name = chip.policy or policy
    if chip.errors is ErrorModel.NEIGHBOUR or chip.bit_error_rate is not None or target.physics is None:
        return None
    if chip.measured is not None or chip.attempts > 1:
        return None
    if chip.errors is ErrorModel.DEVICE:
        return ternary_rates(device_cell(chip, target, name))
    if chip.kinds is ErrorKinds.PROGRAMMING:
        return None  # rates know ternary errors of reading alone
    cell = solve_cell(target, name, chip.conditions)
    return ternary_rates(cell.sound() if chip.kinds is ErrorKinds.READ else cell)


def chip_rate(chip: ChipInstance, target: Target, policy: str, pattern: Pattern | None = None) -> ChipRate:
    """The rate of the synapses that `pattern` uses, binary and ternary; without one, of binary ones not measured."""
    evidence = _model_evidence(chip, target, chip.policy or policy)
    if chip.attempts > 1:
        return ChipRate(None, evidence)
    signs = model_rates(chip, target, policy)
    model = signs.mean
    if pattern is not None and (pattern.kind == TERNARY).any():
        ternary = ternary_model(chip, target, policy)
        if ternary is not None:
            window = ternary_evidence(target, chip.policy or policy, chip.conditions)
            worth = window if evidence is None or not (pattern.kind == BINARY).any() else weakest(evidence, window)
            return ChipRate(_with_ternary(model, ternary, pattern), worth)
    if chip.measured is None or pattern is None or chip.kinds is ErrorKinds.READ:
        return ChipRate(model, evidence, signs=signs)
    known, wrong, synapses = _measured(chip, target, chip.policy or policy, pattern)
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
    worth = single_evidence if chip.errors is ErrorModel.DEVICE else pair_evidence
    return worth(target, policy, chip.conditions)


def _measured(chip: ChipInstance, target: Target, policy: str, pattern: Pattern) -> tuple[int, float, int]:
    """Synapses of the pattern that were measured, how many of them are expected to be wrong, and all synapses."""
    known, wrong, synapses = 0, 0.0, 0
    for rows in pattern.blocks(_BLOCK_ROWS):
        each, here = _rated(chip, rows) if chip.errors is ErrorModel.TABLE else known_wrong(chip, target, policy, rows)
        known += int(here.sum())
        wrong += float(each[here].sum())
        synapses += len(rows.row) * COLUMNS
    return known, wrong, synapses


def _rated(chip: ChipInstance, rows: Rows) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """The measured rate of each synapse's weight (rows, 32), and where there is one."""
    assert chip.measured is not None and chip.measured.error_rate is not None, "a chip of error rates"
    here, index = chip.measured.places(rows.cell)
    rates, weight = chip.measured.error_rate[index], rows.values
    return np.select([weight > 0, weight < 0], [rates[..., 0], rates[..., 1]], rates.mean(axis=-1)), here
