"""What the tables of a target file are made of: quantities of a dimension, and tables that refuse unknown fields."""

from __future__ import annotations

from typing import Annotated

import msgspec

from edgebnn.brief import brief
from edgebnn.chip.target.quantity import Quantity, of

EnergyQuantity = Annotated[Quantity, of("energy")]
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
MemoryQuantity = Annotated[Quantity, of("memory", positive=True)]
Ratio = Annotated[Quantity, of("ratio")]
Efficiency = Annotated[Quantity, of("ratio", positive=True)]
Slope = Annotated[Quantity, of("slope")]
Factor = Annotated[Quantity, of("factor", positive=True)]
LogRatio = Annotated[Quantity, of("log ratio")]
Address = Annotated[Quantity, of("address")]
Banks = Annotated[Quantity, of("banks", positive=True)]
Rows = Annotated[Quantity, of("rows", positive=True)]
Synapses = Annotated[Quantity, of("synapses", positive=True)]
Amplifiers = Annotated[Quantity, of("amplifiers", positive=True)]
DeviceCount = Annotated[Quantity, of("devices", positive=True)]
Cycles = Annotated[Quantity, of("cycles")]
CyclesEach = Annotated[Quantity, of("cycles", positive=True)]


class TargetTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of a target file; a field that it does not know is an error."""

    __repr__ = brief
