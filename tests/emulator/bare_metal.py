"""Tiny bare-metal programs for the emulated chips, compiled with the zig that comes from PyPI."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from edgebnn.chip.target.target import Target
from edgebnn.mapping.mapped import MappedNetwork
from edgebnn.mapping.plan import FORMATS, Layout, LinearStage
from edgebnn.resources import resource_folder

ZIG_TARGETS = {
    "rv32imc": ("-target", "riscv32-freestanding-none", "-mcpu=generic_rv32+m+c"),
    "cortex-m4": ("-target", "thumb-freestanding-eabi", "-mcpu=cortex_m4"),
}

LINKER_SCRIPT = """
MEMORY { flash (rx) : ORIGIN = 0x00000000, LENGTH = 1M
         sram (rw) : ORIGIN = 0x20000000, LENGTH = 256K }
ENTRY(reset)
SECTIONS {
  .text : { KEEP(*(.vectors)) *(.text*) *(.rodata*) } > flash
  .bss (NOLOAD) : { *(.bss*) *(COMMON) *(.data*) *(.sdata*) *(.sbss*) } > sram
  stack_top = ORIGIN(sram) + LENGTH(sram);
  /DISCARD/ : { *(.ARM.*) *(.comment) *(.riscv.attributes) }
}
"""

# The reset code of either CPU, in front of a `main` that never returns; nothing needs .data or a cleared .bss.
START = """
#if defined(__riscv)
__asm__(".section .vectors, \\"ax\\"\\n.globl reset\\nreset:\\n"
        "  lui sp, %hi(stack_top)\\n  addi sp, sp, %lo(stack_top)\\n  call main\\n1: j 1b\\n");
#else
__asm__(".section .vectors, \\"a\\"\\n.word stack_top\\n.word reset\\n"
        ".section .text.reset, \\"ax\\"\\n.thumb_func\\n.globl reset\\nreset:\\n  bl main\\n1: b 1b\\n");
#endif
#define MAILBOX(offset) (*(volatile unsigned *)(0x50000000u + (offset)))
"""


def compile_elf(architecture: str, source: str, *more: Path, headers: dict[str, str] | None = None) -> bytes:
    """The ELF of one C source behind the reset code; `more` are further C files, `headers` generated ones."""
    pytest.importorskip("ziglang", reason="cross compiling needs the PyPI package ziglang")
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        for name, text in {"main.c": START + source, "link.ld": LINKER_SCRIPT, **(headers or {})}.items():
            (here / name).write_text(text)
        command = [sys.executable, "-m", "ziglang", "cc", *ZIG_TARGETS[architecture], "-std=c99", "-Os"]
        command += [
            "-ffreestanding",
            "-nostdlib",
            "-fno-sanitize=undefined",
            "-ffunction-sections",
            "-Wl,--gc-sections",
        ]
        command += ["-I", folder, "-I", str(resource_folder("runtime") / "include")]
        command += ["-I", str(resource_folder("runtime") / "macro"), "-Wl,-T," + str(here / "link.ld")]
        command += [str(here / "main.c"), *map(str, more), "-o", str(here / "firmware.elf")]
        environment = {**os.environ, "ZIG_LOCAL_CACHE_DIR": str(here / "cache")}
        result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr
        return (here / "firmware.elf").read_bytes()


def target_header(target: Target) -> str:
    """The macros that runtime/macro reads from `ebnn_target.h`."""
    assert target.macro is not None and target.array is not None
    macro = target.macro
    lines = [
        f"#define EBNN_MACRO_BASE {macro.base.integer('address')}u",
        f"#define EBNN_MACRO_COMMAND_PROGRAM {macro.commands.program}u",
        f"#define EBNN_MACRO_COMMAND_RUN {macro.commands.run}u",
        f"#define EBNN_MACRO_STATUS_DONE {macro.status.done}u",
        f"#define EBNN_MACRO_STATUS_ERROR {macro.status.error}u",
        f"#define EBNN_ARRAY_ROWS {target.array.geometry.rows}u",
        f"#define EBNN_ARRAY_ROW_WORDS {target.array.geometry.words}u",
        *(f"#define EBNN_MACRO_{name.upper()} {offset}u" for name, offset in macro.offsets.items()),
        f"#define EBNN_MACRO_COMMAND_READ {macro.commands.read}u" if macro.commands.read is not None else "",
    ]
    return "\n".join(lines) + "\n"


def layer_firmware(mapped: MappedNetwork) -> bytes:
    """The firmware of a network that is one layer of weights, with or without a threshold, on a chip with RRAM."""
    (stage,) = mapped.plan.stages
    assert isinstance(stage, LinearStage)
    words = ", ".join(f"0x{word:x}u" for word in memoryview(mapped.image).cast("I"))
    source = f"""
#include "ebnn_macro.h"
static const uint32_t image[] = {{ {words} }};
static const ebnn_linear_layer layer = {_descriptor(stage)};
static uint32_t input[{mapped.plan.input_bytes // 4}], scores[{mapped.plan.scores.bytes // 4}];
int main(void) {{
    const int32_t programmed = ebnn_macro_program(&layer, 0, 0, NULL);
    if (programmed != 0) MAILBOX(0x10) = (unsigned)programmed;
    MAILBOX(0x04) = (unsigned)(uintptr_t)input;
    MAILBOX(0x08) = (unsigned)(uintptr_t)scores;
    MAILBOX(0x00) = 1;
    for (;;) MAILBOX(0x0c) = (unsigned)ebnn_linear(&layer, input, scores, 0);
}}
"""
    macro = sorted((resource_folder("runtime") / "macro").glob("*.c"))
    return compile_elf("rv32imc", source, *macro, headers={"ebnn_target.h": target_header(mapped.target)})


def _descriptor(stage: LinearStage) -> str:
    window = stage.window
    pairs = (window.kernel, window.stride, window.dilation, window.pad)
    numbers = ", ".join(str(number) for pair in pairs for number in pair)
    steps = stage.steps
    nonzero = f"image + {stage.nonzero.offset // 4}" if stage.nonzero else "0"
    thresholds = f"(const int32_t *)(image + {steps.thresholds.offset // 4})" if steps else "0"
    directions = f"image + {steps.directions.offset // 4}" if steps and steps.directions else "0"
    counts = f"{steps.steps}, {steps.low}, {steps.step}" if steps else "0, 0, 0"
    assert stage.banks is not None
    return (
        f"{{ {_tensor(stage.input)}, {_tensor(stage.output)}, {{ {numbers} }}, {stage.pad_value}, {stage.groups}, "
        f"{stage.row_words}, image + {stage.sign.offset // 4}, {nonzero}, {{ {thresholds}, {directions}, {counts} }}, "
        f"(const uint16_t *)(image + {stage.banks.offset // 4}), {_border(stage)} }}"
    )


def _border(stage: LinearStage) -> str:
    border = stage.border
    if border is None:
        return "0"
    rows, columns = (f"(const uint16_t *)(image + {part.offset // 4})" for part in (border.rows, border.columns))
    start = f"(const int32_t *)(image + {border.start.offset // 4})"
    return f"&(const ebnn_border){{ {rows}, {columns}, {start}, {border.shift} }}"


def _tensor(layout: Layout) -> str:
    return f"{{ {layout.height}, {layout.width}, {layout.channels}, {FORMATS.index(layout.format)}, {layout.planes} }}"
