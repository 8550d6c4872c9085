"""What `compile` is told of policies, placement and samples: which words go together, and what they come to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace

import numpy.typing as npt

from edgebnn.chip.instance.chip_instance import MOST_ATTEMPTS, ChipInstance
from edgebnn.chip.instance.error_model import ErrorModel
from edgebnn.chip.target.target import Target
from edgebnn.choices import choice
from edgebnn.emulator.emulate import Dataset
from edgebnn.emulator.policy_choice import Objective, Round, Wanted
from edgebnn.emulator.verified_drop import chips_to_show
from edgebnn.errors import DataError, FitError, TargetError
from edgebnn.legible import legible_name
from edgebnn.mapping.allocation import PROVISIONINGS, Allocation
from edgebnn.network.batches import Samples, labels_of
from edgebnn.network.types import Input
from edgebnn.number_checks import check_number, check_whole

PLACEMENTS = ("linear", "ber-aware")
ON_CHIP, ALWAYS_ON_CHIP = "on-chip", "on-chip-always"  # what --trim knows: where it gains, and in any case
AUTO = "auto"  # the policies that are chosen
MOST_READINGS = 64
MOST_TRIM_SAMPLES = 1 << 20
MOST_YIELD = 0.999  # 3,688 chips show it
_COUNTS = (
    ("measure_chips", 1, 1000),
    ("verify_chips", 2, 10_000),
    ("trim_samples", 0, MOST_TRIM_SAMPLES),
    ("most_attempts", 1, MOST_ATTEMPTS),
)


@dataclass(frozen=True)
class AutoPolicy:
    """What `compile` is told of a choice of policies."""

    max_accuracy_drop: float | None = None
    objective: str = "energy"
    reprogrammings: int = 0
    errors: str | None = None
    seed: int = 0
    measure_chips: int = 10
    verify_chips: int = 50
    trim_samples: int = 0
    most_attempts: int = 1
    chip_yield: float | None = None

    def check(self, chip: object, update: bool) -> None:
        """TargetError where the words do not go together."""
        if self.max_accuracy_drop is None:
            raise TargetError(
                f"the policy auto needs to know how far the accuracy may fall; give {choice('max_accuracy_drop')}"
            )
        if update:
            raise TargetError(
                "an update takes the policies that are named; choose them first, or leave out "
                f"{choice('policy', 'auto')}"
            )
        check_number(max_accuracy_drop=self.max_accuracy_drop)
        names = ("reprogrammings", "seed", *(name for name, _, _ in _COUNTS))
        counts = {name: getattr(self, name) for name in names}
        check_whole(**counts)
        if not 0 < self.max_accuracy_drop <= 100:
            raise TargetError(
                f"{choice('max_accuracy_drop')} is {self.max_accuracy_drop:g}; give percentage points, above 0 "
                "and up to 100"
            )
        self._check_yield()
        if self.objective not in list(Objective):
            raise TargetError(
                f"there is no objective '{legible_name(str(self.objective))}'; choose one of: {', '.join(Objective)}"
            )
        error_model(self.errors)
        if chip is not None and self.seed:
            raise TargetError(f"policies for one chip are judged on its own programmings; leave out {choice('seed')}")
        for name, least, most in (("reprogrammings", 0, 1 << 48), ("seed", 0, 1 << 62), *_COUNTS):
            if not least <= counts[name] <= most:
                raise TargetError(f"{choice(name)} is {counts[name]}; use {least} to {most:,}")

    def _check_yield(self) -> None:
        """TargetError for a yield that is none, or that so few chips cannot show."""
        if self.chip_yield is None:
            return
        check_number(chip_yield=self.chip_yield)
        if not 0 < self.chip_yield <= MOST_YIELD:
            raise TargetError(
                f"{choice('chip_yield')} is {self.chip_yield:g}; give a share of the chips, above 0 and up to "
                f"{MOST_YIELD}"
            )
        enough = chips_to_show(self.chip_yield)
        if self.verify_chips < enough:
            raise TargetError(
                f"{self.verify_chips} chips cannot show that a share of {self.chip_yield:g} of all chips keeps the "
                f"drop, even if each of them does; verify on at least {enough:,} ({choice('verify_chips')})"
            )

    def options(self) -> str:
        """As the command line has them."""
        said = f" --max-accuracy-drop {self.max_accuracy_drop:g}"
        for name in (each.name for each in fields(self) if each.name != "max_accuracy_drop"):
            if getattr(self, name) != getattr(AutoPolicy, name):
                said += f" --{name.replace('_', '-')} {getattr(self, name)}"
        return said

    def wanted(self, chip: ChipInstance | None, target: Target, readings: int) -> Wanted:
        """As the choice takes it."""
        assert self.max_accuracy_drop is not None, "it was checked"
        usual = ErrorModel.BER if target.physics is None else ErrorModel.TABLE
        # Devices alone show what a further attempt would do.
        usual = ErrorModel.DEVICE if self.most_attempts > 1 else usual
        chip_made = chip or ChipInstance(self.seed, errors=error_model(self.errors) or usual)
        return Wanted(
            allowed=self.max_accuracy_drop / 100,
            chip=replace(chip_made, attempts=self.most_attempts) if self.most_attempts > 1 else chip_made,
            own=chip is not None,
            used=readings + 1,
            objective=Objective(self.objective),
            reprogrammings=self.reprogrammings,
            measure_chips=self.measure_chips,
            verify_chips=self.verify_chips,
            trim_samples=self.trim_samples,
            chip_yield=self.chip_yield,
        )

    def heard(self, tick: Callable[[str], None]) -> Callable[[Round | None], None]:
        """Tells each round as a step."""

        def hear(tried: Round | None) -> None:
            if tried is None:
                tick("measure what each layer loses")
                return
            low, high = (bound * 100 for bound in tried.verified.interval)
            kept = tried.verified.bound(self.chip_yield) * 100 <= (self.max_accuracy_drop or 0)
            lost = f"lost {tried.verified.mean * 100:.2f} points ({low:.2f} to {high:.2f})"
            if self.chip_yield is not None:
                lost += f", {self.chip_yield:g} of chips up to {tried.verified.bound(self.chip_yield) * 100:.2f}"
            tick(f"verify policies: {lost}, {'allowed' if kept else 'too many: tighten'}")

        return hear


def error_model(name: str | None) -> ErrorModel | None:
    """The error model of this name; TargetError where there is none."""
    if name is not None and name not in list(ErrorModel):
        raise TargetError(f"chips know no errors '{legible_name(str(name))}'; choose one of: {', '.join(ErrorModel)}")
    return None if name is None else ErrorModel(name)


def samples_and_labels(
    calibration: Samples | Dataset | tuple[Samples, npt.ArrayLike] | None,
) -> tuple[Samples, npt.ArrayLike | None]:
    """Samples and labels that were given as emulate takes them; those of a dict are still in it."""
    if calibration is None:
        raise TargetError(
            f"the policy auto measures accuracy; give calibration samples with labels ({choice('calibration')})"
        )
    if isinstance(calibration, Dataset):
        return calibration.x, calibration.y
    if isinstance(calibration, tuple) and len(calibration) == 2:
        return calibration
    return calibration, None


def with_labels(
    inputs: Sequence[Input], samples: Samples | None, labels: npt.ArrayLike | None
) -> tuple[Samples, npt.ArrayLike]:
    """Samples and the labels that go with them, or that a dict holds beside them; DataError without."""
    assert samples is not None, "it was checked"
    if labels is None and isinstance(samples, Mapping):
        name = labels_of(inputs, samples)
        labels = None if name is None else samples[name]
    if labels is None:
        raise DataError("the calibration data have no labels y, so no accuracy is known; add the class of each sample")
    return samples, labels


def allocation_of(policy: str | None, policies: object, attempts: object, provisioning: object) -> Allocation:
    """What was chosen, layers in the order of their names; FitError for what is no such choice."""
    known = next((each for each in PROVISIONINGS if each == provisioning), None)
    if known is None and provisioning is not None:
        named = legible_name(str(provisioning))
        raise FitError(f"there is no provisioning '{named}'; choose one of: {', '.join(PROVISIONINGS)}")
    if not isinstance(policies, Mapping) or not all(
        isinstance(part, str) for each in policies.items() for part in each
    ):
        raise FitError("policies are the names of programming policies by the names of layers; give a dict of them")
    if not isinstance(attempts, Mapping) or not all(
        isinstance(layer, str) and isinstance(most, int) and not isinstance(most, bool) and 1 <= most <= MOST_ATTEMPTS
        for layer, most in attempts.items()
    ):
        raise FitError(f"attempts are whole numbers from 1 to {MOST_ATTEMPTS} by the names of layers; give a dict")
    return Allocation(
        policy=policy,
        policies={layer: policies[layer] for layer in sorted(policies)},
        attempts={layer: attempts[layer] for layer in sorted(attempts)},
        provisioning=known,
    )


def check_share(share: float | None, calibration: object) -> None:
    """TargetError where there is a share to verify that is none, or that nobody knows how to choose."""
    if share is None:
        return
    check_number(verify_share=share)
    if not 0 <= share <= 1:
        raise TargetError(f"the share to verify is {share:g}; use a number from 0 to 1")
    if calibration is None:
        raise TargetError(
            f"what to verify goes by which weights matter; give calibration samples ({choice('calibration')})"
        )


def check_trim(trim: str | None, calibration: object, trim_samples: object) -> None:
    """TargetError where trimming is none that there is, or nobody knows the mean inputs."""
    if trim is None:
        return
    if trim not in (ON_CHIP, ALWAYS_ON_CHIP):
        raise TargetError(
            f"there is no trimming '{legible_name(str(trim))}'; use {ON_CHIP} or {ALWAYS_ON_CHIP}, or leave it out"
        )
    if calibration is None:
        raise TargetError(
            f"chips trim themselves by the mean of each input; give calibration samples ({choice('calibration')})"
        )
    if trim_samples:
        raise TargetError(
            f"{choice('trim_samples')} is for chips that a PC trims, and these trim themselves; leave one out"
        )


def check_placement(placement: str, chip: object, readings: int, calibration: object) -> None:
    """TargetError where the words of a placement do not go together."""
    if placement not in PLACEMENTS:
        raise TargetError(
            f"there is no placement '{legible_name(str(placement))}'; choose one of: {', '.join(PLACEMENTS)}"
        )
    if placement == "linear":
        if chip is not None:
            raise TargetError("a chip goes with the placement ber-aware, which asks where it errs; leave it out")
        return
    if calibration is None:
        raise TargetError(
            f"the placement ber-aware asks which weights matter; give calibration samples ({choice('calibration')})"
        )
    if chip is not None and (isinstance(chip, bool) or not isinstance(chip, ChipInstance | int)):
        raise TargetError("the chip of a placement is a chip instance, or a seed")
    if not 1 <= readings <= MOST_READINGS:
        raise TargetError(f"{readings} readings of a chip are out of range; use 1 to {MOST_READINGS}")
