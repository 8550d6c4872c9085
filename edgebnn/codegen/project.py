"""The firmware project: every file of the folder `firmware/`, rendered from a mapped network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from edgebnn.chip.target.target import Region, Target
from edgebnn.codegen.environment import Code, render
from edgebnn.codegen.heads import c_head
from edgebnn.codegen.input_heads import input_heads
from edgebnn.codegen.layers import layers, marker_fields
from edgebnn.codegen.makefile import render_makefile
from edgebnn.codegen.names import buffer_names, layer_names, macro_name, stage_title
from edgebnn.codegen.runtime_files import runtime_files
from edgebnn.codegen.weights import ROWS, WEIGHTS, Member, members
from edgebnn.errors import ModelError
from edgebnn.mapping.fit import STACK_BYTES
from edgebnn.mapping.mapped import MappedNetwork
from edgebnn.mapping.plan import LinearStage, Section, Tile, scratch_of


@dataclass(frozen=True)
class MemoryRange:
    """A memory as the linker script and the target's header print it, in bytes."""

    base: int
    size: int


# QEMU's board: 4 MiB of code memory at 0 and 4 MiB of data memory, in the manual of ARM's application note 386.
BOARD_FLASH = MemoryRange(base=0x00000000, size=0x400000)
BOARD_SRAM = MemoryRange(base=0x20000000, size=0x400000)


def render_project(mapped: MappedNetwork) -> dict[str, bytes]:
    """Path in the folder `firmware/` -> contents; the same mapped network gives the same bytes.

    Raises ModelError for a network whose scores are no int32 or whose windows the runtime's descriptors cannot hold.
    """
    if mapped.plan.scores.format != "int32" or not mapped.plan.stages:
        raise ModelError(
            f"the network '{mapped.network.name}' ends in '{mapped.network.output.name}', which are no integer scores; "
            "end it in a layer with weights or an affine"
        )
    target = mapped.target
    arrays = members(mapped)
    files = {
        "include/model.h": _model_header(mapped),
        "include/memory_map.h": _memory_map(mapped, arrays),
        "src/model.c": _model(mapped, arrays),
        "src/weights.c": _weights(mapped, arrays, WEIGHTS),
        **(_provisioning_files(mapped, arrays) if mapped.provisioning == "separate" else {}),
        **{path: _copied(mapped, path, data) for path, data in runtime_files(mapped).items()},
        **(_host_files(mapped) if target.architecture == "host" else _chip_files(mapped)),
    }
    return {"Makefile": render_makefile(mapped, files), **dict(sorted(files.items()))}


def _model_header(mapped: MappedNetwork) -> bytes:
    network, plan = mapped.network, mapped.plan
    scores = plan.scores
    return _file(
        mapped,
        "include/model.h",
        "The model: what a program includes.",
        name=network.name,
        sha256=network.model_sha256,
        inputs=input_heads(mapped),
        input_bytes=plan.input_bytes,
        scores=network.output.size,
        score_channels=scores.channels,
        score_height=scores.height,
        score_width=scores.width,
        score_scale=network.output.scale,
        work_bytes=plan.work_bytes,
        programs=mapped.target.macro is not None,
        marker=mapped.plan.marker is not None,
        separate=mapped.provisioning == "separate",
        reads=_reads(mapped.target),
        trim=plan.trim,
    )


def _reads(target: Target) -> bool:
    """Whether the macro can read words back."""
    return target.macro is not None and target.macro.commands.read is not None


def _weights(mapped: MappedNetwork, arrays: dict[Section, Member], struct: Code) -> bytes:
    """One of the structures that hold the image."""
    rows = struct == ROWS
    return _file(
        mapped,
        "src/weights.c",
        "The rows of the weights image, for provisioning alone." if rows else "The weights image.",
        members=tuple(member for member in arrays.values() if member.struct == struct),
        struct=struct,
        start=0 if rows else mapped.plan.rows_bytes,
        bytes_macro=Code("MODEL_ROWS_BYTES" if rows else "MODEL_WEIGHTS_BYTES"),
    )


def _provisioning_files(mapped: MappedNetwork, arrays: dict[Section, Member]) -> dict[str, bytes]:
    """What programs the banks where the firmware is without their rows."""
    return {
        "src/rows.c": _weights(mapped, arrays, ROWS),
        "src/provision.c": _file(
            mapped,
            "src/provision.c",
            "Provisioning: the layers in RRAM with their rows, which are programmed once.",
            layers=layers(mapped, arrays),
            marker=marker_fields(mapped, arrays),
            reads=_reads(mapped.target),
            trim=None,
        ),
        "provision/main.c": _file(mapped, "provision/main.c", "The program that provisions the emulated chip."),
    }


def _memory_map(mapped: MappedNetwork, arrays: dict[Section, Member]) -> bytes:
    plan = mapped.plan
    banks = [
        {
            "title": stage_title(stage),
            "macro": macro_name(name),
            "first": _first_bank(stage.tiles),
            "count": len(stage.tiles),
            "table": arrays[stage.banks].expression,
        }
        for name, stage in zip(layer_names(plan), plan.stages, strict=True)
        if isinstance(stage, LinearStage) and stage.banks is not None
    ]
    buffers = [
        {
            "title": buffer.tensor,
            "macro": macro_name(name),
            "first": buffer.first,
            "last": buffer.last,
            "offset": buffer.offset,
            "bytes": buffer.bytes,
        }
        for name, buffer in zip(buffer_names(plan), plan.buffers, strict=True)
    ]
    scratch = [
        {"title": stage_title(stage), "macro": macro_name(name), "stage": index, "place": place}
        for index, (name, stage) in enumerate(zip(layer_names(plan), plan.stages, strict=True))
        if (place := scratch_of(stage)) is not None
    ]
    return _file(
        mapped,
        "include/memory_map.h",
        "Where everything lies: the weights image, the RRAM banks and the work area.",
        image_bytes=plan.image_bytes,
        rows_bytes=plan.rows_bytes,
        trimmed_bytes=plan.trimmed_bytes,
        rows=tuple(member for member in arrays.values() if member.struct == ROWS),
        members=tuple(member for member in arrays.values() if member.struct == WEIGHTS),
        marker=None if plan.marker is None else plan.marker.bank,
        banks=banks,
        buffers=buffers,
        scratch=scratch,
    )


def _first_bank(tiles: tuple[Tile, ...]) -> int | None:
    """Of banks that follow each other; None where they do not."""
    first = tiles[0].bank
    return first if all(tile.bank == first + place for place, tile in enumerate(tiles)) else None


def _model(mapped: MappedNetwork, arrays: dict[Section, Member]) -> bytes:
    separate = mapped.provisioning == "separate"
    found = layers(mapped, arrays, rows=not separate)
    return _file(
        mapped,
        "src/model.c",
        "The model: its layers as constant descriptors, and the calls that run them in order.",
        layers=found,
        uses_work=any("words" in layer.call for layer in found),
        programs=mapped.target.macro is not None,
        marker=marker_fields(mapped, arrays),
        separate=separate,
        ternary=any(stage.banks is not None and stage.is_ternary for stage in mapped.linear_stages.values()),
        reads=_reads(mapped.target),
        trim=mapped.plan.trim,
    )


def _host_files(mapped: MappedNetwork) -> dict[str, bytes]:
    title = "The model as a program of this machine."
    return {"target/main.c": _file(mapped, "target/host.c", title)}


def _chip_files(mapped: MappedNetwork) -> dict[str, bytes]:
    flash, sram = memories(mapped.target)
    start = {"rv32imc": "start.S", "cortex-m4": "start.c"}[mapped.target.architecture]
    source = {"rv32imc": "start_rv32imc.S", "cortex-m4": "start_cortex_m4.c"}[mapped.target.architecture]
    files = {
        "include/ebnn_target.h": _target_header(mapped, flash, sram),
        "target/main.c": _file(
            mapped,
            "target/main.c",
            "The program that the emulated chip runs.",
            verifies=_reads(mapped.target) and mapped.provisioning != "separate",
            trim=mapped.plan.trim,
        ),
        f"target/{start}": _file(
            mapped, f"target/{source}", "What runs between reset and main.", stack_bytes=STACK_BYTES
        ),
        "target/support.c": _file(mapped, "target/support.c", "What a compiler expects of a C library."),
        "target/link.ld": _linker_script(mapped, flash, sram),
    }
    if has_board(mapped.target):
        board = "board/mps2-an386"
        files |= {
            f"{board}/main.c": _file(mapped, f"{board}/main.c", "The program that QEMU's board runs."),
            f"{board}/link.ld": _linker_script(mapped, BOARD_FLASH, BOARD_SRAM),
        }
    return files


def _linker_script(mapped: MappedNetwork, flash: MemoryRange, sram: MemoryRange) -> bytes:
    return _file(mapped, "target/link.ld", "The linker script.", flash=flash, sram=sram)


def _target_header(mapped: MappedNetwork, flash: MemoryRange, sram: MemoryRange) -> bytes:
    target = mapped.target
    assert target.mailbox is not None, "a chip's target file has a mailbox"
    macro = None
    if target.macro is not None and target.array is not None:
        macro = {
            "rows": target.array.geometry.rows,
            "row_words": target.array.geometry.words,
            "base": target.macro.base.integer("address"),
            "registers": [
                {"meaning": register.meaning, "macro": Code(register.name.upper()), "offset": register.offset}
                for register in sorted(target.macro.registers, key=lambda register: register.offset)
            ],
            "program": target.macro.commands.program,
            "run": target.macro.commands.run,
            "read": target.macro.commands.read,
            "done": target.macro.status.done,
            "error": target.macro.status.error,
        }
    return _file(
        mapped,
        "include/ebnn_target.h",
        "The target: its memories and, on a chip with RRAM, the macro's registers.",
        flash=flash,
        sram=sram,
        mailbox=target.mailbox.base.integer("address"),
        macro=macro,
    )


def has_board(target: Target) -> bool:
    """Whether the project also links for QEMU's board mps2-an386, a Cortex-M4."""
    return target.architecture == "cortex-m4"


def memories(target: Target) -> tuple[MemoryRange, MemoryRange]:
    """Flash and SRAM of a chip."""
    assert target.memory is not None, "a chip's target file has memories"

    def memory(region: Region) -> MemoryRange:
        return MemoryRange(region.base.integer("address"), region.size.integer("memory"))

    return memory(target.memory.flash), memory(target.memory.sram)


def _file(mapped: MappedNetwork, template: str, title: str, **values: Any) -> bytes:
    return render(f"{template}.j2", head=c_head(title, mapped.provenance), **values)


def _copied(mapped: MappedNetwork, path: str, data: bytes) -> bytes:
    title = "A file of edgebnn's runtime, copied as it is below this comment."
    return c_head(title, mapped.provenance).encode("ascii") + data
