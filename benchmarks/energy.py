"""Energy of an inference: the whole chip against the software kernels on the same processor and memories.

The software target is cortex-m4 with the instruction set of rram130: its processor's and memories' energies are those
of rram130, so what differs is that weights lie in flash instead of banks. All of these energies are assumed for 130 nm
(`edgebnn targets show rram130`); the ratio is one of counted events. The shares tell where the chip's energy goes.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import edgebnn
from benchmarks.networks import WIDTHS, mlp
from benchmarks.rows import Row
from edgebnn.chip.energy.energy import Energy, inference_energy
from edgebnn.chip.energy.events import Events
from edgebnn.chip.target_files.loading import read_target_file
from edgebnn.emulator.soc import Soc
from edgebnn.models import ECG_PVC
from tests.exports import export

SAMPLES = 4
# The parts that have nothing to do with the banks.
PROCESSORS_OWN = ("cpu_instructions", "flash_fetches", "sram_accesses")
CORE = 'architecture = "{}"'


def software_target(folder: Path) -> str:
    """A target file like cortex-m4, of the instruction set of rram130."""
    text, _ = read_target_file("cortex-m4")
    file = folder / "rv32imc.toml"
    file.write_text(text.replace(CORE.format("cortex-m4"), CORE.format("rv32imc")).replace("cortex-m4", "rv32imc"))
    return str(file)


def counted(deployment: edgebnn.Deployment, x: np.ndarray) -> Events:
    """Of inferences of the samples `x`."""
    assert deployment.elf is not None, "needs the extra soc"
    with Soc(deployment.mapped, deployment.elf) as soc:
        soc.boot()
        return soc.infer(x)[1]


def energy(deployment: edgebnn.Deployment, events: Events) -> Energy:
    """Of one inference, the mean over those that were counted."""
    target = deployment.mapped.target
    assert target.supply is not None
    return inference_energy(events, target, target.supply.nominal.value).scaled(1 / SAMPLES)


def processors_part(deployment: edgebnn.Deployment, events: Events) -> str:
    """What CPU, flash and SRAM do in one inference."""
    instructions, fetches, accesses = (
        count / SAMPLES for count in (events.instructions, events.code_fetches, events.sram_accesses)
    )
    return (
        f"{instructions:,.0f} instructions with {fetches:,.0f} fetches, in {len(deployment.mapped.plan.stages)} calls "
        "of which each writes a layer's 26 and more registers and sleeps; and "
        f"{accesses:,.0f} accesses to SRAM, in which the macro reads the inputs of a window anew for each pixel. "
        "Another register map (a descriptor that the macro reads by itself, a line buffer for windows that overlap) "
        "was not tried"
    )


def rows() -> Iterator[Row]:
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        software = software_target(folder)
        networks = {
            "ECG": (ECG_PVC, None, rng.integers(-128, 128, (SAMPLES, 4, 120))),
            "MLP": (
                export(mlp(), WIDTHS[:1], folder / "mlp.onnx"),
                "uint8",
                rng.integers(0, 256, (SAMPLES, *WIDTHS[:1])),
            ),
        }
        for network, (path, input_type, x) in networks.items():
            deployments = [edgebnn.compile(path, target, input_type=input_type) for target in ("rram130", software)]
            events = [counted(deployment, x) for deployment in deployments]
            chip, processor = (energy(*each) for each in zip(deployments, events, strict=True))
            nj = chip.total_j * 1e9
            yield Row(
                f"{network}, {nj:,.1f} nJ on rram130", processor.total_j / chip.total_j, "x less than software", 20
            )
            own = 100 * sum(part.energy_j for part in chip.parts if part.name in PROCESSORS_OWN) / chip.total_j
            title, binds = f"{network}, CPU, flash and SRAM together", processors_part(deployments[0], events[0])
            yield Row(title, own, "% of the chip's energy", binds=binds)
            for part in chip.parts:
                share = 100 * part.energy_j / chip.total_j
                yield Row(f"{network}, {part.name.replace('_', ' ')}", share, "% of the chip's energy")
