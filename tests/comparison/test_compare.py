"""`edgebnn.compare`: figures side by side, what a budget makes of them, and what is no deployment."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import edgebnn
from edgebnn.api import Deployment
from edgebnn.comparison.compare import MOST_COMPARED, distinct
from edgebnn.comparison.figures import FIGURES
from edgebnn.errors import DataError, EdgeBNNError
from edgebnn.models import ECG_PVC
from edgebnn.report.comparison import broken, comparison_document, exactly
from edgebnn.report.comparison_tables import show_comparison
from tests.frontend.onnx_models import Model, signs
from tests.report.printing import printed

pytest.importorskip("unicorn")
pytest.importorskip("ziglang")

X = np.random.default_rng(1).integers(-128, 128, size=(20, 4, 120)).astype(np.int8)


@cache
def ecg(target: str) -> Deployment:
    return edgebnn.compile(ECG_PVC, target)


def test_a_deployment_beside_itself_differs_in_nothing() -> None:
    found = edgebnn.compare([ecg("rram130"), ecg("rram130")], X)
    assert found.differences == () and found.kept
    assert [each.name for each in found.deployments] == ["ecg_pvc on rram130", "ecg_pvc on rram130 (2)"]
    document = comparison_document(found)
    one, two = document["deployments"]
    assert {**one, "name": ""} == {**two, "name": ""} and document["differences"] == []
    text = printed(show_comparison, document)
    assert "No figure of theirs differs." in text and " x)" not in text


def test_what_differs_is_named_and_set_against_the_first() -> None:
    found = edgebnn.compare({"chip": ecg("rram130"), "software": ecg("cortex-m4")})
    assert {"energy", "latency", "flash", "banks", "programming"} <= set(found.differences)
    assert "synapses" not in found.differences and "accuracy" not in found.differences
    chip, software = (each.figures for each in found.deployments)
    assert chip["energy"] is not None and software["energy"] is not None
    text = printed(show_comparison, comparison_document(found), 120)
    assert f"({software['energy'] / chip['energy']:.3g} x)" in text and "times the figure of chip" in text
    assert repr(found) == "Comparison('chip', 'software')"


def test_the_figures_are_those_of_estimate_emulation_and_memory() -> None:
    deployment, y = ecg("cortex-m4"), ecg("cortex-m4").run(X).argmax(axis=1)
    (alone,) = edgebnn.compare(deployment).deployments
    assert alone.figures["energy"] == deployment.estimate().energy.total_j * 1e9  # type: ignore[union-attr]
    (found,) = edgebnn.compare(deployment, (X, y), firmware_samples=3).deployments
    whole = deployment.emulate((X, y), firmware_samples=3)
    assert whole.energy is not None and found.counts and not alone.counts
    assert found.figures["energy"] == pytest.approx(whole.energy.total_j * 1e9) != alone.figures["energy"]
    assert found.figures["latency"] == whole.latency_us and found.figures["accuracy"] == 1
    memory = deployment.memory
    assert memory.code_bytes is not None
    assert found.figures["flash"] == memory.code_bytes + memory.weights_bytes
    assert found.figures["sram"] == memory.sram_bytes


@given(st.sampled_from([figure for figure in FIGURES if figure.name != "accuracy"]))
def test_a_budget_of_just_what_it_takes_is_kept_and_of_less_is_broken(figure: object) -> None:
    name = figure.name  # type: ignore[attr-defined]
    deployment = ecg("rram130")
    value = edgebnn.compare(deployment).deployments[0].figures[name]
    assert value is not None
    if figure.least:  # type: ignore[attr-defined]
        more = math.nextafter(value, math.inf)
        assert edgebnn.compare(deployment, budget=f"{name}={value!r}days").kept
        assert not edgebnn.compare(deployment, budget=f"{name}={more!r}days").kept
        return
    unit = {"energy": "nJ", "latency": "us", "flash": "B", "sram": "B", "programming": "uJ"}.get(name, "")
    less = value - 1 if isinstance(value, int) else math.nextafter(value, 0)
    assert edgebnn.compare(deployment, budget=f"{name}={value!r}{unit}").kept
    found = edgebnn.compare(deployment, budget=f"{name}={less!r}{unit}")
    assert not found.kept and [each.kept for each in found.broken] == [False]
    sentence = broken(found)
    assert sentence is not None
    assert sentence.startswith(f"the budget is broken: the {name} of 'ecg_pvc on rram130' is ")
    assert sentence.endswith(f", more than {less!r}{unit}")


def test_an_accuracy_is_kept_at_its_limit_and_not_above() -> None:
    deployment = ecg("rram130")
    y = deployment.run(X).argmax(axis=1)
    y[0] ^= 1
    for limit, kept in (("0.95", True), ("95%", True), ("0.9500001", False)):
        found = edgebnn.compare(deployment, (X, y), budget=f"accuracy={limit}", firmware_samples=0)
        assert found.kept == kept
        assert (broken(found) is None) == kept
    assert broken(found) == ("the budget is broken: the accuracy of 'ecg_pvc on rram130' is 0.95, less than 0.9500001")


def test_what_nobody_knows_keeps_no_budget() -> None:
    found = edgebnn.compare(ecg("host"), budget="energy=1J,flash=1MB")
    assert not found.kept and [each.kept for each in found.judged] == [None, True]
    assert broken(found) == (
        "the budget is broken: the energy of 'ecg_pvc on host' is not known, so nobody can hold it to 1J"
    )
    text = printed(show_comparison, comparison_document(found))
    assert "NOT KNOWN" in text and "has no energy model" in " ".join(text.split())
    unlabelled = edgebnn.compare(ecg("rram130"), X, budget="accuracy=0.5", firmware_samples=0)
    assert [each.kept for each in unlabelled.judged] == [None]


def test_without_firmware_the_rest_is_compared_and_the_reason_is_said() -> None:
    whole = ecg("rram130")
    kept = {name: data for name, data in whole.files.items() if name != "firmware.elf"}
    bare = replace(whole, files=kept, firmware=None)
    found = edgebnn.compare({"whole": whole, "bare": bare}, budget="banks=38")
    assert found.kept and found.deployments[1].estimate is None and "firmware" in found.deployments[1].why_not
    document = comparison_document(found)
    assert document["deployments"][1]["figures"]["flash_bytes"] is None
    assert any("firmware" in note for note in document["deployments"][1]["notes"])


def test_emulations_may_stand_for_data_and_chips_have_an_accuracy_of_their_own() -> None:
    deployment = ecg("rram130")
    y = deployment.run(X).argmax(axis=1)
    emulation = deployment.emulate((X, y), 3, firmware_samples=2)
    given_, run = (
        edgebnn.compare(deployment, emulations=[emulation]).deployments[0].emulated,
        edgebnn.compare(deployment, (X, y), chips=3, firmware_samples=2).deployments[0].emulated,
    )
    assert given_ == run and run is not None and run.chips == 3 and run.accuracy_on_chips is not None
    text = printed(show_comparison, comparison_document(edgebnn.compare(deployment, emulations=[emulation])), 100)
    assert "of 3 chips" in text and "executors agree" in text


def test_lives_stand_side_by_side_where_one_is_described() -> None:
    words = {"days": 10, "inferences_per_day": 1000, "devices": 7, "reprogrammings_per_day": 2, "updates_per_year": 1}
    found = comparison_document(
        edgebnn.compare({name: ecg(name) for name in ("rram130", "cortex-m4", "host")}, life=words)
    )
    chip, software, host = found["deployments"]
    assert host["life"] is None and host["fleet"] is None
    for each, again in ((chip, 2 + 1 / 365), (software, 0)):
        assert each["life"] is not None and each["fleet"] is not None
        assert each["life"]["inferences"] == 10_000 and each["life"]["reprogrammings_per_day"] == again
        assert each["fleet"]["energy_j"] == pytest.approx(7 * each["life"]["energy_j"]["total"])
    text = printed(show_comparison, found, 140)
    assert "battery life" in text and "energy of the fleet" in text
    plain = comparison_document(edgebnn.compare(ecg("rram130")))
    assert plain["deployments"][0]["life"] is None and plain["deployments"][0]["figures"]["battery_days"] is not None


def test_a_quantiser_outside_is_said_where_it_is(tmp_path: Path) -> None:
    """Of two deployments of one model the one without it looks cheaper than it is."""
    model = Model((12,))
    model.sign(at_least=True)
    model.add("MatMul", signs(0, 12, 3))
    path = model.save(tmp_path)
    outside, inside = edgebnn.compile(path), edgebnn.compile(path, input_type="int8")
    found = comparison_document(edgebnn.compare({"outside": outside, "inside": inside}))
    assert [each["inputs_outside"] for each in found["deployments"]] == [[{"name": "x", "values": 12}], []]
    (note,) = (note for note in found["notes"] if "quantiser" in note)
    assert "stays outside the firmware of outside, and no figure there counts it" in note
    assert "outside, not counted" in printed(show_comparison, found, 100)


@pytest.mark.parametrize(
    ("arguments", "words", "sentence"),
    [
        (([],), {}, "nothing to compare"),
        (("out",), {}, "deployments are 'out'; give a list"),
        ((7,), {}, "deployments are 7"),
        ((["out"],), {}, "'out', no deployment; open a folder with edgebnn.load"),
        (({"a": None},), {}, "'a' is None, no deployment"),
        (("one",), {"budget": "accuracy=1"}, "budget of accuracy needs labelled data"),
        (("one",), {"budget": "colour=red"}, "names 'colour'"),
        (("one",), {"emulations": [1, 2]}, "2 emulations for 1 deployments"),
        (("one", X), {"emulations": [1]}, "give one of them"),
        (("one",), {"emulations": [1]}, "give what edgebnn.Deployment.emulate answered"),
        (("one",), {"life": {"years": 3}}, "life has 'years', which estimates do not know; choose from: battery"),
        (("one",), {"life": {"days": -3}}, "'ecg_pvc on rram130': -3 days are out of range"),
        (("one", X[:, :3]), {}, "'ecg_pvc on rram130': "),
        (("one", X), {"chips": -1}, "'ecg_pvc on rram130': chips is -1"),
        (("one", X), {"firmware_samples": "all"}, "firmware_samples is 'all'"),
        (("many",), {}, f"are too many side by side; compare at most {MOST_COMPARED}"),
    ],
)
def test_what_cannot_be_compared_is_said(arguments: tuple[Any, ...], words: dict[str, Any], sentence: str) -> None:
    known: dict[Any, Any] = {"one": ecg("rram130"), "many": [ecg("rram130")] * (MOST_COMPARED + 1)}
    first = known.get(arguments[0], arguments[0]) if isinstance(arguments[0], str) else arguments[0]
    with pytest.raises(EdgeBNNError, match=sentence.replace("(", r"\(")):
        edgebnn.compare(first, *arguments[1:], **words)


@given(st.lists(st.sampled_from(["out", "out (2)", "out (3)", "a"]), max_size=8))
def test_names_become_different_and_the_first_of_each_stays(names: list[str]) -> None:
    found = distinct(names)
    assert len(set(found)) == len(names)
    assert all(shown.startswith(name) for shown, name in zip(found, names, strict=True))
    for name in set(names):
        assert found[names.index(name)] == name


@given(st.sampled_from(FIGURES), st.floats(1e-9, 1e9), st.integers(1, 4))
def test_a_figure_is_shown_with_what_tells_it_from_its_limit(figure: object, limit: float, steps: int) -> None:
    value = limit
    for _ in range(steps):
        value = math.nextafter(value, math.inf)
    if figure.dimension.name in ("SIZE", "COUNT"):  # type: ignore[attr-defined]
        return
    shown = exactly(figure, value, limit)  # type: ignore[arg-type]
    assert float(shown.split()[0]) != limit


def test_data_errors_are_of_the_kind_that_they_were() -> None:
    with pytest.raises(DataError):
        edgebnn.compare(ecg("rram130"), (X, [0, 1]))
