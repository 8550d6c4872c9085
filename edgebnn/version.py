"""The version of edgebnn."""

__version__ = "0.1.0"
