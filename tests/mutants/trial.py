"""A mutant on trial: in a copy of the sources the fault is put in, and tests run until one notices it."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from tests.mutants.mutant import Mutant
from tests.mutants.survey import ROOT, Survey

SECONDS = 40.0  # of tests, as the survey took them
_START = 30.0  # that a run takes besides


class Verdict(StrEnum):
    """How a trial ends."""

    FAILED = "a test failed"
    HUNG = "a test hung"
    NO_BUILD = "does not compile"
    SURVIVED = "survived"
    UNREACHED = "no test reaches it"


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
        self._folder = folder
        shutil.rmtree(folder, ignore_errors=True)
        listed = subprocess.run(("git", "ls-files", "-z"), cwd=ROOT, capture_output=True, check=True).stdout
        for name in (os.fsdecode(each) for each in listed.split(b"\0") if each):
            if (ROOT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, folder / name)
        self._build()

    def try_one(self, mutant: Mutant, tests: list[str], seconds: float) -> Outcome:
        """Tests in their order, until one fails; without the fault they take so long."""
        if not tests:
            return Outcome(mutant, Verdict.UNREACHED, 0)
        file = self._folder / mutant.path
        source = file.read_text()
        file.write_text(mutant.applied(source))
        try:
            if mutant.path.endswith(".c") and not self._build():
                return Outcome(mutant, Verdict.NO_BUILD, len(tests))
            return self._run(mutant, tests, seconds)
        finally:
            file.write_text(source)
            if mutant.path.endswith(".c"):
                self._build()

    def _run(self, mutant: Mutant, tests: list[str], seconds: float) -> Outcome:
        listed = self._folder / "tests-to-run"
        listed.write_text("\n".join(tests))
        command = [sys.executable, "-m", "pytest", "-x", "-q", "--no-header", "--tb=no", "-p", "no:cacheprovider"]
        environment = {**os.environ, "CI": "1", "PYTHONPATH": str(self._folder), "PYTHONDONTWRITEBYTECODE": "1"}
        process = subprocess.Popen(
            [*command, f"@{listed}"], cwd=self._folder, env=environment, text=True, start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            output, _ = process.communicate(timeout=_START + 8 * seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            process.communicate()
            return Outcome(mutant, Verdict.HUNG, len(tests))
        if process.returncode == 0:
            return Outcome(mutant, Verdict.SURVIVED, len(tests))
        failed = next((line for line in output.splitlines() if line.startswith(("FAILED", "ERROR"))), "the run itself")
        return Outcome(mutant, Verdict.FAILED, len(tests), failed)

    def _build(self) -> bool:
        done = subprocess.run(
            (sys.executable, "build_native.py"), cwd=self._folder, capture_output=True, check=False, timeout=600
        )
        return done.returncode == 0


def chosen_tests(mutant: Mutant, survey: Survey, seed: int) -> list[str]:
    """Those that reach it, the quickest first in half of the time, then any; of a C file any."""
    if mutant.path.endswith(".py"):
        reaching = [test for test in survey.tests_at(mutant.path, mutant.lines) if test in survey.seconds]
    else:
        reaching = list(survey.seconds)
    quickest = sorted(reaching, key=lambda test: (survey.seconds[test], test))
    chosen, spent = [], 0.0
    while quickest and spent + survey.seconds[quickest[0]] <= SECONDS / 2:
        spent += survey.seconds[quickest[0]]
        chosen.append(quickest.pop(0))
    random.Random(seed).shuffle(quickest)
    for test in quickest:
        if spent + survey.seconds[test] <= SECONDS or not chosen:
            spent += survey.seconds[test]
            chosen.append(test)
    return chosen
