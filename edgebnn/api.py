"""The Python API: compile, load, and the deployment with its verbs. The command line is a thin skin over it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgebnn import __version__
from edgebnn.chip.instance import ChipInstance
from edgebnn.chip.target import Target
from edgebnn.chip.target_files import load_target
from edgebnn.codegen.artefacts import Memory, measure
from edgebnn.codegen.build import build_firmware
from edgebnn.codegen.project import render_project
from edgebnn.emulator.emulate import Dataset, Emulation, emulate
from edgebnn.emulator.estimate import Estimate, estimate
from edgebnn.emulator.executors import Executor, execute
from edgebnn.errors import NoCompilerError
from edgebnn.frontend import ReadOptions, read_network
from edgebnn.mapping.cells import cells_csv
from edgebnn.mapping.faults import fault_planes
from edgebnn.mapping.floorplan import floorplan_svg
from edgebnn.mapping.folder import read_folder, write_folder
from edgebnn.mapping.mapped import MappedNetwork, Provenance
from edgebnn.mapping.memory_map import memory_map_json, memory_map_markdown
from edgebnn.mapping.planner import map_network
from edgebnn.mapping.record import FirmwareFacts, record_of, restore

Step = Callable[[str, float], None]


@dataclass(frozen=True, eq=False)
class Deployment:
    """A network on a target with everything that was emitted for it: run it, emulate it, estimate it, save it."""

    mapped: MappedNetwork
    files: dict[str, bytes]
    firmware: FirmwareFacts | None

    @property
    def elf(self) -> bytes | None:
        """The firmware, or None where no cross compiler was found."""
        return self.files.get("firmware.elf")

    @property
    def memory(self) -> Memory:
        """Synapses, banks and bytes, read from the emitted files."""
        return measure(self.files, self.firmware)

    def run(
        self, x: npt.NDArray[Any], on: str = "fast", chip: ChipInstance | None = None, integers: bool = False
    ) -> npt.NDArray[Any]:
        """Scores of a batch (B, *input shape), (B, *scores shape), on `reference`, `fast` or `firmware`.

        float64 in the model's own units, which are the integer scores times one constant; with `integers` the int32
        scores themselves.
        """
        faults = fault_planes(self.mapped, chip) if chip is not None else None
        scores = execute(self.mapped, self.elf, x, Executor(on), faults)
        return scores if integers else scores * self.mapped.network.output.scale

    def emulate(
        self,
        data: Dataset | tuple[npt.NDArray[Any], npt.NDArray[Any]],
        chips: Sequence[ChipInstance] = (),
        **options: Any,
    ) -> Emulation:
        """A data set without errors and on chip instances; options as `edgebnn.emulator.emulate.emulate` takes them."""
        if isinstance(data, tuple):
            data = Dataset(data[0], np.asarray(data[1], np.int64))
        return emulate(self.mapped, self.elf, data, chips, **options)

    def estimate(self) -> Estimate:
        """Energy, latency and programming energy without data."""
        return estimate(self.mapped, self.elf)

    def save(self, folder: str | Path) -> None:
        """Writes the deployment folder, whole or not at all."""
        write_folder(Path(folder), record_of(self.mapped, self.firmware, self.files), self.files)


def compile(
    model: str | Path,
    target: str | Target = "rram130",
    *,
    policy: str | None = None,
    input_type: str | None = None,
    calibration: npt.NDArray[Any] | None = None,
    toolchain: str = "auto",
    step: Step = lambda name, seconds: None,
) -> Deployment:
    """The model on the target: read, mapped, generated and, where a cross compiler is found, built.

    `step` hears the name and the seconds of each step. Raises an EdgeBNNError that says what to do.
    """
    clock = _Clock(step)
    chip = load_target(target) if isinstance(target, str) else target
    network = read_network(Path(model), ReadOptions(input_type=input_type, calibration=calibration))
    clock.tick("read the model")
    options = f"compile --target {chip.name}"
    options += f" --policy {policy}" if policy else ""
    options += f" --input-type {input_type}" if input_type else ""
    provenance = Provenance(
        version=__version__,
        options=options,
        model_name=network.name,
        model_sha256=network.model_sha256,
        target_name=chip.name,
        target_sha256=chip.sha256,
    )
    mapped = map_network(network, chip, provenance, policy)
    files = {
        "weights.bin": mapped.image,
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
        firmware = build_firmware(project, chip, toolchain)
    except NoCompilerError:
        if toolchain != "auto":
            raise
    else:
        files["firmware.elf"] = firmware.elf
        facts = firmware.facts
    clock.tick("cross compile it")
    return Deployment(mapped, files, facts)


def load(folder: str | Path) -> Deployment:
    """The deployment in a folder; DeploymentError where it is none or damaged."""
    record, files = read_folder(Path(folder))
    return Deployment(restore(record, files["weights.bin"], str(folder)), files, record.firmware)


class _Clock:
    """Tells each step's time to a listener."""

    def __init__(self, step: Step) -> None:
        self.step = step
        self.last = time.perf_counter()

    def tick(self, name: str) -> None:
        now = time.perf_counter()
        self.step(name, now - self.last)
        self.last = now
