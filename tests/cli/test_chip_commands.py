"""`edgebnn chip new`, `import` and `compare`, and the options that describe a chip."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

import edgebnn
from edgebnn.chip.device.conditions import KELVIN, Conditions
from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.chip.instance.error_model import ErrorKinds, ErrorModel
from edgebnn.chip.target_files.loading import read_target_file
from edgebnn.cli.main import group
from edgebnn.models import ECG_PVC
from tests.chip.measured_lists import RATES, RESISTANCES, as_csv, csv_file, parquet_file, random_resistances


def chip(*words: object) -> Result:
    return CliRunner().invoke(group, ["chip", *map(str, words)], env={"COLUMNS": "80"})


def document(*words: object) -> dict[str, Any]:
    result = chip(*words, "--json")
    assert result.exit_code == 0, result.output
    parsed: dict[str, Any] = json.loads(result.stdout)
    return parsed


def refused(code: int, *words: object) -> str:
    result = chip(*words)
    assert result.exit_code == code, result.output
    assert result.stdout == "" and "Traceback" not in result.output
    return " ".join(result.stderr.split())


def table(*words: object) -> str:
    """What a person sees, in no more than 80 columns."""
    result = chip(*words)
    assert result.exit_code == 0, result.output
    assert max(map(len, result.stdout.splitlines())) <= 80
    return result.stdout


def test_a_new_chip_is_the_chip_of_its_options(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    options = "--errors device --kinds programming --policy low-energy --cycles 100 --attempts 3 --vdd 0.9"
    words = ("new", "--seed", 9, *options.split(), "--temperature", -5, "--retention-days", 2, "-o", path)
    found = document(*words)
    made = ChipInstance.load(path)
    assert (made.seed, made.errors, made.kinds, made.policy, made.attempts) == (
        9,
        "device",
        "programming",
        "low-energy",
        3,
    )
    conditions = made.conditions
    assert (conditions.cycles, conditions.supply_v, conditions.retention_s) == (100, 0.9, 172800)
    assert conditions.temperature_k == KELVIN - 5
    assert found["file"] == str(path) and found["target"] == "rram130"
    assert found["chip"]["temperature_c"] == -5 and found["chip"]["bit_error_rate_evidence"] == "assumed"
    low, high = found["sample"]["interval"]
    assert found["sample"]["synapses"] == 64 * 1024 and low <= found["sample"]["share"] <= high
    assert "-5 C" in table(*words)


def test_a_chip_without_options_takes_the_deployments_policy(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    shown = table("new", "--seed", 2**63 - 1, "-o", path)
    assert "the deployment's (figures below: strong)" in shown and "9223372036854775807" in shown
    assert ChipInstance.load(path) == ChipInstance(2**63 - 1)


def test_a_given_rate_is_found_in_the_sample(tmp_path: Path) -> None:
    found = document("new", "--seed", 1, "--ber", 0.02, "--read-error-rate", 0.001, "-o", tmp_path / "a.json")
    low, high = found["sample"]["interval"]
    assert low < 0.02 < high and found["chip"]["bit_error_rate_evidence"] == "given"
    made = ChipInstance.load(tmp_path / "a.json")
    assert (made.errors, made.kinds) == (ErrorModel.BER, ErrorKinds.BOTH) and made.read_error_rate == 0.001


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("", "Missing option '--seed'"),
        ("--seed -1", "--seed"),
        (f"--seed {2**63}", "--seed"),
        ("--seed 1 --errors luck", "'luck' is not one of"),
        ("--seed 1 --errors device --ber 0.1", "the rates of device follow from policy and conditions"),
        ("--seed 1 --errors neighbour --kinds programming", "anew in every inference: leave out --kinds"),
        ("--seed 1 --errors neighbour --read-error-rate 0.1", "anew in every inference: leave out"),
        ("--seed 1 --kinds programming --read-error-rate 0.1", "does nothing with --kinds programming"),
        ("--seed 1 --attempts 2", "--attempts goes with --errors device"),
        ("--seed 1 --cycles -1", "--cycles"),
    ],
)
def test_options_that_would_do_nothing_are_wrong_usage(tmp_path: Path, words: str, said: str) -> None:
    assert said in refused(2, "new", *words.split(), "-o", tmp_path / "a.json")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--policy weak", "no programming policy 'weak'; it has: strong"),
        ("--vdd 0.1", "not at 0.1 V"),
        ("--vdd nan", "supply voltage nan"),
        ("--temperature 200", "200 C is out of range"),
        ("--temperature -300", "temperature"),
        ("--cycles 2000000", "devices programmed under 'strong' endure 1e+06"),
        (f"--cycles {10**30}", "out of range"),
        ("--retention-days -1", "since programming are out of range"),
        ("--ber 1.5", "bit error rate 1.5"),
        ("--ber nan", "bit error rate nan"),
        ("--target host", "'host' has no RRAM"),
        ("--target cortex-m4", "'cortex-m4' has no RRAM"),
        ("--errors device --attempts 101", "use 1 to 100"),
    ],
)
def test_what_the_target_does_not_cover_is_refused(tmp_path: Path, words: str, said: str) -> None:
    assert said in refused(1, "new", "--seed", 1, *words.split(), "-o", tmp_path / "a.json")
    assert not list(tmp_path.iterdir())


def test_resistances_become_a_device_chip(tmp_path: Path) -> None:
    columns = random_resistances(2000)
    lab = csv_file(tmp_path / "lab.csv", as_csv({**columns, "note": columns["bank"]}))
    found = document("import", lab, "--seed", 4, "--policy", "nominal", "-o", tmp_path / "c.npz")
    measurement = found["measurement"]
    assert (measurement["cells"], measurement["banks"], measurement["evidence"]) == (2000, 4, "measured")
    assert measurement["lrs_ohm"] == sorted(measurement["lrs_ohm"]) and measurement["lrs_ohm"][1] == pytest.approx(
        8100, rel=0.1
    )
    assert measurement["hrs_ohm"][1] == pytest.approx(163000, rel=0.1) and measurement["wrong_share"] < 0.01
    assert found["ignored_columns"] == ["note"]
    (mirrored,) = found["notes"]
    assert mirrored.startswith("measured with one weight alone: 2,000 of 2,000 cells;")
    made = ChipInstance.load(tmp_path / "c.npz")
    assert (made.seed, made.errors, made.policy) == (4, "device", "nominal") and made.measured is not None
    shown = table("import", lab, "-o", tmp_path / "d.npz")
    assert "2,000 in 4 banks" in shown and "measured" in shown and "note" in shown


def test_error_rates_become_a_table_chip(tmp_path: Path) -> None:
    lab = csv_file(tmp_path / "lab.csv", "\n".join([RATES, *(f"0,{i},3,{i / 31}" for i in range(32))]))
    found = document("import", lab, "--ber", 0.01, "-o", tmp_path / "c.npz")
    assert found["chip"]["errors"] == "table" and found["chip"]["bit_error_rate"] == 0.01
    assert found["measurement"]["mean_error_rate"] == pytest.approx(0.5)
    assert "error rate, mean" in table("import", lab, "-o", tmp_path / "c.npz")


def test_parquet_and_csv_become_chips_that_differ_in_the_files_alone(tmp_path: Path) -> None:
    columns = random_resistances(500)
    document("import", csv_file(tmp_path / "lab.csv", as_csv(columns)), "-o", tmp_path / "a.npz")
    document("import", parquet_file(tmp_path / "lab.parquet", columns), "-o", tmp_path / "b.npz")
    found = document("compare", tmp_path / "a.npz", tmp_path / "b.npz")
    assert list(found["differences"]) == ["measured"] and found["same_seed"]
    assert all(pattern["differ"] == 0 for pattern in found["patterns"])


def test_a_lab_that_has_it_the_other_way_round_is_told_so(tmp_path: Path) -> None:
    lab = csv_file(tmp_path / "lab.csv", f"{RESISTANCES}\n0,0,0,250000,3000\n")
    note, _ = document("import", lab, "-o", tmp_path / "c.npz")["notes"]
    assert "exchange r_bl_ohm and r_blb_ohm" in note


def test_an_import_that_cannot_be_is_refused(tmp_path: Path) -> None:
    lab = csv_file(tmp_path / "lab.csv", f"{RATES}\n4096,0,0,0.5\n")
    output = ("-o", tmp_path / "c.npz")
    assert "bank 4096, row 0, column 0, but target 'rram130' has 4096 banks" in refused(1, "import", lab, *output)
    csv_file(lab, f"{RATES}\n0,0,0,0.5\n0,0,1,x\n")
    assert "lab.csv', line 3: error_rate is 'x'" in refused(1, "import", lab, *output)
    csv_file(lab, f"{RATES}\n0,0,0,0.5\n")
    assert "goes with --errors table, not device" in refused(2, "import", lab, "--errors", "device", *output)
    assert "end it in .npz" in refused(1, "import", lab, "-o", tmp_path / "c.json")
    csv_file(lab, f"{RESISTANCES}\n0,0,0,3000,250000\n")
    assert "--ber goes with" in refused(2, "import", lab, "--ber", 0.1, *output)
    assert [path.name for path in tmp_path.iterdir()] == ["lab.csv"]


def test_nothing_of_a_file_moves_the_cursor(tmp_path: Path) -> None:
    lab = csv_file(tmp_path / "a\x1b[2J.csv", f"{RATES},\x1b[31m,[bold]\n0,0,0,0.5,,\n")
    shown = table("import", lab, "-o", tmp_path / "c\x1b[1m.npz")
    assert "\x1b" not in shown and "[bold]" in shown


def test_chips_are_compared(tmp_path: Path) -> None:
    for seed in (1, 2):
        words = ("new", "--seed", seed, "--errors", "device", "--policy", "ultra-low-energy")
        document(*words, "-o", tmp_path / f"{seed}.json")
    pair = (tmp_path / "1.json", tmp_path / "2.json")
    found = document("compare", *pair)
    assert not found["same_seed"] and found["differences"] == {"seed": [1, 2]}
    assert [chip["seed"] for chip in found["chips"]] == [1, 2]
    assert found["patterns"][0]["differ"] > 0 and abs(found["patterns"][0]["correlation"]) < 0.05
    shown = table("compare", *pair)
    assert "wrong on A" in shown and "seed" in shown
    assert "They are the same chip." in table("compare", pair[0], pair[0])


def test_a_comparison_that_cannot_be_is_refused(tmp_path: Path) -> None:
    old = csv_file(tmp_path / "old.json", '{"schema": 1, "seed": 5, "bit_error_rate": 0.1}')
    assert "of an older edgebnn" in refused(1, "compare", old, old)
    ChipInstance(1, policy="weak").save(tmp_path / "weak.json")
    assert "no programming policy 'weak'" in refused(1, "compare", tmp_path / "weak.json", tmp_path / "weak.json")
    assert "does not exist" in refused(2, "compare", old, tmp_path / "none.json")


def test_chips_of_another_target_are_not_compared(tmp_path: Path) -> None:
    text, _ = read_target_file("rram130")
    ours = csv_file(tmp_path / "ours.toml", text.replace('name = "rram130"', 'name = "ours"'))
    document("new", "--seed", 1, "-o", tmp_path / "a.json")
    document("new", "--seed", 1, "--target", ours, "-o", tmp_path / "b.json")
    said = refused(1, "compare", tmp_path / "a.json", tmp_path / "b.json")
    assert "b.json': the chip was made for target 'ours' (sha256 " in said and "target 'rram130' here" in said
    assert "made for target 'rram130'" in refused(1, "compare", *[tmp_path / "a.json"] * 2, "--target", ours)


def run(folder: Path, *words: object) -> Result:
    return CliRunner().invoke(group, ["run", str(folder), "--input", str(folder / "x.npy"), *map(str, words)])


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "out"
    edgebnn.compile(ECG_PVC, policy="low-energy").save(folder)
    x = np.random.default_rng(0).integers(-128, 128, size=(8, 4, 120)).astype(np.int8)
    np.save(folder / "x.npy", x)
    return folder


def test_run_takes_the_options_of_a_new_chip_and_its_file(deployment: Path, tmp_path: Path) -> None:
    options = ("--errors", "device", "--kinds", "programming", "--cycles", 1000, "--temperature", 60)
    assert (
        run(
            deployment, "--chip", 3, *options, "--save-chip", tmp_path / "a.json", "--output", tmp_path / "a.npy"
        ).exit_code
        == 0
    )
    document("new", "--seed", 3, *options, "-o", tmp_path / "b.json")
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    again = run(deployment, "--chip", tmp_path / "b.json", "--output", tmp_path / "b.npy", "--json")
    assert again.exit_code == 0, again.output
    assert np.array_equal(np.load(tmp_path / "a.npy"), np.load(tmp_path / "b.npy"))
    found = json.loads(again.stdout)["chip"]
    assert (found["seed"], found["errors"], found["policy"], found["own_policy"]) == (3, "device", "low-energy", False)


def test_run_takes_a_measured_chip(deployment: Path, tmp_path: Path) -> None:
    """A lab whose cells are all the wrong way round turns every weight, and the scores with them."""
    columns = random_resistances(38 * 1024, banks=38)
    columns["weight"] = -columns["weight"]
    document("import", csv_file(tmp_path / "lab.csv", as_csv(columns)), "-o", tmp_path / "c.npz")
    result = run(deployment, "--chip", tmp_path / "c.npz", "--output", tmp_path / "c.npy")
    assert result.exit_code == 0, result.output
    assert run(deployment, "--output", tmp_path / "none.npy").exit_code == 0
    assert not np.array_equal(np.load(tmp_path / "c.npy"), np.load(tmp_path / "none.npy"))


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("--errors device", 2, "--errors goes with --chip SEED"),
        ("--vdd 0.9 --cycles 3", 2, "--cycles goes with --chip SEED"),
        ("--chip {chip} --vdd 0.9", 2, "brings its own errors, policy and conditions; leave out --vdd"),
        ("--chip 1 --vdd 0.1", 1, "not at 0.1 V"),
        ("--chip 1 --errors device --ber 0.1", 2, "the rates of device follow from policy and conditions"),
        ("--chip {chip}", 1, "devices programmed under 'strong' endure 1e+06"),
    ],
)
def test_run_refuses_what_is_no_chip(deployment: Path, tmp_path: Path, words: str, code: int, said: str) -> None:
    ChipInstance(1, policy="strong", conditions=Conditions(cycles=10**7)).save(tmp_path / "chip.json")
    result = run(deployment, *words.format(chip=tmp_path / "chip.json").split())
    assert result.exit_code == code, result.output
    assert said in " ".join(result.stderr.split())


def test_what_is_counted_is_said(tmp_path: Path) -> None:
    """What has aged is not called `after programming`, and what comes anew with each inference not none."""
    neighbour = ("new", "--seed", 3, "--errors", "neighbour", "--ber", 0.04, "-o", tmp_path / "a.json")
    sample = document(*neighbour)["sample"]
    assert sample["count"] == 0 and sample["misread_share"] == pytest.approx(0.04)
    text = " ".join(table(*neighbour).split())
    assert "wrong, once programmed 0 of 65,536 synapses" in text and "wrong in one read 0.04 of the +1" in text
    aged = table(*("new", "--seed", 3, "--errors", "device", "--policy", "ultra-low-energy", "--attempts", 5),
                 *("--retention-days", 3650, "-o", tmp_path / "b.json"))  # fmt: skip
    assert (
        "wrong, after 3650 days" in " ".join(aged.split())
        and "programmed 0" not in aged
        and "read with the input +1" in aged
    )
