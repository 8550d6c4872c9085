"""Instructions of firmware in software, counted on emulated processors: kernels for 32 products, and whole networks.

Everything is compiled as it ships (zig, -Os) and has random weights, half of its inputs active. Kernels are counted
with listing, thresholds and packing: a layer of two neurons behind them is counted alone and taken off. A Cortex-M0+
runs as a Cortex-M4 that has its instructions alone, an RV32IMC as a target with the memories of `cortex-m4`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

import edgebnn
from benchmarks.rows import Row
from edgebnn.chip.target.target import Target
from edgebnn.chip.target_files.loading import load_target, parse_target, read_target_file
from edgebnn.codegen.build import build_firmware
from edgebnn.codegen.project import render_project
from edgebnn.codegen.toolchain import Toolchain, find_toolchain
from edgebnn.emulator.soc import Soc
from edgebnn.mapping.mapped import MappedNetwork, Provenance
from edgebnn.mapping.planner import map_network
from edgebnn.models import ECG_PVC
from edgebnn.network import Kind, Network, Tensor, WeightKind, Window
from tests.builder import Builder

BINARY, TERNARY = WeightKind.BINARY, WeightKind.TERNARY
PRODUCTS = 32  # of a word

# What an Armv6-M compiler calls for divisions and integers of 64 bits, which zig does not bring along.
ARITHMETIC = b"""#include <stdint.h>
uint32_t __aeabi_uidiv(uint32_t a, uint32_t b);
uint64_t __aeabi_uidivmod(uint32_t a, uint32_t b);
uint64_t __aeabi_lmul(uint64_t a, uint64_t b);
uint64_t __aeabi_llsr(uint64_t a, int bits);
uint64_t __aeabi_llsl(uint64_t a, int bits);
uint64_t __aeabi_lmul(uint64_t a, uint64_t b)
{
    uint64_t product = 0;

    for (; b != 0; b >>= 1, a <<= 1) {
        product += (b & 1) != 0 ? a : 0;
    }
    return product;
}
uint64_t __aeabi_llsr(uint64_t a, int bits)
{
    for (; bits > 0; bits--) {
        a >>= 1;
    }
    return a;
}
uint64_t __aeabi_llsl(uint64_t a, int bits)
{
    for (; bits > 0; bits--) {
        a <<= 1;
    }
    return a;
}
uint64_t __aeabi_uidivmod(uint32_t a, uint32_t b)
{
    uint32_t quotient = 0, rest = 0;

    for (uint32_t bit = 0; bit < 32; bit++, a <<= 1) {
        rest = rest << 1 | a >> 31;
        quotient <<= 1;
        if (rest >= b) {
            rest -= b;
            quotient++;
        }
    }
    return (uint64_t)rest << 32 | quotient;
}
uint32_t __aeabi_uidiv(uint32_t a, uint32_t b)
{
    return (uint32_t)__aeabi_uidivmod(a, b);
}
"""


@dataclass(frozen=True)
class Core:
    """A processor: its target, the compiler that makes firmware for it, and what that takes beside the project."""

    name: str
    target: Target
    toolchain: Toolchain
    sources: Mapping[str, bytes] = field(default_factory=dict)

    def mapped(self, network: Network) -> MappedNetwork:
        names = {"version": "", "options": "", "model_name": "", "model_sha256": ""}
        return map_network(
            network, self.target, Provenance(**names, target_name=self.target.name, target_sha256=self.target.sha256)
        )

    def instructions(self, mapped: MappedNetwork) -> int:
        """Of one inference of a random input."""
        firmware = build_firmware(render_project(mapped) | self.sources, self.target, self.toolchain)
        with Soc(mapped, firmware.elf) as soc:
            soc.boot()
            _, events = soc.infer(random_input(mapped.network.inputs[0].tensor))
        return events.instructions


def cores() -> tuple[Core, ...]:
    arm = load_target("cortex-m4")
    zig = find_toolchain(arm, "zig")
    smaller = replace(zig, machine=tuple(part.replace("cortex_m4", "cortex_m0plus") for part in zig.machine))
    text, where = read_target_file("cortex-m4")
    riscv = parse_target(
        text.replace('name = "cortex-m4"', 'name = "rv32"').replace('= "cortex-m4"', '= "rv32imc"'), where
    )
    return (
        Core("Cortex-M4", arm, zig),
        Core("RV32IMC", riscv, find_toolchain(riscv, "zig")),
        Core("Cortex-M0+", arm, smaller, {"target/arithmetic.c": ARITHMETIC}),
    )


def random_input(tensor: Tensor) -> npt.NDArray[np.integer]:
    rng = np.random.default_rng(1)
    if tensor.kind is Kind.BITS:  # exactly half of them, the most that are ever listed
        return rng.permutation(np.arange(tensor.size) % 2 * 2 - 1).reshape(1, *tensor.shape).astype(np.int8)
    return rng.integers(tensor.low, tensor.high, (1, *tensor.shape), endpoint=True)


def bits(*shape: int) -> Builder:
    return Builder(Tensor("x", Kind.BITS, shape, -1, 1), np.random.default_rng(0))


def bytes_of(*shape: int) -> Builder:
    return Builder(Tensor("x", Kind.INTEGERS, shape, 0, 255), np.random.default_rng(0))


@dataclass(frozen=True)
class Kernel:
    """A layer on bits, with thresholds behind it. `taps` and `pixels`: of a convolution along a signal."""

    inputs: int
    neurons: int
    weights: WeightKind = BINARY
    taps: int = 0
    pixels: int = 1

    @property
    def title(self) -> str:
        of = f"convolution of {self.taps} taps, " if self.taps else "dense "
        return f"{of}{self.inputs} x {self.neurons}, {self.weights.value}"

    @property
    def outputs(self) -> int:
        return self.pixels - self.taps + 1 if self.taps else 1

    def counted(self, core: Core) -> float:
        """Instructions for 32 products."""
        source = (self.inputs, self.pixels) if self.taps else (self.inputs,)
        whole, last = bits(*source), bits(self.neurons, *((self.outputs,) if self.taps else ()))
        window = Window((self.taps,), (1,), (1,), (0,), (0,)) if self.taps else None
        whole.linear(self.neurons, self.weights, window)
        whole.threshold()
        for builder in (whole, last):
            if self.taps:
                builder.flatten()
            builder.linear(2)
        alone = core.instructions(core.mapped(whole.network())) - core.instructions(core.mapped(last.network()))
        products = self.inputs * max(self.taps, 1) * self.neurons * self.outputs
        return alone * PRODUCTS / products


# what keeps each core's figure from its goal
LISTED = (
    "Of a listed word's 7.4, 8.4 and 10.9 instructions (Cortex-M4, RV32IMC, Cortex-M0+) adders take 4.4, loading place "
    "and word 2, an addition more on RV32IMC; the rest is what a compiler moves, most with 8 registers. Trees of 16 "
    "words took 5 to 7 % more, five planes in registers up to 5 %, two words a walk of the list 8 to 16 %, weights "
    "copied side by side instead of a list 3 to 5 % at 64 neurons. Places of 32 bits, of which one instruction loads "
    "two, would save 0.5 of a Cortex-M4 and take twice the list's SRAM. Listing takes 5.0, 6.5 and 8.1 a listed input."
)
WINDOWS = (
    "A window of 256 inputs adds about 128 words, which no tree of 32 divides: 7.7, 8.9 and 11.7 instructions a word; "
    "seeds, thresholds and the window itself take 340 of a Cortex-M4. Trees of four words for the rest took 2 % more, "
    "five planes in registers 4 %, a walk of all planes for each few words of the rest 3 %."
)
HALVES = (
    "A word of two inputs' weights takes 10.3, 11.2 and 17.5 instructions (Cortex-M4, RV32IMC, Cortex-M0+): adders "
    "4.4, the mask of two inputs 2 to 3, loading and XOR 1.5 to 2, the rest is what a compiler moves. Adding the "
    "halves, the threshold, checks and calls take 620 of a Cortex-M4. Rows took 13.5, 15.1 and 22.3 in all. Trees of "
    "32 words instead of 16 took 9.8, 13.8 and 16.5 a word, and twice the code; masks by shift and subtraction 10.2, "
    "12.5 and 17.5; trees of eight 12.6, 13.4 and 20.4; words kept from being loaded ahead, which C cannot say, 9.7, "
    "12.2 and 16.5."
)

# with the goals of each core, and what binds
KERNELS = (
    (Kernel(1024, 256), (3.7, 4.3, 4.5), LISTED),
    (Kernel(1024, 64), (4.8, 6.3, 6.5), LISTED),
    (Kernel(32, 32, taps=8, pixels=64), (5.0, 6.0, 6.5), WINDOWS),
    (Kernel(1024, 16), (9.5, 11.8, 16.0), HALVES),
    (Kernel(160, 16), (None, None, None), ""),
)
MOST_OF_BINARY = 2.1


def dense(builder: Builder, *widths: int) -> Network:
    """Dense layers with thresholds between them."""
    for index, neurons in enumerate(widths):
        builder.linear(neurons)
        if index < len(widths) - 1:
            builder.threshold()
    return builder.network()


def mlp() -> Network:
    return dense(bits(784), 64, 64, 10)


def mlp_of_bytes() -> Network:
    return dense(bytes_of(784), 64, 64, 10)


def tfc() -> Network:
    """TFC_1W1A: a map of one channel, which its first layer reads whole as bits."""
    builder = bytes_of(1, 28, 28)
    builder.threshold()
    builder.flatten()
    return dense(builder, 64, 64, 64, 10)


def tfc_of_bits() -> Network:
    builder = bits(1, 28, 28)
    builder.flatten()
    return dense(builder, 64, 64, 64, 10)


def small_cifar() -> Network:
    builder = bytes_of(3, 32, 32)
    for neurons in (32, 32, 64):
        builder.linear(neurons, window=Window((5, 5), (1, 1), (1, 1), (2, 2), (2, 2)))
        builder.threshold()
        builder.pool(Window((2, 2), (2, 2), (1, 1), (0, 0), (0, 0)))
    builder.flatten()
    return dense(builder, 10)


NETWORKS: tuple[tuple[str, Callable[[], Network], int | None], ...] = (
    ("MLP 784-64-64-10 from bits", mlp, 13_000),
    ("MLP 784-64-64-10 from uint8", mlp_of_bytes, None),
    ("TFC_1W1A from uint8", tfc, 30_000),
    ("TFC_1W1A from bits", tfc_of_bits, None),
    ("SmallCifar", small_cifar, 4_000_000),
)
ECG_GOAL = 260_000
ECG_CODE_BYTES = 6_956 + 2 * 1024  # what it had when counting was by rows alone, and 2 KB
# what keeps the code from its goal
CODE = (
    "Sums of subsets take 2.6 KB, lists and what adds them up 4.0, writing sums and steps 1.2, checks of descriptors "
    "0.8, the layers' descriptors 0.7. Counting by rows alone took 7.0 KB in all, and 6.5 times the instructions."
)
# what keeps the MLP from its goal
MLP = (
    "Adding 848 listed words takes 6,700 instructions, listing 424 inputs 2,500, asking whether most bits are set 320; "
    "the rest are seeds, limits, checks and calls of three layers. Counting those bits by adders took as many. Places "
    "of 32 bits, two a load, would save 420, but make SmallCifar's lists of 3.3 KB twice as large, beyond its 5 KB of "
    "SRAM, or need a second copy of the 1.4 KB that list and add."
)
CIFAR_SRAM_BYTES = 5 * 1024


def rows() -> Iterator[Row]:
    machines = cores()
    for kernel, goals, binds in KERNELS:
        for core, goal in zip(machines, goals, strict=True):
            title = f"{kernel.title}, {core.name}"
            yield Row(title, kernel.counted(core), "for 32 products", goal, at_least=False, binds=binds)
    for core in machines:
        ratio = Kernel(1024, 256, TERNARY).counted(core) / Kernel(1024, 256).counted(core)
        yield Row(f"dense 1024 x 256, ternary, {core.name}", ratio, "x binary", MOST_OF_BINARY, at_least=False)
    core = machines[0]
    ecg = edgebnn.compile(ECG_PVC, target="cortex-m4")
    beat, title = core.instructions(ecg.mapped), "the shipped ECG model"
    yield Row(f"{title}, a beat, Cortex-M4", beat, "instructions", ECG_GOAL, at_least=False)
    code = ecg.memory.code_bytes or 0
    yield Row(f"{title}, Cortex-M4", code, "bytes of code", ECG_CODE_BYTES, at_least=False, binds=CODE)
    for title, network, goal in NETWORKS:
        mapped = core.mapped(network())
        binds = MLP if network is mlp else ""
        yield Row(f"{title}, Cortex-M4", core.instructions(mapped), "instructions", goal, at_least=False, binds=binds)
    yield Row("SmallCifar, work area", mapped.plan.work_bytes, "bytes of SRAM", CIFAR_SRAM_BYTES, at_least=False)
