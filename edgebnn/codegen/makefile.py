"""The Makefile of the firmware project: the same flags and sources that `build.py` hands to the compiler."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from edgebnn.codegen.environment import Code, render
from edgebnn.codegen.flags import GCC_LIBRARY, MACHINES, compile_flags, include_flags, link_flags
from edgebnn.codegen.heads import make_head
from edgebnn.mapping.mapped import MappedNetwork

SCRIPT = "target/link.ld"
BOARD_FOLDER = "board/mps2-an386"


def program_sources(files: Iterable[str]) -> tuple[str, ...]:
    """The sources of the program around the model, in the order in which they are compiled and linked."""
    return tuple(sorted(path for path in files if path.startswith("target/") and path.endswith((".c", ".S"))))


def provisioning_sources(files: Iterable[str]) -> tuple[str, ...]:
    """Those of the program that provisions the chip, in its place; none where the firmware does so itself."""
    own = tuple(sorted(path for path in files if path.startswith("provision/")))
    return (*own, *(path for path in program_sources(files) if path != "target/main.c")) if own else ()


def model_sources(files: Iterable[str]) -> tuple[str, ...]:
    """The sources of the library: the model and the runtime."""
    return tuple(sorted(path for path in files if path.startswith(("src/", "runtime/")) and path.endswith(".c")))


def header_folders(files: Iterable[str]) -> frozenset[str]:
    """The folders that hold headers."""
    return frozenset(path.rpartition("/")[0] for path in files if path.endswith(".h"))


def render_makefile(mapped: MappedNetwork, files: Mapping[str, bytes]) -> bytes:
    """The Makefile for these files."""
    architecture = mapped.target.architecture
    machine = MACHINES[architecture]
    freestanding = architecture != "host"
    board = tuple(path for path in files if path.startswith(f"{BOARD_FOLDER}/"))
    program = program_sources(files)
    board_program = (f"{BOARD_FOLDER}/main.c", *(path for path in program if path != "target/main.c"))
    return render(
        "Makefile.j2",
        head=make_head("The firmware builds alone, with this Makefile.", mapped.provenance),
        program=Code("the model as a program" if architecture == "host" else "what the emulated chip runs"),
        freestanding=freestanding,
        board=bool(board),
        gcc_names=_flags(machine.gcc_names),
        machine_zig=_flags(machine.zig),
        machine_clang=_flags(machine.clang),
        machine_gcc=_flags(machine.gcc),
        gcc_library=Code(GCC_LIBRARY),
        compile_flags=_flags(compile_flags(architecture)),
        include_flags=_flags(include_flags(header_folders(files))),
        link_flags=_flags(link_flags(architecture, SCRIPT)),
        board_link_flags=_flags(link_flags(architecture, f"{BOARD_FOLDER}/link.ld")),
        script_dependency=Code(f" {SCRIPT}" if freestanding else ""),
        model_sources=tuple(map(Code, model_sources(files))),
        program_sources=tuple(map(Code, program)),
        provisioning_sources=tuple(map(Code, provisioning_sources(files))),
        board_sources=tuple(map(Code, board_program)) if board else (),
    )


def _flags(flags: Iterable[str]) -> Code:
    return Code(" ".join(flags))
