"""What every error model says of a chip: what its programmed banks answer, and how often they err."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import numpy.typing as npt

from edgebnn.chip.banks.geometry import Geometry
from edgebnn.chip.banks.pattern import Pattern, Rows
from edgebnn.chip.device.ageing import aged_rates
from edgebnn.chip.device.cell import cell_error_rates
from edgebnn.chip.device.cell_solver import solve_cell
from edgebnn.chip.device.conditions import Conditions
from edgebnn.chip.device.error_formulas import SignRates, TernaryRates
from edgebnn.chip.device.provenance import pair_evidence
from edgebnn.chip.errors.answers import Answering
from edgebnn.chip.errors.stuck_synapses import stuck_cell
from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.chip.instance.error_model import ErrorKinds
from edgebnn.chip.target.quantity import Evidence
from edgebnn.chip.target.target import Target
from edgebnn.confidence import Tally

Flags = npt.NDArray[np.bool_]


class Model(ABC):
    """An error model; everything that it asks for is the chip's. `policy` programs all of the rows in question."""

    @abstractmethod
    def program(self, chip: ChipInstance, target: Target, pattern: Pattern, policy: str, answering: Answering) -> None:
        """Programs the pattern, and hands over what its rows answer.

        Raises TargetError for conditions that the target's model does not cover.
        """

    def sound_rates(self, chip: ChipInstance, target: Target, policy: str) -> SignRates:
        """As `rates`, of synapses of which no device is stuck."""
        return SignRates(0.0, 0.0) if chip.kinds is ErrorKinds.READ else programming_rates(chip, target, policy)

    def rates(self, chip: ChipInstance, target: Target, policy: str) -> SignRates:
        """Of +1 and -1: those given, or those of policy and conditions, for the kinds of errors that the chip has."""
        defective = stuck_cell(chip, target, policy)
        return self.sound_rates(chip, target, policy) if defective is None else cell_error_rates(defective)

    @abstractmethod
    def window_rates(self, chip: ChipInstance, target: Target, policy: str) -> TernaryRates | None:
        """How often ternary weights are read wrong through the sensing window, by theory; None where that is not how.

        Asked of chips without a given rate, with one attempt, and of a target with physics.
        """

    def evidence(self, target: Target, policy: str, conditions: Conditions) -> Evidence:
        """What the rates are worth, where the target has physics and nobody gave them."""
        return pair_evidence(target, policy, conditions)

    def measured_rates(
        self, chip: ChipInstance, target: Target, policy: str, rows: Rows
    ) -> tuple[npt.NDArray[np.floating], Flags]:
        """How often each synapse (rows, 32) is wrong by what was measured of it, and where that is known: nowhere."""
        return np.zeros(rows.values.shape), np.zeros(rows.values.shape, np.bool_)

    def tally(self, wrong: Flags, geometry: Geometry) -> Tally:
        """Wrong synapses of whole banks, bool (stripes, rows, 32), by what makes them err together: nothing."""
        return Tally(int(wrong.sum()), wrong.size)


def programming_rates(chip: ChipInstance, target: Target, policy: str) -> SignRates:
    """How often programming leaves +1 and -1 wrong where no device is stuck: as given, tabulated or solved for."""
    if chip.bit_error_rate is not None:
        return SignRates(chip.bit_error_rate, chip.bit_error_rate)
    if chip.conditions.as_tabulated:
        return aged_rates(target, policy, chip.conditions.cycles)
    return cell_error_rates(solve_cell(target, policy, chip.conditions).sound())


def xnor_rate(chip: ChipInstance) -> float:
    """The probability that one XNOR is wrong, whatever the weight."""
    return 0.0 if chip.kinds is ErrorKinds.PROGRAMMING else chip.read_error_rate
