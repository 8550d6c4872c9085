"""Measurements for tests, as lists of records and as the files that hold them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet

RESISTANCES = "bank,row,column,r_bl_ohm,r_blb_ohm"
RATES = "bank,row,column,error_rate"


def csv_file(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def parquet_file(path: Path, columns: dict[str, object], **options: object) -> Path:
    pyarrow.parquet.write_table(pyarrow.table(columns), path, **options)
    return path


def random_resistances(cells: int, seed: int = 0, banks: int = 4) -> dict[str, np.ndarray]:
    """Columns of distinct cells in no order, with weights of both signs."""
    draw = np.random.default_rng(seed)
    cell = draw.permutation(banks * 1024)[:cells]
    low, high = draw.lognormal(9, 0.5, cells), draw.lognormal(12, 0.5, cells)
    weight = draw.choice([-1, 1], cells)
    return {
        "bank": cell // 1024,
        "row": cell // 32 % 32,
        "column": cell % 32,
        "r_bl_ohm": np.where(weight > 0, low, high),
        "r_blb_ohm": np.where(weight > 0, high, low),
        "weight": weight,
    }


def as_csv(columns: dict[str, np.ndarray]) -> str:
    records = zip(*(values.tolist() for values in columns.values()), strict=True)
    return "\n".join([",".join(columns), *(",".join(map(repr, record)) for record in records)]) + "\n"
