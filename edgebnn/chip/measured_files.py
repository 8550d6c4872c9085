"""`read_measured`, where users of the Python API have imported it from; it lives in `measured/files.py`."""

from edgebnn.chip.measured.files import MeasuredFile, read_measured

__all__ = ["MeasuredFile", "read_measured"]
