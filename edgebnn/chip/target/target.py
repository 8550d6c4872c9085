"""A target: what a chip is made of, every number with its provenance."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cache
from typing import Annotated, Any, Literal, get_type_hints

import msgspec

from edgebnn.chip.banks.geometry import Geometry
from edgebnn.chip.target.physics import Physics
from edgebnn.chip.target.quantity import Bounds, Evidence, Quantity, bounds_of
from edgebnn.chip.target.sections import (
    Address,
    Amplifiers,
    Banks,
    Charge,
    Current,
    Cycles,
    CyclesEach,
    DeviceCount,
    Efficiency,
    EnergyQuantity,
    Frequency,
    MemoryQuantity,
    Power,
    Ratio,
    Resistance,
    Rows,
    Synapses,
    TargetTable,
    Time,
    Voltage,
)
from edgebnn.errors import TargetError

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
    "border_rows",
    "border_columns",
    "border_start",
    "border_shift",
]

READ_REGISTERS = ["read_sign", "read_nonzero"]  # of a macro that can read words back

PAGE_BYTES = 0x1000  # what the registers of the macro and the mailbox take each, and what a region starts on


class Cpu(TargetTable, frozen=True):
    """The processor."""

    clock: Frequency
    cycles_per_instruction: CyclesEach


class Region(TargetTable, frozen=True):
    """A memory."""

    base: Address
    size: MemoryQuantity


class Memories(TargetTable, frozen=True):
    """The memories that the linker script knows."""

    flash: Region
    sram: Region


class RramArray(TargetTable, frozen=True):
    """The RRAM banks; `parallel_banks` bounds the fan-in of a neuron.

    `columns / sense_amplifiers` columns take turns at one amplifier; each turn takes `cycles_per_row`.
    """

    banks: Banks
    rows: Rows
    columns: Synapses
    sense_amplifiers: Amplifiers
    parallel_banks: Banks
    cycles_per_row: Cycles
    cycles_per_layer: Cycles
    devices_per_synapse: DeviceCount

    @property
    def geometry(self) -> Geometry:
        """The shape of a bank."""
        return Geometry(*(each.integer("count") for each in (self.rows, self.columns, self.sense_amplifiers)))

    @property
    def cycles_per_read(self) -> int:
        """Cycles in which all columns of a row are sensed."""
        return self.geometry.reads_per_row * self.cycles_per_row.integer("count")


class Supply(TargetTable, frozen=True):
    """Supply voltages; a chip with an array works from `near_threshold` to `nominal`."""

    nominal: Voltage
    near_threshold: Voltage | None = None


class EventEnergy(TargetTable, frozen=True):
    """Energy of one event of each kind at the nominal supply; the array's are missing on a plain microcontroller."""

    instruction: EnergyQuantity
    sram_access: EnergyQuantity
    code_fetch: EnergyQuantity
    pcsa_read: EnergyQuantity | None = None
    popcount: EnergyQuantity | None = None
    threshold: EnergyQuantity | None = None
    secded_8_4: EnergyQuantity | None = None
    secded_72_64: EnergyQuantity | None = None


class ChipPower(TargetTable, frozen=True):
    """Power that flows whether anything is computed or not."""

    leakage: Power


class Policy(TargetTable, frozen=True):
    """A programming policy: the conditions, what one device costs, and how often a 2T2R synapse ends up wrong.

    `lrs` and `hrs` are the medians of the two states; a target with [physics] needs them. `error_rate_plus` and
    `error_rate_minus`, of weights +1 and -1, go together; `bit_error_rate` is their mean.
    """

    set_compliance: Current
    reset_voltage: Voltage
    pulse: Time
    set_energy: EnergyQuantity
    reset_energy: EnergyQuantity
    bit_error_rate: Ratio
    endurance: CyclesEach
    lrs: Resistance | None = None
    hrs: Resistance | None = None
    error_rate_plus: Ratio | None = None
    error_rate_minus: Ratio | None = None


class Device(TargetTable, frozen=True):
    """What stands around the chip in a wearable device."""

    front_end: Power
    sample: EnergyQuantity
    battery_charge: Charge
    battery_voltage: Voltage
    converter_efficiency: Efficiency


class Register(TargetTable, frozen=True):
    """A register of the macro; the offset is in bytes from the macro's base."""

    name: str
    offset: int
    meaning: str


class Commands(TargetTable, frozen=True):
    """Codes that the control register takes. `read` is None for a macro that cannot read words back."""

    program: int
    run: int
    read: int | None = None


class StatusBits(TargetTable, frozen=True):
    """Bit masks of the status register."""

    done: int
    error: int


class Macro(TargetTable, frozen=True):
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


class Mailbox(TargetTable, frozen=True):
    """Where the emulator talks to the firmware; no part of a real chip."""

    base: Address


class Target(TargetTable, frozen=True):
    """A chip or machine that a network can be compiled for."""

    schema: Literal[1]
    name: Annotated[str, msgspec.Meta(pattern=NAME_PATTERN)]
    summary: str
    architecture: Literal["rv32imc", "cortex-m4", "host"]
    cpu: Cpu | None = None
    memory: Memories | None = None
    array: RramArray | None = None
    supply: Supply | None = None
    energy: EventEnergy | None = None
    power: ChipPower | None = None
    policies: dict[str, Policy] = {}
    physics: Physics | None = None
    device: Device | None = None
    macro: Macro | None = None
    mailbox: Mailbox | None = None

    def quantities(self) -> Iterator[tuple[str, Quantity, Bounds]]:
        """Every number of the file as (dotted path, quantity, what it has to keep to)."""
        yield from quantities_of(self)

    def unstated(self) -> Iterator[tuple[str, Bounds]]:
        """Numbers that the file may state and does not, as (dotted path, what one has to keep to)."""
        yield from _unstated(self, "")

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


def physics_of(target: Target) -> Physics:
    """The target's [physics]; TargetError where it has none."""
    if target.physics is None:
        raise TargetError(
            f"target '{target.name}' describes no devices ([physics]), so its errors have no dependence on devices, "
            "cycles, supply or temperature; use rram130, or leave those options out"
        )
    return target.physics


def quantities_of(section: TargetTable, prefix: str = "") -> Iterator[tuple[str, Quantity, Bounds]]:
    """Every number of a table and of those in it, as `Target.quantities`; `prefix` begins the paths."""
    hints = _hints(section.__class__)
    for name in section.__struct_fields__:
        value = getattr(section, name)
        path = f"{prefix}{name}"
        if isinstance(value, Quantity):
            yield path, value, _bounds(hints[name])
        elif isinstance(value, TargetTable):
            yield from quantities_of(value, f"{path}.")
        elif isinstance(value, dict):
            for key, item in value.items():
                yield from quantities_of(item, f"{path}.{key}.")


def _unstated(section: Any, prefix: str) -> Iterator[tuple[str, Bounds]]:
    hints = _hints(section.__class__)
    for name in section.__struct_fields__:
        value, path = getattr(section, name), f"{prefix}{name}"
        if isinstance(value, TargetTable):
            yield from _unstated(value, f"{path}.")
        elif isinstance(value, dict):
            for key, item in value.items():
                yield from _unstated(item, f"{path}.{key}.")
        elif value is None:
            yield from _possible(hints[name].__args__[0], path)


def _possible(hint: Any, path: str) -> Iterator[tuple[str, Bounds]]:
    """The numbers of an optional field: itself, or those of the table that it is."""
    if hasattr(hint, "__struct_fields__") and not hasattr(hint, "__metadata__"):
        for name, inner in _hints(hint).items():
            yield from _possible(inner, f"{path}.{name}")
        return
    bounds = bounds_of(getattr(hint, "__metadata__", ()))
    if bounds is not None:
        yield path, bounds


@cache
def _hints(section: type[TargetTable]) -> dict[str, Any]:
    return get_type_hints(section, include_extras=True)


def _bounds(hint: Any) -> Bounds:
    found = bounds_of(getattr(hint, "__metadata__", ()))
    if found is None:  # an optional quantity: the annotation sits on the first member of the union
        found = bounds_of(getattr(hint.__args__[0], "__metadata__", ()))
    assert found is not None, f"{hint} has no bounds"
    return found
