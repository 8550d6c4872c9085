"""The emulated CPU: unicorn through its C API, so that hooks and registers can be C callbacks."""

from __future__ import annotations

import ctypes
import importlib
import weakref
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from edgebnn.errors import ToolError

PAGE_BYTES = 4096

Architecture = Literal["rv32imc", "cortex-m4"]

HOOK_CODE = "UC_HOOK_CODE"
HOOK_REFUSED = "UC_HOOK_MEM_INVALID"  # where nothing is mapped, or against a memory's protection
_HOOK_PAGE = "UC_HOOK_TLB_FILL"  # an access to a page that was not accessed of late

# No code lies here: emulation ends where a callback stops it or where it fails.
_NOWHERE = 0xFFFF_FFFE


@dataclass(frozen=True)
class CpuFault:
    """Why the CPU stopped of itself: unicorn's words, and whether it was to run what no code may lie in."""

    reason: str
    forbidden_code: bool = False


class EmulatedCpu:
    """One emulated processor with its memories. Raises ToolError where unicorn is missing; `close` frees it."""

    def __init__(self, architecture: Architecture) -> None:
        self._unicorn = _load_unicorn()
        self._engine = ctypes.c_void_p()
        self._kept: list[Any] = []  # what unicorn has only an address of
        self._thumb = architecture == "cortex-m4"
        codes = self._unicorn.codes
        if self._thumb:
            arch, mode = codes["UC_ARCH_ARM"], codes["UC_MODE_THUMB"] | codes["UC_MODE_MCLASS"]
            model, self._pc = codes["UC_CPU_ARM_CORTEX_M4"], codes["UC_ARM_REG_PC"]
        else:  # SiFive's E31 is the smallest core with multiplication and compressed instructions that unicorn has
            arch, mode = codes["UC_ARCH_RISCV"], codes["UC_MODE_RISCV32"]
            model, self._pc = codes["UC_CPU_RISCV32_SIFIVE_E31"], codes["UC_RISCV_REG_PC"]
        self._check(self._c.uc_open(arch, mode, ctypes.byref(self._engine)))
        self._free = weakref.finalize(self, self._c.uc_close, self._engine)
        self._set("UC_CTL_CPU_MODEL", model)

    @property
    def _c(self) -> ctypes.CDLL:
        return self._unicorn.library

    def map_memory(self, base: int, buffer: npt.NDArray[np.uint8], writable: bool) -> None:
        """Maps a buffer of whole pages as SRAM (read, write) or flash (read, execute)."""
        codes = self._unicorn.codes
        access = codes["UC_PROT_READ"] | codes["UC_PROT_WRITE" if writable else "UC_PROT_EXEC"]
        self._kept.append(buffer)
        address = ctypes.c_void_p(buffer.ctypes.data)
        self._check(self._c.uc_mem_map_ptr(self._engine, base, buffer.nbytes, access, address))

    def map_registers(self, base: int, read: Any, write: Any, user_data: ctypes.c_void_p) -> None:
        """Maps a page of registers that two C callbacks answer."""
        self._check(
            self._c.uc_mmio_map(self._engine, base, PAGE_BYTES, _pointer(read), user_data, _pointer(write), user_data)
        )

    def ask_of_pages(self, callback: Any, user_data: ctypes.c_void_p) -> None:
        """Lets a C callback say where each page lies and what it is good for, in place of the CPU's own rules."""
        self._set("UC_CTL_TLB_TYPE", self._unicorn.codes["UC_TLB_VIRTUAL"])
        self.hook(_HOOK_PAGE, callback, user_data)

    def hook(self, kind: str, callback: Any, user_data: ctypes.c_void_p, base: int = 1, size: int = 0) -> None:
        """Calls a C callback at the events of a kind in a range of addresses, by default all."""
        handle = ctypes.c_void_p()
        self._kept.append(handle)
        end = base + size - 1
        self._check(
            self._c.uc_hook_add(
                self._engine, ctypes.byref(handle), self._unicorn.codes[kind], _pointer(callback), user_data, base, end
            )
        )

    @property
    def stop_function(self) -> ctypes.c_void_p:
        """`uc_emu_stop`, for C callbacks."""
        return _pointer(self._c.uc_emu_stop)

    @property
    def read_function(self) -> ctypes.c_void_p:
        """`uc_reg_read`, for C callbacks."""
        return _pointer(self._c.uc_reg_read)

    @property
    def write_function(self) -> ctypes.c_void_p:
        """`uc_reg_write`, for C callbacks."""
        return _pointer(self._c.uc_reg_write)

    @property
    def it_state(self) -> int:
        """unicorn's number of the register that holds the state of an IT block, -1 where the CPU has no such blocks."""
        return self._unicorn.codes["UC_ARM_REG_EPSR"] if self._thumb else -1

    @property
    def registers(self) -> tuple[int, ...]:
        """unicorn's numbers of the CPU's registers, in the order in which instructions number them."""
        name, count = ("UC_ARM_REG_R{}", 16) if self._thumb else ("UC_RISCV_REG_X{}", 32)
        return tuple(self._unicorn.codes[name.format(number)] for number in range(count))

    @property
    def pc(self) -> int:
        """The program counter."""
        value = ctypes.c_uint64(0)
        self._check(self._c.uc_reg_read(self._engine, self._pc, ctypes.byref(value)))
        return value.value & 0xFFFF_FFFF

    def set_stack(self, address: int) -> None:
        """Sets the stack pointer, as a Cortex-M does at reset."""
        value = ctypes.c_uint64(address)
        self._check(self._c.uc_reg_write(self._engine, self._unicorn.codes["UC_ARM_REG_SP"], ctypes.byref(value)))

    def run(self, address: int) -> CpuFault | None:
        """Executes from `address` until a callback ends it (None), or the CPU faults."""
        if not self._free.alive:
            raise ValueError("the CPU is closed")
        begin = address | 1 if self._thumb else address
        code = self._c.uc_emu_start(self._engine, begin, _NOWHERE, 0, 0)
        return CpuFault(self._reason(code), code == self._unicorn.codes["UC_ERR_FETCH_PROT"]) if code else None

    def close(self) -> None:
        """Frees the engine; the memories stay their owner's."""
        self._free()

    def _set(self, setting: str, value: int) -> None:
        control = self._unicorn.codes[setting] | 1 << 26 | self._unicorn.codes["UC_CTL_IO_WRITE"] << 30  # one argument
        self._check(self._c.uc_ctl(self._engine, control, ctypes.c_int(value)))

    def _check(self, code: int) -> None:
        if code:
            raise ToolError(f"unicorn refuses to set up the CPU: {self._reason(code)}; update the package unicorn")

    def _reason(self, code: int) -> str:
        text: bytes = self._c.uc_strerror(code)
        return text.decode("ascii", "replace")


def _pointer(function: Any) -> ctypes.c_void_p:
    return ctypes.cast(function, ctypes.c_void_p)


@dataclass(frozen=True)
class _Unicorn:
    """unicorn's C library and its constants by name, which differ between versions."""

    library: ctypes.CDLL
    codes: dict[str, int]


@cache
def _load_unicorn() -> _Unicorn:
    """ToolError where the package is missing, too old or does not load."""
    remedy = "pip install --upgrade 'edgebnn[soc]'"
    try:
        modules = [importlib.import_module(f"unicorn.{name}_const") for name in ("unicorn", "arm", "riscv")]
    except ImportError as error:
        raise ToolError("running firmware needs the package unicorn; pip install 'edgebnn[soc]'") from error
    folder = Path(str(modules[0].__file__)).parent / "lib"
    names = ("libunicorn.so*", "libunicorn*.dylib", "unicorn.dll")
    found = [path for name in names for path in sorted(folder.glob(name))]
    try:
        library = ctypes.CDLL(str(found[0]))
    except (OSError, IndexError) as error:
        raise ToolError(f"the package unicorn has no library that loads ({error}); {remedy}") from error
    _declare_all(library)
    codes = {name: value for module in modules for name, value in vars(module).items() if isinstance(value, int)}
    if "UC_CPU_RISCV32_SIFIVE_E31" not in codes:
        raise ToolError(f"the package unicorn is too old; {remedy}")
    return _Unicorn(library, codes)


def _declare_all(library: ctypes.CDLL) -> None:
    """The signatures of the functions in use, as unicorn.h has them."""
    engine, pointer, u64, number = ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint64, ctypes.c_int
    signatures: dict[str, tuple[Any, ...]] = {
        "uc_open": (number, number, pointer),
        "uc_close": (engine,),
        "uc_ctl": (engine, ctypes.c_uint32),
        "uc_mem_map_ptr": (engine, u64, u64, ctypes.c_uint32, pointer),
        "uc_mmio_map": (engine, u64, u64, pointer, pointer, pointer, pointer),
        "uc_hook_add": (engine, pointer, number, pointer, pointer, u64, u64),
        "uc_reg_read": (engine, number, pointer),
        "uc_reg_write": (engine, number, pointer),
        "uc_emu_start": (engine, u64, u64, u64, ctypes.c_size_t),
        "uc_emu_stop": (engine,),
        "uc_strerror": (number,),
    }
    for name, arguments in signatures.items():
        function = getattr(library, name)
        function.restype, function.argtypes = number, arguments
    library.uc_strerror.restype = ctypes.c_char_p
