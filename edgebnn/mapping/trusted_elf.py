"""Consent to run a firmware as a program of this machine."""

from __future__ import annotations


class TrustedElf(bytes):
    """An ELF that was built by this process, or that the user vouches for: the only ones that run as native programs.

    An emulated CPU takes any bytes. Trust goes with the very object: whatever is cut out of it, or read from a file, is
    plain bytes again.
    """
