"""A data set on an emulated chip: agreement of the executors, accuracy with and without errors, energy and latency."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, TypedDict

import numpy as np
import numpy.typing as npt

from edgebnn.apart.onnx_session import RunnableModel, need_onnxruntime
from edgebnn.brief import brief
from edgebnn.chip.banks.programmed_banks import ProgrammedBanks
from edgebnn.chip.energy.energy import Energy, inference_energy, latency_evidence, latency_s
from edgebnn.chip.energy.programming_cost import ProgrammingCost
from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.chip.target.supply import supply_v
from edgebnn.confidence import Interval, exact_interval
from edgebnn.emulator.accuracy import AccuracyDrop, accuracy_drop
from edgebnn.emulator.agreement import Agreement, names_classes, per_class, same_as_model, same_class, same_integers
from edgebnn.emulator.chip_results import (
    ChipResult,
    ChipSummary,
    MeanTernaryErrors,
    chip_result,
    programming_cost,
    summary,
    ternary_errors,
)
from edgebnn.emulator.chip_runs import KeptRuns, side_by_side
from edgebnn.emulator.executors import Executor, execute
from edgebnn.emulator.fast import FastPath
from edgebnn.emulator.firmware import WITHOUT_CONSENT, FirmwareRun, run_firmware, runs
from edgebnn.emulator.onnx_runtime import NotComparable, run_onnxruntime
from edgebnn.errors import DataError
from edgebnn.mapping.mapped import MappedNetwork
from edgebnn.mapping.programmed import programmed_banks
from edgebnn.network import how_taken

Labels = npt.NDArray[np.int64]
Scores = npt.NDArray[np.int32]


class Progress(Protocol):
    """Hears each phase as it begins, and within a long one how many of its samples are done."""

    def __call__(self, phase: str, done: int = 0, of: int = 0) -> None: ...


def silent(phase: str, done: int = 0, of: int = 0) -> None:
    """A progress that nobody hears."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """Samples x (n, *the model's own input shape) and, where they are known, their classes y (n,)."""

    x: npt.NDArray[Any]
    y: Labels | None = None

    __repr__ = brief

    def __post_init__(self) -> None:
        if self.y is not None:
            check_label_shape(self.y, len(self.x))
        if len(self.x) == 0:
            raise DataError("the data hold no sample; give at least one")


@dataclass(frozen=True, eq=False, repr=False)
class Emulation:
    """What `emulate` found. Energies and latency are means over the inferences that ran as firmware.

    They are those at the supply of the first chip, and `programming` is that chip's.
    `onnxruntime_same_class` stands apart from `agreement`: where float layers became int8 here, the model's own class
    may be another. `notes` are sentences that a user should read.
    """

    samples: int
    predictions: Labels
    scores: Scores
    accuracy: float | None
    accuracy_interval: Interval | None
    chips: tuple[ChipResult, ...]
    first_chip: ChipInstance | None
    summary: ChipSummary | None
    ternary_errors: MeanTernaryErrors | None
    drop: AccuracyDrop | None
    agreement: Mapping[str, Agreement]
    onnxruntime_same_class: Agreement | None
    notes: tuple[str, ...]
    firmware_samples: int
    events_per_inference: Mapping[str, float] | None
    energy: Energy | None
    latency_us: float | None
    latency_evidence: Mapping[str, float]
    programming: ProgrammingCost | None
    supply_v: float | None

    def __repr__(self) -> str:
        """One short line; the fields have the rest."""
        accuracy = "" if self.accuracy is None else f", accuracy={self.accuracy:.4f}"
        energy = "" if self.energy is None else f", energy_nj={self.energy.total_j * 1e9:.4g}"
        return (
            f"Emulation(samples={self.samples}{accuracy}, chips={len(self.chips)}, "
            f"executors_agree={self.executors_agree}{energy})"
        )

    @property
    def executors_agree(self) -> bool | None:
        """Every pair of executors that was compared agrees on every sample; None where nothing was compared."""
        return all(agreement.whole for agreement in self.agreement.values()) if self.agreement else None


def emulate(
    mapped: MappedNetwork,
    elf: bytes | None,
    data: Dataset,
    chips: Sequence[ChipInstance] = (),
    *,
    model: RunnableModel | None = None,
    firmware_samples: int = 64,
    progress: Progress = silent,
    kept: KeptRuns | None = None,
) -> Emulation:
    """Runs the samples without errors and on every chip instance.

    The fast path runs everything; reference and firmware repeat the first `firmware_samples` samples, without errors
    and on the first chip, and are compared to the bit. Where the `model` is given onnxruntime answers too, and its
    scores are compared up to their rounding; where float layers became int8 here, its classes alone. Without `elf`, or
    where it is a native program that nobody vouches for, the firmware is left out; a note says the latter. Memory does
    not grow with the chips but by their results and, where there are labels, a byte for each chip and sample. `kept`
    are runs of this network, which may know the samples already. Raises DataError for unsuitable data, TargetError for
    chips on a target without RRAM, ToolError for a `model` where the package onnxruntime is missing.
    """
    if model is not None:
        need_onnxruntime(f"comparing with the answers of '{model.name}' itself")
    check_labels(data, mapped)
    notes = (*mapped.network.cautions, *how_taken(mapped.network, data.x))
    if elf is not None and firmware_samples and not runs(mapped.target, elf):
        elf, notes = None, (*notes, f"the firmware was left out: {WITHOUT_CONSENT}")
    bench = _Bench(mapped, elf, data.x, data.x[:firmware_samples], FastPath(mapped), progress)
    progress("fast path")
    chip_runs = (kept or KeptRuns(mapped)).of(data.x) if chips else None
    scores = bench.fast.run(data.x) if chip_runs is None else chip_runs.clean
    agreement, run = bench.compare(scores, None, "")
    predictions = _classes(scores)
    by_class: Agreement | None = None
    if model is not None:
        progress("onnxruntime")
        try:
            answers = _answers(model, mapped, data.x)
        except NotComparable as error:
            notes = (*notes, str(error))
        else:
            if not mapped.network.is_the_models_own:
                by_class = same_class(scores, answers)
            else:
                agreement["onnxruntime-fast"] = same_as_model(scores, answers, mapped.network)
    results = []
    right_on_chips = np.empty((len(chips) if data.y is not None else 0, len(data.x)), np.bool_)

    def run_on(chip: ChipInstance) -> tuple[ChipResult, Scores]:
        assert chip_runs is not None, "there are chips"
        banks = programmed_banks(mapped, chip)
        found, wrong = chip_runs.run(banks)
        return chip_result(mapped, chip, banks, wrong, _classes(found), predictions, data.y), found

    for index, (result, found) in enumerate(side_by_side(run_on, chips)):
        progress(f"chip {chips[index].seed}")
        if index == 0 and len(bench.repeated):
            agreement |= bench.compare(found, programmed_banks(mapped, chips[0]), " with errors")[0]
        if data.y is not None:
            right_on_chips[index] = _classes(found) == data.y
        results.append(result)
    right = None if data.y is None else predictions == data.y
    drop = accuracy_drop(right, right_on_chips, chips[0].seed) if right is not None and chips else None
    return Emulation(
        samples=len(data.x),
        predictions=predictions,
        scores=scores,
        accuracy=None if right is None else float(right.mean()),
        accuracy_interval=None if right is None else exact_interval(int(right.sum()), len(right)),
        chips=tuple(results),
        first_chip=chips[0] if chips else None,
        summary=summary(results, len(data.x)) if results else None,
        ternary_errors=ternary_errors(mapped, chips[0]) if chips else None,
        drop=drop,
        agreement=agreement,
        onnxruntime_same_class=by_class,
        notes=(*notes, *_notes_on_chips(mapped, drop)),
        firmware_samples=len(bench.repeated) if run is not None else 0,
        **_costs(mapped, run, len(bench.repeated), chips[0] if chips else None),
    )


def _answers(model: RunnableModel, mapped: MappedNetwork, x: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """onnxruntime's answers; NotComparable where they are neither a score for each class nor classes."""
    answers, classes = run_onnxruntime(model, mapped, x), mapped.network.output.size
    if not names_classes(answers, classes) and per_class(answers).shape[1] != classes:
        raise NotComparable(
            f"'{model.name}' answers with {per_class(answers).shape[1]} numbers for {classes} classes, so "
            "onnxruntime's answers were not compared"
        )
    return answers


def _notes_on_chips(mapped: MappedNetwork, drop: AccuracyDrop | None) -> tuple[str, ...]:
    """What a drop of a trimmed network is a drop from, and what is not in the energy of programming."""
    notes: tuple[str, ...] = ()
    if mapped.network.trimmed_for and drop is not None:
        notes += (
            "the accuracy without errors, from which the drop counts, is that of the trimmed thresholds; that of the "
            "network before it was trimmed is what edgebnn emulate says of the deployment that this one was made from",
        )
    if mapped.network.trims_itself:
        notes += ("what each chip takes to trim itself is not in the energy of programming; edgebnn estimate says it",)
    return notes


def check_label_shape(labels: npt.NDArray[Any], samples: int) -> None:
    """DataError where there is not one label for each sample."""
    if labels.shape != (samples,):
        raise DataError(f"the labels have the shape {labels.shape} for {samples} samples; give one a sample")


def check_labels(data: Dataset, mapped: MappedNetwork) -> None:
    """DataError where a label is the number of no class."""
    classes = mapped.network.output.size
    if data.y is not None and (data.y.min() < 0 or data.y.max() >= classes):
        raise DataError(
            f"the labels run from {data.y.min()} to {data.y.max()}, but the classes are 0 to {classes - 1}; "
            "give the index of each sample's class"
        )


class _Costs(TypedDict):
    events_per_inference: Mapping[str, float] | None
    energy: Energy | None
    latency_us: float | None
    latency_evidence: Mapping[str, float]
    programming: ProgrammingCost | None
    supply_v: float | None


@dataclass(frozen=True, eq=False)
class _Bench:
    """All executors beside each other; reference and firmware repeat the samples `repeated`, the head of `x`."""

    mapped: MappedNetwork
    elf: bytes | None
    x: npt.NDArray[Any]
    repeated: npt.NDArray[Any]
    fast: FastPath
    progress: Progress

    def compare(
        self, scores: Scores, banks: ProgrammedBanks | None, condition: str
    ) -> tuple[dict[str, Agreement], FirmwareRun | None]:
        """How the others agree with the fast path's scores of all samples and with each other, the firmware's run."""
        head = scores[: len(self.repeated)]
        if len(self.repeated) == 0:
            return {}, None
        self.progress(f"reference{condition}")
        reference = execute(self.mapped, self.elf, self.repeated, Executor.REFERENCE, banks)
        agreement = {f"reference-fast{condition}": same_integers(reference, head)}
        if self.elf is None:
            return agreement, None
        phase = f"firmware{condition}"
        self.progress(phase)
        run = run_firmware(self.mapped, self.elf, self.repeated, banks, partial(self.progress, phase))
        agreement[f"reference-firmware{condition}"] = same_integers(reference, run.scores)
        agreement[f"fast-firmware{condition}"] = same_integers(head, run.scores)
        return agreement, run


def _classes(scores: Scores) -> Labels:
    classes: Labels = per_class(scores).argmax(axis=1)
    return classes


def _costs(mapped: MappedNetwork, run: FirmwareRun | None, inferences: int, chip: ChipInstance | None) -> _Costs:
    """Means over the inferences of a firmware run, for a chip or, without one, under nominal conditions.

    None where nothing was counted.
    """
    target = mapped.target
    programmed = chip or (ChipInstance(0) if target.array is not None and mapped.policy is not None else None)
    programming = None if programmed is None else programming_cost(mapped, programmed)
    asked = chip.conditions.supply_v if chip else None
    supply = None if target.supply is None else supply_v(target, asked)
    if run is None or run.events is None:
        return _Costs(
            events_per_inference=None,
            energy=None,
            latency_us=None,
            latency_evidence={},
            programming=programming,
            supply_v=supply,
        )
    return _Costs(
        events_per_inference=run.events.per(inferences),
        energy=inference_energy(run.events, target, asked).scaled(1 / inferences),
        latency_us=latency_s(run.events, target) * 1e6 / inferences,
        latency_evidence=latency_evidence(run.events, target),
        programming=programming,
        supply_v=supply,
    )
