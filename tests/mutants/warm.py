"""A process that has loaded what tests import from elsewhere, and runs tests in forks of itself, as it is told.

`python -m tests.mutants.warm` reads orders as lines of JSON and answers each with one. Importing PyTorch and others
takes longer than most trials; what stands in the tree itself each fork imports anew.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import time
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path

import pytest

LOADED = ("numpy", "onnx.reference", "onnxruntime", "scipy.optimize", "scipy.stats", "hypothesis.extra.numpy", "torch")
OUTPUT = "trial-output"


@dataclass(frozen=True)
class Order:
    """Tests, or whole files of them, in their order, and the time that they get.

    enough: seconds of a processor after which no test begins. processor, clock: seconds after which all is stopped.
    """

    tests: list[str]
    enough: float
    processor: float
    clock: float


@dataclass(frozen=True)
class Answer:
    """code: pytest's own, or minus the signal that ended it. failed: the first test that did. hung: it was stopped."""

    code: int
    failed: str
    hung: bool


class _Chosen:
    """A pytest plug-in that takes some tests alone, in their order, and keeps the first that fails in a file."""

    def __init__(self, order: Order, told: Path) -> None:
        self._places = {test: place for place, test in enumerate(order.tests)}
        self._enough, self._told = order.enough, told

    def _place(self, item: pytest.Item) -> int | None:
        return self._places.get(item.nodeid, self._places.get(item.nodeid.partition("::")[0]))

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        placed = [(place, item) for item in items if (place := self._place(item)) is not None]
        items[:] = [item for _, item in sorted(placed, key=lambda each: each[0])]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and not self._told.exists():
            self._told.write_text(report.nodeid)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self) -> bool | None:
        return True if sum(os.times()[:4]) > self._enough else None  # True: as if it had run


def run(order: Order) -> Answer:
    """One run of pytest in a fork, which stops at the first test that fails."""
    told = Path("trial-failed")
    told.unlink(missing_ok=True)
    child = os.fork()
    if not child:
        _run_here(order, told)
    end = time.monotonic() + order.clock
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            code = os.waitstatus_to_exitcode(status)
            failed = told.read_text() if told.exists() else ""
            return Answer(code, failed, code == -signal.SIGXCPU)
        if time.monotonic() > end:
            os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return Answer(-signal.SIGKILL, "", True)
        time.sleep(0.05)


def _run_here(order: Order, told: Path) -> None:
    code = 3
    try:
        os.setsid()
        output = os.open(OUTPUT, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        used = resource.getrusage(resource.RUSAGE_SELF)
        limit = int(used.ru_utime + used.ru_stime + order.processor) + 1
        resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 5))
        files = list(dict.fromkeys(test.partition("::")[0] for test in order.tests))
        arguments = ["-x", "-q", "--no-header", "--tb=short", "-p", "no:cacheprovider", *files]
        code = int(pytest.main(arguments, plugins=[_Chosen(order, told)]))
        sys.stdout.flush()
    finally:
        os._exit(code)


def main() -> None:
    for name in LOADED:
        try:
            import_module(name)
        except ImportError:
            continue
    for line in sys.stdin:
        print(json.dumps(asdict(run(Order(**json.loads(line))))), flush=True)


if __name__ == "__main__":
    main()
