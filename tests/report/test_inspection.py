"""`inspect`: a table that fits, what the model makes of zeros and padding, and problems that are read in a minute."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgebnn.chip.target_files.loading import load_target
from edgebnn.frontend import Inspection, ReadOptions, inspect_model
from edgebnn.network.network import Network
from edgebnn.network.types import Linear, Rounding, Threshold
from edgebnn.report.inspection import inspect_document, show_inspect
from edgebnn.report.layer_table import rows
from edgebnn.report.names import listed, tail
from edgebnn.report.problems import grouped
from tests.frontend.onnx_models import Model, signs
from tests.frontend.seeds import quantised, residual, subgraphs
from tests.networks import random_network
from tests.report.printing import Document, printed


def inspected(network: Network, target: str = "rram130") -> Document:
    return inspect_document(Inspection("m", "0" * 64, network, ()), load_target(target))


def of_model(model: Model, folder: Path, target: str = "rram130", **options: Any) -> Document:
    return inspect_document(inspect_model(model.save(folder), ReadOptions(**options)), load_target(target))


def said(document: Document, columns: int = 80) -> str:
    return " ".join(printed(show_inspect, document, columns).split())


def two_layers(pads: list[int], second_sign: Callable[[Model], object], pad_value: float | None = None) -> Model:
    model = Model((2, 6, 6))
    model.add("Conv", signs(0, 4, 2, 3, 3), pads=[1, 1, 1, 1])
    model.sign()
    if pad_value is not None:
        model.add("Pad", model.constant([0, 0, 1, 1, 0, 0, 1, 1], np.int64), pad_value)
    model.add("Conv", signs(1, 4, 4, 3, 3), pads=pads)
    second_sign(model)
    model.add("Flatten")
    model.add("MatMul", signs(2, 144, 3))
    return model


@pytest.mark.parametrize("columns", [80, 120])
def test_the_layers_of_any_network_fit(columns: int) -> None:
    for seed in range(20):
        document = inspected(random_network(seed))
        text = printed(show_inspect, document, columns)
        for layer in document["layers"]:
            assert layer["kind"] not in ("add", "concat") or layer["kind"] in text
            assert not layer["weights"] or f"{layer['weights']} {layer['kind']}" in " ".join(text.split())


def test_every_node_is_in_a_row_but_for_reshapes() -> None:
    for seed in range(20):
        layers = inspected(random_network(seed))["layers"]
        shown = sum(1 + len(row.then) for row in rows(layers))
        assert shown == sum(layer["kind"] != "reshape" for layer in layers)


def test_what_follows_a_layer_stands_in_its_row(tmp_path: Path) -> None:
    document = of_model(residual(), tmp_path, input_type="uint8")
    found = rows(document["layers"])
    assert [row.head["kind"] for row in found].count("add") == 2
    assert len(found) < len(document["layers"]) - 5
    assert "add, bent scale, sum pool, sign" in said(document, 120)


def test_a_long_network_has_a_line_a_row() -> None:
    """As many layers as a ResNet has."""
    document = inspected(random_network(3))
    (first, *_) = [layer for layer in document["layers"] if layer["weights"]]
    threshold = {"kind": "threshold", "weights": None, "ties": "0", "steps": 1, "output_kind": "bits", "ambiguous": 0}
    layers = []
    for index in range(60):
        name = f"/layers/layers.{index}/conv1/Conv"
        layers.append({**first, "name": name, "output_shape": [128, 112, 112], "macs": 115_605_504})
        layers.append({**layers[-1], **threshold, "name": f"{name}.sign", "reads": [name], "macs": 0})
    lines = printed(show_inspect, {**document, "layers": layers}).splitlines()
    table = [line for line in lines if "115.6 M" in line]
    assert len(table) == 60 and table[-1].startswith("...ers.59/conv1/Conv")
    assert "between them: 60 x sign" in lines
    assert "/layers/layers.59/conv1/Conv" in printed(show_inspect, {**document, "layers": layers}, 120)


def test_where_a_layer_runs(tmp_path: Path) -> None:
    document = of_model(quantised(), tmp_path)
    places = {layer["name"]: layer["runs_on"] for layer in document["layers"]}
    kinds = {layer["weights"]: layer["runs_on"] for layer in document["layers"] if layer["weights"]}
    assert kinds == {"int8": "cpu", "binary": "rram"}
    (threshold,) = (layer for layer in document["layers"] if layer["kind"] == "threshold")
    assert places[threshold["name"]] == "cpu"  # behind int8 sums
    assert {layer["runs_on"] for layer in of_model(quantised(), tmp_path, "cortex-m4")["layers"]} == {"cpu"}
    share = document["macs_in_rram"] / document["macs"]
    assert f"{share:.1%} in RRAM" in said(document)


def test_a_threshold_is_the_macros_where_it_alone_reads_the_sums(tmp_path: Path) -> None:
    for document in (of_model(subgraphs(), tmp_path), of_model(residual(), tmp_path)):
        readers = [name for layer in document["layers"] for name in layer["reads"]]
        kinds = {layer["name"]: layer for layer in document["layers"]}
        for layer in document["layers"]:
            if layer["kind"] == "threshold":
                source = kinds.get(layer["reads"][0])
                alone = source is not None and bool(source["weights"]) and readers.count(source["name"]) == 1
                assert layer["runs_on"] == ("rram" if alone else "cpu")


class TestMeanings:
    """sign(0), ties and padding, layer by layer where they differ."""

    def test_one_meaning_for_all(self, tmp_path: Path) -> None:
        text = said(of_model(two_layers([1, 1, 1, 1], lambda model: model.sign()), tmp_path, input_type="bits"))
        assert "sign(0) 0 in all 2 thresholds" in text

    def test_meanings_that_differ_name_their_layers(self, tmp_path: Path) -> None:
        model = two_layers([0, 0, 0, 0], lambda model: model.sign(at_least=True), pad_value=-1.0)
        document = of_model(model, tmp_path, input_type="uint8")
        assert "sign(0) 0 in node_sign_1; +1 in node_where" in said(document)
        assert "padding 0 in node_conv_0; -1 in node_conv_3" in said(document)

    def test_nothing_is_added_where_bits_are_padded_with_zeros(self, tmp_path: Path) -> None:
        model = Model((2, 6))
        model.add("Conv", signs(0, 4, 2, 3), pads=[1, 1])
        text = said(of_model(model, tmp_path, input_type="bits"))
        assert "padding no input (exactly 0, neither -1 nor +1) in the only padded layer" in text

    def test_a_padding_that_is_no_integer_of_the_input(self, tmp_path: Path) -> None:
        model = Model((1, 8))
        model.add("Sub", 0.5)
        model.add("Conv", signs(0, 2, 1, 3), pads=[1, 1])
        found = of_model(model, tmp_path, input_type="uint8", input_scale=Fraction(1, 255))
        assert found["layers"][0]["border"] == {"zones": [3], "shift": 1}
        assert "padding the model's own value, no integer of the input, from which sums start" in said(found)

    def test_many_layers_are_counted(self) -> None:
        assert listed(list("abcde"), 3) == "a, b and 3 more (--json lists all)"
        assert listed(list("abc"), 3) == "a, b, c"
        assert tail("/layers/layers.0/Conv", 12) == "...rs.0/Conv"

    def test_the_input(self, tmp_path: Path) -> None:
        model = two_layers([1, 1, 1, 1], lambda model: model.sign())
        assert "'x' of float32 (2, 6, 6): integers 0 to 255, each worth 0.5" in said(
            of_model(model, tmp_path, input_type="uint8", input_scale=Fraction(1, 2))
        )
        assert "'x' of float32 (2, 6, 6): -1 and +1" in said(of_model(model, tmp_path, input_type="bits"))

    def test_a_quantiser_before_the_firmware(self, tmp_path: Path) -> None:
        document = of_model(quantised(), tmp_path)
        assert document["input"]["quantizer"]["zero_becomes"] == [0]
        assert "real numbers, of which a quantiser before the firmware makes integers 0 to 255" in said(document)

    def test_samples_with_their_channels_last(self, tmp_path: Path) -> None:
        model = Model((6, 5, 2))
        model.add("Transpose", perm=[0, 3, 1, 2])
        model.add("Conv", signs(0, 3, 2, 6, 5))
        document = of_model(model, tmp_path, input_type="int8")
        assert document["input"]["model_shape"] == [6, 5, 2] and document["input"]["shape"] == [2, 6, 5]
        assert "(6, 5, 2), turned to (2, 6, 5)" in said(document)


class TestAmbiguous:
    """Why thresholds are ambiguous, and the remedy of that reason for the program that wrote the file."""

    def document(self, *roundings: str, producer: str = "", **changed: Any) -> Document:
        document = inspected(random_network(3))
        layer = next(layer for layer in document["layers"] if layer["weights"])
        threshold = {"kind": "threshold", "weights": None, "ties": "0", "steps": 1, "ambiguous": 5, "macs": 0}
        threshold |= {"ambiguous_reachable": 2, "band": 3e-5, "band_share": 1 / 4000}
        step = {**layer, **threshold, "name": "step", "reads": [layer["name"]], "roundings": roundings}
        counts = {"ambiguous_thresholds": 5, "ambiguous_reachable": 2, "producer": producer}
        return {**document, "layers": [layer, step], **counts, **changed}

    def test_pytorchs_newer_exporter_folds_batch_norm_and_the_older_one_need_not(self) -> None:
        text = said(self.document("scaled weights", producer="pytorch (dynamo)"))
        assert "ambiguous thresholds 5, of which 2 lie at a sum that can occur" in text
        assert "dynamo=False, do_constant_folding=False" in text
        for producer in ("pytorch", "tf2onnx", "onnx.quantize", ""):
            text = said(self.document("scaled weights", producer=producer))
            assert "dynamo" not in text and "multiply the layer's sums by the scale" in text

    @pytest.mark.parametrize("rounding", [str(each) for each in Rounding if each != "scaled weights"])
    def test_no_other_reason_has_that_remedy(self, rounding: str) -> None:
        text = said(self.document(rounding, producer="pytorch (dynamo)"))
        assert "ambiguous thresholds 5" in text and "dynamo" not in text and "5: " in text

    def test_several_reasons_at_once(self) -> None:
        text = said(self.document("int8 weights", "scaled activations", ambiguous_reachable=0))
        assert "none surely at a sum that can occur" in text
        assert "the int8 weights before them have a scale" in text and "and the activations before the layer" in text

    def test_how_near_to_a_step_a_sum_has_to_lie(self) -> None:
        """Threshold by threshold, those first of which most values do; a long network has no line for each."""
        document = self.document("unequal scales")
        text = said(document)
        assert "the inputs that a neuron adds have unequal scales; one scale for all of them" in text
        assert "2 at a sum that can occur): sums within 3.0e-05 of a step, about 1 in 4,000 of the values" in text
        *_, step = document["layers"]
        steps = [{**step, "name": f"step{index}", "band_share": index / 4000} for index in range(1, 10)]
        text = said({**document, "layers": [document["layers"][0], *steps]})
        assert text.index("'step9'") < text.index("'step4'") and "'step3'" not in text
        assert "and 3 thresholds more of fewer values; --json lists all" in text

    def test_layers_quantised_here_are_not_compared(self) -> None:
        assert "ambiguous" not in said(self.document("joint", quantised=["a"]))

    def test_none(self) -> None:
        assert "ambiguous thresholds 0" in said(self.document("joint", ambiguous_thresholds=0))

    @pytest.mark.parametrize("dynamo", [True, False])
    def test_what_pytorch_exports(self, tmp_path: Path, dynamo: bool) -> None:
        torch = pytest.importorskip("torch")
        if dynamo:
            pytest.importorskip("onnxscript")
        from edgebnn.nn import BinaryConv1d, BinaryLinear, Sign, export_onnx

        torch.manual_seed(0)
        model = torch.nn.Sequential(
            *(BinaryConv1d(4, 16, 3), torch.nn.BatchNorm1d(16), Sign(), torch.nn.Flatten(), BinaryLinear(16 * 6, 3))
        )
        model[1].running_var.uniform_(0.3, 3)
        export_onnx(model, torch.zeros(1, 4, 8), tmp_path / "model.onnx", dynamo)
        document = inspect_document(inspect_model(tmp_path / "model.onnx", ReadOptions("bits")), load_target("rram130"))
        (step,) = (layer for layer in document["layers"] if layer["kind"] == "threshold")
        assert document["producer"] == ("pytorch (dynamo)" if dynamo else "pytorch")
        assert step["roundings"] == (["scaled weights"] if dynamo else [])
        assert document["ambiguous_reachable"] <= document["ambiguous_thresholds"]


def test_the_document_says_padding_and_ties_in_numbers() -> None:
    networks = map(random_network, range(20))
    found = [(node, entry) for net in networks for node, entry in zip(net.nodes, inspected(net)["layers"], strict=True)]
    for node, entry in found:
        if isinstance(node, Linear):
            assert entry["pad_begin"] == list(node.window.pad_begin) and entry["pad_value"] == node.pad_value
            assert entry["weights"] == str(node.weight_kind)
        if isinstance(node, Threshold):
            assert entry["ambiguous"] == node.ambiguous and entry["ambiguous_reachable"] == node.tied
    assert any(isinstance(node, Linear) and any(node.window.pad_begin) for node, _ in found)


def float_network(layers: int) -> Model:
    rng = np.random.default_rng(0)
    model = Model((4, 8, 8))
    for _ in range(layers):
        model.add("Conv", rng.normal(size=(4, 4, 3, 3)), pads=[1, 1, 1, 1])
        model.add("Relu")
    model.add("Flatten")
    model.add("Gemm", rng.normal(size=(3, 256)), transB=1)
    return model


class TestProblems:
    def test_a_float_network_gets_one_paragraph_and_the_ways_on(self, tmp_path: Path) -> None:
        document = of_model(float_network(60), tmp_path)
        assert len(document["problems"]) == len(document["float_layers"]) == 61
        text = said(document)
        assert "60 Conv, 1 Gemm: has weights that are neither binary nor ternary" in text
        assert "and 58 more (--json lists all)" in text
        assert "61 layers have float weights" in text
        assert all(way in text for way in ("--calibration data.npz", "Brevitas", "binary or ternary weights"))
        assert len(printed(show_inspect, document).splitlines()) < 20

    def test_other_problems_are_listed_beside_it_with_their_remedies(self, tmp_path: Path) -> None:
        model = float_network(1)
        model.add("LSTM", np.zeros((1, 4, 8), np.float32), np.zeros((1, 4, 1), np.float32), hidden_size=1)
        model.add("MatMul", signs(0, 3, 2))
        document = of_model(model, tmp_path)
        assert len(grouped(document["problems"])) == len(document["problems"]) - 1
        assert "LSTM: carries a state from each step" in said(document)
        assert "remedy: use convolutions over time" in said(document)

    def test_a_single_problem_is_not_called_the_first_one(self, tmp_path: Path) -> None:
        model = Model((8,))
        model.add("MatMul", signs(0, 8, 8))
        model.add("LSTM", np.zeros((1, 4, 8), np.float32), np.zeros((1, 4, 1), np.float32), hidden_size=1)
        model.add("MatMul", signs(0, 8, 3))
        text = said(of_model(model, tmp_path))
        assert "m cannot be mapped" in text.replace("model", "m") and "1 node stands in the way" in text
        assert "alike" not in text and "float weights" not in text

    def test_names_and_numbers_do_not_make_a_group_of_their_own(self) -> None:
        def problem(name: str, reason: str) -> Document:
            return {"node": name, "operator": "Conv", "reason": reason, "remedy": "use 3 bits"}

        found = grouped(
            [problem("a", "reads 'u' of 12"), problem("b", "reads 'v' of -3.5e-7"), problem("c", "reads 'v' of x")]
        )
        assert [group.nodes for group in found] == [("a", "b"), ("c",)]


def test_markup_in_names_is_not_obeyed(tmp_path: Path) -> None:
    model = Model((8,))
    model.add("MatMul", signs(0, 8, 3))
    model.nodes[0].name = "[red]evil[/red]"
    assert "[red]evil[/red]" in said(of_model(model, tmp_path))
    model.nodes[0].op_type = "[bold]Bad"
    assert "[bold]Bad" in said(of_model(model, tmp_path))
