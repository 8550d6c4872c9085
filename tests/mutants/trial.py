"""A mutant on trial: in a copy of the sources the fault is put in, and tests run until one notices it."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections import defaultdict
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from tests.mutants.copy import Copy
from tests.mutants.likely import nearness
from tests.mutants.mutant import Mutant
from tests.mutants.survey import Survey
from tests.mutants.warm import Answer, Order

SECONDS = 40.0  # of tests, as the survey took them
# Seconds of a processor after which no further test begins: of tests that were chosen by a survey, and of likely ones.
ENOUGH, ENOUGH_OF_LIKELY = 80.0, 25.0
# What a run takes besides, and how many times longer tests may take than in the survey, before one is said to hang: of
# a processor's time, which others on the machine do not lengthen, and of the clock's.
_START = {"processor": 60.0, "clock": 300.0}
_TIMES = {"processor": 5.0, "clock": 20.0}
_NOTHING_RAN = (4, 5)  # pytest's codes for files and tests that are not there


class Verdict(StrEnum):
    """How a trial ends."""

    FAILED = "a test failed"
    HUNG = "a test hung"
    NO_BUILD = "does not compile"
    SURVIVED = "survived"
    UNREACHED = "no test reaches it"
    UNDECIDED = "the tests do not pass without it"


@dataclass(frozen=True)
class Outcome:
    """tests: how many were to run. noticed: the first that failed, where there is one."""

    mutant: Mutant
    verdict: Verdict
    tests: int
    noticed: str = ""

    @property
    def killed(self) -> bool:
        """Whether it was noticed."""
        return self.verdict in (Verdict.FAILED, Verdict.HUNG, Verdict.NO_BUILD)


class Court:
    """A copy of the sources, in which one mutant after the other is tried."""

    def __init__(self, folder: Path) -> None:
        self._copy = Copy(folder)
        self._warm: subprocess.Popen[str] | None = None

    def close(self) -> None:
        """Ends the process that runs the tests."""
        if self._warm is not None:
            self._warm.kill()
            self._warm.wait()
            self._warm = None

    def try_one(self, mutant: Mutant, tests: list[str], seconds: float = SECONDS, enough: float = ENOUGH) -> Outcome:
        """Tests, or files of them, in their order, until one fails; without the fault they take so long."""
        if not tests:
            return Outcome(mutant, Verdict.UNREACHED, 0)
        answer = self._with_fault(mutant, tests, seconds, enough)
        if answer is None:
            return Outcome(mutant, Verdict.NO_BUILD, len(tests))
        if answer.code == 0:
            return Outcome(mutant, Verdict.SURVIVED, len(tests))
        if answer.failed:
            return Outcome(mutant, Verdict.FAILED, len(tests), answer.failed)
        # A run that hung, fell over or did not even begin, as where nothing can be imported, is the fault's doing only
        # where the same tests pass in that time without it.
        without = self._run(tests, seconds, enough).code
        if without in _NOTHING_RAN:
            return Outcome(mutant, Verdict.UNREACHED, 0)
        if without != 0:
            return Outcome(mutant, Verdict.UNDECIDED, len(tests))
        verdict = Verdict.HUNG if answer.hung else Verdict.FAILED
        return Outcome(mutant, verdict, len(tests), f"the run itself ({answer.code})")

    def _with_fault(self, mutant: Mutant, tests: list[str], seconds: float, enough: float) -> Answer | None:
        """What the tests say of it; None where it does not compile."""
        is_c = mutant.path.endswith(".c")
        source = self._copy.read(mutant.path)
        self._copy.write(mutant.path, mutant.applied(source))
        try:
            built = not is_c or self._copy.build(mutant.path)
            return self._run(tests, seconds, enough) if built else None
        finally:
            self._copy.write(mutant.path, source)
            if is_c:
                self._copy.restore_library()

    def _run(self, tests: list[str], seconds: float, enough: float) -> Answer:
        if self._warm is None or self._warm.poll() is not None:
            self._warm = subprocess.Popen(
                [sys.executable, "-m", "tests.mutants.warm"], cwd=self._copy.folder, env=self._copy.environment(),
                text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            )  # fmt: skip
        assert self._warm.stdin is not None and self._warm.stdout is not None
        ends = {clock: _START[clock] + _TIMES[clock] * seconds for clock in ("processor", "clock")}
        order = Order(tests, enough=enough, **ends)
        self._warm.stdin.write(json.dumps(asdict(order)) + "\n")
        self._warm.stdin.flush()
        return Answer(**json.loads(self._warm.stdout.readline()))


def chosen_tests(mutant: Mutant, survey: Survey, seed: int) -> list[str]:
    """Those that reach it: the quickest of the nearest files, the quickest of all, then any; of a C file any.

    They run file by file, since tests of one file share what they prepare, and the files in the order of their time.
    """
    if mutant.path.endswith(".py"):
        reaching = [test for test in survey.tests_at(mutant.path, mutant.lines) if test in survey.seconds]
    else:
        reaching = list(survey.seconds)
    quickest = sorted(reaching, key=lambda test: (survey.seconds[test], test))
    near = [test for test in quickest if nearness(mutant.path, test)]
    others = quickest[:]
    random.Random(seed).shuffle(others)
    chosen: dict[str, None] = {}
    spent = 0.0
    for tests, until in ((near, SECONDS / 2), (quickest, 3 * SECONDS / 4), (others, SECONDS)):
        for test in tests:
            if test not in chosen and (spent + survey.seconds[test] <= until or not chosen):
                spent += survey.seconds[test]
                chosen[test] = None
    return _by_file(mutant, list(chosen), survey)


def _by_file(mutant: Mutant, tests: list[str], survey: Survey) -> list[str]:
    files: dict[str, list[str]] = defaultdict(list)
    for test in tests:
        files[test.partition("::")[0]].append(test)

    def order(file: str) -> tuple[bool, float, str]:
        return not nearness(mutant.path, file), sum(survey.seconds[test] for test in files[file]), file

    return [test for file in sorted(files, key=order) for test in files[file]]
