"""The names of what a chip's errors may be: how they come about, and which of them there are."""

from __future__ import annotations

from enum import StrEnum


class ErrorModel(StrEnum):
    """How errors come about."""

    BER = "ber"  # independent synapses at the tabulated rates
    NEIGHBOUR = "neighbour"  # weights become a neighbouring value anew in every inference, as the authors' code has it
    TABLE = "table"  # rates that differ from bank to bank, row to row and column to column, or that were measured
    DEVICE = "device"  # resistances and sense amplifiers


class ErrorKinds(StrEnum):
    """Which errors there are: those of programming, which stay, those of each read, or both."""

    BOTH = "both"
    PROGRAMMING = "programming"
    READ = "read"
