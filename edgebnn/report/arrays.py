"""An array as the bytes of a .npy file."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import numpy.typing as npt


def npy_bytes(values: npt.NDArray[Any]) -> bytes:
    """What numpy.save would write."""
    buffer = io.BytesIO()
    np.save(buffer, values)
    return buffer.getvalue()
