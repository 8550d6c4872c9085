"""The emulated system on chip: it boots a firmware's ELF, feeds it inputs, reads its scores and counts what happens."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from edgebnn.chip.banks.programmed_banks import ProgrammedBanks
from edgebnn.chip.energy.events import Events
from edgebnn.chip.random.philox import EVENTS
from edgebnn.emulator.array_events import run_events
from edgebnn.emulator.cpu import HOOK_CODE, HOOK_REFUSED, EmulatedCpu
from edgebnn.emulator.elf import read_firmware
from edgebnn.emulator.macro import Cells, EmulatedMacro
from edgebnn.emulator.memories import ChipMemory, EmulatedMemories, chip_memories
from edgebnn.emulator.samples import encode_batch
from edgebnn.emulator.structs import EventCounters, Instruction, MacroModel, MemoryStruct, SocState, emulator_library
from edgebnn.errors import DeploymentError
from edgebnn.mapping.mapped import MappedNetwork
from edgebnn.mapping.plan import AffineStage, Int8Stage, LinearStage, Plan, PoolStage, Stage, SumPoolStage

Scores = npt.NDArray[np.int32]

# Why the emulator stopped: the C enumeration in ebnn_soc.h.
RUNNING, READY, DONE, FAILED, LIMIT, REFUSED, REGISTER = range(7)


NOT_VERIFIED = -(1 << 31)  # no status of the runtime

# The CPU is stopped after so many, to look at the clock: a tenth of a second or less.
SLICE_INSTRUCTIONS = 5_000_000


@dataclass(frozen=True)
class Limits:
    """Bounds of one boot or one inference, so that a broken or hostile firmware ends."""

    instructions: int
    seconds: float

    @classmethod
    def of(cls, plan: Plan) -> Limits:
        """Far more instructions and time than the plan's work takes on a CPU without any array."""
        work = sum(map(_work, plan.stages)) + plan.image_bytes
        return cls(50_000_000 + 200 * work, 60.0 + work * 1e-6)


class Soc:
    """A chip with a firmware in its flash and, where they are given, with the banks of a chip with errors.

    A context manager; `boot`, then `infer` as often as wanted. Every further `boot` is one behind a loss of power: what
    was programmed is still there, in `cells`, and another chip with these cells finds it too; so is what the firmware
    trims the chip by, as a product keeps it in flash. Raises DeploymentError for a firmware that is damaged, fails,
    leaves its memories or does not come to an end, ToolError where unicorn is missing.
    """

    def __init__(
        self,
        mapped: MappedNetwork,
        elf: bytes,
        banks: ProgrammedBanks | None = None,
        limits: Limits | None = None,
        cells: Cells | None = None,
    ) -> None:
        target = mapped.target
        architecture = target.architecture
        assert architecture != "host" and target.memory is not None and target.mailbox is not None
        self._mapped = mapped
        self._limits = limits or Limits.of(mapped.plan)
        image = read_firmware(elf, architecture, target.memory)
        memories = chip_memories(target)
        memories.flash.data[: len(image.flash)] = np.frombuffer(image.flash, np.uint8)
        self._sram = memories.sram
        self._entry, self._stack, self._boots = image.entry, None, 0
        if architecture == "cortex-m4":  # the reset loads both from the vector table
            self._stack, self._entry = (int(word) for word in memories.flash.data[:8].view("<u4"))
        self._state = SocState()
        self._macro = None
        self._trim = np.zeros(mapped.plan.trim_bytes, np.uint8)
        self._state.kept = self._trim.ctypes.data
        if target.array is not None:
            self._macro = _macro(self._state, mapped, banks, memories, cells)
        self._cpu = EmulatedCpu(architecture)
        try:
            self._connect(memories, target.mailbox.base.integer("address"))
        except BaseException:
            self.close()
            raise

    @property
    def cells(self) -> Cells | None:
        """What is programmed into the banks; None on a target without RRAM."""
        return None if self._macro is None else self._macro.cells

    def _connect(self, memories: EmulatedMemories, mailbox: int) -> None:
        native, cpu, state = emulator_library(), self._cpu, ctypes.cast(ctypes.byref(self._state), ctypes.c_void_p)
        flash, sram = memories.flash, memories.sram
        self._count_on(flash, sram)
        cpu.map_memory(flash.base, flash.buffer, writable=False)
        cpu.map_memory(sram.base, sram.buffer, writable=True)
        cpu.map_registers(mailbox, native.ebnn_soc_mailbox_read, native.ebnn_soc_mailbox_write, state)
        if self._mapped.target.macro is not None:
            base = self._mapped.target.macro.base.integer("address")
            cpu.map_registers(base, native.ebnn_soc_macro_read, native.ebnn_soc_macro_write, state)
        cpu.hook(HOOK_CODE, native.ebnn_soc_on_instruction, state)
        # Where such a hook might want to hear of a store, unicorn makes it by way of a slow function: not in SRAM.
        end = sram.base + len(sram.buffer)
        cpu.hook(HOOK_REFUSED, native.ebnn_soc_on_unmapped, state, 0, sram.base)
        cpu.hook(HOOK_REFUSED, native.ebnn_soc_on_unmapped, state, end, 2**32 - end)
        cpu.ask_of_pages(native.ebnn_soc_on_page, state)

    def _count_on(self, flash: ChipMemory, sram: ChipMemory) -> None:
        """Gives the C side what it decodes instructions with and finds out which memory they access."""
        native, cpu, state = emulator_library(), self._cpu, self._state
        thumb = self._mapped.target.architecture == "cortex-m4"
        decoder = native.ebnn_decode_thumb if thumb else native.ebnn_decode_riscv
        # None of them decoded yet; the state has only the address.
        halfwords = len(flash.buffer) // 2
        self._instructions = np.zeros(halfwords * ctypes.sizeof(Instruction), np.uint8)
        self._briefs = np.zeros(halfwords, np.uint8)
        state.decode = ctypes.cast(decoder, ctypes.c_void_p)
        state.read_register, state.stop = cpu.read_function, cpu.stop_function
        state.registers[: len(cpu.registers)] = cpu.registers
        state.write_register, state.it_state = cpu.write_function, cpu.it_state
        state.flash = MemoryStruct(flash.buffer.ctypes.data, flash.base, len(flash.buffer))
        state.sram = MemoryStruct(sram.buffer.ctypes.data, sram.base, len(sram.buffer))
        state.instructions, state.briefs = self._instructions.ctypes.data, self._briefs.ctypes.data

    def boot(self) -> Events:
        """Runs from reset until the firmware waits for an input, its banks programmed; what happened on the way.

        A word that it reads back from the banks is drawn by the number of the boot, from the last inference downwards.
        """
        self._state.events = EventCounters()
        self._sram.data[:] = 0
        macro = self._state.macro
        macro.inference, macro.reads, macro.complaint = EVENTS - 1 - self._boots, 0, None
        ctypes.memset(ctypes.addressof(macro) + MacroModel.registers.offset, 0, MacroModel.registers.size)
        self._boots += 1
        if self._stack is not None:
            self._cpu.set_stack(self._stack)
        stopped = self._resume(self._entry)
        if stopped == FAILED:
            status = f"status {self._state.status}{self._complaint()}"
            raise DeploymentError(f"the firmware could not program the chip ({status}); compile again")
        self._expect(stopped, READY)
        if len(self._trim):
            self._trim[:] = self._sram.part(self._state.trim_address, len(self._trim), "what trims the chip")
            self._state.kept_bytes = len(self._trim)
        return self._counted()

    def forget_trim(self) -> None:
        """Before the next boot, what the firmware trims the chip by is lost, as in a product that does not keep it."""
        self._state.kept_bytes = 0

    @property
    def trim(self) -> npt.NDArray[np.int32]:
        """What the firmware has trimmed the chip by at its last boot, int32 (words,); empty where it does not."""
        return self._trim.view("<i4").astype(np.int32)

    def verify(self) -> int:
        """A boot at which the firmware reads its weights back: how many are not what they should be.

        Raises DeploymentError where it does not do so.
        """
        self._state.verify, self._state.verified = 1, NOT_VERIFIED
        self.boot()
        self._state.verify = 0
        if self._state.verified < 0:
            what = (
                "does not verify its weights"
                if self._state.verified == NOT_VERIFIED
                else "failed to verify its weights"
            )
            raise DeploymentError(f"the firmware {what} (status {self._state.verified}{self._complaint()})")
        return int(self._state.verified)

    def infer(
        self,
        x: npt.NDArray[Any],
        progress: Callable[[int, int], None] = lambda done, of: None,
        first_inference: int = 0,
    ) -> tuple[Scores, Events]:
        """Scores int32 (B, *scores shape) of a batch x (B, *the model's own input shape), and the events of all of it.

        `progress` hears after every sample how many are done, and of how many. Sample i is the chip's inference
        `first_inference` + i, by which the errors of its reads are drawn.

        Raises DataError where x has another shape or values outside the input's range.
        """
        network, plan = self._mapped.network, self._mapped.plan
        samples = encode_batch(network, plan, x)
        scores = np.empty((len(samples), network.output.size), np.int32)
        events = Events()
        for done, (sample, row) in enumerate(zip(samples, scores, strict=True), start=1):
            self._sram.part(self._state.input_address, plan.input_bytes, "an input")[:] = sample
            self._state.events = EventCounters()
            self._state.macro.inference = first_inference + done - 1
            self._expect(self._resume(self._cpu.pc), DONE)
            if self._state.status != 0:
                status = f"status {self._state.status}{self._complaint()}"
                raise DeploymentError(f"the firmware's inference failed ({status}); compile again")
            row[:] = self._sram.part(self._state.scores_address, 4 * row.size, "a row of scores").view("<i4")
            events += self._counted()
            progress(done, len(samples))
        return scores.reshape(len(samples), *network.output.shape), events

    def close(self) -> None:
        """Frees the CPU; the chip cannot be used afterwards."""
        self._cpu.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _resume(self, address: int) -> int:
        """Executes from `address` to the next stop and says which it was."""
        state, limit = self._state, self._limits.instructions
        deadline = time.monotonic() + self._limits.seconds
        state.stopped = RUNNING
        while state.stopped == RUNNING:
            state.instruction_limit = min(limit, state.events.instructions + SLICE_INSTRUCTIONS)
            fault = self._cpu.run(address)
            address = self._cpu.pc
            if state.stopped == LIMIT and state.events.instructions < limit:
                state.stopped = RUNNING
            elif state.stopped == RUNNING and fault is not None and fault.forbidden_code:
                state.stopped, state.fault_address = REFUSED, address
            elif state.stopped == RUNNING and fault is not None:
                raise DeploymentError(f"the firmware crashed at 0x{address:08x}: {fault.reason}; compile again")
            if state.stopped == RUNNING and time.monotonic() > deadline:
                raise DeploymentError(
                    f"the firmware did not come to an end within {self._limits.seconds:g} seconds; compile again"
                )
        return int(state.stopped)

    def _expect(self, stopped: int, wanted: int) -> None:
        if stopped == wanted:
            return
        where = f"at 0x{self._cpu.pc:08x}"
        reasons = {
            READY: "waits for an input where it should have given scores",
            DONE: "gives scores before it has asked for an input",
            FAILED: f"reports a failed programming in the middle of an inference (status {self._state.status})",
            LIMIT: f"did not come to an end within {self._limits.instructions} instructions",
            REFUSED: f"{where} accesses 0x{self._state.fault_address:08x}, where it may not",
            REGISTER: f"{where} accesses a register that does not exist, or not as a 32-bit word",
        }
        raise DeploymentError(f"the firmware {reasons[stopped]}; compile again")

    def _counted(self) -> Events:
        counters: EventCounters = self._state.events
        return counters.events()

    def _complaint(self) -> str:
        complaint = self._state.macro.complaint
        return f": {complaint.decode()}" if complaint else ""


def _macro(
    state: SocState,
    mapped: MappedNetwork,
    banks: ProgrammedBanks | None,
    memories: EmulatedMemories,
    cells: Cells | None,
) -> EmulatedMacro:
    """The macro of a chip, its events counted with the CPU's, bounded by what one inference of the plan reads."""
    array = mapped.target.array
    assert array is not None
    stages = mapped.linear_stages.values()
    planned = sum(run_events(stage, array).popcounts for stage in stages)
    macro = EmulatedMacro(state.macro, mapped, banks, memories, planned, cells)
    state.macro.events = ctypes.addressof(state) + SocState.events.offset
    return macro


def _work(stage: Stage) -> int:
    """Elementary steps of a stage in software, generously: every input of every output, plane by plane."""
    work = stage.output.height * stage.output.width * stage.output.channels
    match stage:
        case LinearStage():
            return int(work * (stage.row_words * 32 * stage.input.planes + 8))
        case Int8Stage():
            return int(work * (stage.fan_in + 8))
        case PoolStage() | SumPoolStage():
            return int(work * prod(stage.window.kernel))
        case AffineStage():
            return int(work * stage.segments)
        case _:
            return int(work)
