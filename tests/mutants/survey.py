"""Which tests execute which line of the package, and how long each takes: one run of the tests with coverage.

Tests of the C sources have no lines to go by; of them it is only known how long they take.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from coverage import CoverageData

ROOT = Path(__file__).resolve().parents[2]
# Much time for lines that quicker tests reach too: builds with sanitizers, emulated machines, whole public networks.
LEFT_OUT = ("tests/codegen/test_compilers.py", "tests/codegen/test_other_machines.py")


@dataclass(frozen=True)
class Survey:
    """seconds: of each test that passes. reached: path -> line -> the tests that execute it."""

    seconds: dict[str, float]
    reached: dict[str, dict[int, list[str]]]

    def tests_at(self, path: str, lines: tuple[int, ...]) -> list[str]:
        """The tests that execute the first of these lines that any test executes; else those of the whole file.

        What runs when a module is imported has no test of its own.
        """
        of_file = self.reached.get(path, {})
        for line in lines:
            if of_file.get(line):
                return of_file[line]
        return sorted({test for tests in of_file.values() for test in tests})


def survey(folder: Path, tests: tuple[str, ...], processes: int, old: bool = False) -> Survey:
    """That of some folders of tests on the sources as they stand, or on any; kept in the folder."""
    name = "-".join(Path(each).name for each in tests)
    kept, state = folder / f"survey-{name}.json", state_of_sources()
    if kept.is_file():
        document = json.loads(kept.read_text())
        if old or document["state"] == state:
            return _read(document)
    folder.mkdir(parents=True, exist_ok=True)
    times, data = folder / f"times-{name}.json", folder / f"coverage-{name}"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.mutants.timing", "-n", str(processes)]
    command += ["--dist", "worksteal", "--cov=edgebnn", "--cov-context=test", "--cov-report=", *tests]
    command += [f"--ignore={path}" for path in LEFT_OUT]
    environment = {**os.environ, "CI": "1", "EDGEBNN_TEST_TIMES": str(times), "COVERAGE_FILE": str(data)}
    subprocess.run(command, cwd=ROOT, env=environment, check=False)
    document = {"state": state, "seconds": json.loads(times.read_text()), "reached": _lines_of(data)}
    kept.write_text(json.dumps(document))
    return _read(document)


def state_of_sources() -> str:
    """A digest of what git says of them: the commit, and what differs from it."""
    told = [("git", "rev-parse", "HEAD"), ("git", "diff", "HEAD", "--", "edgebnn", "tests", "runtime")]
    run = [subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout for command in told]
    return sha256(b"".join(run)).hexdigest()[:16]


def _lines_of(path: Path) -> dict[str, dict[int, list[str]]]:
    data = CoverageData(str(path))
    data.read()
    found = {}
    for file in data.measured_files():
        contexts = data.contexts_by_lineno(file)
        lines = {line: sorted({name.rpartition("|")[0] for name in names if name}) for line, names in contexts.items()}
        found[str(Path(file).relative_to(ROOT))] = lines
    return found


def _read(document: dict[str, dict[str, dict[str, list[str]]]]) -> Survey:
    reached = {path: {int(line): names for line, names in lines.items()} for path, lines in document["reached"].items()}
    return Survey(document["seconds"], reached)  # type: ignore[arg-type]
