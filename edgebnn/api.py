"""The Python API: compile, load, and the deployment with its verbs. The command line is a thin skin over it."""

from __future__ import annotations

import os
import reprlib
import time
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar, cast

import msgspec
import numpy as np
import numpy.typing as npt

from edgebnn.apart.onnx_session import RunnableModel
from edgebnn.chip.device.conditions import Conditions
from edgebnn.chip.instance.chip_checks import check_chip
from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.chip.instance.error_model import ErrorKinds, ErrorModel
from edgebnn.chip.lifetime.batteries import read_battery
from edgebnn.chip.lifetime.fleet import Fleet
from edgebnn.chip.lifetime.lifetime import Usage
from edgebnn.chip.target.target import Target
from edgebnn.chip.target_files.loading import load_target, target_title
from edgebnn.choices import choice
from edgebnn.codegen.artefacts import MemoryUse, measure
from edgebnn.codegen.build import build_firmware
from edgebnn.codegen.project import render_project
from edgebnn.compile_options import (
    AUTO,
    ON_CHIP,
    AutoPolicy,
    allocation_of,
    check_placement,
    check_share,
    check_trim,
    error_model,
    samples_and_labels,
    with_labels,
)
from edgebnn.emulator.accuracy_curve import AccuracyCurve, accuracy_curve
from edgebnn.emulator.accuracy_endurance import AccuracyEndurance, accuracy_endurance
from edgebnn.emulator.chip_runs import KeptRuns
from edgebnn.emulator.emulate import Dataset, Emulation, Progress, check_label_shape, check_labels, emulate
from edgebnn.emulator.estimate import Estimate, estimate
from edgebnn.emulator.executors import Executor
from edgebnn.emulator.made_for import on_other_chips
from edgebnn.emulator.measured_sensitivity import Finest, MeasuredSensitivity, measured_sensitivity
from edgebnn.emulator.policy_choice import choose_policies
from edgebnn.emulator.policy_document import choice_document
from edgebnn.emulator.runner import Runner
from edgebnn.emulator.trimming import Trim, trim
from edgebnn.errors import DataError, DeploymentError, NoCompilerError, TargetError, ToolError
from edgebnn.frontend import (
    Inspection,
    Model,
    ReadOptions,
    Stated,
    inspect_model,
    model_file,
    parse_input_offset,
    parse_input_scale,
    per_input,
    read_network,
    runnable_model,
)
from edgebnn.frontend.problems import printable
from edgebnn.legible import legible_name
from edgebnn.mapping.cells import cells_csv
from edgebnn.mapping.floorplan import floorplan_svg
from edgebnn.mapping.folder import FIRMWARE_ELF, PLACEMENT, POLICIES, PROVISION_ELF, TRIMMING, read_folder, write_folder
from edgebnn.mapping.mapped import MappedNetwork, Provenance
from edgebnn.mapping.memory_map import memory_map_json, memory_map_markdown
from edgebnn.mapping.planner import map_network
from edgebnn.mapping.programmed import programmed_banks
from edgebnn.mapping.record import FirmwareFacts, binary_files, record_of, restore
from edgebnn.mapping.trusted_elf import TrustedElf
from edgebnn.network.batches import Samples, batch_of, labels_of, numbers, parts
from edgebnn.network.encoding import how_input_taken, may_be_meant_otherwise
from edgebnn.network.types import Input
from edgebnn.number_checks import check_number, check_whole
from edgebnn.version import __version__

__all__ = ["ChipInstance", "Deployment", "Inspection", "compile", "inspect", "load"]

_EXECUTORS = {executor.value: executor for executor in Executor}
MOST_CHIPS = 10_000  # to be drawn at once
_MOST_LABEL = 1 << 31  # far more than there are classes, and within every type of integer that counts them
MOST_INFERENCES = 1 << 47  # by which the draws of a chip still tell them and those of a batch behind them apart

Step = Callable[[str, float], None]
Listener = TypeVar("Listener", bound=Callable[..., None])


@dataclass(frozen=True, eq=False, repr=False)
class Deployment:
    """A network on a target with everything that was emitted for it: run it, emulate it, estimate it, save it."""

    mapped: MappedNetwork
    files: dict[str, bytes]
    firmware: FirmwareFacts | None

    def __repr__(self) -> str:
        """One short line: the files that a deployment holds are nothing to read in a notebook."""
        network, target = self.mapped.network, self.mapped.target
        weights = sum(node.weights.size for node in network.linear)
        return (
            f"Deployment({network.name!r}, target={target_title(target)!r}, policy={self.mapped.policy!r}, "
            f"weights={weights}, firmware={self.elf is not None})"
        )

    def __getstate__(self) -> dict[str, Any]:
        """What pickling and copying take along: the fields, and nothing that runs made in memory."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    @cached_property
    def _runner(self) -> Runner:
        return Runner(self.mapped, self.elf)

    @cached_property
    def _scale(self) -> np.float64:
        """Of the scores, of NumPy's own type: multiplying by one of Python's takes it longer than a small layer."""
        return np.float64(self.mapped.network.output.scale)

    @cached_property
    def _may_be_meant_otherwise(self) -> bool:
        """Whether integers may be meant otherwise than some input takes them."""
        return any(map(may_be_meant_otherwise, self.mapped.network.inputs))

    @cached_property
    def _kept_runs(self) -> KeptRuns:
        return KeptRuns(self.mapped)

    @property
    def elf(self) -> bytes | None:
        """The firmware, or None where no cross compiler was found."""
        return self.files.get(FIRMWARE_ELF)

    @cached_property
    def memory(self) -> MemoryUse:
        """Synapses, banks and bytes, read from the emitted files."""
        return measure(self.files, self.firmware)

    def run(
        self,
        x: Samples,
        on: str = "fast",
        chip: ChipInstance | int | None = None,
        integers: bool = False,
        first_inference: int = 0,
    ) -> npt.NDArray[Any]:
        """Scores (B, *scores shape) of samples as `batch` takes them, on `reference`, `fast` or `firmware`.

        `chip` is a chip instance with its errors, or the seed of one; what it reads wrong anew goes by the number of
        the inference, counted from `first_inference`. float64 in the model's own units, which are the integer scores
        times one constant; with `integers` the int32 scores themselves. Warns of integers of up to 16 bits where the
        model takes real numbers. Raises DataError for unsuitable data, TargetError for a chip on a target without RRAM,
        ToolError for an executor that does not exist or whose packages are missing, and for a native program that was
        loaded without trust.
        """
        executor = _EXECUTORS.get(on) if isinstance(on, str) else None
        if executor is None:
            raise ToolError(f"there is no executor '{on}'; choose one of: {', '.join(_EXECUTORS)}")
        instance = chip if chip is None or isinstance(chip, ChipInstance) else self.chip(chip)
        if type(first_inference) is not int:  # a stream of single samples feels each microsecond
            check_whole(first_inference=first_inference)
        if not 0 <= first_inference < MOST_INFERENCES:
            raise TargetError(f"first_inference is {first_inference}; use a whole number from 0 to 2^47")
        batch = self.batch(x)
        for entry, part in parts(self.mapped.network.inputs, batch) if self._may_be_meant_otherwise else ():
            # Wider integers are what NumPy makes of Python's own numbers.
            if part.dtype.itemsize <= 2:
                for note in how_input_taken(entry, part):
                    warnings.warn(note, stacklevel=2)
        scores = self._runner.run(batch, executor, instance, first_inference)
        return scores if integers else scores * self._scale

    def emulate(
        self,
        data: Dataset | tuple[Samples, npt.ArrayLike | None] | Samples,
        chips: int | Sequence[ChipInstance] = (),
        *,
        ber: float | None = None,
        seed: int = 0,
        like: ChipInstance | None = None,
        firmware_samples: int = 64,
        model: Model | None = None,
        progress: Progress | None = None,
    ) -> Emulation:
        """Samples x, or (x, y) with the index of each sample's class, without errors and on chip instances.

        `chips` are chip instances, or how many to draw: with the seeds `seed`, `seed` + 1, ... and, but for the seed,
        as `like` is, or at the bit error rate `ber`; by default with independent errors at the rates that follow from
        the programming policy. The first `firmware_samples` samples run as firmware and on the reference too, but for a
        native program that was loaded without trust; with the `model` file onnxruntime answers as well. Whether an
        allowed drop of accuracy is kept: `result.drop.verdict(0.005)`. Raises DataError for unsuitable data,
        TargetError for chips on a target without RRAM, or for `ber`, `like` or `seed` beside chips that have their own.
        """
        check_whole(firmware_samples=firmware_samples, seed=seed)
        if firmware_samples < 0:
            raise TargetError(f"firmware_samples is {firmware_samples}; use a whole number from 0")
        drawn = int(chips) if isinstance(chips, int | np.integer) else 0
        _check_chips(drawn)
        if drawn == 0 and (ber is not None or like is not None or seed):
            raise TargetError(
                "ber, like and seed go with a number of chips to draw, such as chips=1; a chip has its own"
            )
        if ber is not None and like is not None:
            raise TargetError("like says all about the chips but their seeds; leave out ber")
        chosen = _instances(() if isinstance(chips, int | np.integer) else chips)
        if drawn:
            pattern = like or self.chip(0, ber)
            chosen = [replace(pattern, seed=seed + index) for index in range(drawn)]
        result = emulate(
            self.mapped,
            self.elf,
            self._dataset(data),
            chosen,
            model=None if model is None else self._own_model(model),
            firmware_samples=firmware_samples,
            progress=_listener(progress, "progress"),
            kept=self._kept_runs,
        )
        return replace(result, notes=(*result.notes, *on_other_chips(self.files, chosen)))

    def sweep_ber(
        self,
        data: Dataset | tuple[Samples, npt.ArrayLike],
        rates: Iterable[float],
        chips: int = 5,
        *,
        seed: int = 0,
        like: ChipInstance | None = None,
        progress: Progress | None = None,
    ) -> AccuracyCurve:
        """The accuracy at each of up to 100 bit error rates, on chips of the seeds `seed`, `seed` + 1, ...

        Samples (x, y) with the index of each sample's class. But for seed and rate the chips are as `like` is. Raises
        DataError for unsuitable data, TargetError for rates out of range, on a target without RRAM, and for chips whose
        errors do not come from one rate.
        """
        check_whole(chips=chips, seed=seed)
        _check_chips(chips)
        if isinstance(rates, str) or not isinstance(rates, Iterable):
            raise TargetError(f"rates are {reprlib.repr(rates)}; give a list of bit error rates, such as [1e-3, 1e-2]")
        wanted = list(rates)
        for rate in wanted:
            check_number(bit_error_rate=rate)
        pattern = like or self.chip(0)
        drawn = [replace(pattern, seed=seed + index) for index in range(chips)]
        return accuracy_curve(self.mapped, self._dataset(data), drawn, wanted, _listener(progress, "progress"))

    def find_endurance(
        self,
        data: Dataset | tuple[Samples, npt.ArrayLike],
        allowed: float,
        chips: int | Sequence[ChipInstance] = 5,
        *,
        seed: int = 0,
        like: ChipInstance | None = None,
        progress: Progress | None = None,
    ) -> AccuracyEndurance:
        """After how many programming cycles the accuracy has fallen by `allowed`, a fraction, beside the devices' own.

        Samples (x, y) with the index of each sample's class. `chips` are chip instances, whose own cycles do not count,
        or how many to draw, with the seeds `seed`, `seed` + 1, ... and, but for the seed, as `like` is. Raises
        DataError for data without labels, TargetError for an `allowed` beyond 0 to 1, without chips or RRAM, and for
        chips that do not age: with a bit error rate of their own, or measured.
        """
        if allowed is None:
            raise TargetError("allowed is None; give the drop of accuracy as a fraction from 0 to 1")
        check_number(allowed=allowed)
        if not 0 <= allowed <= 1:
            raise TargetError(f"allowed is {allowed:g}; give the drop of accuracy as a fraction from 0 to 1")
        drawn = self._drawn(chips, seed, like)
        return accuracy_endurance(self.mapped, self._dataset(data), drawn, allowed, _listener(progress, "progress"))

    def find_sensitivity(
        self,
        data: Dataset | tuple[Samples, npt.ArrayLike],
        chips: int | Sequence[ChipInstance] = 10,
        *,
        tiles: bool = False,
        finest: str = "layers",
        seed: int = 0,
        like: ChipInstance | None = None,
        progress: Progress | None = None,
    ) -> MeasuredSensitivity:
        """How much accuracy is lost where one layer alone errs, and where one of the `finest` parts does: `tiles` (as
        with `tiles`), `neurons`, each a row, or `inputs`, the channels of a layer; beside an estimate of it.

        Samples (x, y) with the index of each sample's class. `chips` are chip instances, or how many to draw, with the
        seeds `seed`, `seed` + 1, ... and, but for the seed, as `like` is. Raises DataError for data without labels,
        TargetError without chips or RRAM.
        """
        drawn = self._drawn(chips, seed, like)
        if finest not in list(Finest):
            raise TargetError(f"there are no parts '{legible_name(str(finest))}'; choose one of: {', '.join(Finest)}")
        if tiles and finest != Finest.LAYERS:
            raise TargetError(f"tiles says that tiles are measured, and finest {finest}; leave one of them out")
        parts = Finest.TILES if tiles else Finest(finest)
        return measured_sensitivity(self.mapped, self._dataset(data), drawn, parts, _listener(progress, "progress"))

    def _drawn(self, chips: int | Sequence[ChipInstance], seed: int, like: ChipInstance | None) -> list[ChipInstance]:
        """Chips as they are given, or so many of them drawn; TargetError where the words do not go together."""
        check_whole(seed=seed)
        if isinstance(chips, int | np.integer):
            _check_chips(int(chips))
            pattern = like or self.chip(0)
            return [replace(pattern, seed=seed + index) for index in range(chips)]
        if like is not None or seed:
            raise TargetError("like and seed go with a number of chips to draw, such as chips=5; a chip has its own")
        return list(_instances(chips))

    def _dataset(self, data: Dataset | tuple[Samples, npt.ArrayLike | None] | Samples) -> Dataset:
        if isinstance(data, Dataset):
            data = (data.x, data.y)
        if isinstance(data, Mapping):  # as an .npz has them: labels beside the inputs
            name = labels_of(self.mapped.network.inputs, data)
            return self.dataset(data, None if name is None else data[name])
        return self.dataset(*data) if isinstance(data, tuple) and len(data) == 2 else self.dataset(data)

    def _own_model(self, given: Model) -> RunnableModel:
        """The checked model; ModelError where it is not the one that this was compiled from."""
        with model_file(given) as path:
            return runnable_model(path, self.mapped.network.model_output or None, self.mapped.provenance.model_sha256)

    def chip(
        self,
        seed: int,
        ber: float | None = None,
        *,
        errors: str = "ber",
        kinds: str = "both",
        policy: str | None = None,
        read_error_rate: float = 0.0,
        cycles: int = 0,
        supply_v: float | None = None,
        temperature_c: float | None = None,
        retention_days: float = 0.0,
        attempts: int = 1,
        guard_band: float = 0.0,
    ) -> ChipInstance:
        """The chip instance of a seed: see `edgebnn.ChipInstance` and docs/chips.md for what the words mean.

        None is the target's nominal or reference value; the bit error rate and the policy are by default those of the
        deployment's programming policy. Raises TargetError for what the target's model does not cover.
        """
        for word, known in ((errors, ErrorModel), (kinds, ErrorKinds)):
            if word not in list(known):
                raise TargetError(f"chips know no '{word}'; choose one of: {', '.join(known)}")
        conditions = Conditions.of(cycles, supply_v, temperature_c, retention_days)
        chip = ChipInstance(
            seed, ber, ErrorModel(errors), ErrorKinds(kinds), read_error_rate, policy, conditions, attempts, guard_band
        )
        target = self.mapped.target
        check_chip(chip, target, self.mapped.policies)
        return chip

    def batch(self, x: Samples) -> npt.NDArray[Any]:
        """Samples (B, *the model's own input shape) as an array; one sample, without the first axis, becomes a batch.

        Takes whatever numpy.asarray makes numbers of: the integers of the network's input, or the real numbers that the
        model takes; of several inputs, these by the inputs' names, for a structured array with a field for each. Raises
        DataError for anything else.
        """
        return batch_of(self.mapped.network.inputs, x)

    def dataset(self, x: Samples, y: npt.ArrayLike | None = None) -> Dataset:
        """Samples as `batch` takes them and, where they are known, the indexes of their classes; else DataError."""
        return _dataset(self.mapped, x, y)

    def estimate(
        self,
        *,
        days: float = Usage.days,
        inferences_per_day: float = Usage.inferences_per_day,
        reprogrammings_per_day: float = Usage.reprogrammings_per_day,
        channels: int = Usage.channels,
        sample_rate_hz: float | None = Usage.sample_rate_hz,
        supply_v: float | None = None,
        battery: str | None = None,
        boots_per_day: float = Usage.boots_per_day,
        updates_per_year: float = Fleet.updates_per_year,
        devices: int = Fleet.devices,
    ) -> Estimate:
        """Energy, latency and endurance without data: of one inference, of programming, and of a whole life.

        The life has so many `days` with so many inferences, reprogrammings and boots a day; the front end's `channels`
        are in it where there is a `sample_rate_hz`. An update sends code and weights, and programs all banks once more;
        a year has 365 days. With updates, or with several `devices` that live alike, the answer's `fleet` is what all
        of them take. `supply_v` is in V, by default the nominal one. `battery` is a cell's name or its mAh and V
        ("CR2032", "225,3.0"), by default the target's. Raises TargetError for what the target cannot do, ToolError
        where no firmware was built, whose instructions are counted.
        """
        usage = Usage(days, inferences_per_day, reprogrammings_per_day, channels, sample_rate_hz, boots_per_day)
        cell = None if battery is None else read_battery(battery)
        fleet = Fleet(devices, updates_per_year)
        return estimate(
            self.mapped, self.elf, usage, supply_v, cell, self.files.get(PROVISION_ELF), fleet, self.memory.flash_bytes
        )

    def trim(
        self,
        chip: ChipInstance | int,
        calibration: Samples,
        *,
        toolchain: str = "auto",
        step: Step | None = None,
        heard: Callable[[Trim], None] | None = None,
    ) -> Deployment:
        """This deployment for one chip, an instance or a seed: its thresholds make up for the chip's wrong weights.

        `calibration`, samples as `batch` takes them, shows how far sums are off; some dozens do. The weights stay, and
        without errors or on other chips the answers are worse than before. `heard` is told of the thresholds. Raises
        DataError for unsuitable samples, TargetError on a target without RRAM and for a deployment that is trimmed.
        """
        mapped, clock, hear = self.mapped, _Clock(_listener(step, "step")), _listener(heard, "heard")
        if mapped.network.trimmed_for:
            raise TargetError(
                f"this deployment is trimmed for {mapped.network.trimmed_for}; trim the one that it was made from"
            )
        if mapped.network.trims_itself:
            raise TargetError(
                f"each chip trims this deployment itself; trim one that was compiled without {choice('trim')}"
            )
        instance = chip if isinstance(chip, ChipInstance) else self.chip(chip)
        banks = programmed_banks(mapped, instance)
        found = trim(mapped, banks, self.batch(calibration))
        hear(found)
        title = instance.title(", ".join(mapped.policies))
        network = replace(found.network, trimmed_for=title)
        provenance = msgspec.structs.replace(mapped.provenance, options=f"{mapped.provenance.options}, trim: {title}")
        clock.tick("trim it")
        told = {name: self.files[name] for name in (PLACEMENT, POLICIES) if name in self.files}
        return _deployed(map_network(network, mapped.target, provenance, mapped.allocation), toolchain, clock, told)

    def save(self, folder: str | Path) -> None:
        """Writes the deployment folder, whole or not at all."""
        write_folder(_folder(folder), record_of(self.mapped, self.firmware, self.files), self.files)


def compile(
    model: Model,
    target: str | Path | Target = "rram130",
    *,
    policy: str | None = None,
    policies: Mapping[str, str] = MappingProxyType({}),
    provisioning: str | None = None,
    placement: str = "linear",
    chip: ChipInstance | int | None = None,
    readings: int = 4,
    max_accuracy_drop: float | None = None,
    objective: str = "energy",
    reprogrammings: int = 0,
    errors: str | None = None,
    seed: int = 0,
    measure_chips: int = 10,
    verify_chips: int = 50,
    trim_samples: int = 0,
    most_attempts: int = 1,
    chip_yield: float | None = None,
    update_of: Deployment | None = None,
    fresh_banks: bool = False,
    verify_share: float | None = None,
    attempts: Mapping[str, int] = MappingProxyType({}),
    trim: str | None = None,
    input_type: Stated[str] = None,
    input_scale: Stated[str | float | Fraction] = None,
    input_offset: Stated[str | float | Fraction] = None,
    calibration: Samples | Dataset | tuple[Samples, npt.ArrayLike] | None = None,
    output: str | None = None,
    toolchain: str = "auto",
    step: Step | None = None,
) -> Deployment:
    """The model on the target: read, mapped, generated and, where a cross compiler is found, built.

    `model` is the path of an ONNX file, its bytes, or an onnx.ModelProto. `target` is a shipped target's name, the path
    of a TOML file, or a loaded one. `step` hears the name and the seconds of each step. `input_type` (`uint8`, `int12`,
    ..., `bits`, `trits`), `input_scale` (what one integer is worth to the model, such as "1/255") and `input_offset`
    (what the integer 0 is worth) say which integers a float32 input holds: all inputs, or by their names in a dict.
    `calibration`, samples as the model takes them, of several inputs by name, shows that range too, and those by which
    float layers become int8. `output` names the output that the network ends in, where the model has several.

    `policy` is the programming policy of the RRAM, by default the target's first, and `policies` those of layers
    with one of their own, by the layers' names as `inspect` has them. `provisioning` says when the banks are
    programmed: `once`, by the firmware where the chip does not bear the marker of these weights; at every `boot`; or
    `separate`, by a program of its own, and the firmware is without the weights. By default `once`, and `boot` where
    the target's macro cannot read words back or no bank is left for the marker. `placement` is `linear`, or
    `ber-aware`: the weights that matter in the cells that err least, of a `chip`, an instance or the seed of one with
    errors by place, as so many `readings` of it show them; without one, as all chips of the target err. `calibration`
    then shows which weights matter. `update_of` is the deployment that the chip holds: the network goes into its banks
    with the fewest pulses, or, with `fresh_banks`, into the banks behind them. A chip that verifies what it programs
    (the `attempts` of a chip instance) verifies at most `verify_share` of the words of all rows, where that is given,
    those that matter most by the `calibration`; `attempts` is how often it tries at most in single layers, by their
    names. With `trim="on-chip"` each chip trims itself, by what its firmware reads back of its own weights and the mean
    of each input over the `calibration`, where simulated chips that do so answer these samples more as without errors,
    beyond chance (`trimming.json`; of the policy `auto` its own check decides); with `on-chip-always` in any case.
    docs/mapping.md has the reasoning.

    With the policy `auto` each layer that `policies` does not name gets the one with which programming takes the least
    energy (or, with the `objective` `endurance`, the chip lives longest), while the accuracy falls by no more than
    `max_accuracy_drop`, in percentage points, also after so many `reprogrammings`: on chips in the mean, or, with a
    `chip_yield`, on so large a share of them, each by itself. The `calibration` then has labels: (x, y), or a dict with
    `y` too. What layers lose is measured on `measure_chips` chips from `seed` on, with errors of
    the model `errors` (by default by place, where the target has physics), and what they lose together is verified on
    `verify_chips` others; where the placement is for a `chip`, on as many programmings of it. With `trim_samples` the
    accuracy is to hold for chips that are trimmed (`Deployment.trim`): each of those chips is, by the first so many
    samples of the `calibration`, which then do not count. Where chips verify what they program, making up to
    `most_attempts` (of the error model `device`, then the default), each layer gets its `attempts` too.

    Raises an EdgeBNNError that says what to do.
    """
    check_whole(readings=readings)
    check_placement(placement, chip, readings, calibration)
    _check_update(update_of, fresh_banks, placement)
    check_share(verify_share, calibration)
    check_trim(trim, calibration, trim_samples)
    auto = AutoPolicy(
        max_accuracy_drop, objective, reprogrammings, errors, seed, measure_chips, verify_chips, trim_samples,
        most_attempts, chip_yield,
    )  # fmt: skip
    labels: npt.ArrayLike | None = None
    if policy == AUTO:
        auto.check(chip, update_of is not None)
        calibration, labels = samples_and_labels(calibration)
    elif auto != AutoPolicy(errors=errors if chip is not None else None):
        raise TargetError("an allowed drop of accuracy, and what goes with it, is for the policy auto; leave it out")
    elif isinstance(calibration, Dataset | tuple):  # what needs no labels leaves them
        calibration, _ = samples_and_labels(calibration)
    calibration = list(calibration) if isinstance(calibration, tuple) else calibration
    assert not isinstance(calibration, Dataset), "labels stand apart"
    if isinstance(chip, int):
        chip = ChipInstance(chip, errors=error_model(errors) or ErrorModel.TABLE)
    elif chip is not None and errors is not None:
        raise TargetError("a chip instance has an error model of its own; leave out errors")
    reading = _read_options(input_type, input_scale, input_offset, calibration, output)
    more = placement != "linear" or policy == AUTO or verify_share is not None or trim is not None
    reading = replace(reading, more_to_calibrate=more)
    clock = _Clock(_listener(step, "step"))
    described = target if isinstance(target, Target) else load_target(str(target))
    with model_file(model) as path:
        network = read_network(path, reading)
    clock.tick("read the model")
    options = f"compile --target {described.name}"
    options += f" --policy {policy}" if policy else ""
    options += auto.options() if policy == AUTO else ""
    allocation = allocation_of(None if policy == AUTO else policy, policies, attempts, provisioning)
    options += "".join(f" --policy-for {printable(layer)}={name}" for layer, name in allocation.policies.items())
    options += "".join(f" --attempts-for {printable(layer)}={most}" for layer, most in allocation.attempts.items())
    options += f" --provisioning {provisioning}" if provisioning else ""
    options += f" --placement {placement}" if placement != "linear" else ""
    if update_of is not None:
        options += f" --update-of {printable(update_of.mapped.network.name)}{' --fresh-banks' if fresh_banks else ''}"
    options += f" --verify-share {verify_share:g}" if verify_share is not None else ""
    options += f" --trim {trim}" if trim is not None else ""
    options += reading.stated()
    options += f" --calibration sha256:{_digest(network.inputs, calibration)}" if calibration is not None else ""
    options += f" --output {printable(output)}" if output else ""
    provenance = Provenance(
        version=__version__,
        options=options,
        model_name=network.name,
        model_sha256=network.model_sha256,
        target_name=described.name,
        target_sha256=described.sha256,
    )
    mapped, told = map_network(network, described, provenance, allocation), dict[str, bytes]()
    inputs = network.inputs
    if chip is not None:
        check_chip(chip, described, tuple(described.policies) if policy == AUTO else mapped.policies)

    # Of a choice of policies each round is a step, and what it takes to arrange it a part of that.
    tick = clock.tick if policy != AUTO else lambda name: None

    def arrange(network: MappedNetwork) -> tuple[MappedNetwork, bytes | None]:
        """The network, which is mapped linearly, as it is to be placed, verified and trimmed."""
        told_placement = None
        if placement != "linear" and calibration is not None:
            from edgebnn.mapping.placed import placed  # the solvers of chips take a while to load

            network, told_placement = placed(network, chip, batch_of(inputs, calibration), readings)
            tick("place it")
        if update_of is not None:
            from edgebnn.mapping.updating import moved, updated  # as above

            old, told_old = update_of.mapped, update_of.files.get(PLACEMENT)
            network, told_placement = moved(network, old) if fresh_banks else updated(network, old, told_old)
            tick("place it")
        if verify_share is not None and calibration is not None:
            from edgebnn.mapping.verifying import verified_in_part  # as above

            network = verified_in_part(network, chip, batch_of(inputs, calibration), readings, verify_share)
            tick("choose what is verified")
        if trim is not None and calibration is not None:
            from edgebnn.emulator.self_trim_gain import self_trim_gain  # as above
            from edgebnn.mapping.self_trimming import self_trimming

            samples = batch_of(inputs, calibration)
            trimmed = self_trimming(network, samples)
            tick("find the mean inputs")
            # Chips that a choice of policies verifies are trimmed.
            if trim == ON_CHIP and policy != AUTO and network.linear_stages:
                gain = self_trim_gain(network, samples, chip, readings)
                told[TRIMMING] = msgspec.json.encode(gain.document())
                trimmed = trimmed if gain.shown else network
                tick("try trimming")
            network = trimmed
        return network, told_placement

    if policy == AUTO:
        data = _dataset(mapped, *with_labels(inputs, calibration, labels))
        found = choose_policies(mapped, data, auto.wanted(chip, described, readings), arrange, auto.heard(clock.tick))
        mapped, arranged = found.mapped, found.told
        told[POLICIES] = msgspec.json.encode(choice_document(found))
    else:
        mapped, arranged = arrange(mapped)
    if arranged is not None:
        told[PLACEMENT] = arranged
    return _deployed(mapped, toolchain, clock, told)


def _check_update(update_of: object, fresh_banks: bool, placement: str) -> None:
    """TargetError where the words of an update do not go together."""
    if update_of is None:
        if fresh_banks:
            raise TargetError(
                "fresh banks are those that a deployment leaves free; name it as what is updated "
                f"({choice('update_of')})"
            )
        return
    if not isinstance(update_of, Deployment):
        raise TargetError("what is updated is a deployment; open its folder with edgebnn.load")
    if placement != "linear":
        raise TargetError("an update goes where the chip's weights lie and takes no placement; leave one of them out")


def _deployed(
    mapped: MappedNetwork, toolchain: str, clock: _Clock, told: Mapping[str, bytes] = MappingProxyType({})
) -> Deployment:
    """A mapped network with every file that is emitted for it, and those of the stages before."""
    files = {
        **told,
        **binary_files(mapped),
        "memory_map.json": memory_map_json(mapped),
        "memory_map.csv": cells_csv(mapped),
        "memory_map.md": memory_map_markdown(mapped),
        "memory_map.svg": floorplan_svg(mapped),
    }
    clock.tick("map it")
    project = render_project(mapped)
    files |= {f"firmware/{name}": data for name, data in project.items()}
    clock.tick("generate the firmware")
    facts = None
    try:
        firmware = build_firmware(project, mapped.target, toolchain)
    except NoCompilerError:
        if toolchain != "auto":
            raise
    else:
        files[FIRMWARE_ELF] = firmware.elf
        if firmware.provisioning is not None:
            files[PROVISION_ELF] = firmware.provisioning
        facts = firmware.facts
    clock.tick("cross compile it")
    return Deployment(mapped, files, facts)


def inspect(
    model: Model,
    *,
    input_type: Stated[str] = None,
    input_scale: Stated[str | float | Fraction] = None,
    input_offset: Stated[str | float | Fraction] = None,
    calibration: Samples | None = None,
    output: str | None = None,
) -> Inspection:
    """What a model is made of: its integer `network`, or each of the `problems` that keep it from being one.

    Takes the words of `compile`. Raises an EdgeBNNError where the file itself is damaged or the words do not fit it.
    """
    with model_file(model) as path:
        return inspect_model(path, _read_options(input_type, input_scale, input_offset, calibration, output))


def load(folder: str | Path, *, trust: bool = False) -> Deployment:
    """The deployment in a folder; DeploymentError where it is none or damaged.

    On the target `host` the firmware is a program of this machine. It runs only with `trust`: whoever could write the
    folder could write the program.
    """
    record, files = read_folder(_folder(folder))
    if trust and FIRMWARE_ELF in files:
        files[FIRMWARE_ELF] = TrustedElf(files[FIRMWARE_ELF])
    return Deployment(restore(record, files, str(folder)), files, record.firmware)


def _read_options(
    input_type: Stated[str],
    scale: Stated[str | float | Fraction],
    offset: Stated[str | float | Fraction],
    calibration: Samples | None,
    output: str | None,
) -> ReadOptions:
    return ReadOptions(
        per_input(input_type, str),
        per_input(scale, parse_input_scale),
        calibration,
        output,
        per_input(offset, parse_input_offset),
    )


def _dataset(mapped: MappedNetwork, x: Samples, y: npt.ArrayLike | None) -> Dataset:
    """Samples of a mapped network and, where they are known, the indexes of their classes; else DataError."""
    samples = batch_of(mapped.network.inputs, x)
    if y is None:
        return Dataset(samples)
    labels = np.atleast_1d(numbers(y, "the index of each sample's class"))
    check_label_shape(labels, len(samples))
    if labels.dtype.kind == "f" and (not np.all(np.isfinite(labels)) or np.any(labels != np.rint(labels))):
        raise DataError("the labels y are no whole numbers; give the index of each sample's class")
    # As Python's numbers: float16, say, does not hold the limits.
    lowest, highest = (labels.min().item(), labels.max().item()) if labels.size else (0, 0)
    if not -_MOST_LABEL <= lowest <= highest <= _MOST_LABEL:
        raise DataError(f"the labels run from {lowest} to {highest}; give the index of each sample's class, from 0")
    dataset = Dataset(samples, labels.astype(np.int64))
    check_labels(dataset, mapped)
    return dataset


def _check_chips(count: int) -> None:
    """TargetError for chips that are no number, or more than anybody waits for."""
    if not 0 <= count <= MOST_CHIPS:
        raise TargetError(
            f"chips is {count}; give the number of chips to draw, or a list of them; {MOST_CHIPS:,} are drawn at most"
        )


def _instances(chips: object) -> Sequence[ChipInstance]:
    given = list(chips) if isinstance(chips, Iterable) else [chips]
    found = [chip for chip in given if isinstance(chip, ChipInstance)]
    if len(found) < len(given):
        raise TargetError("chips are instances, as deployment.chip(seed) makes them, or the number of chips to draw")
    return found


def _folder(given: object) -> Path:
    if not isinstance(given, str | os.PathLike):
        raise DeploymentError(f"the folder is of the type {type(given).__name__}; give the path of a deployment folder")
    return Path(given)


def _digest(inputs: Sequence[Input], samples: Samples) -> str:
    """What tells calibration data from others in a deployment's provenance, which holds no path."""
    digest = sha256()
    for _, part in parts(inputs, batch_of(inputs, samples)):
        digest.update(f"{part.dtype.str} {part.shape} ".encode())
        digest.update(np.ascontiguousarray(part).tobytes())
    return digest.hexdigest()[:16]


def _listener(given: Listener | None, name: str) -> Listener:
    """The function that is told how far the work is, one that does nothing for None; TargetError for anything else."""
    if given is None:
        return cast("Listener", lambda *_: None)
    if not callable(given):
        raise TargetError(f"{name} is {reprlib.repr(given)}; give a function to be told, or leave it out")
    return given


class _Clock:
    """Tells each step's time to a listener."""

    def __init__(self, step: Step) -> None:
        self.step = step
        self.last = time.perf_counter()

    def tick(self, name: str) -> None:
        now = time.perf_counter()
        self.step(name, now - self.last)
        self.last = now
