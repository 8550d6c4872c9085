"""What a deployment takes, read from the files that were emitted and never from a prediction."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from edgebnn.brief import brief
from edgebnn.mapping.cells import synapses_in_csv
from edgebnn.mapping.record import FirmwareFacts


@dataclass(frozen=True)
class LayerMemory:
    """Synapses of a layer, counted in `memory_map.csv`, and the bytes that its weights take in the image.

    Weights of 8 bits are no synapses.
    """

    synapses: int
    weight_bytes: int


@dataclass(frozen=True)
class MemoryUse:
    """Memory of a deployment; bytes of code are None where no firmware was built.

    sram_bytes: input, scores and work area, or all that the ELF reserves (stack included) where there is one.
    weights_bytes: the weights image in flash (on a chip with RRAM: the image that programs the banks,
    without their rows where the firmware is without them).
    """

    synapses: int
    banks: int
    sram_bytes: int
    code_bytes: int | None
    weights_bytes: int
    layers: Mapping[str, LayerMemory]

    __repr__ = brief

    @property
    def flash_bytes(self) -> int | None:
        """Code and weights image together; None where no firmware was built."""
        return None if self.code_bytes is None else self.code_bytes + self.weights_bytes


def measure(files: Mapping[str, bytes], firmware: FirmwareFacts | None) -> MemoryUse:
    """The memory of a deployment, from its memory map, its `weights.bin` and the facts of its ELF."""
    synapses = synapses_in_csv(files["memory_map.csv"])
    document = json.loads(files["memory_map.json"])
    weight_bytes = {layer["name"]: layer["weight_bytes"] for layer in document["layers"]}
    buffers = sum(document[name]["bytes"] for name in ("input", "scores", "work_area"))
    weights_bytes = len(files["weights.bin"]) - document["image"]["rows_bytes"]
    return MemoryUse(
        synapses=sum(synapses.values()),
        banks=sum(len(layer["tiles"]) for layer in document["layers"]),
        sram_bytes=firmware.data_bytes if firmware is not None else buffers,
        code_bytes=firmware.constant_bytes - weights_bytes if firmware is not None else None,
        weights_bytes=weights_bytes,
        layers={name: LayerMemory(synapses.get(name, 0), octets) for name, octets in weight_bytes.items()},
    )
