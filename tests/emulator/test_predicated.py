"""IT blocks on the emulated chip: predicated loads and stores do what QEMU makes of them, and are counted exactly."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest

from edgebnn.chip.target.target import Memories
from edgebnn.chip.target_files.loading import load_target
from edgebnn.emulator.elf import read_firmware
from edgebnn.emulator.soc import Limits, Soc
from edgebnn.errors import DeploymentError
from edgebnn.network.types import Kind, Tensor, WeightKind
from tests.emulator.bare_metal import compile_elf
from tests.emulator.macro_driver import on_chip
from tests.emulator.predicated import CASES, ON_BOARD, ON_CHIP, Counts, source
from tests.networks import Builder

Pick = tuple[int, int]  # the number of a case, and its flag

PICKS: list[Pick] = [(number, flag) for number in range(len(CASES)) for flag in (0, 1)]


def _soc(elf: bytes) -> Soc:
    builder = Builder(Tensor("x", Kind.INTEGERS, (1,), 0, 255), np.random.default_rng(2))
    builder.linear(1, WeightKind.TERNARY)
    return Soc(on_chip(builder.network(), "cortex-m4"), elf, limits=Limits(instructions=5_000, seconds=20.0))


@dataclass(frozen=True)
class Ran:
    """The score of a case, the instructions that it took and, on the emulated chip, all its counts."""

    score: int
    instructions: int
    counts: Counts = (0, 0, 0)


@pytest.fixture(scope="module")
def elf() -> bytes:
    return compile_elf("cortex-m4", source(ON_CHIP))


@pytest.fixture(scope="module")
def ran(elf: bytes) -> dict[Pick, Ran]:
    return _run(elf)


def _run(elf: bytes) -> dict[Pick, Ran]:
    """Every case on the emulated chip."""
    found = {}
    with _soc(elf) as soc:
        soc.boot()
        soc.infer(np.zeros((1, 1)))  # from `done` to `done` from here on
        for number, flag in PICKS:
            scores, _ = soc.infer(np.full((1, 1), 2 * number + flag))
            events = soc._state.events
            counts = events.instructions, events.sram_accesses, events.flash_reads
            found[number, flag] = Ran(int(scores.item()) & 0xFFFF_FFFF, events.instructions, counts)
    return found


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory) -> dict[Pick, Ran]:
    """Every case on QEMU's board, which runs one instruction at a time."""
    if shutil.which("qemu-system-arm") is None:
        pytest.skip("qemu-system-arm is not installed")
    elf, folder = compile_elf("cortex-m4", source(ON_BOARD)), tmp_path_factory.mktemp("board")
    (folder / "cases.elf").write_bytes(elf)
    command = ["qemu-system-arm", "-M", "mps2-an386", "-nographic", "-semihosting-config", "enable=on,target=native"]
    command += ["-kernel", "cases.elf", "-d", "exec,cpu,nochain", "-D", "trace"]
    for singly in (["-singlestep"], ["-accel", "tcg,one-insn-per-tb=on"]):  # before and since QEMU 8.1
        run = subprocess.run(
            [*command, *singly], cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60
        )
        if run.returncode == 0:
            break
    assert run.returncode == 0, run.stderr
    printed = [int(line, 16) for line in (run.stdout + run.stderr).split()]
    scores, places = printed[: len(PICKS)], printed[len(PICKS) :]
    executed = _executed(elf, list(zip(places[::2], places[1::2], strict=True)), (folder / "trace").read_text())
    return {pick: Ran(score, executed[pick]) for pick, score in zip(PICKS, scores, strict=True)}


def _executed(elf: bytes, places: list[tuple[int, int]], trace: str) -> Counter[Pick]:
    """How many instructions of each case and flag ran; those that an IT block skips appear in the trace, too."""
    code = read_firmware(elf, "cortex-m4", _memory()).flash
    numbers = {begin: number for number, (begin, _) in enumerate(places)}
    counts: Counter[Pick] = Counter()
    pick, end, conditions = (0, 0), 0, iter(())  # type: Pick, int, Iterator[int]
    for pc, r2, xpsr in _steps(trace):
        if pc in numbers:
            pick, end = (numbers[pc], r2), places[numbers[pc]][1]
        if not places[pick[0]][0] <= pc < end:
            continue
        counts[pick] += _holds(next(conditions, 14), xpsr >> 28)
        halfword = int.from_bytes(code[pc : pc + 2], "little")
        if halfword & 0xFF00 == 0xBF00 and halfword & 0xF:
            conditions = iter(_conditions(halfword))
    return counts


def _memory() -> Memories:
    memory = load_target("cortex-m4").memory
    assert memory is not None
    return memory


def _steps(trace: str) -> Iterator[tuple[int, int, int]]:
    """PC, r2 and xPSR in front of each instruction."""
    for state in re.finditer(r"^Trace \d+: .*?R02=(\w+).*?R15=(\w+).*?XPSR=(\w+)", trace, re.MULTILINE | re.DOTALL):
        r2, pc, xpsr = (int(number, 16) for number in state.groups())
        yield pc, r2, xpsr


def _conditions(it: int) -> list[int]:
    """The condition of each instruction of a block: the first bits are shared, the last one comes from the mask."""
    mask, first = it & 0xF, it >> 4 & 0xF
    length = 4 - ((mask & -mask).bit_length() - 1)
    return [first] + [first & 0xE | mask >> (4 - i) & 1 for i in range(1, length)]


def _holds(condition: int, nzcv: int) -> bool:
    n, z, c, v = (nzcv >> bit & 1 for bit in (3, 2, 1, 0))
    holds = [z, c, n, v, c and not z, n == v, n == v and not z, True][condition >> 1]
    return bool(holds) != bool(condition & 1)


@pytest.mark.parametrize("name", list(CASES))
def test_every_case_is_counted_to_the_access(name: str, ran: dict[Pick, Ran]) -> None:
    number, case = list(CASES).index(name), CASES[name]
    for flag, expected in enumerate((case.zero, case.one)):
        frame = ran[0, flag].counts
        assert tuple(np.subtract(ran[number, flag].counts, frame)) == expected


def test_scores_and_numbers_of_instructions_are_those_of_qemu(ran: dict[Pick, Ran], traced: dict[Pick, Ran]) -> None:
    for number, flag in PICKS:
        ours, theirs = ran[number, flag], traced[number, flag]
        assert ours.score == theirs.score, list(CASES)[number]
        frame = ran[0, flag].instructions - traced[0, flag].instructions
        assert ours.instructions - frame == theirs.instructions, list(CASES)[number]


def test_where_the_cpu_is_stopped_to_look_at_the_clock_changes_nothing(
    elf: bytes, ran: dict[Pick, Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    for instructions in (1, 3):
        monkeypatch.setattr("edgebnn.emulator.soc.SLICE_INSTRUCTIONS", instructions)
        assert _run(elf) == ran


@pytest.mark.parametrize("instructions", [1, 3, 5_000_000])
def test_a_mailbox_write_within_a_block_stops_behind_it(instructions: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The chip cannot be stopped within a block; what runs up to its end runs once and is counted once."""
    monkeypatch.setattr("edgebnn.emulator.soc.SLICE_INSTRUCTIONS", instructions)
    body = """
static unsigned input[4], runs;
int main(void) {
    MAILBOX(4) = (unsigned)input; MAILBOX(8) = (unsigned)&runs; MAILBOX(0) = 1;
    __asm__ volatile("ldr r0, =0x50000000\\n movs r1, #0\\n 1: cmp r0, #0\\n itttt ne\\n ldrne r3, [%0]\\n"
                     "addne r3, #1\\n strne r3, [%0]\\n strne r1, [r0, #12]\\n cmp r0, #0\\n ittt ne\\n"
                     "strne r1, [r0, #12]\\n addne r3, #16\\n strne r3, [%0]\\n b 1b" :: "r"(&runs)
                     : "r0", "r1", "r3", "cc", "memory");
    return 0;
}
"""
    with _soc(compile_elf("cortex-m4", body)) as soc:
        soc.boot()
        answers = [soc.infer(np.zeros((1, 1))) for _ in range(6)]
    assert [int(scores.item()) for scores, _ in answers] == [1, 17, 18, 34, 35, 51]
    assert [events.instructions for _, events in answers[1:]] == [5, 7, 5, 7, 5]
    assert [events.sram_accesses for _, events in answers[1:]] == [1, 2, 1, 2, 1]


def test_a_loop_into_a_block_ends_all_the_same() -> None:
    """Behind the first pass nothing governs the branch: it is an endless loop like any other."""
    body = 'int main(void) { __asm__("movs r0, #1\\n cmp r0, #0\\n it ne\\n 1: bne.n 1b"); return 0; }'
    with pytest.raises(DeploymentError, match="within 5000 instructions"), _soc(compile_elf("cortex-m4", body)) as soc:
        soc.boot()
