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
from edgebnn.chip.target_files.loading import read_target_file
from edgebnn.emulator.soc import Soc
from edgebnn.models import ECG_PVC
from tests.exports import export

SAMPLES = 4
CORE = 'architecture = "{}"'


def software_target(folder: Path) -> str:
    """A target file like cortex-m4, of the instruction set of rram130."""
    text, _ = read_target_file("cortex-m4")
    file = folder / "rv32imc.toml"
    file.write_text(text.replace(CORE.format("cortex-m4"), CORE.format("rv32imc")).replace("cortex-m4", "rv32imc"))
    return str(file)


def energy(deployment: edgebnn.Deployment, x: np.ndarray) -> Energy:
    """Of one inference, the mean over the samples `x`."""
    mapped, elf = deployment.mapped, deployment.elf
    assert elf is not None and mapped.target.supply is not None, "needs the extra soc"
    with Soc(mapped, elf) as soc:
        soc.boot()
        _, events = soc.infer(x)
    return inference_energy(events, mapped.target, mapped.target.supply.nominal.value).scaled(1 / len(x))


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
            chip, processor = (
                energy(edgebnn.compile(path, target, input_type=input_type), x) for target in ("rram130", software)
            )
            nj = chip.total_j * 1e9
            yield Row(
                f"{network}, {nj:,.1f} nJ on rram130", processor.total_j / chip.total_j, "x less than software", 20
            )
            for part in chip.parts:
                share = 100 * part.energy_j / chip.total_j
                yield Row(f"{network}, {part.name.replace('_', ' ')}", share, "% of the chip's energy")
