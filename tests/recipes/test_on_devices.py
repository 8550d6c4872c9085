"""A network trained in devices: the same again for the same seed, and as a chip that all executors answer alike on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import edgebnn
from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.chip.measured.files import read_measured
from edgebnn.chip.study.resistance_export import resistance_csv
from edgebnn.chip.target_files.loading import load_target
from edgebnn.chip.target_files.weak_reset_file import load_weak_reset
from edgebnn.errors import DataError, ModelError, TargetError
from edgebnn.json_types.device_training import DevicesTrainedDocument
from edgebnn.mapping.programmed import pattern_of
from edgebnn.recipes.device_recipe import INPUT_TYPE, endurance_used, layers_of, train_devices
from edgebnn.recipes.image_sets import Images, ImageSet
from edgebnn.recipes.on_devices import DeviceTraining, Imperfections, right_answers, train_on_devices
from edgebnn.recipes.trained_chip import LayerOnDevices, trained_chip
from edgebnn.recipes.weak_reset import weak_reset_law

SETTINGS = DeviceTraining(width=40, epochs=4, batch=50)


def images(count: int = 400, seed: int = 0) -> ImageSet:
    """Three classes: which third of an image of 9 x 5 is bright."""
    draw = np.random.default_rng(seed)
    y = draw.integers(0, 3, count)
    x = draw.integers(0, 90, (count, 9, 5), np.uint8)
    for third in range(3):
        x[y == third, 3 * third : 3 * third + 3] += 150
    parts = [Images(x[part], y[part].astype(np.int64)) for part in (slice(count // 2), slice(count // 2, None))]
    return ImageSet(*parts)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, DevicesTrainedDocument]:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("devices")
    document = train_devices(
        images(), load_weak_reset(), SETTINGS, folder / "devices.onnx", folder / "devices.npz", "rram130"
    )
    return folder, document


def test_it_learns_and_says_what_it_took(written: tuple[Path, DevicesTrainedDocument]) -> None:
    _, document = written
    trained = train_on_devices(images(), weak_reset_law(), SETTINGS)
    assert document["test_right"] == right_answers(trained.model, images().test) > 190
    assert [epoch["test_right"] for epoch in document["log"]] == [epoch.right for epoch in trained.epochs]
    counts = [trained.optimiser.pulses(layer.weight) for layer in trained.layers]
    assert document["pulses"]["total"] == sum(int(count.sum()) for count in counts) > 0
    assert document["pulses"]["most"] == max(int(count.max()) for count in counts) <= 4 * 4 * 14
    assert document["weights"] == 45 * 40 + 40 * 3
    assert document["devices"]["evidence"] == {"authors-code": 24}
    assert document["on_chip"]["executors_agree"]
    low, high = document["test_accuracy_interval"]
    assert low < document["test_accuracy"] <= high


def test_endurance_is_counted_in_cycles_of_each_policy() -> None:
    assert endurance_used(load_target("rram130"), 5_000)["ultra-low-energy"] == pytest.approx(1e-6)


def test_the_chip_holds_the_trained_devices(written: tuple[Path, DevicesTrainedDocument]) -> None:
    """Its exported resistances are those in the optimiser, cell by cell, and its weights those of the network."""
    folder, _ = written
    deployment = edgebnn.compile(folder / "devices.onnx", target="rram130", input_type=INPUT_TYPE)
    chip = ChipInstance.load(folder / "devices.npz", deployment.mapped.target)
    trained = train_on_devices(images(), weak_reset_law(), SETTINGS)
    again = trained_chip(deployment.mapped, layers_of(trained))
    assert chip.measured == again.measured
    table = folder / "devices.csv"
    pattern = pattern_of(deployment.mapped)
    table.write_bytes(b"".join(resistance_csv(chip, deployment.mapped.target, "strong", pattern)))
    exported = read_measured(table).measured
    assert chip.measured is not None
    assert exported.ln_resistance is not None
    assert chip.measured.ln_resistance is not None
    place = np.searchsorted(exported.cell, chip.measured.cell)
    np.testing.assert_array_equal(exported.cell[place], chip.measured.cell)
    np.testing.assert_array_equal(exported.ln_resistance[place], chip.measured.ln_resistance)
    signs = chip.measured.ln_resistance[:, 1] >= chip.measured.ln_resistance[:, 0]
    np.testing.assert_array_equal(np.where(signs, 1, -1), chip.measured.weights)
    ohm = np.sort(np.concatenate([layer.ohm.reshape(2, -1).T for layer in layers_of(trained)]), axis=0)
    np.testing.assert_allclose(np.sort(np.exp(chip.measured.ln_resistance), axis=0), ohm, rtol=2e-6)


def test_all_executors_give_the_same_scores_on_it(written: tuple[Path, DevicesTrainedDocument]) -> None:
    pytest.importorskip("unicorn")
    folder, _ = written
    deployment = edgebnn.compile(folder / "devices.onnx", target="rram130", input_type=INPUT_TYPE)
    chip = ChipInstance.load(folder / "devices.npz")
    x = images(40, 5).test.x
    scores = {on: deployment.run(x, on=on, chip=chip) for on in ("reference", "fast", "firmware")}
    np.testing.assert_array_equal(scores["reference"], scores["fast"])
    np.testing.assert_array_equal(scores["reference"], scores["firmware"])


@pytest.mark.parametrize("switch", ["device_to_device", "rtn", "pink"])
def test_each_imperfection_is_one_of_its_own(switch: str) -> None:
    short = replace(SETTINGS, epochs=1, imperfections=Imperfections(False, False, False))
    ideal = layers_of(train_on_devices(images(), weak_reset_law(), short))
    alone = replace(short, imperfections=replace(short.imperfections, **{switch: True}))
    other = layers_of(train_on_devices(images(), weak_reset_law(), alone))
    again = layers_of(train_on_devices(images(), weak_reset_law(), alone))
    assert not np.array_equal(ideal[0].ohm, other[0].ohm)
    np.testing.assert_array_equal(other[0].ohm, again[0].ohm)


def test_what_cannot_be_trained_is_one_sentence(tmp_path: Path) -> None:
    one = Images(np.zeros((1, 3, 3), np.uint8), np.zeros(1, np.int64))
    with pytest.raises(DataError, match="one image"):
        train_on_devices(ImageSet(one, one), weak_reset_law(), SETTINGS)
    places = tmp_path / "devices.onnx", tmp_path / "devices.npz"
    with pytest.raises(TargetError, match="RRAM"):
        train_devices(images(), load_weak_reset(), SETTINGS, *places, "cortex-m4")
    with pytest.raises(DataError, match="npz"):
        train_devices(images(), load_weak_reset(), SETTINGS, places[0], tmp_path / "devices.json")
    assert not list(tmp_path.iterdir())


def test_other_weights_than_were_trained_are_refused(written: tuple[Path, DevicesTrainedDocument]) -> None:
    folder, _ = written
    mapped = edgebnn.compile(folder / "devices.onnx", target="rram130", input_type=INPUT_TYPE).mapped
    first, second = layers_of(train_on_devices(images(), weak_reset_law(), SETTINGS))
    with pytest.raises(ModelError, match="other weights"):
        trained_chip(mapped, [LayerOnDevices(-first.weights, first.ohm), second])
    with pytest.raises(ModelError, match="layers in RRAM"):
        trained_chip(mapped, [first])
    with pytest.raises(ModelError, match="beyond"):
        trained_chip(mapped, [LayerOnDevices(first.weights, first.ohm * 0), second])
