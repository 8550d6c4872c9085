"""Target files: what a chip is made of, checked, with the provenance of every number."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

import msgspec

from edgebnn.chip.quantity import Evidence, Quantity, check, dimension_of, of
from edgebnn.errors import TargetError
from edgebnn.resources import resource_folder

Energy = Annotated[Quantity, of("energy")]
Power = Annotated[Quantity, of("power")]
Voltage = Annotated[Quantity, of("voltage")]
Current = Annotated[Quantity, of("current")]
Time = Annotated[Quantity, of("time")]
Frequency = Annotated[Quantity, of("frequency")]
Charge = Annotated[Quantity, of("charge")]
Memory = Annotated[Quantity, of("memory")]
Ratio = Annotated[Quantity, of("ratio")]
Address = Annotated[Quantity, of("address")]
Count = Annotated[Quantity, of("count")]

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


class _Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of a target file; a field that it does not know is an error."""


class Cpu(_Section, frozen=True):
    """The processor."""

    clock: Frequency
    cycles_per_instruction: Count


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

    banks: Count
    rows: Count
    columns: Count
    parallel_banks: Count
    cycles_per_row: Count
    cycles_per_layer: Count
    devices_per_synapse: Count

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
    endurance: Count


class Device(_Section, frozen=True):
    """What stands around the chip in a wearable device."""

    front_end: Power
    sample: Energy
    battery_charge: Charge
    battery_voltage: Voltage
    converter_efficiency: Ratio


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
    name: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
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
        yield from _quantities(self, "")

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
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, RecursionError) as error:
        raise TargetError(f"target file '{where}': {error}") from error
    for path, quantity, dimension in target.quantities():
        check(quantity, dimension, f"target file '{where}': {path}")
    _check_whole(target, where)
    return target


def _quantities(section: Any, prefix: str) -> Iterator[tuple[str, Quantity, str]]:
    hints = get_type_hints(type(section), include_extras=True)
    for name in section.__struct_fields__:
        value = getattr(section, name)
        path = f"{prefix}{name}"
        if isinstance(value, Quantity):
            yield path, value, _dimension(hints[name])
        elif isinstance(value, _Section):
            yield from _quantities(value, f"{path}.")
        elif isinstance(value, dict):
            for key, item in value.items():
                yield from _quantities(item, f"{path}.{key}.")


def _dimension(hint: Any) -> str:
    found = dimension_of(getattr(hint, "__metadata__", ()))
    if found is None:  # an optional quantity: the annotation sits on the first member of the union
        found = dimension_of(getattr(hint.__args__[0], "__metadata__", ()))
    assert found is not None, f"{hint} has no dimension"
    return found


def _check_whole(target: Target, where: str) -> None:
    """What no single number shows: sections that need each other, and the register map."""

    def demand(condition: bool, problem: str) -> None:
        if not condition:
            raise TargetError(f"target file '{where}': {problem}")

    if target.architecture == "host":
        demand(target.array is None and target.macro is None, "a host has no array and no macro; remove them")
        return
    for name in ("cpu", "memory", "energy", "power", "supply", "mailbox"):
        demand(getattr(target, name) is not None, f"architecture '{target.architecture}' needs the table [{name}]")
    demand((target.array is None) == (target.macro is None), "[array] and [macro] go together; add the missing one")
    if target.array is None:
        return
    demand(target.architecture == "rv32imc", "the macro's hardware layer is written for rv32imc; set architecture so")
    demand(bool(target.policies), "an array needs at least one table [policies.NAME]")
    demand(
        target.array.columns.value == 32 and 1 <= target.array.rows.value <= 32,
        "array.columns must be 32 and array.rows 1 to 32: a row is read as one 32-bit word",
    )
    demand(1 <= target.array.banks.value <= 65536, "array.banks must be 1 to 65536: bank numbers have 16 bits")
    for name in ("pcsa_read", "popcount", "threshold"):
        demand(getattr(target.energy, name) is not None, f"energy.{name} is missing; an array needs it")
    assert target.macro is not None
    offsets = target.macro.offsets
    missing = [name for name in REGISTERS if name not in offsets]
    demand(not missing, f"macro.registers lacks {', '.join(missing)}")
    demand(
        len(offsets) == len(target.macro.registers) == len(REGISTERS), "macro.registers has a name twice or too many"
    )
    demand(len(set(offsets.values())) == len(offsets), "two registers of the macro have the same offset")
    demand(
        all(0 <= offset < 0x1000 and offset % 4 == 0 for offset in offsets.values()),
        "offsets of the macro's registers must be multiples of 4 below 0x1000",
    )
