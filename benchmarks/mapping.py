"""What placement, trimming and verifying leave of the accuracy that a chip's errors cost, on the same chips.

    python -m benchmarks.mapping MODEL.onnx CALIBRATION.npz TEST.npz --chips 20 [--input-type uint8 --input-scale 1/255]

Every weight is programmed under one policy, `ultra-low-energy`. A chip is mapped by readings that are programmings of
their own, and used with another one; it is trimmed by samples that are not among those that count. The points lost are
paired: the same samples without errors and on the chip, mean and 95 % interval (Student's t) over chips, and the worst.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import msgspec
import numpy as np
import numpy.typing as npt
import scipy.special

import edgebnn
from edgebnn.chip.instance import ChipInstance, ErrorModel
from edgebnn.emulator import trimming
from edgebnn.emulator.fast import FastPath
from edgebnn.mapping.ber_aware import place_by_errors
from edgebnn.mapping.mapped import MappedNetwork
from edgebnn.mapping.planner import map_network
from edgebnn.mapping.programmed import programmed_banks
from edgebnn.mapping.verifying import verified_in_part

POLICY = "ultra-low-energy"
TRIM_SAMPLES, PLACE_SAMPLES = 300, 256
ATTEMPTS, SHARE = 3, 0.1

Samples = npt.NDArray[np.generic]
Lost = dict[str, float]


class Bench:
    """A network with the samples that calibrate it and those that count."""

    def __init__(
        self, deployment: edgebnn.Deployment, calibration: Samples, x: Samples, y: npt.NDArray[np.int64]
    ) -> None:
        self.mapped, self.y = deployment.mapped, y
        shape = self.mapped.network.inputs[0].model_shape
        self.calibration = deployment.batch(calibration.reshape(-1, *shape))
        self.x = deployment.batch(x.reshape(-1, *shape))
        self.clean = self._right(FastPath(self.mapped).run(self.x))

    def lost(self, mapped: MappedNetwork, chip: ChipInstance) -> float:
        """Points of accuracy."""
        return 100 * (self.clean - self._right(FastPath(mapped).run(self.x, programmed_banks(mapped, chip))))

    def trimmed(self, mapped: MappedNetwork, chip: ChipInstance) -> MappedNetwork:
        found = trimming.trim(mapped, programmed_banks(mapped, chip), self.calibration[:TRIM_SAMPLES])
        return map_network(found.network, mapped.target, mapped.provenance, mapped.allocation)

    def recentred(self, mapped: MappedNetwork, chip: ChipInstance) -> MappedNetwork:
        """Trimmed by the shift of the means alone."""
        with patch.object(trimming, "_gains", lambda sums: np.ones(sums.clean.shape[1])):
            return self.trimmed(mapped, chip)

    def placed(self, chip: ChipInstance, readings: int) -> tuple[MappedNetwork, MappedNetwork]:
        """The network in the best banks alone, and placed."""
        found = place_by_errors(self.mapped, chip, self.calibration[:PLACE_SAMPLES], readings)
        allocation = msgspec.structs.replace(self.mapped.allocation, banks=found.banks)
        target, provenance = self.mapped.target, self.mapped.provenance
        alone, whole = (
            map_network(each, target, provenance, allocation) for each in (self.mapped.network, found.network)
        )
        return alone, whole

    def in_random_banks(self, seed: int) -> MappedNetwork:
        array = self.mapped.target.array
        assert array is not None, "a target with RRAM"
        banks = np.random.default_rng(seed).permutation(array.banks.integer("count"))[: self.mapped.plan.banks]
        allocation = msgspec.structs.replace(self.mapped.allocation, banks=tuple(banks.tolist()))
        return map_network(self.mapped.network, self.mapped.target, self.mapped.provenance, allocation)

    def _right(self, scores: npt.NDArray[np.int32]) -> float:
        return float((scores.reshape(len(scores), -1).argmax(axis=1) == self.y).mean())


def by_place(bench: Bench, seed: int, all_readings: bool) -> Iterator[tuple[str, float]]:
    """A chip whose errors go by place."""
    chip = ChipInstance(seed, errors=ErrorModel.TABLE)
    yield "linear", bench.lost(bench.mapped, chip)
    yield "random banks", bench.lost(bench.in_random_banks(seed), chip)
    yield "recentred", bench.lost(bench.recentred(bench.mapped, chip), chip)
    yield "trimmed", bench.lost(bench.trimmed(bench.mapped, chip), chip)
    for readings in (1, 4, 16) if all_readings else (4,):
        banks, placed = bench.placed(chip, readings)
        if readings == 4:
            yield "best banks", bench.lost(banks, chip)
            yield "best banks, trimmed", bench.lost(bench.trimmed(banks, chip), chip)
        yield f"placed, {readings} readings", bench.lost(placed, chip)
        yield f"placed, {readings} readings, trimmed", bench.lost(bench.trimmed(placed, chip), chip)


def by_chance(bench: Bench, seed: int) -> Iterator[tuple[str, float]]:
    """A chip whose errors do not: there is nothing for placement to gain."""
    chip = ChipInstance(seed, errors=ErrorModel.BER)
    yield "ber: linear", bench.lost(bench.mapped, chip)
    yield "ber: trimmed", bench.lost(bench.trimmed(bench.mapped, chip), chip)
    _, placed = bench.placed(chip, 4)
    yield "ber: placed, 4 readings", bench.lost(placed, chip)


def verified(bench: Bench, part: MappedNetwork, seed: int) -> Iterator[tuple[str, float]]:
    """A chip of devices, which verifies."""
    once, more = (ChipInstance(seed, errors=ErrorModel.DEVICE, attempts=attempts) for attempts in (1, ATTEMPTS))
    yield "device: once", bench.lost(bench.mapped, once)
    yield "device: once, trimmed", bench.lost(bench.trimmed(bench.mapped, once), once)
    yield f"device: a share of {SHARE} verified", bench.lost(part, more)
    yield f"device: a share of {SHARE} verified, trimmed", bench.lost(bench.trimmed(part, more), more)
    yield "device: all verified", bench.lost(bench.mapped, more)


def show(lost: dict[str, list[float]]) -> None:
    for name, values in lost.items():
        count = len(values)
        reach = 0.0
        if count > 1:
            reach = float(scipy.special.stdtrit(count - 1, 0.975)) * float(np.std(values, ddof=1)) / count**0.5
        print(f"  {name:42} {np.mean(values):6.3f} ± {reach:.3f}, worst {max(values):.2f}, {count} chips", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("calibration", type=Path)
    parser.add_argument("test", type=Path)
    parser.add_argument("--chips", type=int, default=20)
    parser.add_argument("--first", type=int, default=0, help="seed of the first chip")
    parser.add_argument("--input-type")
    parser.add_argument("--input-scale")
    parser.add_argument("--parts", default="place,chance,verify", help="of: place, chance, verify, readings")
    words = parser.parse_args()
    for path in (words.model, words.calibration, words.test):
        if not path.is_file():
            sys.exit(f"skipped: '{path}' is not there; give a model and two .npz with samples x and their classes y")
    parts = words.parts.split(",")
    data = np.load(words.test)
    deployment = edgebnn.compile(words.model, policy=POLICY, input_type=words.input_type, input_scale=words.input_scale)
    bench = Bench(deployment, np.load(words.calibration)["x"][:1000], data["x"], data["y"])
    print(f"{words.model.name}: {100 * bench.clean:.2f} % without errors, {len(bench.x)} samples", flush=True)
    part = verified_in_part(bench.mapped, None, bench.calibration[:PLACE_SAMPLES], 1, SHARE)
    lost: dict[str, list[float]] = {}
    start = time.perf_counter()
    for seed in range(words.first, words.first + words.chips):
        found: list[Iterator[tuple[str, float]]] = []
        found += [by_place(bench, seed, "readings" in parts)] if "place" in parts or "readings" in parts else []
        found += [by_chance(bench, seed)] if "chance" in parts else []
        found += [verified(bench, part, seed)] if "verify" in parts else []
        for each in found:
            for name, points in each:
                lost.setdefault(name, []).append(points)
        if (seed - words.first) % 5 == 4 or seed == words.first + words.chips - 1:
            print(f"chips to {seed}, {time.perf_counter() - start:.0f} s", flush=True)
            show(lost)


if __name__ == "__main__":
    main()
