"""Maps resized by copies: every rule of coordinates and rounding against onnxruntime, and the bounds."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pytest

from edgebnn.errors import ModelError
from edgebnn.frontend import ReadOptions, read_network
from edgebnn.network.interpreter import interpret
from tests.frontend.comparison import onnxruntime_values
from tests.frontend.onnx_models import Model, signs

COORDINATES = ("asymmetric", "half_pixel", "pytorch_half_pixel", "tf_half_pixel_for_nn")
ROUNDINGS = ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")
MAP = (2, 8, 12)


@pytest.mark.parametrize("factors", [(2, 3), (5, 1), (0.5, 0.25), (0.125, 4)])
@pytest.mark.parametrize(("where", "nearest"), list(product(COORDINATES, ROUNDINGS)))
def test_every_rule_takes_the_elements_that_onnxruntime_takes(
    where: str, nearest: str, factors: tuple[float, float], tmp_path: Path
) -> None:
    model = Model(MAP)
    rule = {"mode": "nearest", "coordinate_transformation_mode": where, "nearest_mode": nearest}
    model.add("Resize", "", model.constant([1, 1, *factors]), **rule)
    rows, columns = (int(extent * factor) for extent, factor in zip(MAP[1:], factors, strict=True))
    model.add("Conv", signs(0, 3, 2, rows, columns))
    path = model.save(tmp_path)
    x = np.random.default_rng(1).integers(-128, 128, size=(4, *MAP)).astype(np.int8)
    network = read_network(path, ReadOptions("int8"))
    expected = onnxruntime_values(path, x)[model.last].reshape(4, -1)
    assert np.array_equal(interpret(network, x).reshape(4, -1) * network.output.scale, expected)


@pytest.mark.parametrize(("operator", "opset"), [("Upsample", 9), ("Resize", 10)])
def test_the_older_operators_copy_as_onnxruntime_does(operator: str, opset: int, tmp_path: Path) -> None:
    """Their factors are the second operand, and they have no rules to choose from."""
    model = Model(MAP, opset=opset)
    model.add(operator, inputs=[model.last, model.constant([1, 1, 2, 3])], mode="nearest")
    model.add("Conv", signs(0, 3, 2, 16, 36))
    path = model.save(tmp_path)
    x = np.random.default_rng(1).integers(-128, 128, size=(4, *MAP)).astype(np.int8)
    network = read_network(path, ReadOptions("int8"))
    expected = onnxruntime_values(path, x)[model.last].reshape(4, -1)
    assert np.array_equal(interpret(network, x).reshape(4, -1) * network.output.scale, expected)


@pytest.mark.parametrize("extent", [16, 4096])
def test_copies_beyond_all_windows_are_refused_before_they_are_made(extent: int, tmp_path: Path) -> None:
    model = Model((1, extent, extent))
    model.add("Resize", "", model.constant([1, 1, 65_535, 65_535]), mode="nearest")
    model.add("Conv", signs(0, 1, 1, 1, 1))
    with pytest.raises(ModelError, match=r"makes an axis of|more than"):
        read_network(model.save(tmp_path), ReadOptions("int8"))


def test_one_map_joined_to_itself_without_end_is_refused_before_it_is_made(tmp_path: Path) -> None:
    model = Model((1, 1000, 2))
    model.add("Concat", inputs=[model.last] * 50_000, axis=2)
    model.add("Conv", signs(0, 1, 1, 1, 1))
    with pytest.raises(ModelError, match="makes an axis of 50000000 elements"):
        read_network(model.save(tmp_path), ReadOptions("int8"))


@pytest.mark.parametrize(
    ("factors", "rule", "reason"),
    [
        ((1.5, 1), {"mode": "nearest"}, "resizes by a factor of 1.5"),
        ((2, 2), {"mode": "linear"}, "computes values between the map's own"),
        ((2, 2), {"mode": "nearest", "coordinate_transformation_mode": "align_corners"}, "places elements by"),
    ],
)
def test_what_computes_new_values_is_refused(
    factors: tuple[float, float], rule: dict[str, str], reason: str, tmp_path: Path
) -> None:
    model = Model(MAP)
    model.add("Resize", "", model.constant([1, 1, *factors]), **rule)
    model.add("Conv", signs(0, 1, 2, 1, 1))
    with pytest.raises(ModelError, match=reason):
        read_network(model.save(tmp_path), ReadOptions("int8"))
