"""What a target has to keep to, beyond the types of its fields: sound numbers, and sections that fit together."""

from __future__ import annotations

import re

from edgebnn.chip.banks.geometry import COLUMNS, MAX_BANKS, MAX_COLUMNS, MAX_ROWS, MAX_SYNAPSES
from edgebnn.chip.target.quantity import check
from edgebnn.chip.target.target import (
    NAME_PATTERN,
    PAGE_BYTES,
    READ_REGISTERS,
    REGISTERS,
    Macro,
    Policy,
    RramArray,
    Target,
)
from edgebnn.chip.target_files.physics_rules import check_physics
from edgebnn.errors import TargetError

_WORDS = 1 << 32  # values of a 32-bit word


def check_target(target: Target, where: str) -> None:
    """TargetError where a number is unsound or the sections do not fit together; `where` begins the sentence."""
    for name in target.policies:  # first, because the paths of numbers hold these names
        _demand(
            re.match(NAME_PATTERN, name) is not None,
            where,
            "a name in [policies] is not 1 to 64 letters, digits, '.', '_' or '-'; rename the policy",
        )
    for path, quantity, bounds in target.quantities():
        check(quantity, bounds, f"{where}: {path}")
    for name, policy in target.policies.items():
        _check_signs(policy, name, where)
    _check_sections(target, where)
    _check_regions(target, where)
    if target.array is not None and target.macro is not None:
        _check_array(target.array, where)
        _check_macro(target.macro, where)
    _check_supply(target, where)
    if target.physics is not None:
        check_physics(target, target.physics, where)


def _demand(condition: bool, where: str, problem: str) -> None:
    if not condition:
        raise TargetError(f"{where}: {problem}")


def _check_signs(policy: Policy, name: str, where: str) -> None:
    """Rates of +1 and -1: both or neither, and their mean is the policy's rate."""
    plus, minus = policy.error_rate_plus, policy.error_rate_minus
    both = f"policies.{name}.error_rate_plus and error_rate_minus go together"
    _demand((plus is None) == (minus is None), where, f"{both}; add the missing one")
    if plus is None or minus is None:
        return
    mean, rate = (plus.si("ratio") + minus.si("ratio")) / 2, policy.bit_error_rate.si("ratio")
    alike = abs(mean - rate) <= 1e-6 * rate
    _demand(alike, where, f"{both}: their mean is {mean:g}, but policies.{name}.bit_error_rate {rate:g}; make it so")


def _check_sections(target: Target, where: str) -> None:
    """Sections that need each other."""
    if target.architecture == "host":
        alone = target.array is None and target.macro is None and target.energy is None
        _demand(alone, where, "a host has no [array] and no [macro], and counts no events for an [energy]; remove them")
        return
    for name in ("cpu", "memory", "energy", "power", "supply", "mailbox"):
        present = getattr(target, name) is not None
        _demand(present, where, f"architecture '{target.architecture}' needs the table [{name}]")
    together = (target.array is None) == (target.macro is None)
    _demand(together, where, "[array] and [macro] go together; add the missing one")
    if target.array is None:
        return
    riscv = target.architecture == "rv32imc"
    _demand(riscv, where, "the macro's hardware layer is written for rv32imc; set architecture so")
    _demand(bool(target.policies), where, "an array needs at least one table [policies.NAME]")
    for name in ("pcsa_read", "popcount", "threshold"):
        present = getattr(target.energy, name) is not None
        _demand(present, where, f"energy.{name} is missing; an array needs it")


def _check_supply(target: Target, where: str) -> None:
    if target.supply is not None and target.supply.near_threshold is not None:
        ordered = target.supply.near_threshold.si("voltage") <= target.supply.nominal.si("voltage")
        _demand(ordered, where, "supply.near_threshold is above supply.nominal; exchange them")


def _check_regions(target: Target, where: str) -> None:
    """What lies in the address space: on whole pages, below 2^32, nothing on top of anything else."""
    spans: list[tuple[int, int, str]] = []
    if target.memory is not None:
        for name, region in (("memory.flash", target.memory.flash), ("memory.sram", target.memory.sram)):
            spans.append((region.base.integer("address"), region.size.integer("memory"), name))
    for name, registers in (("macro", target.macro), ("mailbox", target.mailbox)):
        if registers is not None:
            spans.append((registers.base.integer("address"), PAGE_BYTES, name))
    free, below = 0, ""
    for base, size, name in sorted(spans):
        _demand(base % PAGE_BYTES == 0, where, f"{name}.base is 0x{base:x}; make it a multiple of {PAGE_BYTES}")
        _demand(base + size <= _WORDS, where, f"{name} ends beyond 2^32; choose a smaller base or size")
        _demand(base >= free, where, f"{name} at 0x{base:08x} overlaps {below}; move one of them")
        free, below = base + -(-size // PAGE_BYTES) * PAGE_BYTES, name


def _check_array(array: RramArray, where: str) -> None:
    banks, rows, columns, amplifiers = (
        each.integer("count") for each in (array.banks, array.rows, array.columns, array.sense_amplifiers)
    )
    _demand(1 <= banks <= MAX_BANKS, where, f"array.banks must be 1 to {MAX_BANKS}: bank numbers have 16 bits")
    _demand(
        1 <= rows <= MAX_ROWS,
        where,
        f"array.rows must be 1 to {MAX_ROWS}, so that the number of every row of all banks has 32 bits",
    )
    _demand(
        1 <= columns <= MAX_COLUMNS and columns % COLUMNS == 0,
        where,
        f"array.columns must be a multiple of {COLUMNS} from {COLUMNS} to {MAX_COLUMNS}: a row is programmed and "
        f"counted in words of {COLUMNS} bits",
    )
    _demand(
        1 <= amplifiers <= columns and columns % amplifiers == 0,
        where,
        f"array.sense_amplifiers must divide array.columns ({columns}): as many columns share each of them",
    )
    _demand(
        banks * rows * columns <= MAX_SYNAPSES,
        where,
        f"array.banks x rows x columns are {banks * rows * columns:,} synapses, of which the emulator keeps "
        f"{MAX_SYNAPSES:,} in memory; state fewer banks",
    )
    _demand(
        array.devices_per_synapse.value == 2,
        where,
        "array.devices_per_synapse must be 2: programming is counted in pulses of a pair, one SET and one RESET for a "
        "sign and two RESETs for a zero",
    )
    for name in ("parallel_banks", "cycles_per_row", "cycles_per_layer"):
        small = getattr(array, name).value < _WORDS
        _demand(small, where, f"array.{name} must be below 2^32: the macro's model counts in 32 bits")
    _demand(
        array.cycles_per_read < _WORDS,
        where,
        f"array.cycles_per_row for each of the {columns // amplifiers} columns of an amplifier must be below 2^32 in "
        "all: the macro's model counts in 32 bits",
    )


def _check_macro(macro: Macro, where: str) -> None:
    """Codes and the register map."""
    codes = {
        "macro.commands.program": macro.commands.program,
        "macro.commands.run": macro.commands.run,
        **({} if macro.commands.read is None else {"macro.commands.read": macro.commands.read}),
        "macro.status.done": macro.status.done,
        "macro.status.error": macro.status.error,
    }
    for name, code in codes.items():
        _demand(1 <= code < _WORDS, where, f"{name} must be 1 to {_WORDS - 1}: a register has 32 bits")
    distinct = macro.commands.program != macro.commands.run
    _demand(distinct, where, "macro.commands.program and run are the same code; change one")
    distinct = macro.commands.read not in (macro.commands.program, macro.commands.run)
    _demand(distinct, where, "macro.commands.read is the code of program or run; change it")
    apart = macro.status.done & macro.status.error == 0
    _demand(apart, where, "macro.status.done and error share a bit, so one reads as the other; change one")
    offsets = macro.offsets
    wanted = REGISTERS if macro.commands.read is None else REGISTERS + READ_REGISTERS
    missing = [name for name in wanted if name not in offsets]
    _demand(not missing, where, f"macro.registers lacks {', '.join(missing)}")
    whole = len(offsets) == len(macro.registers) == len(wanted)
    unread = "" if macro.commands.read is not None else "; read_sign and read_nonzero go with macro.commands.read"
    _demand(whole, where, f"macro.registers has a name twice or too many{unread}")
    _demand(len(set(offsets.values())) == len(offsets), where, "two registers of the macro have the same offset")
    _demand(
        all(0 <= offset < PAGE_BYTES and offset % 4 == 0 for offset in offsets.values()),
        where,
        f"offsets of the macro's registers must be multiples of 4 below 0x{PAGE_BYTES:x}",
    )
