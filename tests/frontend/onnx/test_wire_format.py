"""A file of countless tiny parts is refused before each of them becomes an object."""

from __future__ import annotations

import resource
from pathlib import Path

import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgebnn.errors import ModelError
from edgebnn.frontend import read_network
from edgebnn.frontend.onnx.wire_format import MOST_PARTS, check_parts
from tests.frontend.seeds import seeds


def field(number: int, body: bytes) -> bytes:
    length, encoded = len(body), bytearray()
    while length > 127:
        encoded.append(length & 127 | 128)
        length >>= 7
    return bytes([number << 3 | 2, *encoded, length]) + body


MANY = 2 * MOST_PARTS
# Graph 7 has nodes 1, initializers 5, inputs 11, values 13; a node has operands 1, attributes 5; metadata are 14.
BOMBS = {
    "nodes": field(7, field(1, b"") * MANY),
    "initializers": field(7, field(5, b"") * MANY),
    "inputs": field(7, field(11, b"") * MANY),
    "values": field(7, field(13, b"") * MANY),
    "operands": field(7, field(1, field(1, b"") * MANY)),
    "attributes": field(7, field(1, field(5, b"") * MANY)),
    "numbers of an attribute": field(7, field(1, field(5, b"\x40\x00" * MANY))),
    "metadata": field(14, b"") * MANY,
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_small_file_of_countless_parts_takes_little_memory(tmp_path: Path, bomb: str) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"\x08\x08" + BOMBS[bomb])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ModelError, match="more than 1048576 fields"):
        read_network(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # kB


@given(st.binary(max_size=200) | st.binary(max_size=60).map(lambda body: field(7, field(1, body))))
def test_any_bytes_come_to_an_end(content: bytes) -> None:
    check_parts(content)


def test_the_parts_that_protobuf_finds_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bound of exactly as many fields as the parser lists lets a file pass, and one less does not."""

    def listed(message: object) -> int:
        count = 0
        for descriptor, value in message.ListFields():  # type: ignore[attr-defined]
            repeated = not isinstance(value, str | bytes | int | float) and not hasattr(value, "ListFields")
            values = list(value) if repeated else [value]
            packed = repeated and descriptor.GetOptions().packed
            count += 1 if packed else len(values)
            count += sum(listed(each) for each in values if hasattr(each, "ListFields"))
        return count

    for proto in seeds().values():
        content = proto.SerializeToString()
        parts = listed(onnx.load_model_from_string(content))
        monkeypatch.setattr("edgebnn.frontend.onnx.wire_format.MOST_PARTS", parts)
        check_parts(content)
        monkeypatch.setattr("edgebnn.frontend.onnx.wire_format.MOST_PARTS", parts - 1)
        with pytest.raises(ModelError):
            check_parts(content)
