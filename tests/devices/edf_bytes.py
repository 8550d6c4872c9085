"""EDF files made byte by byte, so that a test can say anything in them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class EdfField:
    """A signal of a made file: digital samples (records, samples a record) in int16, or annotation bytes likewise."""

    label: str
    samples: np.ndarray
    unit: str = "uV"
    physical: tuple[str, str] = ("-1000", "1000")
    digital: tuple[str, str] = ("-2000", "2000")


def edf_bytes(
    fields: list[EdfField], *, record_s: str = "1", records: str | None = None, reserved: str = "", signals: str = ""
) -> bytes:
    """A file of these signals."""
    count = len(fields[0].samples)
    fixed = (
        ("0", 8), ("X X X X", 80), ("Startdate X X X X", 80), ("01.01.20", 8), ("00.00.00", 8),
        (str(256 * (1 + len(fields))), 8), (reserved, 44), (str(count) if records is None else records, 8),
        (record_s, 8), (signals or str(len(fields)), 4),
    )  # fmt: skip
    columns = (
        [(field.label, 16) for field in fields], [("", 80) for _ in fields], [(field.unit, 8) for field in fields],
        [(field.physical[0], 8) for field in fields], [(field.physical[1], 8) for field in fields],
        [(field.digital[0], 8) for field in fields], [(field.digital[1], 8) for field in fields],
        [("", 80) for _ in fields], [(str(field.samples.shape[1]), 8) for field in fields], [("", 32) for _ in fields],
    )  # fmt: skip
    header = "".join(text.ljust(size) for text, size in [*fixed, *(part for column in columns for part in column)])
    data = np.concatenate([field.samples.astype("<i2") for field in fields], axis=1)
    return header.encode("latin-1") + data.tobytes()


def annotations(records: list[list[tuple[str, str, str]]], size: int = 120) -> EdfField:
    """An annotation signal: of each record (a second each) its (onset, duration, text)."""
    rows = []
    for second, marks in enumerate(records):
        text = f"+{second}\x14\x14\x00"
        for onset, duration, said in marks:
            text += f"+{onset}" + (f"\x15{duration}" if duration else "") + f"\x14{said}\x14\x00"
        rows.append(np.frombuffer(text.encode().ljust(size, b"\x00"), "<i2"))
    return EdfField("EDF Annotations", np.stack(rows), "", ("-1", "1"), ("-32768", "32767"))
