"""The C structs of `runtime/emulator` as ctypes sees them, and the library with its functions declared."""

from __future__ import annotations

import ctypes
from functools import cache

from edgebnn.chip.energy.events import Events
from edgebnn.errors import ToolError
from edgebnn.native import library

PAGE_WORDS = 1024
GATHER_VECTORS = 64
ROLES = 38
CPU_REGISTERS = 32

_word, _count, _pointer = ctypes.c_uint32, ctypes.c_uint64, ctypes.c_void_p


class EventCounters(ctypes.Structure):
    """`ebnn_events`."""

    _fields_ = [
        ("instructions", _count),
        ("code_bytes", _count),
        ("flash_reads", _count),
        ("sram_accesses", _count),
        ("pcsa_reads", _count),
        ("popcounts", _count),
        ("thresholds", _count),
        ("array_cycles", _count),
        ("set_pulses", _count),
        ("reset_pulses", _count),
    ]

    def events(self) -> Events:
        """The counts so far. Code is fetched from flash a word at a time."""
        return Events(
            instructions=self.instructions,
            code_fetches=(self.code_bytes + 3) // 4 + self.flash_reads,
            sram_accesses=self.sram_accesses,
            pcsa_reads=self.pcsa_reads,
            popcounts=self.popcounts,
            thresholds=self.thresholds,
            array_cycles=self.array_cycles,
            set_pulses=self.set_pulses,
            reset_pulses=self.reset_pulses,
        )


class MemoryStruct(ctypes.Structure):
    """`ebnn_memory`."""

    _fields_ = [("bytes", _pointer), ("base", _word), ("size", _word)]


class MacroModel(ctypes.Structure):
    """`ebnn_macro_model`."""

    _fields_ = [
        ("roles", _pointer),
        ("command_program", _word),
        ("command_run", _word),
        ("status_done", _word),
        ("status_error", _word),
        ("banks", _word),
        ("rows", _word),
        ("bank_words", _word),
        ("parallel_banks", _word),
        ("policies", _word),
        ("cycles_per_read", _word),
        ("cycles_per_layer", _word),
        ("command_read", _word),
        ("sign", _pointer),
        ("nonzero", _pointer),
        ("state", _pointer),
        ("sensing", _pointer),
        ("expected_sign", _pointer),
        ("expected_nonzero", _pointer),
        ("expected_state", _pointer),
        ("expected_policy", _pointer),
        ("expected_attempts", _pointer),
        ("marker_stripe", _word),
        ("reads", _word),
        ("marker_sensing", _pointer),
        ("marker_sign", _pointer),
        ("inference", _count),
        ("flash", MemoryStruct),
        ("sram", MemoryStruct),
        ("gather", _pointer),
        ("popcount_limit", _count),
        ("events", _pointer),
        ("complaint", ctypes.c_char_p),
        ("registers", _word * ROLES),
    ]


class Instruction(ctypes.Structure):
    """`ebnn_instruction`."""

    _fields_ = [
        ("kind", ctypes.c_uint8),
        ("words", ctypes.c_uint8),
        ("base", ctypes.c_uint8),
        ("index", ctypes.c_uint8),
        ("shift", ctypes.c_uint8),
        ("offset", _word),
    ]


class SocState(ctypes.Structure):
    """`ebnn_soc`."""

    _fields_ = [
        ("stop", _pointer),
        ("read_register", _pointer),
        ("write_register", _pointer),
        ("decode", _pointer),
        ("instruction_limit", _count),
        ("fault_address", _count),
        ("flash", MemoryStruct),
        ("sram", MemoryStruct),
        ("instructions", _pointer),
        ("briefs", _pointer),
        ("it_until", _count),
        ("it_begin", _word),
        ("it_end", _word),
        ("registers", ctypes.c_int32 * CPU_REGISTERS),
        ("it_state", ctypes.c_int32),
        ("stopped", _word),
        ("input_address", _word),
        ("scores_address", _word),
        ("status", ctypes.c_int32),
        ("verify", _word),
        ("verified", ctypes.c_int32),
        ("trim_address", _word),
        ("kept_bytes", _word),
        ("kept", _pointer),
        ("events", EventCounters),
        ("macro", MacroModel),
    ]


@cache
def emulator_library() -> ctypes.CDLL:
    """The runtime's shared library; ToolError where its structs are not the ones above."""
    native: ctypes.CDLL = library()
    native.ebnn_soc_bytes.restype = _word
    for decoder in (native.ebnn_decode_thumb, native.ebnn_decode_riscv):
        decoder.restype, decoder.argtypes = Instruction, [ctypes.c_char_p, _count, _word]
    native.ebnn_macro_role_name.restype = ctypes.c_char_p
    native.ebnn_macro_role_name.argtypes = [_word]
    native.ebnn_macro_model_read.restype = _word
    native.ebnn_macro_model_read.argtypes = [_pointer, _count]
    native.ebnn_macro_model_write.restype = None
    native.ebnn_macro_model_write.argtypes = [_pointer, _count, _word]
    if native.ebnn_soc_bytes() != ctypes.sizeof(SocState):
        raise ToolError("the compiled runtime is of another version than edgebnn; install edgebnn again")
    return native
