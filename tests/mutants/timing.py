"""A plugin of pytest: how long each test that passed took, as JSON in the file that $EDGEBNN_TEST_TIMES names."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

_seconds: dict[str, float] = {}
_failed: set[str] = set()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    _seconds[report.nodeid] = _seconds.get(report.nodeid, 0.0) + report.duration
    if not report.passed:
        _failed.add(report.nodeid)


def pytest_sessionfinish(session: pytest.Session) -> None:
    if not hasattr(session.config, "workerinput"):  # of several processes, the one that hears of all tests
        passed = {name: seconds for name, seconds in _seconds.items() if name not in _failed}
        Path(os.environ["EDGEBNN_TEST_TIMES"]).write_text(json.dumps(passed))
