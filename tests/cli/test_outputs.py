"""What a command writes is checked before the work, and never takes the place of what it reads or of a deployment."""

from __future__ import annotations

import json
import os
import re
import stat
from pathlib import Path

import numpy as np
import onnx
import pytest
from click.testing import CliRunner

import edgebnn
from edgebnn.cli.main import group
from edgebnn.models import ECG_PVC

X = np.random.default_rng(0).integers(-128, 128, (5, 4, 120)).astype(np.int8)


@pytest.fixture(scope="module")
def compiled() -> edgebnn.Deployment:
    return edgebnn.compile(ECG_PVC)


@pytest.fixture
def home(compiled: edgebnn.Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    compiled.save(tmp_path / "out")
    np.save(tmp_path / "x.npy", X)
    np.savez(tmp_path / "data.npz", x=X)
    (tmp_path / "chip.json").write_text("{}")
    (tmp_path / "model.onnx").write_bytes(ECG_PVC.read_bytes())
    (tmp_path / "own.toml").write_text('schema = 1\nname = "own"\nsummary = "mine"\narchitecture = "host"\n')
    (tmp_path / "cells.csv").write_text("bank,row,column,error_rate\n0,0,0,0.1\n")
    (tmp_path / "cells.npz").symlink_to("cells.csv")
    (tmp_path / "same.json").symlink_to("out/deployment.json")
    os.link(tmp_path / "x.npy", tmp_path / "linked.json")
    (tmp_path / "file").write_text("mine")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def pointing(home: Path) -> Path:
    """A model and a recording that name files which an output may be called like."""
    model = onnx.load(str(ECG_PVC))
    onnx.save_model(model, str(home / "external.onnx"), save_as_external_data=True, location="w.json", size_threshold=0)
    (home / "rec.hea").write_text("rec 1 360 1000\nrec.json 16 200 16 0 0 0 0 ECG\n")
    (home / "rec.json").write_bytes(bytes(2000))
    (home / "marked.hea").write_text("marked 1 360 1000\nrec.json 16 200 16 0 0 0 0 ECG\n")
    (home / "marked.atr").write_bytes(bytes(2))
    (home / "marks.json").symlink_to("marked.atr")
    (home / "segments.hea").write_text("segments/1 1 360 1000\nmarked 1000\n")
    (home / "part.json").symlink_to("marked.hea")
    return home


@pytest.mark.parametrize(
    "words",
    [
        "inspect external.onnx --json w.json",
        "compile external.onnx --json w.json",
        "demo --record rec --json rec.json",
        "demo --record segments --json part.json",
    ],
)
def test_no_output_replaces_what_a_file_that_is_read_names(words: str, pointing: Path) -> None:
    before = tree(pointing)
    result = CliRunner().invoke(group, words.split())
    assert result.exit_code == 1 and "json' cannot be written: the command reads it" in result.stderr, result.output
    assert tree(pointing) == before


def test_no_output_replaces_the_marks_of_a_record(pointing: Path) -> None:
    pytest.importorskip("wfdb")
    before = tree(pointing)
    result = CliRunner().invoke(group, ["demo", "--record", "marked", "--json", "marks.json"])
    assert result.exit_code == 1 and "the command reads it" in result.stderr, result.output
    assert tree(pointing) == before


def tree(path: Path) -> dict[str, bytes]:
    return {str(p.relative_to(path)): p.read_bytes() for p in path.rglob("*") if p.is_file()}


# Commands that do hours of work, or might: whatever they would do, they have not begun.
LONG = (
    "compile model.onnx",
    "run out --input x.npy",
    "emulate out --data data.npz",
    "estimate out",
    "estimate model.onnx",
    "inspect model.onnx",
    "chip characterise rram130 --cells 1000000",
    "chip export --chip 1",
)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        *((f"{command} --json no/such.json", "its folder does not exist") for command in LONG[:-1]),
        *((f"{command} --json out/deployment.json", "belongs to the deployment") for command in LONG[:-1]),
        *((f"{command} --json same.json", "belongs to the deployment") for command in LONG[:-1]),
        ("compile model.onnx -o file", "'.*file' is no folder"),
        ("compile model.onnx -o file/out", "is no folder"),
        ("compile model.onnx -o .", "holds no deployment"),
        ("demo -o file", "'.*file' is no folder"),
        (f"compile model.onnx -o {'a' * 300}", "File name too long"),
        (f"compile model.onnx -o new/{'a' * 300}", "File name too long"),
        ("compile model.onnx -o /proc/out", "no folder can be made in '/proc'"),
        (f"trim out --chip 1 --calibration x.npy -o new/{'a' * 300}", "File name too long"),
        ("estimate out --json /proc/e.json", "no file can be made in its folder"),
        (f"run out --input x.npy --output {'a' * 300}.npy", "File name too long"),
        ("run out --input x.npy --output model.onnx", "'model.onnx' has the wrong ending"),
        ("run out --input x.npy --output file", "'file' has the wrong ending"),
        ("run out --input x.npy --output no/y.npy", "its folder does not exist"),
        ("run out --input x.npy --output out/weights.bin", "belongs to the deployment"),
        ("run out --input x.npy --output x.npy", "'x.npy' cannot be written: the command reads it"),
        ("run out --input x.npy --json linked.json", "the command reads it"),
        ("run out --input x.npy --chip chip.json --save-chip chip.json", "the command reads it"),
        ("run out --input x.npy --chip 1 --save-chip c.npz", "wrong ending"),
        (
            "run out --input x.npy --chip 1 --save-chip c.json --output ./c.json",
            "what --(output|save-chip) writes",
        ),
        ("emulate out --data data.npz --chip chip.json --json chip.json", "the command reads it"),
        ("chip new --seed 1 --target own.toml -o own.toml", "the command reads it"),
        ("chip new --seed 1 -o c.npz", "wrong ending"),
        ("chip import cells.csv -o cells.npz", "the command reads it"),
        ("chip import cells.csv -o c.json", "wrong ending"),
        ("chip export --chip 1 -o no/c.csv", "its folder does not exist"),
        ("chip characterise rram130 --png no/p.png", "its folder does not exist"),
        ("train ecg -o no/m.onnx", "its folder does not exist"),
        ("train ecg -o x.npy --data .", "end it in .onnx"),
    ],
)
def test_what_cannot_be_written_is_said_before_the_work(
    words: str, said: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def begun(*_: object, **__: object) -> None:
        raise AssertionError("the work has begun")

    for where in ("api.compile", *(f"api.Deployment.{verb}" for verb in ("run", "emulate", "trim", "estimate"))):
        monkeypatch.setattr(f"edgebnn.{where}", begun)
    monkeypatch.setattr("edgebnn.frontend.inspect_model", begun)
    before = tree(home)
    there = sorted(home.rglob("*"))
    result = CliRunner().invoke(group, words.split())
    assert result.exit_code in (1, 2) and "Traceback" not in result.output, result.output
    assert re.search(said, " ".join(result.stderr.split())), result.stderr
    assert tree(home) == before and sorted(home.rglob("*")) == there


def test_a_default_folder_that_is_taken_is_said_before_the_work(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "model-rram130").mkdir()
    (home / "model-rram130" / "thesis.tex").write_text("mine")
    result = CliRunner().invoke(group, ["compile", "model.onnx"])
    assert result.exit_code == 1 and "holds no deployment" in result.stderr and "step" not in result.stderr


def test_outputs_go_where_links_lead_and_into_what_is_no_file(home: Path) -> None:
    (home / "scores.npy").symlink_to("real.npy")
    (home / "null.json").symlink_to("/dev/null")
    words = ["run", "out", "--input", "x.npy", "--output", "scores.npy", "--json", "null.json"]
    assert CliRunner().invoke(group, words).exit_code == 0
    assert (home / "scores.npy").is_symlink() and len(np.load(home / "real.npy")) == 5
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode) and (home / "null.json").is_symlink()
    os.mkfifo(home / "fifo")
    result = CliRunner().invoke(group, ["run", "out", "--input", "x.npy", "--output", "fifo"])
    assert result.exit_code == 1 and "no program reads from it" in result.stderr
    assert stat.S_ISFIFO((home / "fifo").lstat().st_mode)


def test_a_deployment_that_a_killed_process_left_half_done_is_found_again(home: Path) -> None:
    from edgebnn.mapping import swap

    fresh = home / (swap._prefix(home / "out") + "x")
    (home / "out").rename(fresh)
    fresh.with_name(fresh.name + "-old").mkdir()
    result = CliRunner().invoke(group, ["estimate", "out", "--json"])
    assert result.exit_code == 0 and json.loads(result.stdout)["target"] == "rram130"
