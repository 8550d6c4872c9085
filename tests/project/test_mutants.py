"""The faults that `make mutants` puts into the source."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.mutants import c_faults, python_faults
from tests.mutants.mutant import Mutant
from tests.mutants.survey import Survey
from tests.mutants.trial import SECONDS, chosen_tests

ROOT = Path(__file__).resolve().parents[2]

PYTHON = '''
LIMIT: int = 3

def wrong(a: int, b: list[int]) -> bool:
    """Not 1 + 1."""
    if a < LIMIT and not b:
        raise ValueError(f"{a + 1} is bad")
    return min(a, -b[0]) == "é" + str(2 * a)
'''

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
