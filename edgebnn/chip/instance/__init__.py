"""One particular chip: its seed, its errors and what it went through, in a file, and whether a target has it."""

from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.chip.instance.error_model import ErrorKinds, ErrorModel

__all__ = ["ChipInstance", "ErrorKinds", "ErrorModel"]
