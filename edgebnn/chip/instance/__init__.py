"""One particular chip: its seed, its errors and what it went through, in a file, and whether a target has it."""

from edgebnn.chip.instance.chip_instance import ChipInstance, ErrorKinds, ErrorModel

__all__ = ["ChipInstance", "ErrorKinds", "ErrorModel"]
