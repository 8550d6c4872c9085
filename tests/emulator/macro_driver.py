"""The macro's C model driven by hand: what the firmware's hardware layer does, without a CPU."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import numpy.typing as npt

from edgebnn.chip.banks.programmed_banks import ProgrammedBanks
from edgebnn.chip.energy.events import Events
from edgebnn.chip.target_files.loading import load_target
from edgebnn.emulator.macro import EmulatedMacro
from edgebnn.emulator.memories import ChipMemory, EmulatedMemories, chip_memories
from edgebnn.emulator.samples import encode_samples
from edgebnn.emulator.structs import EventCounters, MacroModel, emulator_library
from edgebnn.mapping.mapped import MappedNetwork, Provenance
from edgebnn.mapping.plan import FORMATS, Layout, LinearStage
from edgebnn.mapping.planner import map_network
from edgebnn.network.network import Network
from edgebnn.words import WORD_BITS

IMAGE_OFFSET = 0x400  # address 0 stands for "no direction bits"
OUTPUT_OFFSET = 128 * 1024


def on_chip(network: Network, target_name: str = "rram130") -> MappedNetwork:
    """The network mapped onto a shipped target."""
    target = load_target(target_name)
    provenance = Provenance(
        version="0",
        options="test",
        model_name=network.name,
        model_sha256=network.model_sha256,
        target_name=target.name,
        target_sha256=target.sha256,
    )
    return map_network(network, target, provenance)


class MacroDriver:
    """The macro of a mapped network's target, with its weights image in flash."""

    def __init__(
        self, mapped: MappedNetwork, banks: ProgrammedBanks | None = None, popcount_limit: int = 1 << 40
    ) -> None:
        self.mapped = mapped
        self.memories: EmulatedMemories = chip_memories(mapped.target)
        flash = self.memories.flash.data
        flash[IMAGE_OFFSET : IMAGE_OFFSET + len(mapped.image)] = np.frombuffer(mapped.image, np.uint8)
        self.counters = EventCounters()
        self.model = MacroModel()
        self._macro = EmulatedMacro(self.model, mapped, banks, self.memories, popcount_limit)
        self.model.events = ctypes.addressof(self.counters)
        assert mapped.target.macro is not None
        self.description = mapped.target.macro

    @property
    def sram(self) -> ChipMemory:
        """The chip's SRAM."""
        return self.memories.sram

    def write(self, **registers: int) -> None:
        """Writes registers by name, in the order given."""
        for name, value in registers.items():
            offset = self.description.offsets[name]
            emulator_library().ebnn_macro_model_write(ctypes.byref(self.model), offset, value & 0xFFFF_FFFF)

    def read(self, name: str) -> int:
        """Reads a register by name."""
        offset = self.description.offsets[name]
        return int(emulator_library().ebnn_macro_model_read(ctypes.byref(self.model), offset))

    def start(self, command: int) -> str | None:
        """Starts a command; None, or why the macro refused it."""
        self.write(status=0, control=command)
        status = self.read("status")
        assert status & self.description.status.done
        return str(self.model.complaint.decode()) if status & self.description.status.error else None

    def take_events(self) -> Events:
        """The events since the last call."""
        events = self.counters.events()
        ctypes.memset(ctypes.byref(self.counters), 0, ctypes.sizeof(self.counters))
        return events

    def program(self, stage: LinearStage) -> None:
        """Programs a layer, tile by tile, from the weights image."""
        sign, nonzero = self._words(stage, "sign"), self._words(stage, "nonzero")
        for tile in stage.tiles:
            for row in range(tile.neurons):
                index = (tile.neuron + row) * stage.row_words + tile.word
                self.write(program_bank=tile.bank, program_row=row, program_sign=int(sign[index]))
                self.write(program_nonzero=int(nonzero[index]) if stage.nonzero else 0xFFFF_FFFF)
                self.write(program_ternary=int(stage.nonzero is not None), program_policy=0)
                assert self.start(self.description.commands.program) is None

    def set_layer(self, stage: LinearStage) -> None:
        """Fills in the registers of a run: input at SRAM's start, output at OUTPUT_OFFSET."""
        window, steps = stage.window, stage.steps
        base = self.memories.flash.base + IMAGE_OFFSET
        assert stage.banks is not None
        self.write(
            input_address=self.sram.base,
            input_format=FORMATS.index(stage.input.format) | stage.input.planes << 8,
            input_height=stage.input.height,
            input_width=stage.input.width,
            input_channels=stage.input.channels,
            kernel=window.kernel[0] | window.kernel[1] << 16,
            stride=window.stride[0] | window.stride[1] << 16,
            dilation=window.dilation[0] | window.dilation[1] << 16,
            padding=window.pad[0] | window.pad[1] << 16,
            pad_value=stage.pad_value,
            groups=stage.groups,
            row_words=stage.row_words,
            bank_table=base + stage.banks.offset,
            ternary=int(stage.nonzero is not None),
            output_address=self.sram.base + OUTPUT_OFFSET,
            output_format=FORMATS.index(stage.output.format),
            output_height=stage.output.height,
            output_width=stage.output.width,
            output_channels=stage.output.channels,
            threshold_address=base + steps.thresholds.offset if steps else 0,
            threshold_steps=steps.steps if steps else 0,
            direction_address=base + steps.directions.offset if steps and steps.directions else 0,
            output_low=steps.low if steps else 0,
            output_step=steps.step if steps else 0,
            border_start=base + stage.border.start.offset if stage.border else 0,
        )
        if stage.border is not None:
            self.write(
                border_rows=base + stage.border.rows.offset,
                border_columns=base + stage.border.columns.offset,
                border_shift=stage.border.shift,
            )

    def run(self, stage: LinearStage, values: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
        """The layer on one sample's values (C, *spatial): its outputs, flat, channel first."""
        encoded = encode_samples(values[np.newaxis], stage.input)[0]
        self.sram.data[: len(encoded)] = encoded
        output = self.sram.data[OUTPUT_OFFSET : OUTPUT_OFFSET + stage.output.bytes]
        output[:] = 0xA5  # whatever lay there before must not show
        self.set_layer(stage)
        complaint = self.start(self.description.commands.run)
        assert complaint is None, complaint
        return decode(output, stage.output)

    def _words(self, stage: LinearStage, name: str) -> npt.NDArray[np.uint32]:
        section = getattr(stage, name)
        if section is None:
            return np.zeros(0, np.uint32)
        return np.frombuffer(self.mapped.image, "<u4")[section.offset // 4 : (section.offset + section.bytes) // 4]


def decode(data: npt.NDArray[np.uint8], layout: Layout) -> npt.NDArray[np.int64]:
    """A tensor's bytes as its integers, flat, channel first. Bits behind the last channel must be 0."""
    pixels = layout.height * layout.width
    if not layout.pixel_words:
        values = data.view(np.dtype(layout.format).newbyteorder("<"))[: pixels * layout.channels]
        return values.astype(np.int64)
    planes = 2 if layout.format == "trits" else 1
    words = layout.pixel_words // planes
    bits = np.unpackbits(data, bitorder="little").reshape(pixels, planes, words * WORD_BITS)
    assert not bits[:, :, layout.channels :].any(), "a bit is set behind the last channel"
    sign = bits[:, 0, : layout.channels].astype(np.int64)
    nonzero = bits[:, 1, : layout.channels].astype(np.int64) if planes == 2 else np.ones_like(sign)
    assert not np.any(sign & ~nonzero), "a zero has its sign set"
    return ((2 * sign - 1) * nonzero).T.reshape(-1)
