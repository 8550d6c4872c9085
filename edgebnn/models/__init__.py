"""Trained models that ship with edgebnn, each with a card (.md) beside it."""

from __future__ import annotations

from pathlib import Path

ECG_PVC = Path(__file__).with_name("ecg_pvc.onnx")
"""Tells premature ventricular beats from others; see `ecg_pvc.md`."""
