"""Networks of hundreds of nodes: read, compiled, and run to the bit by interpreter and fast path."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest

pytest.importorskip("torch")

import edgebnn
from edgebnn.errors import ModelError
from edgebnn.network.network import Network
from edgebnn.network.types import Add, Linear, Threshold, WeightKind
from tests.frontend.comparison import layers_that_differ, onnxruntime_values
from tests.zoo import Images, bi_real_resnet18, exported, images, mobilenet, vgg

CIFAR = (3, 32, 32)
IMAGENET = (3, 224, 224)


def assert_bit_exact(deployment: edgebnn.Deployment, x: Images) -> np.ndarray:
    scores = deployment.run(x, on="fast")
    assert np.array_equal(scores, deployment.run(x, on="reference"))
    assert len(np.unique(scores, axis=0)) > 1, "the images are told apart"
    return scores


def assert_layers_agree(network: Network, path: Path, x: Images, layers: int) -> None:
    """Layer by layer the model's activations, but for one in ten thousand, whose sum float32 rounds across a step."""
    shares = layers_that_differ(network, x[:1], onnxruntime_values(path, x[:1].astype(np.float32)))
    assert len(shares) >= layers and max(shares.values()) <= 1e-4, shares


def scores_of(path: Path, x: Images) -> np.ndarray:
    last = onnx.load(path).graph.output[0].name
    return np.concatenate([onnxruntime_values(path, x[i : i + 1].astype(np.float32))[last] for i in range(len(x))])


def kinds(network: Network) -> dict[WeightKind, int]:
    return {kind: sum(node.weight_kind is kind for node in network.linear) for kind in WeightKind}


def test_a_binary_vgg_for_cifar10(tmp_path: Path) -> None:
    path = exported(vgg(), CIFAR, tmp_path / "vgg.onnx")
    deployment = edgebnn.compile(path, target="host", input_type="uint8")
    x = images(CIFAR, 4)
    scores = assert_bit_exact(deployment, x)
    network = deployment.mapped.network
    assert kinds(network)[WeightKind.BINARY] == 8
    assert sum(node.ambiguous for node in network.nodes if isinstance(node, Threshold)) == 0
    assert np.all(np.abs(scores - scores_of(path, x)) <= network.score_error)


def test_a_bi_real_resnet18(tmp_path: Path) -> None:
    path = exported(bi_real_resnet18(), IMAGENET, tmp_path / "resnet.onnx")
    deployment = edgebnn.compile(path, target="host", input_type="uint8")
    network = deployment.mapped.network
    assert sum(isinstance(node, Add) for node in network.nodes) == 16
    assert kinds(network)[WeightKind.BINARY] == 1 + 16 + 3 + 1
    x = images(IMAGENET, 2)
    assert_bit_exact(deployment, x)
    assert_layers_agree(network, path, x, 18)


@pytest.fixture(scope="module")
def mobile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return exported(mobilenet(), IMAGENET, tmp_path_factory.mktemp("mobilenet") / "mobilenet.onnx")


def test_a_float_mobilenet_becomes_int8_with_calibration(mobile: Path) -> None:
    samples = images(IMAGENET, 4, seed=1).astype(np.float32)
    deployment = edgebnn.compile(mobile, target="host", input_type="uint8", calibration=samples)
    network = deployment.mapped.network
    assert kinds(network) == {WeightKind.INT8: 27, WeightKind.BINARY: 2, WeightKind.TERNARY: 0}
    assert len(network.quantised) == 27 + 26  # layers, and the activations between them
    assert any("quantised here" in note for note in network.notes)
    assert_bit_exact(deployment, images(IMAGENET, 2))


def test_a_float_mobilenet_is_never_binarized_in_silence(mobile: Path) -> None:
    with pytest.raises(ModelError, match=r"neither binary nor ternary.*give calibration=x"):
        edgebnn.compile(mobile, target="host", input_type="uint8")


def test_a_mobilenet_that_onnxruntimes_quantiser_made_int8(mobile: Path, tmp_path: Path) -> None:
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    class Samples(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.left: Iterator[Images] = iter(images(IMAGENET, 4, seed=1))

        def get_next(self) -> dict[str, np.ndarray] | None:
            image = next(self.left, None)
            return None if image is None else {"x": image[np.newaxis].astype(np.float32)}

    path = tmp_path / "qdq.onnx"
    binary = [node.name for node in onnx.load(mobile).graph.node if node.name.startswith("/1/")]
    quantize_static(
        str(mobile),
        str(path),
        Samples(),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        weight_type=QuantType.QInt8,
        activation_type=QuantType.QUInt8,
        nodes_to_exclude=binary,
    )
    deployment = edgebnn.compile(path, target="host")
    network = deployment.mapped.network
    assert kinds(network) == {WeightKind.INT8: 27, WeightKind.BINARY: 2, WeightKind.TERNARY: 0}
    assert not network.quantised and isinstance(network.nodes[-2], Linear)
    x = images(IMAGENET, 2).astype(np.float32)
    assert_bit_exact(deployment, x)
    assert_layers_agree(network, path, x, 28)
