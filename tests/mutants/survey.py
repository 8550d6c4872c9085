"""Which tests execute which line of the package, and how long each takes: one run of the tests with coverage.

Tests of the C sources have no lines to go by; of them it is only known how long they take.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import msgspec
from coverage import CoverageData

from tests.mutants.copy import ROOT, Copy

# No trial would have the time for a test that takes longer.
SECONDS_OF_A_TEST = 12.0
# Much time for what quicker tests reach too: builds with every compiler and sanitizer, emulated machines.
LEFT_OUT = ("tests/codegen/test_other_machines.py", "tests/runtime/test_compilers.py")


@dataclass(frozen=True)
class Survey:
    """seconds: of each test that passes. reached: path -> line -> the tests that execute it.

    moved: source files that are no longer as they were surveyed, so that their lines say nothing.
    """

    seconds: dict[str, float]
    reached: dict[str, dict[int, list[str]]]
    moved: frozenset[str] = frozenset()

    def tests_at(self, path: str, lines: tuple[int, ...]) -> list[str]:
        """The tests that execute the first of these lines that any test executes; else those of the whole file.

        What runs when a module is imported has no test of its own.
        """
        of_file = self.reached.get(path, {})
        for line in () if path in self.moved else lines:
            if of_file.get(line):
                return of_file[line]
        return sorted({test for tests in of_file.values() for test in tests})


class _Kept(msgspec.Struct):
    """A survey of tests, as a file: also the digests of all files, source and tests, as they were."""

    digests: dict[str, str]
    seconds: dict[str, float]
    tests: list[str]
    reached: dict[str, dict[int, list[int]]]  # numbers of tests

    def without(self, files: set[str]) -> dict[str, dict[int, list[str]]]:
        """Path -> line -> tests, but those of some files of tests."""
        left = {number: test for number, test in enumerate(self.tests) if test.partition("::")[0] not in files}
        return {
            path: {line: [left[number] for number in numbers if number in left] for line, numbers in lines.items()}
            for path, lines in self.reached.items()
        }


def survey(folder: Path, tests: Iterable[str], processes: int) -> Survey:
    """That of some folders of tests; kept, and only taken anew of files of tests that are not as they were."""
    parts = [_survey(folder, each, processes) for each in tests]
    digests = digests_of("edgebnn")
    reached: dict[str, dict[int, list[str]]] = defaultdict(lambda: defaultdict(list))
    for part in parts:
        for path, lines in part.without(set()).items():
            for line, names in lines.items():
                reached[path][line] += names
    return Survey(
        {test: seconds for part in parts for test, seconds in part.seconds.items()},
        {path: dict(lines) for path, lines in reached.items()},
        frozenset(path for part in parts for path, digest in digests.items() if part.digests.get(path) != digest),
    )


def digests_of(*folders: str) -> dict[str, str]:
    """Those of the files of the work tree that git knows, below some folders."""
    command = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *folders)
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.decode().split("\0")
    return {each: sha256((ROOT / each).read_bytes()).hexdigest()[:16] for each in listed if (ROOT / each).is_file()}


def _survey(folder: Path, tests: str, processes: int) -> _Kept:
    """Of one folder of tests."""
    kept = folder / f"survey-{tests.replace('/', '-')}.json"
    known = msgspec.json.decode(kept.read_bytes(), type=_Kept) if kept.is_file() else _Kept({}, {}, [], {})
    digests = digests_of(tests)
    old = {path for path in known.digests if path.startswith(tests) and digests.get(path) != known.digests[path]}
    new = {path for path, digest in digests.items() if known.digests.get(path) != digest}
    named = sorted(path for path in new if Path(path).name.startswith("test_") and path not in LEFT_OUT)
    if not old and not named:
        return known
    seconds, reached = _run(folder, named if known.digests else [tests], processes)
    merged = known.without(old)
    for path, lines in reached.items():
        for line, names in lines.items():
            merged.setdefault(path, {})[line] = [*merged.get(path, {}).get(line, []), *names]
    sources = known.digests or digests_of("edgebnn")
    document = _numbered(
        {**{path: digest for path, digest in sources.items() if not path.startswith(tests)}, **digests},
        {**{test: took for test, took in known.seconds.items() if test.partition("::")[0] not in old}, **seconds},
        merged,
    )
    kept.write_bytes(msgspec.json.encode(document))
    return document


def _numbered(digests: dict[str, str], seconds: dict[str, float], reached: dict[str, dict[int, list[str]]]) -> _Kept:
    tests = sorted(seconds)
    numbers = {test: number for number, test in enumerate(tests)}
    return _Kept(
        digests,
        seconds,
        tests,
        {
            path: {line: [numbers[test] for test in names if test in numbers] for line, names in lines.items()}
            for path, lines in reached.items()
        },
    )


def _run(folder: Path, tests: list[str], processes: int) -> tuple[dict[str, float], dict[str, dict[int, list[str]]]]:
    """(seconds, lines) of some files or folders of tests."""
    copy, times, data = Copy(folder / "copy-survey"), folder / "times.json", folder / "coverage"
    times.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "tests.mutants.timing"]
    command += ["-n", str(processes), "--dist", "worksteal", "--cov=edgebnn", "--cov-context=test", "--cov-report="]
    command += [*(f"--ignore={path}" for path in LEFT_OUT), *tests]
    environment = copy.environment(
        EDGEBNN_TEST_TIMES=str(times), EDGEBNN_TEST_SECONDS=str(SECONDS_OF_A_TEST), COVERAGE_FILE=str(data)
    )
    with (folder / "survey-output").open("w") as output:
        subprocess.run(command, cwd=copy.folder, env=environment, check=False, stdout=output, stderr=output)
    return json.loads(times.read_text()), _lines_of(data, copy.folder)


def _lines_of(path: Path, root: Path) -> dict[str, dict[int, list[str]]]:
    data = CoverageData(str(path))
    data.read()
    found = {}
    for file in data.measured_files():
        contexts = data.contexts_by_lineno(file)
        lines = {line: sorted({name.rpartition("|")[0] for name in names if name}) for line, names in contexts.items()}
        found[str(Path(file).relative_to(root))] = lines
    return found
