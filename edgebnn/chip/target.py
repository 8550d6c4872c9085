"""A target: what a chip is made of, every number with its provenance."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Annotated, Any, Literal, get_type_hints

import msgspec

from edgebnn.chip.quantity import Bounds, Evidence, Quantity, bounds_of, of
from edgebnn.errors import TargetError

Energy = Annotated[Quantity, of("energy")]
Power = Annotated[Quantity, of("power")]
Voltage = Annotated[Quantity, of("voltage", positive=True)]
Current = Annotated[Quantity, of("current")]
Time = Annotated[Quantity, of("time")]
Frequency = Annotated[Quantity, of("frequency", positive=True)]
Resistance = Annotated[Quantity, of("resistance", positive=True)]
Capacitance = Annotated[Quantity, of("capacitance", positive=True)]
Temperature = Annotated[Quantity, of("temperature", positive=True)]
VoltageDrift = Annotated[Quantity, of("voltage drift")]
RelativeDrift = Annotated[Quantity, of("relative drift")]
Spread = Annotated[Quantity, of("voltage")]
Duration = Annotated[Quantity, of("time", positive=True)]
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

COLUMNS = 32  # synapses of a row: it is read as one 32-bit word, which a target file may not change
PAGE_BYTES = 0x1000  # what the registers of the macro and the mailbox take each, and what a region starts on


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
    """Supply voltages; a chip with an array works from `near_threshold` to `nominal`."""

    nominal: Voltage
    near_threshold: Voltage | None = None


class EventEnergy(_Section, frozen=True):
    """Energy of one event of each kind at the nominal supply; the array's are missing on a plain microcontroller."""

    instruction: Energy
    sram_access: Energy
    code_fetch: Energy
    pcsa_read: Energy | None = None
    popcount: Energy | None = None
    threshold: Energy | None = None
    secded_8_4: Energy | None = None
    secded_72_64: Energy | None = None


class ChipPower(_Section, frozen=True):
    """Power that flows whether anything is computed or not."""

    leakage: Power


class Policy(_Section, frozen=True):
    """A programming policy: the conditions, what one device costs, and how often a 2T2R synapse ends up wrong.

    `lrs` and `hrs` are the medians of the two states; a target with [physics] needs them.
    """

    set_compliance: Current
    reset_voltage: Voltage
    pulse: Time
    set_energy: Energy
    reset_energy: Energy
    bit_error_rate: Ratio
    endurance: CyclesEach
    lrs: Resistance | None = None
    hrs: Resistance | None = None


class Sense(_Section, frozen=True):
    """The precharge sense amplifier: both bit lines discharge from the supply to its switching point.

    `offset` and `noise` are standard deviations of its input: of one amplifier against the next, and of one read
    against the next at the reference temperature. `threshold` is that of its transistors. The window within which a
    ternary read has to be decided is fitted for `window_policy`.
    """

    threshold: Voltage
    threshold_drift: VoltageDrift
    capacitance: Capacitance
    offset: Spread
    noise: Spread
    window_policy: str


class Temperatures(_Section, frozen=True):
    """Where the figures hold, how far the model reaches, and what the devices do in between."""

    reference: Temperature
    lowest: Temperature
    highest: Temperature
    lrs_drift: RelativeDrift
    hrs_activation: Energy


class Variability(_Section, frozen=True):
    """How the spread of ln R, which the bit error rate fixes, divides into its causes."""

    device_share: Ratio


class Ageing(_Section, frozen=True):
    """BER(n) = BER(0) * max(1, n / (onset * endurance)) ^ exponent after n programming cycles."""

    onset: Efficiency
    exponent: Ratio


class Retention(_Section, frozen=True):
    """ln(HRS / LRS) shrinks by the share `drift` with each decade of time behind `onset`."""

    drift: Ratio
    onset: Duration


class Spatial(_Section, frozen=True):
    """Standard deviations of ln(bit error rate) from bank to bank, row to row and column to column."""

    bank: Ratio
    row: Ratio
    column: Ratio


class TernaryErrors(_Section, frozen=True):
    """How often a ternary weight is read wrong at a supply voltage."""

    supply: Voltage
    sign_flip: Ratio
    to_zero: Ratio
    from_zero: Ratio


class Physics(_Section, frozen=True):
    """Devices and sense amplifiers, for error rates away from the tabulated conditions."""

    sense: Sense
    temperature: Temperatures
    variability: Variability
    ageing: Ageing
    retention: Retention
    spatial: Spatial
    ternary: dict[str, TernaryErrors]


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
    physics: Physics | None = None
    device: Device | None = None
    macro: Macro | None = None
    mailbox: Mailbox | None = None

    def quantities(self) -> Iterator[tuple[str, Quantity, Bounds]]:
        """Every number of the file as (dotted path, quantity, what it has to keep to)."""
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
