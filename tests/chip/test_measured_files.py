"""A lab's file: read alike from CSV and Parquet, or refused in one sentence that names the line."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import edgebnn.chip.measured.csv_file
import edgebnn.chip.measured.parquet_file
from edgebnn.chip.banks.geometry import cell_number
from edgebnn.chip.measured import files, parquet_worker
from edgebnn.chip.measured.cells import Measured
from edgebnn.chip.measured.files import read_measured
from edgebnn.errors import DataError
from tests.chip.measured_lists import RATES, RESISTANCES, as_csv, csv_file, parquet_file, random_resistances

ONE = "0,0,0,3000,250000"
SHA = "0" * 64


def refusal(path: Path) -> str:
    with pytest.raises(DataError) as caught:
        read_measured(path)
    sentence = str(caught.value)
    assert path.name in sentence and sentence.isprintable()
    return sentence


def test_resistances_are_read_in_the_order_of_their_cells(tmp_path: Path) -> None:
    text = f"{RESISTANCES}\n1,31,30,4e3,5e5\n0,2,1,3000,250000\n"
    measured, ignored, _ = read_measured(csv_file(tmp_path / "lab.csv", text))
    assert measured.cell.tolist() == cell_number([0, 1], [2, 31], [1, 30]).tolist() and ignored == ()
    assert measured.ln_resistance is not None and measured.error_rate is None
    expected = np.log(np.array([[3000.0, 250000.0], [4e3, 5e5]])).astype(np.float32)
    assert measured.ln_resistance.dtype == np.float32 and np.array_equal(measured.ln_resistance, expected)
    assert measured.name == "lab.csv" and len(measured.sha256) == 64 and measured.banks == 2


def test_a_cell_programmed_to_minus_one_has_its_low_resistance_on_blb(tmp_path: Path) -> None:
    text = f"{RESISTANCES},weight\n0,0,0,3000,250000,+1\n0,0,1,250000,3000,-1\n"
    measured = read_measured(csv_file(tmp_path / "lab.csv", text)).measured
    assert measured.ln_resistance is not None
    assert measured.weights.tolist() == [1, -1]
    assert np.array_equal(measured.ln_resistance[0], measured.ln_resistance[1, ::-1])
    assert np.array_equal(measured.pairs[0], measured.pairs[1]) and measured.pairs[0, 0] < measured.pairs[0, 1]


def test_error_rates_stay_as_they_are(tmp_path: Path) -> None:
    measured = read_measured(csv_file(tmp_path / "lab.csv", f"{RATES}\n0,0,1,1\n0,0,0,1e-7\n")).measured
    assert measured.error_rate is not None and measured.error_rate.tolist() == [[1e-7, 1e-7], [1.0, 1.0]]


def test_error_rates_of_both_weights_stay_apart(tmp_path: Path) -> None:
    text = "bank,row,column,error_rate_minus,error_rate_plus\n0,0,1,0.5,1\n0,0,0,0,1e-7\n"
    measured = read_measured(csv_file(tmp_path / "lab.csv", text)).measured
    assert measured.error_rate is not None and measured.error_rate.tolist() == [[1e-7, 0.0], [1.0, 0.5]]
    columns = {"bank": [0, 0], "row": [0, 0], "column": [1, 0]}
    path = parquet_file(
        tmp_path / "lab.parquet", columns | {"error_rate_plus": [1, 1e-7], "error_rate_minus": [0.5, 0]}
    )
    assert np.array_equal(read_measured(path).measured.error_rate, measured.error_rate)


@pytest.mark.parametrize(
    "text",
    [
        f"{RESISTANCES}\r\n{ONE}\r\n",
        f"\ufeff{RESISTANCES}\n{ONE}",
        f"# our lab\n\n{RESISTANCES}\n  \n#{ONE}\n{ONE}\n\n,,,,\n",
        " Bank , ROW,column,R_BL_Ohm ,r_blb_ohm\n 0, 0 ,0, 3000.0,2.5e5 \n",
        'bank,"row",column,r_bl_ohm,r_blb_ohm\n"0",0,0,"3000", "250000"\n',
        "r_blb_ohm,column,row,bank,r_bl_ohm\n250000,0,0,0,3000\n",
    ],
)
def test_what_spreadsheets_and_people_write_is_understood(tmp_path: Path, text: str) -> None:
    plain = read_measured(csv_file(tmp_path / "plain.csv", f"{RESISTANCES}\n{ONE}\n")).measured
    found = read_measured(csv_file(tmp_path / "lab.csv", text)).measured
    assert np.array_equal(found.cell, plain.cell) and np.array_equal(found.ln_resistance, plain.ln_resistance)


def test_other_columns_are_named_and_left_alone(tmp_path: Path) -> None:
    text = f'Die,{RATES},note,weight\nA1,0,0,0,0.5,"hot, ""dry""",x\n'
    assert read_measured(csv_file(tmp_path / "lab.csv", text)).ignored == ("Die", "note", "weight")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("# only a comment\n\n", "is empty"),
        (f"{RESISTANCES}\n", "a header and no cells; add a line for each"),
        (f"{ONE}\n", "line 1 holds numbers; the first line has to name the columns"),
        (f"# {RESISTANCES}\n{ONE}\n", "line 2 holds numbers; the first line has to name the columns, without a #"),
        ("bank;row;column;error_rate\n", "line 1 is separated by semicolons"),
        ("bank\trow\tcolumn\terror_rate\n", "line 1 is separated by tabs"),
        ("bank,row,r_bl_ohm,r_blb_ohm\n", "no column 'column' (it has: 'bank', 'row', 'r_bl_ohm', 'r_blb_ohm')"),
        ("bank,row,column,r_bl_ohm\n", "no column 'r_blb_ohm'"),
        ("bank,row,column\n", "no column 'r_bl_ohm'"),
        ("bank,row,column,bank,error_rate\n", "has the column 'bank' twice"),
        (f"{RESISTANCES},error_rate\n", "has both resistances and error_rate"),
        (f"{RESISTANCES},error_rate_plus\n", "has both resistances and error_rate_plus"),
        (f"{RATES},error_rate_plus\n", "has error_rate and rates of each weight"),
        ("bank,row,column,error_rate_plus\n", "no column 'error_rate_minus'"),
        ("bank,row,column,error_rate_plus,error_rate_minus\n0,0,0,0,2\n", "line 2: error_rate_minus is 2.0"),
        ("\x1b[2J,b\n", "no column 'bank' (it has: '\\x1b[2J', 'b')"),
        (f"{RESISTANCES}\n0,0,0,3000\n", "line 2 has 4 fields where the header has 5"),
        (f"{RESISTANCES}\n{ONE},\n", "line 2 has 6 fields"),
        (f"{RESISTANCES}\n0,0,0,3000,2,5e5\n", "line 2 has 6 fields"),
        (f"{RESISTANCES}\n# c\n\n0,0,0,abc,1\n", "line 4: r_bl_ohm is 'abc'; give 1 to 1e+15 ohm"),
        (f"{RESISTANCES}\n0,0,0,,1\n", "line 2: r_bl_ohm is empty"),
        (f"{RESISTANCES}\n0,0,0,nan,1\n", "line 2: r_bl_ohm is nan; give 1 to 1e+15 ohm, and leave out a cell"),
        (f"{RESISTANCES}\n0,0,0,inf,1\n", "line 2: r_bl_ohm is inf"),
        (f"{RESISTANCES}\n0,0,0,-3000,1\n", "line 2: r_bl_ohm is -3000.0"),
        (f"{RESISTANCES}\n0,0,0,1,0\n", "line 2: r_blb_ohm is 0.0"),
        (f"{RESISTANCES}\n0,0,0,1,2e15\n", "line 2: r_blb_ohm is 2000000000000000.0"),
        (f"{RESISTANCES}\n0,0,0,1_000,1\n", "line 2: r_bl_ohm is '1_000'"),
        (f"{RESISTANCES}\n0,0,0,\u0663,1\n", "line 2: r_bl_ohm is"),
        (f"{RESISTANCES}\n0,0,0,\x1b[31m,1\n", "line 2: r_bl_ohm is '\\x1b[31m'"),
        (f"{RESISTANCES}\n65536,0,0,1,1\n", "line 2: bank is 65536; banks are whole numbers from 0 to 65535"),
        (f"{RESISTANCES}\n-1,0,0,1,1\n", "line 2: bank is -1"),
        (f"{RESISTANCES}\n{2**80},0,0,1,1\n", "line 2: bank is '1208925819614629174706176'"),
        (f"{RESISTANCES}\n{'9' * 5000},0,0,1,1\n", "line 2: bank is '9999"),
        (f"{RESISTANCES}\n0.5,0,0,1,1\n", "line 2: bank is '0.5'; banks are whole numbers"),
        (f"{RESISTANCES}\n0,1024,0,1,1\n", "line 2: row is 1024; rows are whole numbers from 0 to 1023"),
        (f"{RESISTANCES}\n0,0,1024,1,1\n", "line 2: column is 1024; columns are"),
        (f"{RESISTANCES},weight\n{ONE},0\n", "line 2: weight is 0; give +1 or -1"),
        (f"{RESISTANCES},weight\n{ONE},2\n", "line 2: weight is 2"),
        (f"{RESISTANCES},reading\n{ONE},2\n", "line 2: reading is '2'; give +1, -1 or 0"),
        (f"{RESISTANCES},reading\n{ONE},+1/0\n", "line 2: reading is '+1/0'; give +1, -1 or 0"),
        (f"{RESISTANCES},reading\n{ONE},\n", "line 2: reading is empty; give +1"),
        (
            f"{RESISTANCES},reading\n{ONE},+1\n{ONE},1/1\n",
            "line 3 measures bank 0, row 0, column 0 again, after line 2",
        ),
        (f"{RESISTANCES},reading,weight\n", "has both weight and reading; leave out weight"),
        (f"{RESISTANCES},stuck_bl\n{ONE},low\n", "line 2: stuck_bl is 'low'; give lrs or hrs, and nothing"),
        (
            f"{RESISTANCES},reading,stuck_bl\n{ONE},1,lrs\n{ONE},-1,hrs\n",
            "bank 0, row 0, column 0 is stuck in one state here and in the other elsewhere",
        ),
        ("bank,row,column,stuck_bl,r_bl_ohm\n", "no column 'r_blb_ohm'"),
        (f"{RATES}\n0,0,0,1.5\n", "line 2: error_rate is 1.5; give a number from 0 to 1"),
        (f"{RATES}\n0,0,0,-0.1\n", "line 2: error_rate is -0.1"),
        (
            f"{RATES}\n0,0,0,0\n3,1,2,0\n0,0,1,0\n3,1,2,1\n",
            "line 5 measures bank 3, row 1, column 2 again, after line 3",
        ),
        (f'{RATES}\n0,0,0,"0\n', "is no sound CSV"),
        (f"{RATES}\r0,0,0,0\r", "line 1 has a lone CR"),
        (f"{RATES}\n0,0,0,0".encode("utf-16"), "line 1 is not UTF-8 text"),
        (f"{RATES},n\n0,0,0,0,".encode() + b"\xff\n", "line 2 is not UTF-8 text"),
        (b"\0" * 100, "no column 'bank'"),
        (f"{RATES}\n{' ' * 70000}0,0,0,0\n", "line 2 is longer than 65536 bytes"),
        (",".join(["bank"] * 2000), "line 1 names more than 1024 columns"),
    ],
)
def test_a_faulty_file_is_one_sentence_with_its_line(tmp_path: Path, text: str | bytes, said: str) -> None:
    assert said in refusal(csv_file(tmp_path / "lab.csv", text))


def test_parquet_and_csv_of_the_same_cells_are_the_same_measurement(tmp_path: Path) -> None:
    columns = random_resistances(3000)
    from_csv = read_measured(csv_file(tmp_path / "lab.csv", as_csv(columns))).measured
    renamed = {f" {name.upper()}": values for name, values in columns.items()} | {"note": ["x"] * 3000}
    path = parquet_file(tmp_path / "lab.bin", renamed, row_group_size=700, compression="zstd")
    from_parquet, ignored, _ = read_measured(path)
    assert ignored == ("note",)
    assert np.array_equal(from_csv.cell, from_parquet.cell)
    assert np.array_equal(from_csv.ln_resistance, from_parquet.ln_resistance)
    assert (from_csv.pairs[:, 0] < from_csv.pairs[:, 1]).mean() > 0.99


@pytest.mark.parametrize(("whole", "real"), [("int8", "float16"), ("uint16", "float32"), ("uint64", "int32")])
def test_parquet_numbers_of_any_width_do(tmp_path: Path, whole: str, real: str) -> None:
    columns = {name: np.array([1], whole) for name in ("bank", "row", "column")}
    columns |= {name: np.array([3000], real) for name in ("r_bl_ohm", "r_blb_ohm")}
    measured = read_measured(parquet_file(tmp_path / "lab.parquet", columns)).measured
    assert measured.cell.tolist() == [cell_number(1, 1, 1)] and measured.ln_resistance is not None
    assert measured.ln_resistance[0, 0] == np.float32(math.log(3000))


def with_place(**columns: object) -> dict[str, object]:
    return {"bank": [0, 0], "row": [0, 0], "column": [0, 1], **columns}


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        (with_place(), "no column 'r_bl_ohm'"),
        (with_place(error_rate=[0.0, None]), "record 2: error_rate is empty"),
        (with_place(error_rate=[0.0, math.nan]), "record 2: error_rate is nan"),
        (with_place(error_rate=["0", "1"]), "the column 'error_rate' holds 'string'; store numbers in it"),
        (with_place(error_rate=[[0.0], [1.0]]), "the column 'error_rate' holds 'list<"),
        (with_place(error_rate=[True, False]), "the column 'error_rate' holds 'bool'"),
        (with_place(error_rate=[0.0, 1.0], bank=[0.0, 1.0]), "the column 'bank' holds 'double'; store integers in it"),
        (with_place(error_rate=[0.0, 1.0], bank=np.array([0, 2**64 - 1], np.uint64)), "record 2: bank is 18446744"),
        (with_place(error_rate=[0.0, 1.0], column=[7, 7]), "record 2 measures bank 0, row 0, column 7 again"),
        (with_place(error_rate=[0.0, 1.0], r_bl_ohm=[1, 1]), "has both resistances and error_rate"),
        ({name: [] for name in RATES.split(",")}, "the column 'bank' holds 'null'"),
        ({name: np.zeros(0, np.int32) for name in RATES.split(",")}, "a header and no cells; add a record for each"),
    ],
)  # fmt: skip
def test_a_faulty_parquet_file_is_one_sentence(tmp_path: Path, columns: dict[str, object], said: str) -> None:
    assert said in refusal(parquet_file(tmp_path / "lab.parquet", columns))


def test_a_parquet_file_is_refused_by_what_it_claims(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A million equal records pack into a few hundred bytes; that they are a million is known before they are made."""
    columns = {name: np.zeros(10**6, np.int32) for name in RATES.split(",")}
    path = parquet_file(tmp_path / "lab.parquet", columns)
    assert path.stat().st_size < 10**5
    monkeypatch.setattr(parquet_worker, "_columns", None)  # nothing is read
    for name, limit, said in (
        ("MAX_CELLS", 10**5, "claims 1000000 cells; at most 100000 are read"),
        ("_MOST_COLUMN_BYTES", 10, "bytes, unpacked; at most 10 are read"),
    ):
        with monkeypatch.context() as patch, path.open("rb") as file:
            patch.setattr(parquet_worker, name, limit)
            with pytest.raises(DataError, match=said):
                parquet_worker.write_columns(file, "lab.parquet", tmp_path)


def test_what_ends_pyarrow_ends_no_more_than_its_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = parquet_file(tmp_path / "lab.parquet", {name: [0] for name in RATES.split(",")})
    monkeypatch.setattr(sys, "executable", "false")
    assert "pyarrow fails on it; write it again, or save as CSV" in refusal(path)
    slow = tmp_path / "slow"
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(slow))
    monkeypatch.setattr(edgebnn.chip.measured.parquet_file, "_MOST_SECONDS", 0.1)
    assert "takes longer than 0.1 s" in refusal(path)


def test_nothing_in_the_current_folder_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = parquet_file(tmp_path / "lab.parquet", {name: [0] for name in RATES.split(",")})
    for name in ("numpy", "pyarrow", "edgebnn", "msgspec"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('imported')")
    monkeypatch.chdir(tmp_path)
    assert len(read_measured(path).measured.cell) == 1


def test_a_parquet_footer_of_a_gigabyte_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "lab.parquet"
    path.write_bytes(b"PAR1" + bytes(64) + (2**30).to_bytes(4, "little") + b"PAR1")
    assert "without its end" in refusal(path)
    with path.open("wb") as file:  # sparse
        file.write(b"PAR1")
        file.seek(2**25)
        file.write((2**25 - 8).to_bytes(4, "little") + b"PAR1")
    assert "has a footer of 33554424 bytes" in refusal(path)


def test_files_that_are_too_large_are_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "lab.csv"
    with path.open("wb") as file:
        file.truncate(2**31)
    assert "more than the 1073741824 that are read" in refusal(path)
    monkeypatch.setattr(files, "MAX_CELLS", 3)
    monkeypatch.setattr(edgebnn.chip.measured.csv_file, "_BLOCK", 2)
    text = "\n".join([RATES, *(f"0,0,{i},0" for i in range(5))])
    assert "has more than 3 cells" in refusal(csv_file(tmp_path / "five.csv", text))


def test_what_is_no_file_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    assert "is a FIFO, and only a file is read" in refusal(tmp_path / "pipe.csv")
    assert "No such file" in refusal(tmp_path / "missing.csv")
    assert "is a folder" in refusal(tmp_path)


def test_a_hostile_name_of_a_file_is_kept_printable(tmp_path: Path) -> None:
    measured = read_measured(csv_file(tmp_path / "a\x1b[2J\n.csv", f"{RATES}\n0,0,0,0\n")).measured
    assert measured.name == "a?[2J .csv"


def test_without_pyarrow_the_way_on_is_said(tmp_path: Path) -> None:
    path = parquet_file(tmp_path / "lab.parquet", {name: [0] for name in RATES.split(",")})
    code = (
        "import sys; sys.modules['pyarrow'] = None\n"
        "from pathlib import Path; from edgebnn.chip.measured.files import *; from edgebnn.errors import ToolError\n"
        "try: read_measured(Path(sys.argv[1]))\nexcept ToolError as error: print(error)"
    )
    said = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True).stdout
    assert "pip install 'edgebnn[lab]'" in said


@given(st.binary(max_size=300))
def test_any_bytes_are_a_measurement_or_one_sentence(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "lab.csv"
    for start in (b"", b"PAR1", f"{RATES}\n".encode(), f"{RESISTANCES},weight\n0,0,0,".encode()):
        path.write_bytes(start + data)
        try:
            read_measured(path)
        except DataError as error:
            assert "lab.csv" in str(error) and str(error).isprintable()


@given(st.lists(st.tuples(st.integers(-2, 70000), st.integers(-1, 33), st.text(max_size=6)), max_size=8))
def test_any_records_are_a_measurement_or_one_sentence(
    tmp_path_factory: pytest.TempPathFactory, records: list[tuple[int, int, str]]
) -> None:
    lines = [RATES, *(f"{bank},{row},0,{text}" for bank, row, text in records)]
    path = csv_file(tmp_path_factory.mktemp("fuzz") / "lab.csv", "\n".join(lines).encode("utf-8", "replace"))
    try:
        assert isinstance(read_measured(path).measured, Measured)
    except DataError as error:
        assert "lab.csv" in str(error)


def test_a_damaged_parquet_file_is_a_measurement_or_one_sentence(tmp_path: Path) -> None:
    path = parquet_file(tmp_path / "lab.parquet", random_resistances(200))
    whole, draw = path.read_bytes(), np.random.default_rng(5)
    for _ in range(8):  # each in a process of its own
        damaged = bytearray(whole)
        for _ in range(3):
            damaged[int(draw.integers(4, len(whole)))] = int(draw.integers(256))
        path.write_bytes(damaged)
        try:
            read_measured(path)
        except DataError as error:
            assert "lab.parquet" in str(error)


@pytest.mark.parametrize(
    "fields",
    [
        {"cell": np.array([], np.int64), "error_rate": np.array([])},
        {"cell": np.array([1, 1]), "error_rate": np.zeros((2, 2))},
        {"cell": np.array([2, 1]), "error_rate": np.zeros((2, 2))},
        {"cell": np.array([-1]), "error_rate": np.zeros((1, 2))},
        {"cell": np.array([1 << 36]), "error_rate": np.zeros((1, 2))},
        {"cell": np.array([1], np.int32), "error_rate": np.zeros((1, 2))},
        {"cell": np.array([[1]]), "error_rate": np.zeros((1, 2))},
        {"cell": np.array([1])},
        {"cell": np.array([1]), "error_rate": np.zeros((1, 2)), "ln_resistance": np.ones((1, 2), np.float32)},
        {"cell": np.array([1]), "error_rate": np.full((1, 2), math.nan)},
        {"cell": np.array([1]), "error_rate": np.zeros(2)},
        {"cell": np.array([1]), "error_rate": np.zeros((1, 2), np.float32)},
        {"cell": np.array([1]), "ln_resistance": np.full((1, 2), 40, np.float32)},
        {"cell": np.array([1]), "ln_resistance": np.ones((1, 2))},
        {"cell": np.array([1]), "ln_resistance": np.ones((1, 3), np.float32)},
        {"cell": np.array([1]), "error_rate": np.zeros((1, 2)), "name": "\x1b"},
        {"cell": np.array([1]), "error_rate": np.zeros((1, 2)), "sha256": "0"},
    ],
)
def test_arrays_that_are_no_measurement_are_refused(fields: dict[str, object]) -> None:
    complete = {"error_rate": None, "ln_resistance": None, "name": "lab.csv", "sha256": SHA, **fields}
    with pytest.raises(DataError):
        Measured(**complete)  # type: ignore[arg-type]
