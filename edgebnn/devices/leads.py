"""Which of a record's signals is a lead of ECG, told by its name and its unit."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from edgebnn.choices import choice
from edgebnn.errors import DataError

MV_PER_UNIT = {"V": 1e3, "mV": 1.0, "uV": 1e-3, "nV": 1e-6}
"""What one of each unit of voltage is in mV."""

# What stands in the names of ECG signals: the word itself, or leads alone: Einthoven, Goldberger, Wilson, Frank,
# modified and bipolar chest leads, those of Holter recorders, and of the EASI system.
_SAYS_ECG = re.compile(r"(ecg|ekg)[a-z0-9]*")
_LEAD = re.compile(
    r"(lead)?((ml?|d)?i{1,3}|ml[1-6]|av[rlf]|m?v([1-9]r?)?|v[xyz]|mcl[1-6]?|c[mcbsr][1-7]|d[1-5]|es|as|ai)", re.ASCII
)
_AROUND_A_LEAD = frozenset(
    ("lead", "derivation", "ableitung", "d", "channel", "ch", "signal", "mod", "modified", "filtered", "filt", "raw")
)
# How the names of signals begin that monitors and sleep laboratories record beside an ECG, some of them in mV too.
_SAYS_OTHER = re.compile(
    r"resp|abp|art|bp|nibp|pap|cvp|icp|lap|rap|pawp|pleth|ppg|spo2|so2|sao2|o2|co2|etco2|eeg|eog|emg|ieeg|ecog|flow|"
    r"airflow|nasal|thermist|press|chest|thor|abdo|belt|effort|temp|pulse|hr|sv|acc|gyro|mag|scg|bcg|pcg|gcg|imp|"
    r"mark|trig|event|status|position|sound|snor|gsr|eda|stim|loc|roc|chin|leg|tibialis"
)
_ELECTRODE = re.compile(r"(fp|af|f|fc|ft|c|cp|t|tp|p|po|o|a|m|i|n)(z|\d{1,2})")  # of the 10-20 and 10-10 systems

_OTHER_QUANTITIES = frozenset(
    (
        "mmhg",
        "cmh2o",
        "kpa",
        "pa",
        "%",
        "bpm",
        "degc",
        "degf",
        "deg",
        "c",
        "l/min",
        "l/s",
        "ml",
        "l",
        "ohm",
        "g",
        "m/s2",
    )
)


@dataclass(frozen=True)
class RecordedSignal:
    """A signal of a record: its name, empty where it has none, and its unit as its header writes it."""

    name: str
    unit: str

    @property
    def mv(self) -> float | None:
        """What one of its unit is in mV; None where that is no voltage."""
        return MV_PER_UNIT.get(_unit(self.unit))

    @property
    def is_ecg(self) -> bool:
        """Whether its name is one of an ECG lead, and its unit none of another quantity."""
        return _named_ecg(self.name) and self.unit.casefold() not in _OTHER_QUANTITIES

    @property
    def may_be_ecg(self) -> bool:
        """Whether its unit is a voltage and its name says nothing."""
        return self.mv is not None and not _named_ecg(self.name) and not _named_other(self.name)


class TakenBy(StrEnum):
    """Why a signal was taken: its user asked for it, its name is a lead's, or its unit alone is a voltage."""

    CHOICE = "choice"
    NAME = "name"
    UNIT = "unit"


def candidates(sources: Sequence[RecordedSignal], wanted: str | None, record: str) -> list[tuple[int, TakenBy]]:
    """The signal (its index, and why) that is `wanted`, by its name or its number from 0; else all leads of ECG.

    These in the order in which they are taken: who is named so, then who has an unknown name and V, mV or uV. Raises
    DataError, with all names, where there is none, or what is wanted is not there.
    """
    if wanted is not None:
        return [(_wanted(sources, wanted, record), TakenBy.CHOICE)]
    found = [(index, TakenBy.NAME) for index, source in enumerate(sources) if source.is_ecg]
    found += [(index, TakenBy.UNIT) for index, source in enumerate(sources) if source.may_be_ecg]
    if not found:
        raise DataError(
            f"'{record}' has no lead of ECG by name and unit ({listed(sources)}); choose the one to judge with "
            f"{choice('lead')}, or "
            "give another record"
        )
    return found


def listed(sources: Sequence[RecordedSignal]) -> str:
    """`0 MLII in mV, 1 RESP in pm`, the first dozen of them."""
    shown = ", ".join(
        f"{index} {source.name or 'without a name'} in {source.unit or 'no unit'}"
        for index, source in enumerate(sources[:12])
    )
    return shown if len(sources) <= 12 else f"{shown}, and {len(sources) - 12} more"


def _wanted(sources: Sequence[RecordedSignal], wanted: str, record: str) -> int:
    for matches in (
        [i for i, source in enumerate(sources) if source.name == wanted],
        [i for i, source in enumerate(sources) if source.name.casefold() == wanted.casefold()],
    ):
        if len(matches) > 1:
            numbers = " or ".join(map(str, matches))
            raise DataError(f"'{record}' has {len(matches)} signals '{wanted}'; give {choice('lead', numbers)}")
        if matches:
            return matches[0]
    if re.fullmatch(r"[0-9]{1,6}", wanted) and int(wanted) < len(sources):
        return int(wanted)
    raise DataError(f"'{record}' has no signal '{wanted}'; choose a name or a number of: {listed(sources)}")


def _unit(unit: str) -> str:
    """A unit of voltage as MV_PER_UNIT has it, whatever its letters' case and its sign for micro."""
    plain = unit.strip().replace("\u00b5", "u").replace("\u03bc", "u").casefold()
    return f"{plain[:-1]}V" if plain.endswith("v") else unit


def _words(name: str) -> list[str]:
    joined = re.sub(r"\b([ea])-([si])\b", r"\1\2", name.casefold())  # E-S, A-S and A-I are one lead each
    return re.findall(r"[^\W_]+", joined)


def _named_ecg(name: str) -> bool:
    words = _words(name)
    if any(_SAYS_OTHER.match(word) for word in words):
        return False
    leads = [word for word in words if word not in _AROUND_A_LEAD]
    says_ecg = any(_SAYS_ECG.fullmatch(word) for word in words)
    return says_ecg or (bool(leads) and all(_LEAD.fullmatch(word) for word in leads))


def _named_other(name: str) -> bool:
    words = _words(name)
    return any(_SAYS_OTHER.match(word) for word in words) or (
        bool(words) and all(_ELECTRODE.fullmatch(word) for word in words)
    )
