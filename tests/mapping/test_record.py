"""A record from a stranger: its target, its network and its plan are believed only as far as they can be checked."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import msgspec
import numpy as np
import pytest

from edgebnn.errors import DeploymentError
from edgebnn.mapping.array_file import ArrayReader, ArrayWriter
from edgebnn.mapping.record import binary_files, decode, encode, record_of, restore
from edgebnn.network.types import Encoding, Input, Kind, Tensor, Threshold
from tests.codegen.projects import TARGETS, beat_network, mapped_on
from tests.networks import Builder

Document = dict[str, Any]
Edit = Callable[[Document], None]


def forged(edit: Edit, target: str = "rram130") -> None:
    """Restores the record of a sound deployment after an edit of its JSON."""
    mapped = mapped_on(beat_network(), target)
    document = json.loads(encode(record_of(mapped, None, {})))
    edit(document)
    restore(decode(json.dumps(document).encode(), "x"), binary_files(mapped), "x")


def node(document: Document, kind: str) -> Document:
    """The last node of a kind."""
    found: Document = [each for each in document["network"]["nodes"] if each["type"] == kind][-1]
    return found


def stage(document: Document) -> Document:
    """The plan of the first layer with weights."""
    found: Document = next(each for each in document["plan"]["stages"] if each["type"] == "linear")
    return found


def number(path: str, **changes: Any) -> Edit:
    """An edit of one number of the target."""

    def edit(document: Document) -> None:
        section, name = path.split(".")
        document["target"][section][name].update(changes)

    return edit


def changed(part: Callable[[Document], Document], **changes: Any) -> Edit:
    def edit(document: Document) -> None:
        found = part(document)
        assert changes.keys() <= found.keys()
        found.update(changes)

    return edit


def reshaped(kind: str, name: str, shape: Callable[[list[int]], list[int]]) -> Edit:
    """An edit of the shape of one of a node's arrays."""

    def edit(document: Document) -> None:
        found = node(document, kind)
        found[name] = shape(found[name])

    return edit


def shrunk(document: Document) -> None:
    """The affine's output, and with it the buffer of the scores, made smaller than what it writes."""
    node(document, "affine")["output"]["shape"] = [1]


def moved_section(document: Document) -> None:
    stage(document)["sign"]["offset"] = 2**40


def test_a_strangers_text_is_escaped_and_comes_back_as_it_was() -> None:
    stranger = "\x1b]0;owned\x07\x9b31m\u202e\u200b"
    mapped = mapped_on(beat_network(), "rram130")
    record = record_of(replace(mapped, target=msgspec.structs.replace(mapped.target, summary=stranger)), None, {})
    document = encode(record)
    assert document.decode().replace("\n", "").isprintable()
    assert decode(document, "x").target.summary == stranger


@pytest.mark.parametrize("target", TARGETS)
def test_a_sound_record_is_restored(target: str) -> None:
    forged(lambda document: None, target)


def test_what_a_network_says_of_itself_comes_back() -> None:
    stated: dict[str, Any] = {
        "notes": ("read me",),
        "score_error": 0.125,
        "ends_in": "classes",
        "quantised": ("activation",),
        "model_output": "probabilities",
        "one_at_a_time": True,
        "trimmed_for": "chip 7",
    }
    plain = beat_network()
    others = {field.name for field in fields(plain)} - {"name", "model_sha256", "inputs", "nodes"}
    assert others == set(stated) and all(getattr(plain, name) != value for name, value in stated.items())
    mapped = mapped_on(replace(plain, **stated), "rram130")
    network = restore(decode(encode(record_of(mapped, None, {})), "x"), binary_files(mapped), "x").network
    assert {name: getattr(network, name) for name in stated} == stated


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (number("cpu.clock", value=0), r"cpu\.clock is 0; it must be more than zero"),
        (number("array.rows", value=0), r"array\.rows is 0"),
        (number("array.banks", value=10**12), r"array\.banks must be 1 to 65536"),
        (number("energy.instruction", unit="foo"), r"energy\.instruction has the unit 'foo'"),
        (number("energy.instruction", value=-5), r"energy\.instruction is -5"),
        (number("energy.instruction", source=""), r"energy\.instruction has no source"),
        (changed(lambda d: d["target"], memory=None), r"needs the table \[memory\]"),
        (changed(lambda d: d["target"]["macro"]["registers"][0], offset=99_999), "multiples of 4 below 0x1000"),
    ],
)
def test_the_target_is_checked_like_a_users_own(edit: Edit, message: str) -> None:
    with pytest.raises(DeploymentError, match=rf"damaged \(target 'rram130': .*{message}.*compile again"):
        forged(edit)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (reshaped("threshold", "thresholds", lambda shape: shape[::-1]), "has thresholds of shape"),
        (reshaped("threshold", "direction", lambda shape: [*shape, 1]), "has directions of shape"),
        (reshaped("affine", "multiplier", lambda shape: shape[:1]), "has multipliers of shape"),
        (reshaped("threshold", "thresholds", lambda shape: [1, 1]), r"network\.bin has \d+ bytes, and the network"),
        (reshaped("affine", "offset", lambda shape: [2**70, *shape]), r"network\.bin has no array of shape"),
        (reshaped("affine", "offset", lambda shape: [-1, -1]), r"network\.bin has no array of shape \[-1, -1\]"),
        (reshaped("affine", "knees", lambda shape: [2**70, 0]), r"network\.bin has no array of shape"),
        (reshaped("affine", "knees", lambda shape: [0] * 100), r"network\.bin has no array of shape"),
        (changed(lambda d: node(d, "affine"), multiplier=[[0.5], [1]]), "Expected `int`"),
        (changed(lambda d: node(d, "affine"), multiplier="x"), "Expected `array`"),
        (changed(lambda d: node(d, "affine"), shift=63), "shifts by 63"),
        (changed(lambda d: d["network"]["inputs"][0]["encoding"], dtype="str"), "samples are no 'str'"),
        (changed(lambda d: d["network"]["inputs"][0]["encoding"], dtype="nothing"), "nothing"),
        (changed(lambda d: d["network"]["inputs"][0]["encoding"], axes=[0, 0]), "takes its axes in the order"),
        (changed(lambda d: node(d, "linear"), groups="1"), "Expected `int`"),
        (changed(lambda d: node(d, "linear"), groups=0), "in 0 groups"),
        (changed(lambda d: d["network"], notes=[{}]), "Expected `str`"),
        (shrunk, r"makes the shape \(1,\)"),
    ],
)
def test_the_network_is_checked_before_anything_is_planned(edit: Edit, message: str) -> None:
    with pytest.raises(DeploymentError, match=rf"damaged \(.*{message}"):
        forged(edit)


@pytest.mark.parametrize(
    "edit",
    [
        changed(stage, fan_in=3 * 10**9),
        changed(stage, row_words=10**9),
        changed(stage, fan_in=3 * 10**9, row_words=10**9),
        changed(lambda d: stage(d)["window"], kernel=[0, 7]),
        changed(lambda d: stage(d)["window"], kernel=[1, 5]),
        changed(lambda d: stage(d)["sign"], bytes=0),
        changed(lambda d: stage(d)["sign"], offset=-4),
        moved_section,
    ],
)
def test_no_plan_asks_for_more_weights_than_the_image_holds(edit: Edit) -> None:
    with pytest.raises(DeploymentError, match="do not lie in the image as its plan says"):
        forged(edit)


@pytest.mark.parametrize("size", [0, -8, 8])
def test_the_arrays_are_those_that_the_network_takes(size: int) -> None:
    mapped = mapped_on(beat_network(), "host")
    files = binary_files(mapped)
    data = files["network.bin"]
    files["network.bin"] = data[:size] if size <= 0 else data + bytes(size)
    with pytest.raises(DeploymentError, match=r"damaged \(network\.bin has .*compile again"):
        restore(record_of(mapped, None, {}), files, "x")


def test_arrays_lie_on_words_of_eight_bytes_and_come_back_as_they_were() -> None:
    arrays = [np.arange(n, dtype=kind) for kind in (np.int8, np.int16, np.int32, np.int64) for n in (0, 1, 3, 8)]
    writer = ArrayWriter()
    shapes = [writer.add(array) for array in arrays]
    assert len(writer.data()) == sum(-(-array.nbytes // 8) * 8 for array in arrays)
    reader = ArrayReader(writer.data())
    for array, shape in zip(arrays, shapes, strict=True):
        again = reader.take(tuple(shape), array.dtype.type)
        assert again.dtype == array.dtype and np.array_equal(again, array)
    reader.end()


def test_a_record_does_not_grow_with_the_thresholds() -> None:
    builder = Builder(Tensor("x", Kind.INTEGERS, (4,), 0, 255), np.random.default_rng(0))
    builder.linear(64)
    builder.threshold(Kind.INTEGERS)
    builder.linear(3)
    network = builder.network()
    mapped = mapped_on(network, "host")
    stored = json.loads(encode(record_of(mapped, None, {})))["network"]["nodes"][1]
    steps = network.nodes[1]
    assert isinstance(steps, Threshold)
    assert stored["thresholds"] == list(steps.thresholds.shape)
    assert steps.thresholds.astype("<i4").tobytes() in binary_files(mapped)["network.bin"]


@pytest.mark.parametrize("name", ["target_sha256", "model_sha256"])
def test_the_provenance_is_that_of_the_target_and_the_network(name: str) -> None:
    with pytest.raises(DeploymentError, match="its provenance names another target or model"):
        forged(changed(lambda document: document["provenance"], **{name: "f" * 64}))


def test_a_network_that_does_not_end_in_scores_is_refused() -> None:
    """Its trits would take more room than the 32 bits of a score."""
    builder = Builder(Tensor("x", Kind.BITS, (4,), -1, 1), np.random.default_rng(0))
    builder.linear(1)
    builder.threshold(Kind.TRITS)
    network = replace(beat_network(), inputs=(Input(builder.input, Encoding("int8")),), nodes=tuple(builder.nodes))
    mapped = mapped_on(network, "host")
    with pytest.raises(DeploymentError, match="ends in trits, not in scores"):
        restore(record_of(mapped, None, {}), binary_files(mapped), "x")
