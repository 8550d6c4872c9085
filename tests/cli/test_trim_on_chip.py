"""Deployments whose chips trim themselves, from the command line to every command's figures."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import edgebnn as package
from edgebnn.errors import DataError, TargetError
from edgebnn.models import ECG_PVC
from tests.cli.test_commands import document, edgebnn, refused

pytest.importorskip("unicorn")
pytest.importorskip("ziglang")

TENSOR = package.inspect(ECG_PVC).network.inputs[0]  # type: ignore[union-attr]


def samples(seed: int, count: int = 8) -> np.ndarray:
    """Beats of a kind: steps of a random walk within the input's range."""
    rng = np.random.default_rng(seed)
    walk = np.cumsum(rng.normal(0, 30, (count, *TENSOR.model_shape)), axis=-1)
    return np.clip(np.rint(walk), TENSOR.tensor.low, TENSOR.tensor.high).astype(TENSOR.tensor.dtype)


@pytest.fixture(scope="module")
def calibration(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("samples") / "beats.npz"
    np.savez(path, x=samples(1), y=np.zeros(8, np.int64))
    return path


@pytest.fixture(scope="module")
def folder(calibration: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("trim") / "out"
    words = ("--policy", "ultra-low-energy", "--trim", "on-chip-always", "--calibration", calibration)
    found = document("compile", ECG_PVC, *words, "-o", path)
    assert found["trim"] == "on-chip" and found["provisioning"] == "once"
    return path


def test_python_makes_the_same_deployment(folder: Path) -> None:
    deployment = package.compile(ECG_PVC, policy="ultra-low-energy", trim="on-chip-always", calibration=samples(1))
    loaded = package.load(folder)
    assert deployment.files == loaded.files and deployment.mapped.plan == loaded.mapped.plan
    assert " --trim on-chip-always" in loaded.mapped.provenance.options


def test_every_chip_trims_itself_in_every_executor(folder: Path, calibration: Path) -> None:
    words = ("--data", calibration, "--chips", "2", "--errors", "table", "--firmware-samples", "8")
    found = document("emulate", folder, *words)
    assert found["trim"] == "on-chip" and found["executors_agree"] is True
    assert {"fast-firmware", "fast-firmware with errors"} <= found["agreement"].keys()
    trimmed, plain = package.load(folder), package.compile(ECG_PVC, policy="ultra-low-energy")
    x = samples(3, 40)
    assert np.array_equal(trimmed.run(x), plain.run(x))  # there is nothing to trim
    assert not np.array_equal(trimmed.run(x, chip=7, integers=True), plain.run(x, chip=7, integers=True))


def test_an_estimate_has_what_trimming_takes(folder: Path) -> None:
    found = document("estimate", folder)
    assert found["trim_energy_uj"] > found["boot_energy_uj"] > 0 and found["trim_time_us"] > 0
    assert found["trim_bytes"] == 4 * package.load(folder).mapped.plan.trim.words  # type: ignore[union-attr]
    assert sum(found["trim_evidence"].values()) == pytest.approx(1)
    assert found["provisioning_energy_uj"] > found["trim_energy_uj"]
    again = document("estimate", folder, "--reprogrammings-per-day", 1, "--days", 10, "--inferences-per-day", 0)
    cpu = {part["part"]: part["energy_j"] for part in again["deployment"]["energy_parts"]}
    assert sum(energy for name, energy in cpu.items() if name.startswith("program_")) * 1e6 == pytest.approx(
        11 * found["provisioning_energy_uj"],
        rel=0.02,  # but for what leaks away meanwhile
    )
    assert "of it trimming the chip" in edgebnn("estimate", folder).stdout


def test_the_header_tells_of_the_trim(folder: Path) -> None:
    header = (folder / "firmware/include/model.h").read_text()
    for text in (
        "int32_t model_init(int32_t *trim);",
        "int32_t model_program(int32_t *trim);",
        "int32_t model_trim(int32_t *trim);",
        "int32_t model_infer(const void *input, int32_t *scores, void *work, const int32_t *trim);",
    ):
        assert text in header
    words = re.search(r"#define MODEL_TRIM_WORDS (\d+)", header)
    assert words is not None
    # The buffer is the caller's, like all others: the library itself has no memory that changes.
    plain = package.compile(ECG_PVC, policy="ultra-low-energy")
    assert package.load(folder).memory.sram_bytes - plain.memory.sram_bytes == pytest.approx(4 * int(words[1]), abs=16)
    assert "trim" not in plain.files["firmware/include/model.h"].decode()


def test_what_it_cannot_be_is_said(folder: Path, calibration: Path, tmp_path: Path) -> None:
    assert "calibration samples" in refused("compile", ECG_PVC, "--trim", "on-chip", "-o", tmp_path / "a")
    words = ("--trim", "on-chip-always", "--calibration", calibration)
    for more, text in (
        (("--target", "cortex-m4"), "has no RRAM, so there is nothing to trim"),
        (("--provisioning", "separate"), "use --provisioning once"),
    ):
        assert text in refused("compile", ECG_PVC, *words, *more, "-o", tmp_path / "b")
    assert not (tmp_path / "b").exists()
    assert "each chip trims this deployment itself" in refused(
        "trim", folder, "--chip", "1", "--calibration", calibration, "-o", tmp_path / "c"
    )
    with pytest.raises(TargetError, match="there is no trimming 'off-chip'"):
        package.compile(ECG_PVC, trim="off-chip", calibration=samples(1))


@pytest.mark.parametrize(
    "bad",
    [
        samples(1)[:0],
        samples(1)[..., :-1],
        np.full((2, *TENSOR.model_shape), np.nan),
        np.full((2, *TENSOR.model_shape), np.inf),
        samples(1).astype(np.int64) + 10**9,
        np.array(["beat"]),
    ],
    ids=["none", "shape", "nan", "infinite", "range", "text"],
)
def test_hostile_calibration_is_refused(bad: np.ndarray) -> None:
    with pytest.raises(DataError):
        package.compile(ECG_PVC, trim="on-chip", calibration=bad)


def test_chips_that_gain_nothing_do_not_trim_themselves(calibration: Path, tmp_path: Path) -> None:
    """Eight samples of chance show no gain: what is written is the deployment without trimming, and says why."""
    words = ("--policy", "ultra-low-energy", "--trim", "on-chip", "--calibration", calibration)
    found = document("compile", ECG_PVC, *words, "-o", tmp_path / "out")
    tried = found["trim_tried"]
    assert found["trim"] is None and tried["trimmed"] is False and tried["chips"] == 20 and tried["samples"] == 4
    for told in (found, document("estimate", tmp_path / "out")):
        assert any(note.startswith("chips do not trim themselves") for note in told["notes"])
    loaded, plain = package.load(tmp_path / "out"), package.compile(ECG_PVC, policy="ultra-low-energy")
    assert loaded.files["weights.bin"] == plain.files["weights.bin"] and loaded.mapped.plan == plain.mapped.plan


def test_it_goes_with_placement_and_verification(calibration: Path) -> None:
    deployment = package.compile(
        ECG_PVC, policy="ultra-low-energy", placement="ber-aware", chip=3, readings=1, verify_share=0.1,
        trim="on-chip-always", calibration=samples(1),
    )  # fmt: skip
    chip = deployment.chip(3, errors="device", attempts=2)
    x = samples(4, 6)
    answers = [deployment.run(x, on, chip) for on in ("reference", "fast", "firmware")]
    assert np.array_equal(answers[0], answers[1]) and np.array_equal(answers[0], answers[2])
