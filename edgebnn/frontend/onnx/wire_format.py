"""The parts of an ONNX file, counted in its bytes before protobuf makes an object of each.

An empty node takes two bytes of a file and over a hundred of memory, so a file's size bounds too little. The format:
https://protobuf.dev/programming-guides/encoding
"""

from __future__ import annotations

from functools import cache
from typing import Any

from onnx import ModelProto

from edgebnn.errors import ModelError

MOST_PARTS = 1 << 20  # fields of all messages: fifty for each of 20,000 nodes
_VARINT, _LENGTH = 0, 2
_FIXED = {1: 8, 5: 4}  # bytes


def check_parts(content: bytes) -> None:
    """ModelError for a file of more than MOST_PARTS fields; one that is damaged is left to the parser."""
    parts = at = 0
    frames = [(len(content), _messages(ModelProto.DESCRIPTOR))]  # of the message that `at` is in, and those around it
    try:
        while frames:
            end, inner = frames[-1]
            if at >= end:
                frames.pop()
                continue
            parts += 1
            key, at = _varint(content, at)
            kind, length = key & 7, 0
            if kind == _LENGTH:
                length, at = _varint(content, at)
                if key >> 3 in inner:
                    frames.append((min(at + length, end), _messages(inner[key >> 3])))
                    length = 0  # its fields come next
            elif kind == _VARINT:
                _, at = _varint(content, at)
            elif kind in _FIXED:
                length = _FIXED[kind]
            else:
                return
            at += length
            if parts > MOST_PARTS:
                raise ModelError(f"the file has more than {MOST_PARTS} fields, as no network has; simplify the model")
    except IndexError:  # it ends within a field
        return


@cache
def _messages(message: Any) -> dict[int, Any]:
    """The fields of a message that are messages themselves, by number."""
    return {field.number: field.message_type for field in message.fields if field.message_type is not None}


def _varint(content: bytes, at: int) -> tuple[int, int]:
    """(number, where it ends); IndexError where the bytes end before."""
    number = content[at]
    at += 1
    if number < 128:
        return number, at
    number, shift, byte = number & 127, 7, 128
    while byte > 127 and shift < 70:
        byte = content[at]
        at += 1
        number |= (byte & 127) << shift
        shift += 7
    return number, at
