"""The weights image: every constant of a deployment in one block of little-endian 32-bit words."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edgebnn.mapping.plan import Section


class ImageWriter:
    """Appends sections; each starts on a word, the first one at an offset."""

    def __init__(self, offset: int = 0) -> None:
        self._chunks: list[bytes] = []
        self._sections: list[Section] = []
        self._bytes = offset

    def add(self, name: str, values: npt.NDArray[np.generic]) -> Section:
        """The section that now holds these values, elements of 8, 16 or 32 bits."""
        data = np.ascontiguousarray(values.astype(values.dtype.newbyteorder("<"))).tobytes()
        section = Section(name=name, offset=self._bytes, bytes=len(data))
        padded = data + bytes(-len(data) % 4)
        self._chunks.append(padded)
        self._sections.append(section)
        self._bytes += len(padded)
        return section

    @property
    def sections(self) -> tuple[Section, ...]:
        """All sections, in order."""
        return tuple(self._sections)

    @property
    def length(self) -> int:
        """Bytes of the image so far, those before the offset included."""
        return self._bytes

    def read(self, section: Section) -> bytes:
        """What a section of it holds."""
        return self._chunks[self._sections.index(section)][: section.bytes]

    def image(self) -> bytes:
        """The image from the offset on."""
        return b"".join(self._chunks)


def words_of(values: npt.NDArray[np.int64]) -> npt.NDArray[np.uint32]:
    """64-bit integers as two words each, the low one first."""
    return np.ascontiguousarray(values, dtype="<i8").reshape(-1).view("<u4").astype(np.uint32)


def read_section(image: bytes, section: Section, dtype: str) -> npt.NDArray[np.generic]:
    """A section's values; `dtype` such as "<i4". A view on the image, not to be written to."""
    kind = np.dtype(dtype)
    return np.frombuffer(image, kind, section.bytes // kind.itemsize, section.offset)
