"""Targets: what `edgebnn targets` prints, and how every other document names one."""

from __future__ import annotations

from typing import TypedDict


class NamedTargetDocument(TypedDict):
    """The name, and whether the target that ships under it is another one."""

    target: str
    target_changed: bool


class ListedTargetDocument(TypedDict):
    """A target that ships."""

    name: str
    architecture: str
    summary: str
    rram: bool
    policies: list[str]


class TargetListDocument(TypedDict):
    """`edgebnn targets list`."""

    targets: list[ListedTargetDocument]


class TargetNumberDocument(TypedDict):
    """A number of a target file: its path in the file, its unit, where it comes from and what that is worth."""

    path: str
    value: float
    unit: str
    source: str
    evidence: str


class RegisterDocument(TypedDict):
    """A register of the macro, at so many bytes behind its base."""

    name: str
    offset: int
    meaning: str


class TargetNumbersDocument(TypedDict):
    """`edgebnn targets show`: every number, and how many there are of each word of evidence."""

    name: str
    target_changed: bool
    architecture: str
    summary: str
    sha256: str
    numbers: list[TargetNumberDocument]
    evidence_counts: dict[str, int]
    registers: list[RegisterDocument]


class TargetCopyDocument(TypedDict):
    """`edgebnn targets copy`: the copy, and the numbers of it that were set."""

    file: str
    name: str
    sha256: str
    set: list[TargetNumberDocument]


class TargetCheckDocument(NamedTargetDocument):
    """`edgebnn targets check`: a sound target, with so many numbers."""

    sound: bool
    numbers: int
