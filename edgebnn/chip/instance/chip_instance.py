"""A chip instance: one particular chip with its particular errors, fixed by a seed and what it went through."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from edgebnn.chip.device.conditions import MOST_GUARD_BAND, NOMINAL, Conditions
from edgebnn.chip.instance.chip_file import load_chip, save_chip
from edgebnn.chip.instance.error_model import ErrorKinds, ErrorModel
from edgebnn.chip.measured.cells import Measured
from edgebnn.chip.target.target import Target
from edgebnn.errors import TargetError
from edgebnn.legible import legible_name
from edgebnn.number_checks import check_number, check_whole

MOST_ATTEMPTS = 100


@dataclass(frozen=True)
class ChipInstance:
    """A chip drawn by `seed`.

    The draws belong to the physical synapse (seed, bank, row, column): another network on the same chip meets the
    same devices, and a synapse that is wrong at one rate is wrong at every higher one. `policy` is the programming
    policy, by default the deployment's. `bit_error_rate` takes the place of the rates that follow from policy and
    conditions, in all models but `device`. `read_error_rate` is the probability that one XNOR is wrong, whatever
    the weight. With more than one of `attempts` the weights are read right after programming and those that read
    wrong, or right by less than the `guard_band` in ln R, are programmed again. Cells that were `measured` are as
    they were measured, the others are drawn. Raises TargetError where a number is out of range, and for what a
    model knows nothing of.
    """

    seed: int
    bit_error_rate: float | None = None
    errors: ErrorModel = ErrorModel.BER
    kinds: ErrorKinds = ErrorKinds.BOTH
    read_error_rate: float = 0.0
    policy: str | None = None
    conditions: Conditions = NOMINAL
    attempts: int = 1
    guard_band: float = 0.0
    measured: Measured | None = None

    def __post_init__(self) -> None:
        check_whole(seed=self.seed, attempts=self.attempts)
        check_number(
            bit_error_rate=self.bit_error_rate, read_error_rate=self.read_error_rate, guard_band=self.guard_band
        )
        if not 0 <= self.seed < 2**63:
            raise TargetError(f"chip seed {self.seed} is out of range; use a whole number from 0 to 2^63 - 1")
        for name, rate in (("bit error rate", self.bit_error_rate), ("read error rate", self.read_error_rate)):
            if rate is not None and not 0.0 <= rate <= 1.0:
                raise TargetError(f"{name} {rate} is out of range; use a number from 0 to 1")
        if self.attempts < 1 or self.attempts > MOST_ATTEMPTS:
            raise TargetError(f"{self.attempts} attempts at programming are out of range; use 1 to {MOST_ATTEMPTS}")
        if not 0 <= self.guard_band <= MOST_GUARD_BAND:
            raise TargetError(f"guard band {self.guard_band} is out of range; use 0 to {MOST_GUARD_BAND:g} in ln R")
        if self.guard_band and self.attempts == 1:
            raise TargetError("a guard band does nothing at the first attempt; allow more attempts, or leave it out")
        if self.attempts > 1 and not self.errors.rules.has_devices:
            raise TargetError(
                f"only the error model 'device' knows what a further attempt would do, not '{self.errors}'; "
                "program once, or use 'device'"
            )
        if self.errors.rules.anew and (self.kinds is ErrorKinds.PROGRAMMING or self.read_error_rate):
            raise TargetError(
                "the error model 'neighbour' draws all of its errors anew in every inference: it has no errors of "
                "programming and no read error rate; leave these out, or use 'ber'"
            )
        if not self.errors.rules.takes_rate and self.bit_error_rate is not None:
            raise TargetError(
                "the error model 'device' takes no bit error rate: its rates follow from policy and conditions; leave "
                "the rate out, or use 'ber'"
            )
        if self.measured is not None and self.errors is not measured_model(self.measured):
            raise TargetError(
                f"what was measured goes with the error model '{measured_model(self.measured)}', not '{self.errors}'; "
                "use that one, or leave the measurement out"
            )

        if self.measured is not None and self.attempts > 1:
            raise TargetError(
                "a measured chip shows what its devices were programmed to, not what a further attempt would do; "
                "program once, or leave the measurement out"
            )

    @property
    def errs_by_place(self) -> bool:
        """Whether some of its places err more often than others, programming after programming."""
        return self.measured is not None or self.errors.rules.by_place

    def with_attempts(self, attempts: int) -> ChipInstance:
        """The same chip where it makes so many attempts; the first one has no guard band."""
        if attempts == self.attempts:
            return self
        return replace(self, attempts=attempts, guard_band=self.guard_band if attempts > 1 else 0.0)

    def title(self, policy: str) -> str:
        """What it is, in words, for a reader; `policy` is that of a chip without its own."""
        measured = None if self.measured is None else legible_name(self.measured.name)
        what = f"chip {self.seed}" if measured is None else f"the measured chip '{measured}'"
        said = [f"errors {self.errors}", f"policy {self.policy or policy}"]
        said += [f"bit error rate {self.bit_error_rate:g}"] if self.bit_error_rate is not None else []
        said += [f"errors of {self.kinds} alone"] if self.kinds is not ErrorKinds.BOTH else []
        said += [f"read error rate {self.read_error_rate:g}"] if self.read_error_rate else []
        said += [f"{self.attempts} attempts with a guard band of {self.guard_band:g}"] if self.attempts > 1 else []
        return f"{what} ({', '.join([*said, *self.conditions.words])})"

    def save(self, path: str | Path, target: Target | None = None) -> None:
        """Writes a file from which `load` gives the same chip; DataError where that cannot be.

        With the `target` that the chip is one of, the file is refused for every other one.
        """
        save_chip(self, Path(path), target)

    @staticmethod
    def load(path: str | Path, target: Target | None = None) -> ChipInstance:
        """The chip of a file that `save` wrote; DataError where it is none, TargetError where a number is unsound.

        With a `target`, TargetError also where the file says that the chip was made for another one.
        """
        return load_chip(ChipInstance, Path(path), target)


def measured_model(measured: Measured) -> ErrorModel:
    """The error model that takes such a measurement: `table` takes error rates, `device` resistances."""
    return ErrorModel.DEVICE if measured.error_rate is None else ErrorModel.TABLE
