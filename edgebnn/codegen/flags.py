"""How the generated C is compiled: the flags that `build.py` gives and the generated Makefile holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Architecture = Literal["rv32imc", "cortex-m4", "host"]

WARNINGS = ("-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror")
# Small code is also the faster one here: on one and the same model zig's -O2 took twice the bytes and 9 % more
# instructions on a Cortex-M4.
# No debug information: it would hold the path of the folder in which the compiler ran. Unwind tables and stack
# protectors have no reader in firmware.
COMPILE = ("-std=c99", "-Os", "-g0", "-ffunction-sections", "-fdata-sections", *WARNINGS)
FREESTANDING = (
    "-ffreestanding",
    "-fomit-frame-pointer",
    "-fno-unwind-tables",
    "-fno-asynchronous-unwind-tables",
    "-fno-stack-protector",
)
LINK = ("-Wl,--gc-sections", "-Wl,--build-id=none", "-Wl,--strip-debug")
LINK_FREESTANDING = ("-nostdlib", "-Wl,-z,max-page-size=16", "-static", "-Wl,-T,{script}")
# GCC calls its own library for what the instruction set lacks; zig and clang have it inline or not at all.
GCC_LIBRARY = "-lgcc"
INCLUDES = ("include", "runtime/include", "runtime/src", "runtime/macro")


@dataclass(frozen=True)
class Machine:
    """A machine for each family of compilers, and the names under which its GCC may be installed."""

    zig: tuple[str, ...]
    clang: tuple[str, ...]
    gcc: tuple[str, ...]
    gcc_names: tuple[str, ...]


MACHINES: dict[Architecture, Machine] = {
    "rv32imc": Machine(
        zig=("-target", "riscv32-freestanding-none", "-mcpu=generic_rv32+m+c"),
        clang=("--target=riscv32-unknown-elf", "-march=rv32imc", "-mabi=ilp32", "-fuse-ld=lld"),
        gcc=("-march=rv32imc", "-mabi=ilp32", "-msmall-data-limit=0"),
        gcc_names=("riscv32-unknown-elf-gcc", "riscv-none-elf-gcc", "riscv64-unknown-elf-gcc", "riscv64-elf-gcc"),
    ),
    "cortex-m4": Machine(
        zig=("-target", "thumb-freestanding-eabi", "-mcpu=cortex_m4"),
        clang=("--target=thumbv7em-none-eabi", "-mcpu=cortex-m4", "-mfloat-abi=soft", "-fuse-ld=lld"),
        gcc=("-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=soft"),
        gcc_names=("arm-none-eabi-gcc",),
    ),
    "host": Machine(zig=(), clang=(), gcc=(), gcc_names=("cc", "gcc", "clang")),
}


def compile_flags(architecture: Architecture) -> tuple[str, ...]:
    """The same for every compiler."""
    return COMPILE if architecture == "host" else (*COMPILE, *FREESTANDING)


def link_flags(architecture: Architecture, script: str) -> tuple[str, ...]:
    """The same for every compiler; `script` is the linker script's path."""
    return LINK if architecture == "host" else (*LINK, *(flag.format(script=script) for flag in LINK_FREESTANDING))


def include_flags(folders: frozenset[str]) -> tuple[str, ...]:
    """A -I for each folder of headers that the project has."""
    return tuple(f"-I{folder}" for folder in INCLUDES if folder in folders)
