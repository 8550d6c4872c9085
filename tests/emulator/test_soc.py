"""A firmware on the emulated chip: scores, errors, exact counts, and an end to whatever a firmware does."""

from __future__ import annotations

import struct
from dataclasses import astuple

import numpy as np
import pytest

from edgebnn.chip.energy.events import Events
from edgebnn.emulator.array_events import programming_pulses, run_events
from edgebnn.emulator.firmware import run_firmware
from edgebnn.emulator.sensed_layers import sensed_layers
from edgebnn.emulator.soc import Limits, Soc
from edgebnn.errors import DataError, DeploymentError, TargetError
from edgebnn.mapping.mapped import MappedNetwork
from edgebnn.network.interpreter import interpret
from edgebnn.network.network import Network
from edgebnn.network.types import Kind, Tensor, WeightKind, Window
from tests.emulator.bare_metal import compile_elf, layer_firmware
from tests.emulator.macro_driver import on_chip
from tests.emulator.random_banks import banks_with, meant_values, noisy_banks
from tests.networks import Builder, random_inputs

LIMITS = Limits(instructions=50_000, seconds=20.0)


def _layer(seed: int, source: Tensor, neurons: int, kind: WeightKind, window: Window | None = None) -> Network:
    builder = Builder(source, np.random.default_rng(seed))
    builder.linear(neurons, kind, window)
    return builder.network()


LAYERS = {
    "dense over many banks": _layer(1, Tensor("x", Kind.BITS, (1000,), -1, 1), 70, WeightKind.BINARY),
    "one input, one neuron": _layer(2, Tensor("x", Kind.TRITS, (1,), -1, 1), 1, WeightKind.TERNARY),
    "bit planes with a sign": _layer(
        3, Tensor("x", Kind.INTEGERS, (3, 20), -2048, 2047), 33, WeightKind.TERNARY,
        Window((5,), (2,), (1,), (2,), (1,)),
    ),
    "an image": _layer(
        4, Tensor("x", Kind.INTEGERS, (1, 9, 7), 0, 255), 8, WeightKind.BINARY,
        Window((3, 3), (1, 2), (2, 1), (1, 1), (1, 1)),
    ),
}  # fmt: skip


@pytest.fixture(scope="module", params=list(LAYERS))
def deployed(request: pytest.FixtureRequest) -> tuple[MappedNetwork, bytes]:
    mapped = on_chip(LAYERS[request.param])
    return mapped, layer_firmware(mapped)


def test_the_firmware_gives_the_interpreters_scores(deployed: tuple[MappedNetwork, bytes]) -> None:
    mapped, elf = deployed
    x = random_inputs(mapped.network, 5, batch=6)
    for banks in (None, banks_with(meant_values(mapped))):
        run = run_firmware(mapped, elf, x, banks)
        assert run.scores.dtype == np.int32
        assert np.array_equal(run.scores, interpret(mapped.network, x))


def test_its_inferences_are_numbered_from_one_batch_to_the_next(deployed: tuple[MappedNetwork, bytes]) -> None:
    mapped, elf = deployed
    banks = noisy_banks(meant_values(mapped), 0.3, seed=7)
    x, first = random_inputs(mapped.network, 5, batch=5), 2**32 - 2
    expected = interpret(mapped.network, x, sensed_layers(mapped, banks, first))
    assert not np.array_equal(expected, interpret(mapped.network, x))
    with Soc(mapped, elf, banks) as soc:
        soc.boot()
        parts = [soc.infer(x[:3], first_inference=first)[0], soc.infer(x[3:], first_inference=first + 3)[0]]
        assert np.array_equal(np.concatenate(parts), expected)
        assert np.array_equal(soc.infer(x, first_inference=first)[0], expected)


def test_the_macros_events_are_those_of_the_closed_form(deployed: tuple[MappedNetwork, bytes]) -> None:
    mapped, elf = deployed
    (stage,) = mapped.linear_stages.values()
    assert mapped.target.array is not None
    expected, batch = run_events(stage, mapped.target.array), 3
    run = run_firmware(mapped, elf, random_inputs(mapped.network, 5, batch), None)
    assert run.events is not None and run.programming is not None
    for name in ("pcsa_reads", "popcounts", "thresholds", "array_cycles"):
        assert getattr(run.events, name) == batch * getattr(expected, name)
    # On top of the macro's: what the compiler keeps on the stack, and code and descriptor in flash.
    assert 0 <= run.events.sram_accesses - batch * expected.sram_accesses < batch * 40
    assert 0 < run.events.code_fetches - batch * expected.code_fetches < run.events.instructions + batch * 60
    pulses = programming_pulses(stage, mapped.image)
    assert (run.programming.set_pulses, run.programming.reset_pulses) == (pulses.set_pulses, pulses.reset_pulses)
    assert run.programming.pcsa_reads == run.events.set_pulses == 0


def test_the_same_batch_gives_the_same_counts_whole_and_one_by_one(deployed: tuple[MappedNetwork, bytes]) -> None:
    mapped, elf = deployed
    x = random_inputs(mapped.network, 1, batch=4)
    with Soc(mapped, elf) as soc:
        soc.boot()
        scores, events = soc.infer(x)
        alone = [soc.infer(x[i : i + 1]) for i in range(4)]
    assert np.array_equal(np.concatenate([part for part, _ in alone]), scores)
    # The first inference starts behind `ready`, the others behind `done`: a few instructions apart.
    assert abs(sum(part.instructions for _, part in alone) - events.instructions) < 40
    assert [part.pcsa_reads for _, part in alone] == [events.pcsa_reads // 4] * 4
    assert alone[1][1] == alone[2][1] == alone[3][1]


def test_an_empty_batch_gives_no_scores() -> None:
    mapped = on_chip(LAYERS["one input, one neuron"])
    run = run_firmware(mapped, layer_firmware(mapped), np.zeros((0, 1)), None)
    assert run.scores.shape == (0, 1)
    assert run.events == Events()


def test_unsuitable_data_are_refused(deployed: tuple[MappedNetwork, bytes]) -> None:
    mapped, elf = deployed
    with pytest.raises(DataError, match="reshape"):
        run_firmware(mapped, elf, np.zeros((1, 99)), None)


def test_a_chip_instance_needs_rram() -> None:
    network = LAYERS["one input, one neuron"]
    banks = banks_with(meant_values(on_chip(network)))
    for name in ("cortex-m4", "host"):
        with pytest.raises(TargetError, match="no RRAM"):
            run_firmware(on_chip(network, name), b"", np.zeros((1, 1)), banks)


# (architecture, body, instructions that it executes, their bytes)
COUNTED = {
    "riscv of both sizes": (
        "rv32imc", ".option push\\n .option norvc\\n nop\\n nop\\n nop\\n .option pop\\n c.nop\\n c.nop", 5, 16,
    ),
    "riscv loop": ("rv32imc", "li a0, 10\\n 1: addi a0, a0, -1\\n bnez a0, 1b", 21, 2 + 10 * 4),
    "riscv branch not taken": ("rv32imc", "li a0, 0\\n bnez a0, 1f\\n nop\\n 1: nop", 4, 8),
    "thumb of both sizes": ("cortex-m4", "nop\\n nop.w\\n movs r0, #1\\n mov.w r0, #1", 4, 12),
    "thumb loop": ("cortex-m4", "movs r0, #10\\n 1: subs r0, #1\\n bne 1b", 21, 42),
    "thumb IT block, then": (
        "cortex-m4",
        "movs r0, #0\\n cmp r0, #0\\n itete eq\\n moveq r1, #1\\n movne r1, #2\\n addeq r1, #3\\n addne r1, #4\\n nop",
        6, 12,
    ),
    "thumb IT block, nothing": (
        "cortex-m4", "movs r0, #1\\n cmp r0, #0\\n itt eq\\n moveq r1, #1\\n moveq r2, #1\\n nop", 4, 8,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", list(COUNTED))
def test_instructions_are_counted_exactly(name: str) -> None:
    """The difference to the same program without the body, so that the compiler's own instructions cancel out."""
    architecture, body, instructions, octets = COUNTED[name]
    target = {"rv32imc": "rram130", "cortex-m4": "cortex-m4"}[architecture]
    mapped = on_chip(LAYERS["one input, one neuron"], target)
    difference = _difference(mapped, architecture, body)
    assert difference.instructions == instructions
    # Fetched words are counted for the whole inference, so one may be shared by body and frame.
    assert abs(difference.code_fetches - octets / 4) < 1
    assert difference.sram_accesses == 0


# (architecture, body, instructions, accesses of SRAM, words of code and of constants)
ACCESSES = {
    "thumb": (
        "cortex-m4",
        "ldr r0, =area\\n ldr r1, [r0]\\n strb r1, [r0, #5]\\n ldmia r0, {r1, r2, r3}\\n strd r2, r3, [r0]\\n nop",
        6, 1 + 1 + 3 + 2, 16 // 4 + 1,
    ),
    "riscv of both sizes": (
        "rv32imc",
        "lui a5, 0x20000\\n lw a0, 0(zero)\\n c.lw a1, 4(a5)\\n c.sw a1, 64(a5)\\n lb a2, -1(sp)\\n sh a0, 62(a5)\\n "
        "c.addi sp, -16\\n c.swsp a0, 8(sp)\\n c.lwsp a1, 8(sp)\\n c.addi sp, 16\\n c.nop\\n c.nop",
        12, 6, 32 // 4 + 1,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", list(ACCESSES))
def test_loads_and_stores_are_counted_one_by_one(name: str) -> None:
    architecture, body, instructions, accesses, fetches = ACCESSES[name]
    target = {"rv32imc": "rram130", "cortex-m4": "cortex-m4"}[architecture]
    difference = _difference(on_chip(LAYERS["one input, one neuron"], target), architecture, body)
    assert (difference.instructions, difference.sram_accesses) == (instructions, accesses)
    assert fetches - 1 <= difference.code_fetches <= fetches  # a word may be shared with the frame


def _difference(mapped: MappedNetwork, architecture: str, body: str) -> Events:
    counted = (astuple(_count(mapped, architecture, text)) for text in (body, ""))
    return Events(*(with_it - without for with_it, without in zip(*counted, strict=True)))


def _count(mapped: MappedNetwork, architecture: str, body: str) -> Events:
    clobbered = '"a0", "a1", "a2", "a5"' if architecture == "rv32imc" else '"r0", "r1", "r2", "r3", "cc"'
    elf = compile_elf(
        architecture,
        f"""
static unsigned input[4];
unsigned area[16];
int main(void) {{
    MAILBOX(4) = (unsigned)input; MAILBOX(8) = (unsigned)(area + 8); MAILBOX(0) = 1;
    for (;;) {{ __asm__ volatile("{body}" ::: {clobbered}, "memory"); MAILBOX(12) = 0; }}
}}
""",
    )
    with Soc(mapped, elf, limits=LIMITS) as soc:
        soc.boot()
        soc.infer(np.zeros((1, 1)))
        return soc.infer(np.zeros((1, 1)))[1]  # from `done` to `done`


BROKEN = {
    "an endless loop": ("for (;;) ;", "did not come to an end within 50000 instructions"),
    "an endless sleep": ('for (;;) __asm__ volatile("wfi");', "did not come to an end"),
    "a read from nowhere": ("return *(volatile int *)0x60000000;", "accesses 0x60000000, where it may not"),
    "a write to nowhere": ("*(volatile int *)0x90000004 = 1; return 0;", "accesses 0x90000004, where it may not"),
    "a write to flash": ("*(volatile int *)0x00000100 = 1; return 0;", "accesses 0x00000100, where it may not"),
    "code in SRAM": ("((void (*)(void))0x20000001)(); return 0;", "where it may not"),
    "a jump to nowhere": ("((void (*)(void))0x70000001)(); return 0;", "where it may not"),
    "a byte of a register": ("*(volatile char *)0x50000000 = 1; for (;;) ;", "a register that does not exist"),
    "an unknown register": ("MAILBOX(0x40) = 1; for (;;) ;", "a register that does not exist"),
    "scores before an input": ("MAILBOX(0x0c) = 0; for (;;) ;", "gives scores before it has asked for an input"),
    "a failed programming": ("MAILBOX(0x10) = (unsigned)-3; for (;;) ;", "could not program the chip .status -3"),
    "an unknown instruction": ("__asm__ volatile(UNKNOWN); for (;;) ;", "crashed at 0x"),
    "an input nowhere": ("MAILBOX(0) = 1; for (;;) ;", "an input of 8 bytes lies at 0x00000000, which is not in SRAM"),
    "scores nowhere": (
        "MAILBOX(4) = 0x20000000; MAILBOX(8) = 0x2003fffd; MAILBOX(0) = 1; MAILBOX(12) = 0; for (;;) ;",
        "a row of scores of 4 bytes lies at 0x2003fffd, which is not in SRAM",
    ),
    "a failed inference": (
        "MAILBOX(4) = 0x20000000; MAILBOX(0) = 1; MAILBOX(12) = (unsigned)-1; for (;;) ;",
        "inference failed .status -1",
    ),
    "a second wait": (
        "MAILBOX(4) = 0x20000000; MAILBOX(0) = 1; MAILBOX(0) = 1; for (;;) ;",
        "waits for an input where",
    ),
    "programming in an inference": (
        "MAILBOX(4) = 0x20000000; MAILBOX(0) = 1; MAILBOX(16) = (unsigned)-3; for (;;) ;",
        "in the middle of an inference .status -3",
    ),
}


@pytest.mark.parametrize("target", ["rram130", "cortex-m4"])
@pytest.mark.parametrize("name", list(BROKEN))
def test_a_broken_firmware_ends_with_a_sentence(name: str, target: str) -> None:
    body, message = BROKEN[name]
    mapped = on_chip(LAYERS["one input, one neuron"], target)
    unknown = {"rram130": '".word 0xffffffff"', "cortex-m4": '"udf #1"'}[target]
    elf = compile_elf(mapped.target.architecture, f"#define UNKNOWN {unknown}\nint main(void) {{ {body} }}\n")
    with pytest.raises(DeploymentError, match=message) as caught, Soc(mapped, elf, limits=LIMITS) as soc:
        soc.boot()
        soc.infer(np.zeros((1, 1)))
    assert str(caught.value).endswith("; compile again")


def test_a_firmware_that_outlives_the_clock_ends_too() -> None:
    mapped = on_chip(LAYERS["one input, one neuron"])
    elf = compile_elf("rv32imc", "int main(void) { for (;;) ; }\n")
    with pytest.raises(DeploymentError, match=r"within 0\.2 seconds"):
        Soc(mapped, elf, limits=Limits(instructions=1 << 60, seconds=0.2)).boot()


def test_a_macro_that_refuses_a_command_fails_the_boot_with_its_reason() -> None:
    mapped = on_chip(LAYERS["one input, one neuron"])
    elf = compile_elf(
        "rv32imc",
        "int main(void) { volatile unsigned *m = (volatile unsigned *)0x40000000; m[0] = 2;"
        " MAILBOX(0x10) = (m[1] & 2) ? (unsigned)-3 : 0; for (;;) ; }\n",
    )
    with pytest.raises(DeploymentError, match="status -3: a window's kernel, stride or dilation is zero"):
        Soc(mapped, elf, limits=LIMITS).boot()


def _damaged(elf: bytes, offset: int, format_: str, value: int) -> bytes:
    data = bytearray(elf)
    struct.pack_into(format_, data, offset, value)
    return bytes(data)


def test_a_damaged_elf_is_refused_whatever_is_wrong_with_it() -> None:
    mapped = on_chip(LAYERS["one input, one neuron"])
    elf = layer_firmware(mapped)
    table = struct.unpack_from("<I", elf, 28)[0]
    damages = {
        "no ELF file": b"",
        "is no ELF file": b"MZ" + elf[2:],
        "no executable for rv32imc": _damaged(elf, 18, "<H", 40),
        "truncated or damaged": _damaged(elf, 28, "<I", 0xFFFF_FFF0),
        "truncated; compile": _damaged(elf, table + 16, "<I", 0x7FFF_FFFF),
        "outside the target's flash": _damaged(elf, table + 12, "<I", 0x2000_0000),
        "where it has no code": _damaged(elf, 24, "<I", 0x0010_0000),
    }
    for message, data in damages.items():
        with pytest.raises(DeploymentError, match=message):
            Soc(mapped, data)


def test_no_truncation_of_an_elf_does_anything_but_a_deployment_error_or_a_sound_run() -> None:
    mapped = on_chip(LAYERS["one input, one neuron"])
    elf = layer_firmware(mapped)
    x = random_inputs(mapped.network, 1, 2)
    refused = 0
    for length in [*range(0, 200, 7), *range(200, len(elf), 331)]:
        try:
            with Soc(mapped, elf[:length], limits=Limits(100_000, 5.0)) as soc:
                soc.boot()
                scores, _ = soc.infer(x)
        except DeploymentError:
            refused += 1
        else:  # only sections and names that no chip sees were lost
            assert np.array_equal(scores, interpret(mapped.network, x))
    assert refused > 29
