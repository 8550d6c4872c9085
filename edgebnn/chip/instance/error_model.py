"""What a chip's errors may be: how they come about, which of them there are, and what goes with which.

How they come about lies in `errors/`: `ber_model.py`, `neighbour_model.py`, `table_model.py` and `device_model.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ErrorModel(StrEnum):
    """How errors come about."""

    BER = "ber"  # independent synapses at the tabulated rates
    NEIGHBOUR = "neighbour"  # weights become a neighbouring value anew in every inference, as the authors' code has it
    TABLE = "table"  # rates that differ from bank to bank, row to row and column to column, or that were measured
    DEVICE = "device"  # resistances and sense amplifiers

    @property
    def rules(self) -> Rules:
        """What goes with it."""
        return _RULES[self]


class ErrorKinds(StrEnum):
    """Which errors there are: those of programming, which stay, those of each read, or both."""

    BOTH = "both"
    PROGRAMMING = "programming"
    READ = "read"


@dataclass(frozen=True)
class Rules:
    """What goes with an error model.

    takes_rate: a user may set the bit error rate. has_devices: it has resistances, and so knows what a further attempt
    at programming would do. by_place: some places err more often than others, programming after programming, by the
    target's physics. anew: all errors come anew in every inference, so that none is one of programming or of a read.
    """

    takes_rate: bool = True
    has_devices: bool = False
    by_place: bool = False
    anew: bool = False


_RULES = {
    ErrorModel.BER: Rules(),
    ErrorModel.NEIGHBOUR: Rules(anew=True),
    ErrorModel.TABLE: Rules(by_place=True),
    ErrorModel.DEVICE: Rules(takes_rate=False, has_devices=True, by_place=True),
}
