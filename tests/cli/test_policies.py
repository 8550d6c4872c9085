"""Layers under policies of their own, from the command line to every command's figures."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import edgebnn as package
from edgebnn.errors import EdgeBNNError, FitError
from edgebnn.models import ECG_PVC
from tests.cli.test_commands import document, edgebnn, refused

pytest.importorskip("unicorn")
pytest.importorskip("ziglang")

LAYERS = [node.name for node in package.inspect(ECG_PVC).network.linear]  # type: ignore[union-attr]
OWN = {LAYERS[0]: "strong", LAYERS[-1]: "nominal"}
POLICIES = ["strong", "nominal", "low-energy"]


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("policies") / "out"
    words = [word for layer, name in OWN.items() for word in ("--policy-for", f"{layer}={name}")]
    found = document("compile", ECG_PVC, "--policy", "low-energy", *words, "-o", path)
    assert found["policy"] == "low-energy"
    assert found["policies"] == {layer: OWN.get(layer, "low-energy") for layer in LAYERS}
    return path


@pytest.fixture(scope="module")
def strong(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same under one policy throughout."""
    path = tmp_path_factory.mktemp("one") / "out"
    package.compile(ECG_PVC, policy="strong").save(path)
    return path


def test_python_makes_the_same_deployment(mixed: Path) -> None:
    own = dict(reversed(OWN.items()))
    deployment = package.compile(ECG_PVC, policy="low-energy", policies=own)
    loaded = package.load(mixed)
    assert deployment.files == loaded.files and deployment.mapped.plan == loaded.mapped.plan
    said = loaded.mapped.provenance.options
    assert all(f" --policy-for {layer}={name}" in said for layer, name in OWN.items())


def test_energies_are_sums_over_policies(mixed: Path, strong: Path) -> None:
    found, most = document("estimate", mixed), document("estimate", strong)
    each = found["programming_by_policy"]
    assert sorted(each) == sorted(POLICIES) and [*most["programming_by_policy"]] == ["strong"]
    assert 0 < found["programming_energy_uj"] < most["programming_energy_uj"]
    assert sum(part["energy_uj"] for part in each.values()) == pytest.approx(found["programming_energy_uj"])
    assert sum(part["time_us"] for part in each.values()) == pytest.approx(found["programming_time_us"])
    assert found["endurance"]["policy"] == "strong"
    shown = edgebnn("estimate", mixed).stdout
    assert "under policies" in shown and "  low-energy" in shown


def test_emulate_names_the_policies_and_gives_the_mean_rate(mixed: Path, tmp_path: Path) -> None:
    data = tmp_path / "x.npz"
    np.savez(data, x=_windows())
    found = document("emulate", mixed, "--data", data, "--chips", 2, "--errors", "device")
    assert found["executors_agree"]
    assert (found["conditions"]["policy"], found["conditions"]["policies"]) == (None, POLICIES)
    assert found["programming_policy"] is None and sorted(found["programming_by_policy"]) == sorted(POLICIES)
    ran = document("run", mixed, "--input", data, "--output", tmp_path / "y.npy", "--chip", 7)["chip"]
    assert (ran["policy"], ran["policies"]) == (None, POLICIES)
    rates = [row["bit_error_rate"] for row in ran["by_policy"]]
    assert min(rates) < ran["bit_error_rate"] < max(rates)
    assert "policies strong, nominal and low-energy" in edgebnn("emulate", mixed, "--data", data, "--chips", 1).stdout
    one = document("run", mixed, "--input", data, "--output", tmp_path / "y.npy", "--chip", 7, "--policy", "nominal")
    assert (one["chip"]["policy"], one["chip"]["policies"]) == ("nominal", ["nominal"])


def _windows() -> np.ndarray:  # type: ignore[type-arg]
    entry = package.inspect(ECG_PVC).network.inputs[0]  # type: ignore[union-attr]
    rng = np.random.default_rng(0)
    return rng.integers(entry.tensor.low, entry.tensor.high + 1, (3, *entry.model_shape)).astype(np.int16)


def test_chips_are_exported_and_reprogrammed_under_every_policy(
    mixed: Path, strong: Path, tmp_path: Path
) -> None:  # fmt: skip
    told = document("chip", "export", "--deployment", mixed, "--chip", 7, "--banks", 3, "-o", tmp_path / "lab.csv")
    assert told["chip"]["policies"] == ["strong", "low-energy"] and told["banks"] == 3
    found = document("chip", "reprogram", strong, mixed)
    assert (found["policy"], sorted(found["policies"])) == (None, sorted(POLICIES)) and found["changed"] == 0
    assert found["everything"]["energy_uj"] == pytest.approx(document("estimate", mixed)["programming_energy_uj"])
    assert sorted(found["everything"]["by_policy"]) == sorted(POLICIES)
    weakest = package.load(mixed).mapped.target.policy("strong").endurance.integer("cycles")
    assert found["reprogrammings"] == weakest
    assert document("chip", "reprogram", strong, mixed, "--policy", "nominal")["policy"] == "nominal"


def test_what_names_no_layer_or_policy_is_one_sentence(tmp_path: Path) -> None:
    words = ("compile", ECG_PVC, "-o", tmp_path / "out")
    assert "has no layer of the name 'nothing'" in refused(*words, "--policy-for", "nothing=strong")
    assert "no programming policy 'gentle'" in refused(*words, "--policy-for", f"{LAYERS[0]}=gentle")
    assert "has no RRAM" in refused(*words, "--target", "cortex-m4", "--policy-for", f"{LAYERS[0]}=strong")
    for wrong in ("strong", "=strong", "layer="):
        assert edgebnn(*words, "--policy-for", wrong).exit_code == 2
    twice = edgebnn(*words, *("--policy-for", f"{LAYERS[0]}=strong") * 2)
    assert twice.exit_code == 2 and "given twice" in twice.stderr
    assert not (tmp_path / "out").exists()
    for policies in (["strong"], {LAYERS[0]: 3}, "strong"):
        with pytest.raises(FitError, match="give a dict of them"):
            package.compile(ECG_PVC, policies=policies)  # type: ignore[arg-type]


def test_a_share_is_verified_and_layers_have_attempts_of_their_own(tmp_path: Path) -> None:
    data = tmp_path / "x.npz"
    np.savez(data, x=_windows())
    first = LAYERS[0]
    words = ("--calibration", data, "--verify-share", 0.1, "--attempts-for", f"{first}=2", "-o", tmp_path / "out")
    found = document("compile", ECG_PVC, "--policy", "ultra-low-energy", *words)
    assert found["attempts"] == {first: 2}
    verified = found["verified"]
    assert sum(verified["layers"].values()) == verified["words"] == verified["of"] // 10 > 0
    made = package.compile(
        ECG_PVC, policy="ultra-low-energy", calibration=_windows(), verify_share=0.1, attempts={first: 2}
    )
    assert made.files == package.load(tmp_path / "out").files
    whole = package.compile(ECG_PVC, policy="ultra-low-energy")
    chips = ("--chips", 2, "--errors", "device", "--attempts", 3)
    whole.save(tmp_path / "whole")
    some, all_ = (document("emulate", tmp_path / name, "--data", data, *chips) for name in ("out", "whole"))
    assert some["executors_agree"] and all_["executors_agree"]
    once = document("estimate", tmp_path / "out")["programming_energy_uj"]
    assert once == pytest.approx(some["programming_energy_uj"]) == all_["programming_energy_uj"]
    assert once < some["programming_energy_attempts_uj"] < all_["programming_energy_attempts_uj"]


def test_a_share_needs_samples_and_attempts_are_numbers(tmp_path: Path) -> None:
    words = ("compile", ECG_PVC, "-o", tmp_path / "out")
    assert "give calibration samples" in refused(*words, "--verify-share", 0.1)
    result = edgebnn(*words, "--attempts-for", f"{LAYERS[0]}=0")
    assert result.exit_code == 2 and "with N from 1 to 100" in " ".join(result.stderr.split())
    assert "has no layer of the name 'nothing'" in refused(*words, "--attempts-for", "nothing=2")
    for wrong in ("3", "=3", "layer=", "layer=x", "layer=-1"):
        assert edgebnn(*words, "--attempts-for", wrong).exit_code == 2
    assert edgebnn(*words, "--verify-share", 1.5).exit_code == 2
    for attempts in ({LAYERS[0]: True}, {LAYERS[0]: "3"}, [3]):
        with pytest.raises(FitError, match="give a dict"):
            package.compile(ECG_PVC, attempts=attempts)  # type: ignore[arg-type]
    for share in (2.0, float("nan")):
        with pytest.raises(EdgeBNNError):
            package.compile(ECG_PVC, verify_share=share, calibration=_windows())
    assert not (tmp_path / "out").exists()


def test_a_placement_is_drawn(tmp_path: Path) -> None:
    data, picture = tmp_path / "x.npz", tmp_path / "banks.svg"
    np.savez(data, x=_windows())
    words = ("compile", ECG_PVC, "-o", tmp_path / "out", "--calibration", data, "--png", picture)
    assert "--placement ber-aware" in edgebnn(*words).stderr and not (tmp_path / "out").exists()
    found = document("compile", *words[1:], "--placement", "ber-aware", "--chip", 7, "--readings", 1)
    assert "bank_error_rates" not in found["placement"]
    assert b"</svg>" in picture.read_bytes()
    told = json.loads((tmp_path / "out" / "placement.json").read_text())
    assert len(told["bank_error_rates"]) == 4096
    assert all(len(layer["sensitivity"]) == len(layer["banks"]) for layer in told["layers"].values())
