import numpy as np
import onnx
import onnxruntime
import pytest

torch = pytest.importorskip("torch")

from edgebnn.errors import ModelError  # noqa: E402
from edgebnn.frontend import ReadOptions, read_network  # noqa: E402
from edgebnn.network.interpreter import interpret  # noqa: E402
from edgebnn.network.types import Threshold  # noqa: E402
from edgebnn.nn import layers  # noqa: E402
from edgebnn.nn.onnx_export import export_onnx  # noqa: E402

BINARY = [
    (lambda: layers.BinaryLinear(12, 5), (3, 12)),
    (lambda: layers.BinaryConv1d(4, 6, 3, stride=2, padding=1), (3, 4, 11)),
    (lambda: layers.BinaryConv2d(4, 6, (3, 2), groups=2), (3, 4, 7, 7)),
    (lambda: layers.BinaryConv2d(4, 8, 3, groups=4, padding=1), (3, 4, 7, 7)),
]
TERNARY = [
    (lambda: layers.TernaryLinear(12, 5), (3, 12)),
    (lambda: layers.TernaryConv1d(4, 6, 3, stride=2, padding=1), (3, 4, 11)),
    (lambda: layers.TernaryConv2d(4, 6, (3, 2), groups=2), (3, 4, 7, 7)),
    (lambda: layers.TernaryConv1d(4, 4, 5, groups=4), (3, 4, 11)),
]


def _run(path, x):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})[0]


def _small():
    torch.manual_seed(1)
    return torch.nn.Sequential(
        layers.BinaryConv1d(2, 8, 3),
        torch.nn.BatchNorm1d(8),
        layers.Sign(),
        torch.nn.Flatten(),
        layers.TernaryLinear(8 * 8, 2),
    )


def test_zero_counts_as_plus_one():
    x = torch.tensor([-2.0, -0.0, 0.0, 1e-30, 3.0])
    assert layers.sign_ste(x).tolist() == [-1, 1, 1, 1, 1]


def test_small_weights_are_zero_in_a_ternary_layer():
    x = torch.tensor([-0.06, -0.05, 0.0, 0.05, 0.06])
    assert layers.ternary_ste(x).tolist() == [-1, 0, 0, 0, 1]


@pytest.mark.parametrize("quantise", [layers.sign_ste, layers.ternary_ste])
def test_the_gradient_passes_straight_through_between_minus_one_and_one(quantise):
    x = torch.tensor([-1.5, -1.0, -0.2, 0.0, 0.7, 1.0, 1.1], requires_grad=True)
    (quantise(x) * torch.arange(1.0, 8.0)).sum().backward()
    assert x.grad.tolist() == [0, 2, 3, 4, 5, 6, 0]


@pytest.mark.parametrize(("make", "shape"), BINARY)
def test_binary_layers_have_weights_of_one_and_integer_sums(make, shape):
    layer = make()
    assert set(layer.quantised_weight().unique().tolist()) == {-1, 1}
    out = layer(torch.randint(-128, 128, shape).float())
    assert (out == out.round()).all()


@pytest.mark.parametrize(("make", "shape"), TERNARY)
def test_ternary_layers_have_three_weights(make, shape):
    layer = make()
    assert set(layer.quantised_weight().unique().tolist()) == {-1, 0, 1}
    out = layer(torch.randint(-128, 128, shape).float())
    assert (out == out.round()).all()


def test_latent_weights_are_brought_back():
    model = _small()
    with torch.no_grad():
        model[0].weight.fill_(3.0)
        model[1].weight.fill_(3.0)
    layers.clip_latent(model)
    assert model[0].weight.max() == 1
    assert model[1].weight.max() == 3  # a batch norm's scale is no latent weight


@pytest.mark.parametrize("dynamo", [False, True])
@pytest.mark.parametrize("fold_weights", [False, True])
def test_the_exported_file_computes_the_same_for_any_batch(tmp_path, dynamo, fold_weights):
    if dynamo:
        pytest.importorskip("onnxscript")
    model = _small().eval()
    path = tmp_path / "m.onnx"
    export_onnx(model, torch.zeros(1, 2, 10), path, dynamo, fold_weights=fold_weights)
    onnx.checker.check_model(onnx.load(path), full_check=True)
    x = np.random.default_rng(0).integers(-128, 128, (5, 2, 10)).astype(np.float32)
    with torch.no_grad():
        expected = model(torch.as_tensor(x)).numpy()
    np.testing.assert_allclose(_run(path, x), expected, atol=1e-4)


def test_exported_weights_are_constants_or_comparisons_as_asked(tmp_path):
    path = tmp_path / "m.onnx"
    export_onnx(_small(), torch.zeros(1, 2, 10), path)
    folded = onnx.load(path).graph
    values = {onnx.numpy_helper.to_array(tensor).astype(float).tobytes() for tensor in folded.initializer}
    weight = layers.sign_ste(_small()[0].weight).detach().numpy().astype(float)
    assert weight.tobytes() in values
    assert any(node.op_type == "BatchNormalization" for node in folded.node)
    export_onnx(_small(), torch.zeros(1, 2, 10), path, fold_weights=False)
    compared = [node.op_type for node in onnx.load(path).graph.node].count("GreaterOrEqual")
    assert compared > [node.op_type for node in folded.node].count("GreaterOrEqual")


def test_the_same_model_gives_the_same_bytes_and_is_left_as_it_was(tmp_path):
    model = _small().train()
    for name in ("a", "b"):
        export_onnx(model, torch.zeros(1, 2, 10), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert model.training
    assert isinstance(model[0], layers.BinaryConv1d)
    assert model[0].weight.requires_grad


def test_a_model_that_cannot_be_exported_is_refused(tmp_path):
    with pytest.raises(ModelError, match="cannot be exported"):
        export_onnx(_small(), torch.zeros(1, 3, 10), tmp_path / "m.onnx")


@pytest.mark.parametrize("dynamo", [False, True])
@pytest.mark.parametrize("fold_weights", [False, True])
def test_every_option_of_the_layers_survives_the_export_and_the_compiler(tmp_path, dynamo, fold_weights):
    if dynamo:
        pytest.importorskip("onnxscript")
    torch.manual_seed(2)
    model = torch.nn.Sequential(
        layers.BinaryConv2d(2, 8, (3, 2), (2, 1), padding=(2, 1), dilation=(2, 1), groups=2, bias=True),
        torch.nn.BatchNorm2d(8),
        layers.Sign(),
        layers.TernaryConv2d(8, 8, 3, padding="same", groups=8, bias=True),
        layers.Sign(),
        torch.nn.Flatten(),
        layers.BinaryLinear(8 * 4 * 8, 3, bias=True),
    ).eval()
    path = tmp_path / "m.onnx"
    export_onnx(model, torch.zeros(1, 2, 7, 7), str(path), dynamo, fold_weights=fold_weights)
    network = read_network(path, ReadOptions("uint8"))
    first, second, last = network.linear
    assert (first.groups, first.window.dilation, first.window.stride) == (2, (2, 1), (2, 1))
    assert second.window.pad_begin == (1, 1) and last.neurons == 3
    x = np.random.default_rng(0).integers(0, 256, (40, 2, 7, 7)).astype(np.uint8)
    with torch.no_grad():
        expected = model(torch.as_tensor(x).float()).numpy()
    ambiguous = sum(node.ambiguous for node in network.nodes if isinstance(node, Threshold))
    if not ambiguous:
        assert np.abs(interpret(network, x) * network.output.scale - expected).max() < 1e-3
    assert ambiguous == 0 or dynamo


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
def test_a_padding_with_the_maps_own_values_is_exact(tmp_path, mode):
    torch.manual_seed(3)
    model = torch.nn.Sequential(
        layers.TernaryConv2d(2, 4, 3, padding=(1, 2), padding_mode=mode),
        layers.Sign(),
        layers.BinaryConv2d(4, 4, 3, padding=1, padding_mode=mode),
        layers.Sign(),
        torch.nn.Flatten(),
        layers.BinaryLinear(4 * 5 * 8, 3),
    ).eval()
    export_onnx(model, torch.zeros(1, 2, 5, 6), tmp_path / "m.onnx")
    network = read_network(tmp_path / "m.onnx", ReadOptions("int8"))
    x = np.random.default_rng(0).integers(-8, 8, (20, 2, 5, 6)).astype(np.int8)
    with torch.no_grad():
        expected = model(torch.as_tensor(x).float()).numpy()
    assert np.array_equal(interpret(network, x) * network.output.scale, expected)
