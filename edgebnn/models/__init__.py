"""Trained models that ship with edgebnn, each with a card (.md) beside it."""

from __future__ import annotations

import re
from pathlib import Path

ECG_PVC = Path(__file__).with_name("ecg_pvc.onnx")
"""Tells premature ventricular beats from others; see `ecg_pvc.md`."""

_RECORDS = re.compile(r"^The records (\d[\d, \n]*\d and \d+) of the (.+?):", re.MULTILINE)


def training_record(name: str, model: Path = ECG_PVC) -> str | None:
    """The record that a model learnt from, as its card names it, where a recording bears its number; else None.

    `106` and `mitbih_106` both bear the number 106. A copy under another name is not recognised.
    """
    card = model.with_suffix(".md").read_text(encoding="utf-8")
    found = _RECORDS.search(card)
    assert found is not None, f"the card of {model.name} names the records that it learnt from"
    numbers, database = found.groups()
    same = set(re.findall(r"\d+", numbers)) & set(re.findall(r"[A-Za-z0-9]+", name))
    return f"record {min(same)} of the {database}" if same else None
