"""A data set on an emulated chip: agreement of the executors, accuracy with and without errors, energy and latency."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgebnn.chip.energy import Energy, inference_energy, latency_s, programming_energy
from edgebnn.chip.events import Events
from edgebnn.chip.instance import ChipInstance
from edgebnn.emulator.accuracy import AccuracyDrop, Interval, accuracy_drop, exact_interval
from edgebnn.emulator.agreement import Agreement, same_as_floats, same_integers
from edgebnn.emulator.executors import Executor, execute, run_onnxruntime
from edgebnn.emulator.fast import FastPath
from edgebnn.emulator.firmware import run_firmware
from edgebnn.errors import DataError
from edgebnn.mapping.faults import fault_planes, programmed_weights, wrong_weights
from edgebnn.mapping.mapped import MappedNetwork

Labels = npt.NDArray[np.int64]
Scores = npt.NDArray[np.int32]
Progress = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class Dataset:
    """Samples x (n, *input shape) and, where they are known, their classes y (n,)."""

    x: npt.NDArray[Any]
    y: Labels | None = None

    def __post_init__(self) -> None:
        if self.y is not None and self.y.shape != (len(self.x),):
            raise DataError(f"the labels have the shape {self.y.shape} for {len(self.x)} samples; give one a sample")
        if len(self.x) == 0:
            raise DataError("the data hold no sample; give at least one")


@dataclass(frozen=True)
class ChipResult:
    """One chip instance on all samples; `accuracy` is None without labels, `changed` counts answers unlike the clean."""

    seed: int
    bit_error_rate: float
    wrong_bits: int
    accuracy: float | None
    changed: int


@dataclass(frozen=True, eq=False)
class Emulation:
    """What `emulate` found. Energies and latency are means over the inferences that ran as firmware."""

    samples: int
    predictions: Labels
    scores: Scores
    accuracy: float | None
    accuracy_interval: Interval | None
    chips: tuple[ChipResult, ...]
    drop: AccuracyDrop | None
    agreement: Mapping[str, Agreement]
    firmware_samples: int
    events_per_inference: Mapping[str, float] | None
    energy: Energy | None
    latency_us: float | None
    programming: Energy | None

    @property
    def executors_agree(self) -> bool:
        """Every pair of executors that was compared agrees on every sample."""
        return all(agreement.whole for agreement in self.agreement.values())


def emulate(
    mapped: MappedNetwork,
    elf: bytes | None,
    data: Dataset,
    chips: Sequence[ChipInstance] = (),
    *,
    model: Path | None = None,
    firmware_samples: int = 64,
    progress: Progress = lambda _: None,
) -> Emulation:
    """Runs the samples without errors and on every chip instance.

    The fast path runs everything; reference and firmware repeat the first `firmware_samples` samples, without errors and
    on the first chip, and are compared to the bit; so is onnxruntime where the `model` file is given. Without `elf` the
    firmware is left out. Raises DataError for unsuitable data, TargetError for chips on a target without RRAM.
    """
    fast = FastPath(mapped)
    progress("fast path")
    scores = fast.run(data.x)
    predictions = scores.reshape(len(scores), -1).argmax(axis=1)
    right = None if data.y is None else predictions == data.y
    checked = slice(0, min(firmware_samples, len(data.x)))
    agreement = {}
    progress("reference")
    reference = execute(mapped, elf, data.x[checked], Executor.REFERENCE)
    agreement["reference-fast"] = same_integers(reference, scores[checked])
    run = None
    if elf is not None and checked.stop:
        progress("firmware")
        run = run_firmware(mapped, elf, data.x[checked], None)
        agreement["reference-firmware"] = same_integers(reference, run.scores)
        agreement["fast-firmware"] = same_integers(scores[checked], run.scores)
    if model is not None:
        progress("onnxruntime")
        floats = run_onnxruntime(model, mapped, data.x)
        agreement["onnxruntime-fast"] = same_as_floats(scores, floats, mapped.network.output)

    results, all_right = [], []
    for index, chip in enumerate(chips):
        progress(f"chip {chip.seed}")
        faults = fault_planes(mapped, chip)
        weights = programmed_weights(mapped, faults)
        on_chip = fast.run(data.x, weights)
        answers = on_chip.reshape(len(on_chip), -1).argmax(axis=1)
        if data.y is not None:
            all_right.append(answers == data.y)
        results.append(
            ChipResult(
                seed=chip.seed,
                bit_error_rate=chip.bit_error_rate,
                wrong_bits=wrong_weights(mapped, weights),
                accuracy=None if data.y is None else float(np.mean(answers == data.y)),
                changed=int(np.count_nonzero(answers != predictions)),
            )
        )
        if index == 0:
            reference = execute(mapped, elf, data.x[checked], Executor.REFERENCE, faults)
            agreement["reference-fast with errors"] = same_integers(reference, on_chip[checked])
            if elf is not None and checked.stop:
                with_errors = run_firmware(mapped, elf, data.x[checked], faults).scores
                agreement["fast-firmware with errors"] = same_integers(on_chip[checked], with_errors)

    events = run.events if run else None
    count = checked.stop
    return Emulation(
        samples=len(data.x),
        predictions=predictions,
        scores=scores,
        accuracy=None if right is None else float(right.mean()),
        accuracy_interval=None if right is None else exact_interval(int(right.sum()), len(right)),
        chips=tuple(results),
        drop=accuracy_drop(right, np.array(all_right), chips[0].seed) if right is not None and chips else None,
        agreement=agreement,
        firmware_samples=count if run else 0,
        events_per_inference=None if events is None else events.per(count),
        energy=None if events is None else inference_energy(events, mapped.target).scaled(1 / count),
        latency_us=None if events is None else latency_s(events, mapped.target) * 1e6 / count,
        programming=_programming(mapped, run.programming if run else None),
    )


def _programming(mapped: MappedNetwork, events: Events | None) -> Energy | None:
    if events is None or mapped.policy is None:
        return None
    return programming_energy(events, mapped.target.policy(mapped.policy))
