"""A pytest plug-in: how long each test that passed took, as JSON in the file that $EDGEBNN_TEST_TIMES names.

A test that goes on for more than $EDGEBNN_TEST_SECONDS is skipped where it is: no trial would have the time for it.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

_seconds: dict[str, float] = {}
_failed: set[str] = set()


def _too_long(*_: object) -> None:
    pytest.skip("longer than a trial")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Iterator[None]:
    signal.signal(signal.SIGALRM, _too_long)
    signal.setitimer(signal.ITIMER_REAL, float(os.environ["EDGEBNN_TEST_SECONDS"]))
    try:
        return (yield)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    _seconds[report.nodeid] = _seconds.get(report.nodeid, 0.0) + report.duration
    if not report.passed:
        _failed.add(report.nodeid)


def pytest_sessionfinish(session: pytest.Session) -> None:
    if not hasattr(session.config, "workerinput"):  # of several processes, the one that hears of all tests
        passed = {name: seconds for name, seconds in _seconds.items() if name not in _failed}
        Path(os.environ["EDGEBNN_TEST_TIMES"]).write_text(json.dumps(passed))
