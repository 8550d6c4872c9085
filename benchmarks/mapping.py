"""What placement, trimming and verifying leave of the accuracy that a chip's errors cost, on the same chips.

    python -m benchmarks.mapping MODEL.onnx CALIBRATION.npz TEST.npz --chips 20 [--input-type uint8 --input-scale 1/255]

Every weight is programmed under one policy, `ultra-low-energy`. A chip is mapped by readings that are programmings of
their own, and used with another one; it is trimmed by samples that are not among those that count. The points lost are
paired: the same samples without errors and on the chip. Beside their mean stand its 95 % interval over chips for these
samples (Student's t), the one over chips and samples (`accuracy_drop`), the worst chip, and what share of the loss of
linear placement on the same chips is removed (chips resampled). With `--record FILE` each answer of each chip is kept
in it, a line for each part of a chip, and what it holds already is not measured again; the code is not compared, so
name a new file where it changed.
"""

from __future__ import annotations

import argparse
import base64
import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from unittest.mock import patch

import msgspec
import numpy as np
import numpy.typing as npt
import scipy.special

import edgebnn
from edgebnn.chip.banks.programmed_banks import ProgrammedBanks
from edgebnn.chip.device.conditions import SECONDS_A_DAY, Conditions
from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.chip.instance.error_model import ErrorModel
from edgebnn.chip.target_files.settings import with_settings
from edgebnn.emulator import chip_trim, trimming
from edgebnn.emulator.accuracy import accuracy_drop
from edgebnn.emulator.fast import FastPath
from edgebnn.mapping import ber_aware, first_order
from edgebnn.mapping.mapped import MappedNetwork
from edgebnn.mapping.mean_weights import mean_weights
from edgebnn.mapping.plan import LinearStage
from edgebnn.mapping.planner import map_network
from edgebnn.mapping.programmed import programmed_banks
from edgebnn.mapping.self_trimming import self_trimming
from edgebnn.mapping.verifying import verified_in_part
from edgebnn.network.types import Linear, MeanInputs

POLICY = "ultra-low-energy"
TRIM_SAMPLES, PLACE_SAMPLES = 300, 256
ATTEMPTS, SHARE = 3, 0.1
GUARDED_ATTEMPTS, GUARD_BAND = 5, 0.5  # the band in ln R
WORN = 10  # what share of the endurance lies behind a worn chip
TEN_YEARS_S = 10 * 365.25 * SECONDS_A_DAY

RESAMPLES = 2000

Samples = npt.NDArray[np.generic]
Flags = npt.NDArray[np.bool_]
Answers = Iterator[tuple[str, Flags]]


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

    def right(self, mapped: MappedNetwork, chip: ChipInstance) -> Flags:
        """Which answers are right on the chip."""
        return self._right(FastPath(mapped).run(self.x, programmed_banks(mapped, chip)))

    def trimmed(self, mapped: MappedNetwork, chip: ChipInstance, samples: int = TRIM_SAMPLES) -> MappedNetwork:
        found = trimming.trim(mapped, programmed_banks(mapped, chip), self.calibration[:samples])
        return map_network(found.network, mapped.target, mapped.provenance, mapped.allocation)

    def recentred(self, mapped: MappedNetwork, chip: ChipInstance) -> MappedNetwork:
        """Trimmed by the shift of the means alone."""
        with patch.object(trimming, "_gains", lambda sums: np.ones(sums.clean.shape[1])):
            return self.trimmed(mapped, chip)

    def self_trimming(self, mapped: MappedNetwork) -> MappedNetwork:
        """Trimmed by each chip's own firmware: by what it reads back once, and a table of mean inputs."""
        return self_trimming(mapped, self.calibration[:TRIM_SAMPLES])

    def placed(self, chip: ChipInstance, readings: int) -> tuple[MappedNetwork, MappedNetwork]:
        """The network in the best banks alone, and placed."""
        found = ber_aware.place_by_errors(self.mapped, chip, self.calibration[:PLACE_SAMPLES], readings)
        allocation = msgspec.structs.replace(self.mapped.allocation, banks=found.banks)
        target, provenance = self.mapped.target, self.mapped.provenance
        alone, whole = (
            map_network(each, target, provenance, allocation) for each in (self.mapped.network, found.network)
        )
        return alone, whole

    def in_linear_banks(self, chip: ChipInstance, readings: int) -> tuple[MappedNetwork, MappedNetwork]:
        """The network where linear placement puts it: with the best polarity alone, and with the best order too."""
        mapped, x = self.mapped, self.calibration[:PLACE_SAMPLES]
        maps, counts = ber_aware.maps_of(mapped, chip, readings), first_order.sensitivities_of(mapped.network, x)
        with patch.object(ber_aware, "linear_sum_assignment", lambda costs: (np.arange(len(costs)),) * 2):
            turned = ber_aware.ber_aware(mapped, maps, counts, range(mapped.plan.banks))
        arranged = ber_aware.ber_aware(mapped, maps, counts, range(mapped.plan.banks))
        polarity, both = (
            map_network(each.network, mapped.target, mapped.provenance, mapped.allocation)
            for each in (turned, arranged)
        )
        return polarity, both

    def in_random_banks(self, seed: int) -> MappedNetwork:
        array = self.mapped.target.array
        assert array is not None, "a target with RRAM"
        marker = self.mapped.plan.marker
        free = array.banks.integer("count") if marker is None else marker.bank
        banks = np.random.default_rng(seed).permutation(free)[: self.mapped.plan.banks]
        allocation = msgspec.structs.replace(self.mapped.allocation, banks=tuple(banks.tolist()))
        return map_network(self.mapped.network, self.mapped.target, self.mapped.provenance, allocation)

    def of_alike_devices(self) -> Bench:
        """The same on a target whose devices differ from cycle to cycle alone, not from place to place."""
        bench = object.__new__(Bench)
        vars(bench).update(vars(self))
        target = with_settings(self.mapped.target, {"physics.variability.device_share": (0, "1")})
        bench.mapped = map_network(self.mapped.network, target, self.mapped.provenance, self.mapped.allocation)
        return bench

    def _right(self, scores: npt.NDArray[np.int32]) -> Flags:
        return np.asarray(scores.reshape(len(scores), -1).argmax(axis=1) == self.y)


def by_place(bench: Bench, seed: int, all_readings: bool) -> Answers:
    """A chip whose errors go by place."""
    chip = ChipInstance(seed, errors=ErrorModel.TABLE)
    yield "linear", bench.right(bench.mapped, chip)
    yield "random banks", bench.right(bench.in_random_banks(seed), chip)
    yield "recentred", bench.right(bench.recentred(bench.mapped, chip), chip)
    yield "trimmed", bench.right(bench.trimmed(bench.mapped, chip), chip)
    for readings in (1, 4, 16) if all_readings else (4,):
        banks, placed = bench.placed(chip, readings)
        if readings == 4:
            yield "best banks", bench.right(banks, chip)
            yield "best banks, trimmed", bench.right(bench.trimmed(banks, chip), chip)
        yield f"placed, {readings} readings", bench.right(placed, chip)
        yield f"placed, {readings} readings, trimmed", bench.right(bench.trimmed(placed, chip), chip)


def order_and_polarity(bench: Bench, seed: int) -> Answers:
    """A chip whose errors go by place, with the banks of linear placement."""
    chip = ChipInstance(seed, errors=ErrorModel.TABLE)
    yield "linear", bench.right(bench.mapped, chip)
    polarity, both = bench.in_linear_banks(chip, 4)
    for name, mapped in (("polarity", polarity), ("order and polarity", both)):
        yield f"{name}, 4 readings", bench.right(mapped, chip)
        yield f"{name}, 4 readings, trimmed", bench.right(bench.trimmed(mapped, chip), chip)


def by_chance(bench: Bench, seed: int) -> Answers:
    """A chip whose errors do not: there is nothing for placement to gain."""
    chip = ChipInstance(seed, errors=ErrorModel.BER)
    yield "ber: linear", bench.right(bench.mapped, chip)
    yield "ber: trimmed", bench.right(bench.trimmed(bench.mapped, chip), chip)
    _, placed = bench.placed(chip, 4)
    yield "ber: placed, 4 readings", bench.right(placed, chip)


def by_device(bench: Bench, seed: int) -> Answers:
    """A chip of devices, a share of whose spread stays from programming to programming; and without such a share."""
    chip = ChipInstance(seed, errors=ErrorModel.DEVICE)
    for name, each in (("device", bench), ("device share 0", bench.of_alike_devices())):
        yield f"{name}: linear", each.right(each.mapped, chip)
        _, placed = each.placed(chip, 4)
        yield f"{name}: placed, 4 readings", each.right(placed, chip)
        yield f"{name}: placed, 4 readings, trimmed", each.right(each.trimmed(placed, chip), chip)
        yield f"{name}: trimmed", each.right(each.trimmed(each.mapped, chip), chip)


def verified(bench: Bench, seed: int) -> Answers:
    """A chip of devices, which verifies."""
    part = verified_in_part(bench.mapped, None, bench.calibration[:PLACE_SAMPLES], 1, SHARE)
    once, more = (ChipInstance(seed, errors=ErrorModel.DEVICE, attempts=attempts) for attempts in (1, ATTEMPTS))
    yield "verify: once", bench.right(bench.mapped, once)
    yield "verify: once, trimmed", bench.right(bench.trimmed(bench.mapped, once), once)
    yield f"verify: a share of {SHARE}", bench.right(part, more)
    yield f"verify: a share of {SHARE}, trimmed", bench.right(bench.trimmed(part, more), more)
    yield "verify: all", bench.right(bench.mapped, more)


def on_the_chip(bench: Bench, seed: int) -> Answers:
    """Chips that trim themselves, beside the same ones trimmed by a PC that knows what they read in the mean."""
    itself = bench.self_trimming(bench.mapped)
    for errors in (ErrorModel.TABLE, ErrorModel.BER, ErrorModel.DEVICE):
        chip = ChipInstance(seed, errors=errors)
        yield f"{errors}: linear", bench.right(bench.mapped, chip)
        yield f"{errors}: trims itself", bench.right(itself, chip)
        if errors is ErrorModel.DEVICE:
            with patch.object(chip_trim, "_wrong_sums", _known_sums):
                yield f"{errors}: trims itself, reading without noise", bench.right(itself, chip)
        yield f"{errors}: recentred by a PC", bench.right(bench.recentred(bench.mapped, chip), chip)
        yield f"{errors}: trimmed by a PC", bench.right(bench.trimmed(bench.mapped, chip), chip)
    chip = ChipInstance(seed, errors=ErrorModel.TABLE)
    banks, placed = bench.placed(chip, 4)
    for name, mapped in (("best banks", banks), ("placed, 4 readings", placed)):
        yield f"table: {name}", bench.right(mapped, chip)
        yield f"table: {name}, trims itself", bench.right(bench.self_trimming(mapped), chip)
        yield f"table: {name}, trimmed by a PC", bench.right(bench.trimmed(mapped, chip), chip)


def by_samples(bench: Bench, seed: int) -> Answers:
    """A chip whose errors go by place, trimmed by more and more samples."""
    chip = ChipInstance(seed, errors=ErrorModel.TABLE)
    yield "linear", bench.right(bench.mapped, chip)
    _, placed = bench.placed(chip, 4)
    yield "placed", bench.right(placed, chip)
    for samples in (8, 32, 100, TRIM_SAMPLES):
        yield f"trimmed by {samples}", bench.right(bench.trimmed(bench.mapped, chip, samples), chip)
        yield f"placed, trimmed by {samples}", bench.right(bench.trimmed(placed, chip, samples), chip)


def worn(bench: Bench, seed: int) -> Answers:
    """A chip that was placed and trimmed when it was new, and has been programmed often since."""
    new = ChipInstance(seed, errors=ErrorModel.TABLE)
    endurance = bench.mapped.target.policy(POLICY).endurance.integer("cycles")
    old = replace(new, conditions=Conditions(cycles=endurance // WORN))
    _, placed = bench.placed(new, 4)
    yield "worn: linear", bench.right(bench.mapped, old)
    yield "worn: trimmed as worn", bench.right(bench.trimmed(bench.mapped, old), old)
    yield "worn: placed when new", bench.right(placed, old)
    yield "worn: placed and trimmed when new", bench.right(bench.trimmed(placed, new), old)
    yield "worn: placed when new, trimmed as worn", bench.right(bench.trimmed(placed, old), old)


def ten_years(bench: Bench, seed: int) -> Answers:
    """Devices that verified, with and without a guard band, as programmed and ten years later."""
    years = Conditions(retention_s=TEN_YEARS_S)
    for attempts, band in ((1, 0.0), (ATTEMPTS, 0.0), (GUARDED_ATTEMPTS, 0.0), (GUARDED_ATTEMPTS, GUARD_BAND)):
        device = ChipInstance(seed, errors=ErrorModel.DEVICE, attempts=attempts, guard_band=band)
        how = f"{attempts} attempts, guard band {band:g}"
        yield f"devices: {how}", bench.right(bench.mapped, device)
        yield f"ten years later: {how}", bench.right(bench.mapped, replace(device, conditions=years))


def _known_sums(
    node: Linear, trim: MeanInputs, stage: LinearStage, banks: ProgrammedBanks, inference: int, number: int
) -> npt.NDArray[np.int64]:
    """What a chip's wrong weights add in the mean as it would know it that knew all of its amplifiers."""
    read, means = mean_weights(stage, banks), trim.values.reshape(node.groups, -1).astype(np.float64)
    of_neuron = np.repeat(means, node.neurons // node.groups, axis=0)
    found = read.plus * of_neuron
    if stage.input.pixel_words:  # of bits, +1 and -1 are read apart
        one = 2.0**trim.fraction
        found = (read.plus * (one + of_neuron) - read.minus * (one - of_neuron)) / 2
    meant = node.weights.reshape(node.neurons, -1) * of_neuron
    return np.asarray(np.rint((found - meant).sum(axis=1)), np.int64)


PARTS: dict[str, Callable[[Bench, int], Answers]] = {
    "place": lambda bench, seed: by_place(bench, seed, False),
    "readings": lambda bench, seed: by_place(bench, seed, True),
    "order": order_and_polarity,
    "chance": by_chance,
    "device": by_device,
    "verify": verified,
    "chip": on_the_chip,
    "samples": by_samples,
    "worn": worn,
    "years": ten_years,
}


@dataclass
class Record:
    """What chips answered, by part and seed: which samples were right in each way to map. Kept in a file, if any.

    `of` tells the model, its target and the data, which a line of the file has to share.
    """

    path: Path | None
    samples: int
    of: str
    known: dict[tuple[str, int], dict[str, Flags]] = field(default_factory=dict)

    @classmethod
    def at(cls, path: Path | None, samples: int, of: str) -> Record:
        """That of a file, which need not be there; a line that was cut off does not count."""
        record = cls(path, samples, of)
        for line in path.read_text().splitlines() if path is not None and path.is_file() else ():
            try:
                entry = json.loads(line)
            except json.JSONDecodeError:
                continue
            if (entry["samples"], entry.get("of")) != (samples, of):
                sys.exit(f"'{path}' is of another model, target or data; name another record")
            right = {name: _flags(text, samples) for name, text in entry["right"].items()}
            record.known[entry["part"], entry["seed"]] = right
        return record

    def add(self, part: str, seed: int, right: dict[str, Flags]) -> None:
        """What a chip answered."""
        self.known[part, seed] = right
        if self.path is not None:
            texts = {name: base64.b64encode(np.packbits(flags).tobytes()).decode() for name, flags in right.items()}
            line = json.dumps({"part": part, "seed": seed, "samples": self.samples, "of": self.of, "right": texts})
            with self.path.open("a") as file:
                file.write(f"\n{line}" if self.path.stat().st_size else line)

    def show(self, part: str, clean: Flags) -> None:
        """Each way to map, over all chips of the part."""
        chips = [right for (name, _), right in sorted(self.known.items(), key=lambda each: each[0]) if name == part]
        for name in chips[0]:
            linear = next(
                each for each in chips[0] if each.partition(":")[0] == name.partition(":")[0] or ":" not in name
            )
            _show(name, clean, *(np.stack([right[each] for right in chips]) for each in (name, linear)))


def _flags(text: str, samples: int) -> Flags:
    return np.unpackbits(np.frombuffer(base64.b64decode(text), np.uint8), count=samples).astype(np.bool_)


def _show(name: str, clean: Flags, right: Flags, linear: Flags) -> None:
    """Points lost on these chips, (chips, samples), and what share of those of the others is removed."""
    lost, before = (100 * (clean.mean() - each.mean(axis=1)) for each in (right, linear))
    count, reach = len(lost), 0.0
    if count > 1:
        reach = float(scipy.special.stdtrit(count - 1, 0.975)) * float(np.std(lost, ddof=1)) / count**0.5
    low, high = accuracy_drop(clean, right, 0).interval
    text = f"  {name:38} {lost.mean():6.3f} ± {reach:.3f} ({100 * low:.2f} to {100 * high:.2f}), worst {lost.max():.2f}"
    if before.sum() > 0 and not np.array_equal(right, linear):
        weights = np.random.default_rng(0).multinomial(count, np.full(count, 1 / count), size=RESAMPLES)
        removed = 1 - (weights @ lost) / (weights @ before)
        ends = np.quantile(removed, [0.025, 0.975])
        text += f", removed {1 - lost.sum() / before.sum():.0%} ({ends[0]:.0%} to {ends[1]:.0%})"
    print(f"{text}, {count} chips", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("calibration", type=Path)
    parser.add_argument("test", type=Path)
    parser.add_argument("--chips", type=int, default=20)
    parser.add_argument("--first", type=int, default=0, help="seed of the first chip")
    parser.add_argument("--input-type")
    parser.add_argument("--input-scale")
    parser.add_argument("--parts", default="place,chance,verify", help=f"of: {', '.join(PARTS)}")
    parser.add_argument("--record", type=Path, help="keeps each chip's answers, and is gone on with")
    words = parser.parse_args()
    for path in (words.model, words.calibration, words.test):
        if not path.is_file():
            sys.exit(f"skipped: '{path}' is not there; give a model and two .npz with samples x and their classes y")
    parts = words.parts.split(",")
    if not set(parts) <= set(PARTS):
        sys.exit(f"parts are of: {', '.join(PARTS)}")
    data = np.load(words.test)
    deployment = edgebnn.compile(words.model, policy=POLICY, input_type=words.input_type, input_scale=words.input_scale)
    bench = Bench(deployment, np.load(words.calibration)["x"][:1000], data["x"], data["y"])
    print(f"{words.model.name}: {bench.clean.mean():.2%} without errors, {len(bench.x)} samples", flush=True)
    files = (path.read_bytes() for path in (words.model, words.calibration, words.test))
    read = (*files, deployment.mapped.target.sha256.encode())
    record = Record.at(words.record, len(bench.x), sha256(b"".join(sha256(each).digest() for each in read)).hexdigest())
    start = time.perf_counter()
    for seed in range(words.first, words.first + words.chips):
        for part in parts:
            if (part, seed) not in record.known:
                record.add(part, seed, dict(PARTS[part](bench, seed)))
        if (seed - words.first) % 5 == 4:
            print(f"chips to {seed}, {time.perf_counter() - start:.0f} s", flush=True)
    for part in parts:
        record.show(part, bench.clean)


if __name__ == "__main__":
    main()
