"""The faults that `make mutants` puts into the source."""

from __future__ import annotations

import ast
import ctypes
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from build_native import CompilerError
from tests.mutants import c_faults, python_faults
from tests.mutants.__main__ import in_turns
from tests.mutants.c_tests import speaking_of
from tests.mutants.likely import likely_files
from tests.mutants.mutant import Mutant
from tests.mutants.objects import Objects
from tests.mutants.score import HouseScore, record_lines
from tests.mutants.survey import Survey
from tests.mutants.trial import SECONDS, Outcome, Verdict, chosen_tests

ROOT = Path(__file__).resolve().parents[2]

PYTHON = '''
LIMIT: int = 3

def wrong(a: int, b: list[int]) -> bool:
    """Not 1 + 1."""
    if a < LIMIT and not b:
        raise ValueError(f"{a + 1} is bad")
    assert list(zip(b, b, strict=True))
    pairs = zip(b, b, strict=True)
    return min(a, -b[0]) == "é" + str(2 * a)
'''

SHARES = ("few", 3), ("many", 6)

C = """
#define ONE 1 + 1
static int wrong(const char *const text, int a)
{
    /* 1 + 1 */
    return a << 2 == 3 && text[0] != "1 + 1"[a + 1];
}
"""


def changed(source: str, faults: list[Mutant]) -> set[tuple[str, str]]:
    return {(" ".join(source[each.begin : each.end].split()), each.after) for each in faults}


def test_each_python_fault_is_another_program() -> None:
    faults = python_faults.faults_of("wrong.py", PYTHON)
    assert changed(PYTHON, faults) == {
        ("3", "(4)"),
        ("a < LIMIT and not b", "(a < LIMIT or not b)"),
        ("a < LIMIT", "(a <= LIMIT)"),
        ("not b", "(b)"),
        ('raise ValueError(f"{a + 1} is bad")', "pass"),
        ('min(a, -b[0]) == "é" + str(2 * a)', "(min(a, -b[0]) != 'é' + str(2 * a))"),
        ("min(a, -b[0])", "(max(a, -b[0]))"),
        ("-b[0]", "(b[0])"),
        ("0", "(1)"),
        ("2 * a", "(2 + a)"),
        ("2", "(3)"),
    }
    programs = {ast.unparse(ast.parse(fault.applied(PYTHON))) for fault in faults}
    assert len(programs) == len(faults) and ast.unparse(ast.parse(PYTHON)) not in programs


def test_each_c_fault_changes_one_token_of_a_function() -> None:
    faults = c_faults.faults_of("wrong.c", C)
    assert changed(C, faults) == {
        ("<<", ">>"), ("2", "0x3"), ("==", "!="), ("3", "0x4"), ("&&", "||"), ("0", "0x1"), ("!=", "=="), ("+", "-"),
        ("1", "0x2"),
    }  # fmt: skip


@pytest.mark.parametrize("path", ["edgebnn/mapping/tiling.py", "edgebnn/frontend/layers/summation_error.py"])
def test_faults_of_real_sources_are_programs(path: str) -> None:
    source = (ROOT / path).read_text()
    faults = python_faults.faults_of(path, source)
    assert len(faults) > 20
    for fault in faults:
        compile(fault.applied(source), path, "exec")


def test_tests_are_those_that_reach_the_line_within_the_time() -> None:
    seconds = {"quick": 1.0, "slow": SECONDS, "middle": SECONDS / 2, "elsewhere": 1.0}
    survey = Survey(seconds, {"a.py": {3: ["slow", "quick", "middle"], 9: ["elsewhere"]}})
    here = Mutant("a.py", 0, 1, "a", "b", (3,), "f")
    assert chosen_tests(here, survey, 0) == ["quick", "middle"]
    assert set(chosen_tests(Mutant("a.py", 0, 1, "a", "b", (7,), ""), survey, 0)) >= {"quick", "elsewhere"}
    assert chosen_tests(Mutant("unknown.py", 0, 1, "a", "b", (3,), "f"), survey, 0) == []
    assert chosen_tests(Mutant("a.c", 0, 1, "a", "b", (3,), "f"), survey, 0) == ["elsewhere", "quick", "middle"]


def test_the_nearest_files_of_tests_come_first() -> None:
    files = likely_files(Mutant("edgebnn/mapping/planner.py", 0, 1, "a", "b", (3,), "f"), ["tests/mapping"])
    assert files[0] == "tests/mapping/test_planner.py" and len(set(files)) == len(files) > 3
    survey = Survey({"tests/test_a.py::quick": 1.0, "tests/test_near.py::slow": 9.0}, {})
    chosen = chosen_tests(Mutant("near.c", 0, 1, "a", "b", (3,), "f"), survey, 0)
    assert chosen == ["tests/test_near.py::slow", "tests/test_a.py::quick"]


def test_tests_that_quote_a_refusal_come_before_those_of_its_name() -> None:
    line = '[raise Refusal(f"names node \'{name}\' twice over", "again")]'
    fault = Mutant("edgebnn/mapping/planner.py", 0, 1, line, "pass", (3,), "f")
    assert likely_files(fault, ["tests/project", "tests/mapping"])[0] == "tests/project/test_mutants.py"


def test_tests_speak_of_every_c_file_and_are_there() -> None:
    for source in (ROOT / "runtime").glob("*/*.c"):
        named = speaking_of(str(source.relative_to(ROOT)))
        assert named, source
        for test in named:
            file, _, name = test.partition("::")
            assert f"def {name}" in (ROOT / file).read_text(), test


def test_a_run_that_is_cut_short_has_tried_the_same_share_of_each_house() -> None:
    few, many = ([Mutant(house, place, 1, "a", "b", (1,), "f") for place in range(count)] for house, count in SHARES)
    order = [house for house, _ in in_turns({"few": few, "many": many})]
    assert [order[:part].count("few") for part in (3, 6, 9)] == [1, 2, 3] and len(order) == 9


def test_lines_of_a_file_that_changed_since_the_survey_say_nothing() -> None:
    reached = {"a.py": {3: ["one"], 9: ["other"]}}
    assert Survey({}, reached).tests_at("a.py", (3,)) == ["one"]
    assert Survey({}, reached, frozenset({"a.py"})).tests_at("a.py", (3,)) == ["one", "other"]


TESTS = """
def test_passes(): pass
def test_fails(): assert False
def test_hangs():
    while True: pass
"""


def test_a_run_says_which_test_failed_and_what_hung(tmp_path: Path) -> None:
    (tmp_path / "test_them.py").write_text(TESTS)
    tests = [["test_them.py::test_passes"], ["test_them.py::test_passes", "test_them.py::test_fails"]]
    tests += [["test_them.py::test_hangs"], ["test_them.py::test_fails", "test_them.py::test_passes"]]
    code = (
        "import dataclasses, json, sys\nfrom tests.mutants.warm import Order, run\n"
        "for tests in json.loads(sys.argv[1]):\n"
        "    print(json.dumps(dataclasses.asdict(run(Order(tests, 9.0, 3.0, 200.0)))))"
    )
    answers = subprocess.run(
        (sys.executable, "-c", code, json.dumps(tests)), cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    passed, failed, hung, first = map(json.loads, answers.stdout.splitlines())
    assert passed == {"code": 0, "failed": "", "hung": False}
    assert failed == first == {"code": 1, "failed": "test_them.py::test_fails", "hung": False}
    assert hung["hung"] and hung["failed"] == ""


def test_the_record_counts_what_a_trial_decided_and_names_what_survived() -> None:
    def outcome(line: int, verdict: Verdict) -> Outcome:
        return Outcome(Mutant("a.py", line, line + 1, "x", "y", (line,), f"f{line}"), verdict, 1)

    tried = [outcome(line, verdict) for line, verdict in enumerate(Verdict)]
    lines = list(record_lines({"house": HouseScore(9, tried)}, {"a.py: f3: x -> y": "It is the same."}, 0, "c0", 4.0))
    assert "| house | 9 | 5 | 3 | 60% | 2 | 1 |" in lines
    told = "\n".join(lines)
    assert "f3: x -> y` (survived): It is the same." in told and "(no test reaches it): not explained" in told


def test_a_fault_of_c_compiles_its_file_alone_and_one_that_does_not_compile_leaves_the_library(tmp_path: Path) -> None:
    sources = tmp_path / "copy" / "runtime" / "src"
    sources.mkdir(parents=True)
    one, two = sources / "one.c", sources / "two.c"
    two.write_text("int one(void);\nint two(void);\nint two(void) { return 2 * one(); }\n")
    objects = Objects(tmp_path / "copy")

    def built_with(value: str, library: str) -> bool:
        one.write_text(f"int one(void);\nint one(void) {{ return {value}; }}\n")
        return objects.build(one, tmp_path / library)

    def answer(library: str) -> int:
        return int(ctypes.CDLL(str(tmp_path / library)).two())

    assert not built_with("nothing", "first.so")  # the first of all faults too
    assert not (tmp_path / "first.so").exists()
    assert built_with("3", "first.so") and answer("first.so") == 6
    two.write_text("#error not to be compiled again\n")
    assert not built_with("nothing", "first.so") and answer("first.so") == 6
    assert built_with("1", "second.so") and answer("second.so") == 2


def test_a_file_that_never_compiled_is_no_fault_that_does_not_compile(tmp_path: Path) -> None:
    sources = tmp_path / "copy" / "runtime" / "src"
    sources.mkdir(parents=True)
    (sources / "one.c").write_text("int one(void);\nint one(void) { return 1; }\n")
    (sources / "two.c").write_text("#error no such thing\n")
    with pytest.raises(CompilerError, match="no such thing"):
        Objects(tmp_path / "copy").build(sources / "one.c", tmp_path / "lib.so")
