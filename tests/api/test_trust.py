"""A loaded deployment is a stranger's: its native program does not run unasked, its target may differ from its name."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

import edgebnn
from edgebnn.chip.target_files.loading import load_target
from edgebnn.cli.main import group
from edgebnn.errors import DeploymentError, TargetError, ToolError
from edgebnn.models import ECG_PVC
from edgebnn.resources import resource_folder

X = np.random.default_rng(0).integers(-128, 128, (5, 4, 120)).astype(np.int8)


@pytest.fixture(scope="module")
def native() -> edgebnn.Deployment:
    deployment = edgebnn.compile(ECG_PVC, "host")
    if deployment.elf is None:
        pytest.skip("no compiler was found")
    return deployment


def forged(deployment: edgebnn.Deployment, folder: Path, elf: bytes) -> Path:
    """The deployment with another firmware.elf, whose hash is right: whoever can write the one can write the other."""
    deployment.save(folder)
    (folder / "firmware.elf").write_bytes(elf)
    stated = json.loads((folder / "deployment.json").read_text())
    stated["files"]["firmware.elf"] = hashlib.sha256(elf).hexdigest()
    (folder / "deployment.json").write_text(json.dumps(stated))
    return folder


def command(*words: object) -> Result:
    return CliRunner().invoke(group, [str(word) for word in words])


@pytest.fixture
def data(tmp_path: Path) -> Path:
    np.save(tmp_path / "x.npy", X)
    return tmp_path / "x.npy"


def test_what_was_built_here_runs(native: edgebnn.Deployment) -> None:
    assert np.array_equal(native.run(X, on="firmware"), native.run(X))
    assert native.emulate(X).agreement.keys() >= {"reference-firmware", "fast-firmware"}


def test_what_was_loaded_runs_with_trust_alone(native: edgebnn.Deployment, tmp_path: Path) -> None:
    native.save(tmp_path / "out")
    stranger, friend = edgebnn.load(tmp_path / "out"), edgebnn.load(tmp_path / "out", trust=True)
    with pytest.raises(ToolError, match=r"your rights.*trust=True"):
        stranger.run(X, on="firmware")
    found = stranger.emulate(X)
    assert found.agreement.keys() == {"reference-fast"} and found.firmware_samples == 0
    assert any("left out" in note and "--trust" in note for note in found.notes)
    assert stranger.emulate(X, firmware_samples=0).notes == ()
    assert np.array_equal(friend.run(X, on="firmware"), native.run(X))
    assert friend.emulate(X).agreement.keys() >= {"reference-firmware", "fast-firmware"}


def test_an_emulated_chips_firmware_needs_no_trust(tmp_path: Path) -> None:
    pytest.importorskip("unicorn")
    deployment = edgebnn.compile(ECG_PVC, "cortex-m4")
    deployment.save(tmp_path / "out")
    assert np.array_equal(edgebnn.load(tmp_path / "out").run(X, on="firmware"), deployment.run(X))


@pytest.mark.parametrize("trust", [(), ("--trust",)])
def test_a_strangers_script_never_runs(
    native: edgebnn.Deployment, tmp_path: Path, data: Path, trust: tuple[str, ...]
) -> None:
    marker = tmp_path / "ran"
    folder = forged(native, tmp_path / "out", f"#!/bin/sh\ntouch '{marker}'\n".encode())
    result = command("run", folder, "--input", data, "--on", "firmware", *trust)
    assert result.exit_code == 1 and ("no ELF program" if trust else "--trust") in result.stderr
    assert command("emulate", folder, "--data", data, *trust).exit_code == (1 if trust else 0)
    assert command("estimate", folder).exit_code == 0
    assert not marker.exists()


def test_the_command_line_runs_a_native_firmware_on_demand(
    native: edgebnn.Deployment, tmp_path: Path, data: Path
) -> None:
    native.save(tmp_path / "out")
    plain = command("emulate", tmp_path / "out", "--data", data)
    assert plain.exit_code == 0 and "--trust" in plain.stdout
    found = json.loads(command("emulate", tmp_path / "out", "--data", data, "--trust", "--json").stdout)
    assert found["agreement"]["reference-firmware"] == {"compared": 5, "equal": 5} and found["executors_agree"]
    assert command("run", tmp_path / "out", "--input", data, "--on", "firmware", "--trust").exit_code == 0


def change(folder: Path, changes: Callable[[dict[str, Any]], None]) -> None:
    stated = json.loads((folder / "deployment.json").read_text())
    changes(stated)
    (folder / "deployment.json").write_text(json.dumps(stated))


def test_a_shipped_name_of_another_architecture_is_refused(native: edgebnn.Deployment, tmp_path: Path) -> None:
    native.save(tmp_path / "out")
    change(tmp_path / "out", lambda stated: stated["target"].update(name="rram130"))
    with pytest.raises(DeploymentError, match=r"'rram130' ships .*'rv32imc', and here it is 'host'"):
        edgebnn.load(tmp_path / "out")
    path = tmp_path / "own.toml"
    path.write_text('schema = 1\nname = "rram130"\nsummary = "mine"\narchitecture = "host"\n')
    with pytest.raises(TargetError, match=r"own\.toml.*'rram130' ships .*give it another name"):
        load_target(str(path))


def test_a_changed_target_shows_that_it_is_not_the_shipped_one(tmp_path: Path, data: Path) -> None:
    pytest.importorskip("unicorn")
    text = (resource_folder("targets") / "rram130.toml").read_text()
    path = tmp_path / "mine.toml"
    path.write_text(text.replace('summary = "', 'summary = "with my numbers: ', 1))
    result = command("compile", ECG_PVC, "--target", path, "-o", tmp_path / "out")
    assert result.exit_code == 0 and "rram130 (changed)" in result.stdout
    assert "rram130 (changed)" in repr(edgebnn.load(tmp_path / "out"))
    for words in (
        ("emulate", tmp_path / "out", "--data", data, "--chips", 0),
        ("estimate", tmp_path / "out"),
        ("inspect", ECG_PVC, "--target", path),
        ("targets", "show", path),
        ("targets", "check", path),
        ("chip", "new", "--seed", 1, "--target", path, "-o", tmp_path / "chip.json"),
        ("chip", "characterise", path, "--cells", 1000),
    ):
        assert "rram130 (changed)" in command(*words).stdout, words
        assert json.loads(command(*words, "--json").stdout)["target_changed"] is True
    for name in ("memory_map.md", "memory_map.svg"):
        assert "rram130 (changed)" in (tmp_path / "out" / name).read_text()
    again = command("estimate", ECG_PVC, "--target", "rram130", "--json")
    assert json.loads(again.stdout)["target_changed"] is False


def test_another_order_of_a_shipped_targets_file_is_no_change(tmp_path: Path) -> None:
    text = (resource_folder("targets") / "host.toml").read_text()
    (tmp_path / "host.toml").write_text("# my comment\n" + text)
    found = json.loads(command("targets", "check", tmp_path / "host.toml", "--json").stdout)
    assert found["target_changed"] is False
