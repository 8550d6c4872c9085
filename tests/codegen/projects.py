"""Networks on targets and firmware projects in folders, for the tests of code generation."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgebnn.chip.target_files.loading import load_target
from edgebnn.emulator.samples import encode_batch
from edgebnn.mapping.allocation import Allocation, Provisioning
from edgebnn.mapping.mapped import MappedNetwork, Provenance
from edgebnn.mapping.planner import map_network
from edgebnn.network import Encoding, Input, Kind, Network, Tensor, WeightKind, Window
from tests.networks import Builder

TARGETS = ("rram130", "cortex-m4", "host")


def beat_network() -> Network:
    """A small network of the kind that reads an electrocardiogram: every kind of layer is in it."""
    builder = Builder(Tensor("beat", Kind.INTEGERS, (1, 60), -2048, 2047, scale=0.005), np.random.default_rng(3))
    builder.linear(32, WeightKind.BINARY, Window((7,), (2,), (1,), (3,), (3,)))
    builder.threshold()
    builder.pool(Window((2,), (2,), (1,), (0,), (0,)))
    builder.linear(40, WeightKind.TERNARY, Window((5,), (1,), (1,), (2,), (2,)))
    builder.threshold(Kind.INTEGERS, 5)
    builder.threshold(Kind.TRITS)
    builder.flatten()
    builder.linear(33)
    builder.threshold()
    builder.linear(2)
    builder.affine()
    return builder.network()


def two_inputs() -> Network:
    """A network whose two inputs, of different types, are joined."""
    builder = Builder(Tensor("window", Kind.INTEGERS, (9,), -2048, 2047), np.random.default_rng(4))
    other = Tensor("rr", Kind.INTEGERS, (3,), 0, 255, scale=0.5)
    builder.others.append(Input(other, Encoding("float32", offset=1.0)))
    builder.concat([other])
    builder.linear(2)
    return builder.network()


def mapped_on(network: Network, target: str, provisioning: Provisioning | None = None) -> MappedNetwork:
    """The network on a target that ships with edgebnn."""
    chip = load_target(target)
    provenance = Provenance(
        version="0.0.0",
        options=f"compile --target {target}",
        model_name=network.name,
        model_sha256=network.model_sha256,
        target_name=chip.name,
        target_sha256=chip.sha256,
    )
    return map_network(network, chip, provenance, Allocation(provisioning=provisioning))


def renamed(network: Network, name: str) -> Network:
    """The network with `name` in the names of itself, all nodes and all tensors."""

    def rename(tensor: Tensor) -> Tensor:
        return replace(tensor, name=tensor.name + name)

    nodes = tuple(
        replace(
            node,
            name=node.name + name,
            sources=tuple(source + name for source in node.sources),
            output=rename(node.output),
        )
        for node in network.nodes
    )
    inputs = tuple(replace(entry, tensor=rename(entry.tensor)) for entry in network.inputs)
    return replace(network, name=network.name + name, inputs=inputs, nodes=nodes)


def write_project(files: Mapping[str, bytes], folder: Path) -> Path:
    """The project's folder with its files in it."""
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


def stored(mapped: MappedNetwork, x: npt.NDArray[np.generic]) -> bytes:
    """A batch (B, *the model's own input shape) as the firmware reads it, sample after sample."""
    return encode_batch(mapped.network, mapped.plan, x).tobytes()


def run(command: list[str], folder: Path, data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """The command in a folder; AssertionError with its messages where it fails."""
    answer = subprocess.run(command, cwd=folder, input=data, capture_output=True, timeout=300, check=False)
    assert answer.returncode == 0, f"{' '.join(command)}\n{answer.stdout.decode()}\n{answer.stderr.decode()}"
    return answer
