"""Target files: what a chip is made of, checked, with the provenance of every number."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

import msgspec

from edgebnn.chip.quantity import Bounds, Evidence, Quantity, bounds_of, check, of
from edgebnn.errors import TargetError
from edgebnn.resources import resource_folder

Energy = Annotated[Quantity, of("energy")]
Power = Annotated[Quantity, of("power")]
Voltage = Annotated[Quantity, of("voltage", positive=True)]
Current = Annotated[Quantity, of("current")]
Time = Annotated[Quantity, of("time")]
Frequency = Annotated[Quantity, of("frequency", positive=True)]
Charge = Annotated[Quantity, of("charge", positive=True)]
Memory = Annotated[Quantity, of("memory", positive=True)]
Ratio = Annotated[Quantity, of("ratio")]
Efficiency = Annotated[Quantity, of("ratio", positive=True)]
Address = Annotated[Quantity, of("address")]
Banks = Annotated[Quantity, of("banks", positive=True)]
Rows = Annotated[Quantity, of("rows", positive=True)]
Synapses = Annotated[Quantity, of("synapses", positive=True)]
Devices = Annotated[Quantity, of("devices", positive=True)]
Cycles = Annotated[Quantity, of("cycles")]
CyclesEach = Annotated[Quantity, of("cycles", positive=True)]

# Names reach file names, Markdown and terminals; \Z, because $ lets a line break at the end pass.
NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z"

# The registers that the macro's model and the hardware layer in C know by name; a target says where each one lies.
REGISTERS = [
    "control",
    "status",
    "program_bank",
    "program_row",
    "program_sign",
    "program_nonzero",
    "program_ternary",
    "program_policy",
    "input_address",
    "input_format",
    "input_height",
    "input_width",
    "input_channels",
    "kernel",
    "stride",
    "dilation",
    "padding",
    "pad_value",
    "groups",
    "row_words",
    "bank_table",
    "ternary",
    "output_address",
    "output_format",
    "output_height",
    "output_width",
    "output_channels",
    "threshold_address",
    "threshold_steps",
    "direction_address",
    "output_low",
    "output_step",
]

MAX_FILE_BYTES = 1 << 20
PAGE_BYTES = 0x1000  # what the registers of the macro and the mailbox take each, and what a region starts on
_WORDS = 1 << 32  # values of a 32-bit word


class _Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of a target file; a field that it does not know is an error."""


class Cpu(_Section, frozen=True):
    """The processor."""

    clock: Frequency
    cycles_per_instruction: CyclesEach


class Region(_Section, frozen=True):
    """A memory."""

    base: Address
    size: Memory


class Memories(_Section, frozen=True):
    """The memories that the linker script knows."""

    flash: Region
    sram: Region


class Array(_Section, frozen=True):
    """The RRAM banks; `parallel_banks` bounds the fan-in of a neuron."""

    banks: Banks
    rows: Rows
    columns: Synapses
    parallel_banks: Banks
    cycles_per_row: Cycles
    cycles_per_layer: Cycles
    devices_per_synapse: Devices

    @property
    def bank_synapses(self) -> int:
        """Synapses of one bank."""
        return self.rows.integer("count") * self.columns.integer("count")


class Supply(_Section, frozen=True):
    """Supply voltages."""

    nominal: Voltage


class EventEnergy(_Section, frozen=True):
    """Energy of one event of each kind at the nominal supply; the array's are missing on a plain microcontroller."""

    instruction: Energy
    sram_access: Energy
    code_fetch: Energy
    pcsa_read: Energy | None = None
    popcount: Energy | None = None
    threshold: Energy | None = None


class ChipPower(_Section, frozen=True):
    """Power that flows whether anything is computed or not."""

    leakage: Power


class Policy(_Section, frozen=True):
    """A programming policy: the conditions, what one device costs, and how often a 2T2R synapse ends up wrong."""

    set_compliance: Current
    reset_voltage: Voltage
    pulse: Time
    set_energy: Energy
    reset_energy: Energy
    bit_error_rate: Ratio
    endurance: Cycles


class Device(_Section, frozen=True):
    """What stands around the chip in a wearable device."""

    front_end: Power
    sample: Energy
    battery_charge: Charge
    battery_voltage: Voltage
    converter_efficiency: Efficiency


class Register(_Section, frozen=True):
    """A register of the macro; the offset is in bytes from the macro's base."""

    name: str
    offset: int
    meaning: str


class Commands(_Section, frozen=True):
    """Codes that the control register takes."""

    program: int
    run: int


class StatusBits(_Section, frozen=True):
    """Bit masks of the status register."""

    done: int
    error: int


class Macro(_Section, frozen=True):
    """The register map of the RRAM macro."""

    base: Address
    source: str
    evidence: Evidence
    commands: Commands
    status: StatusBits
    registers: tuple[Register, ...]

    @property
    def offsets(self) -> dict[str, int]:
        """Offset of each register by name."""
        return {register.name: register.offset for register in self.registers}


class Mailbox(_Section, frozen=True):
    """Where the emulator talks to the firmware; no part of a real chip."""

    base: Address


class Target(_Section, frozen=True):
    """A chip or machine that a network can be compiled for."""

    schema: Literal[1]
    name: Annotated[str, msgspec.Meta(pattern=NAME_PATTERN)]
    summary: str
    architecture: Literal["rv32imc", "cortex-m4", "host"]
    cpu: Cpu | None = None
    memory: Memories | None = None
    array: Array | None = None
    supply: Supply | None = None
    energy: EventEnergy | None = None
    power: ChipPower | None = None
    policies: dict[str, Policy] = {}
    device: Device | None = None
    macro: Macro | None = None
    mailbox: Mailbox | None = None

    def quantities(self) -> Iterator[tuple[str, Quantity, str]]:
        """Every number of the file as (dotted path, quantity, dimension)."""
        for path, quantity, bounds in _quantities(self, ""):
            yield path, quantity, bounds.dimension

    def policy(self, name: str) -> Policy:
        """The policy of this name; TargetError lists the others where there is none."""
        if name not in self.policies:
            known = ", ".join(self.policies) or "none"
            raise TargetError(f"target '{self.name}' has no programming policy '{name}'; it has: {known}")
        return self.policies[name]

    @property
    def sha256(self) -> str:
        """Hash of everything that the file states."""
        return hashlib.sha256(msgspec.json.encode(self, order="deterministic")).hexdigest()


def target_names() -> list[str]:
    """Names of the targets that ship with edgebnn."""
    return sorted(path.stem for path in resource_folder("targets").glob("*.toml"))


def load_target(name_or_path: str) -> Target:
    """The target of this name, or in this TOML file; TargetError says what is wrong with it."""
    return parse_target(*read_target_file(name_or_path))


def read_target_file(name_or_path: str) -> tuple[str, str]:
    """(text, what to call it in messages) of a shipped target or of a user's own file."""
    if name_or_path in target_names():
        path = resource_folder("targets") / f"{name_or_path}.toml"
    else:
        path = Path(name_or_path)
        if not path.is_file():
            raise TargetError(
                f"no target '{name_or_path}'; use one of {', '.join(target_names())} or the path of a TOML file"
            )
    if path.stat().st_size > MAX_FILE_BYTES:
        raise TargetError(f"target file '{path}' is larger than {MAX_FILE_BYTES} bytes; that cannot be one")
    try:
        return path.read_text(encoding="utf-8"), str(path)
    except (OSError, UnicodeDecodeError) as error:
        raise TargetError(f"target file '{path}' cannot be read as text: {error}") from error


def parse_target(text: str, where: str) -> Target:
    """The target that a TOML text states; `where` names it in messages."""
    try:
        target = msgspec.convert(tomllib.loads(text), Target)
    except (ValueError, msgspec.ValidationError, RecursionError) as error:
        raise TargetError(f"target file '{where}': {error}") from error
    check_target(target, f"target file '{where}'")
    return target


def check_target(target: Target, where: str) -> None:
    """TargetError where a number is unsound or the sections do not fit together; `where` begins the sentence."""
    for name in target.policies:  # first, because the paths of numbers hold these names
        _demand(
            re.match(NAME_PATTERN, name) is not None,
            where,
            "a name in [policies] is not 1 to 64 letters, digits, '.', '_' or '-'; rename the policy",
        )
    for path, quantity, bounds in _quantities(target, ""):
        check(quantity, bounds, f"{where}: {path}")
    _check_sections(target, where)
    _check_regions(target, where)
    if target.array is not None and target.macro is not None:
        _check_array(target.array, where)
        _check_macro(target.macro, where)


def _quantities(section: Any, prefix: str) -> Iterator[tuple[str, Quantity, Bounds]]:
    hints = get_type_hints(type(section), include_extras=True)
    for name in section.__struct_fields__:
        value = getattr(section, name)
        path = f"{prefix}{name}"
        if isinstance(value, Quantity):
            yield path, value, _bounds(hints[name])
        elif isinstance(value, _Section):
            yield from _quantities(value, f"{path}.")
        elif isinstance(value, dict):
            for key, item in value.items():
                yield from _quantities(item, f"{path}.{key}.")


def _bounds(hint: Any) -> Bounds:
    found = bounds_of(getattr(hint, "__metadata__", ()))
    if found is None:  # an optional quantity: the annotation sits on the first member of the union
        found = bounds_of(getattr(hint.__args__[0], "__metadata__", ()))
    assert found is not None, f"{hint} has no bounds"
    return found


def _demand(condition: bool, where: str, problem: str) -> None:
    if not condition:
        raise TargetError(f"{where}: {problem}")


def _check_sections(target: Target, where: str) -> None:
    """Sections that need each other."""
    if target.architecture == "host":
        alone = target.array is None and target.macro is None
        _demand(alone, where, "a host has no array and no macro; remove them")
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


def _check_array(array: Array, where: str) -> None:
    _demand(
        array.columns.value == 32 and 1 <= array.rows.value <= 32,
        where,
        "array.columns must be 32 and array.rows 1 to 32: a row is read as one 32-bit word",
    )
    _demand(1 <= array.banks.value <= 65536, where, "array.banks must be 1 to 65536: bank numbers have 16 bits")
    _demand(
        array.devices_per_synapse.value == 2,
        where,
        "array.devices_per_synapse must be 2: programming is counted in pulses of a pair, one SET and one RESET for a "
        "sign and two RESETs for a zero",
    )
    for name in ("parallel_banks", "cycles_per_row", "cycles_per_layer"):
        small = getattr(array, name).value < _WORDS
        _demand(small, where, f"array.{name} must be below 2^32: the macro's model counts in 32 bits")


def _check_macro(macro: Macro, where: str) -> None:
    """Codes and the register map."""
    codes = {
        "macro.commands.program": macro.commands.program,
        "macro.commands.run": macro.commands.run,
        "macro.status.done": macro.status.done,
        "macro.status.error": macro.status.error,
    }
    for name, code in codes.items():
        _demand(1 <= code < _WORDS, where, f"{name} must be 1 to {_WORDS - 1}: a register has 32 bits")
    distinct = macro.commands.program != macro.commands.run
    _demand(distinct, where, "macro.commands.program and run are the same code; change one")
    apart = macro.status.done & macro.status.error == 0
    _demand(apart, where, "macro.status.done and error share a bit, so one reads as the other; change one")
    offsets = macro.offsets
    missing = [name for name in REGISTERS if name not in offsets]
    _demand(not missing, where, f"macro.registers lacks {', '.join(missing)}")
    whole = len(offsets) == len(macro.registers) == len(REGISTERS)
    _demand(whole, where, "macro.registers has a name twice or too many")
    _demand(len(set(offsets.values())) == len(offsets), where, "two registers of the macro have the same offset")
    _demand(
        all(0 <= offset < PAGE_BYTES and offset % 4 == 0 for offset in offsets.values()),
        where,
        f"offsets of the macro's registers must be multiples of 4 below 0x{PAGE_BYTES:x}",
    )
