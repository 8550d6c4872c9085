"""What all tests share: hypothesis profiles and the folder of real recordings."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent

# What would change a build or a make in a test: the caller's own, and those that `make test` hands on.
for _name in (
    *("CPATH", "C_INCLUDE_PATH", "LIBRARY_PATH", "COMPILER_PATH", "GCC_EXEC_PREFIX", "SOURCE_DATE_EPOCH"),
    *("CC", "AR", "CFLAGS", "CPPFLAGS", "LDFLAGS", "MAKEFLAGS", "MFLAGS", "GNUMAKEFLAGS", "MAKEFILES", "MAKELEVEL"),
):
    os.environ.pop(_name, None)

# No deadlines and no complaint about slow draws: the cores may be shared. A failure prints the blob that repeats it.
# In continuous integration the examples are the same each time, so that a red run is the change's own doing.
settings.register_profile("default", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", parent=settings.get_profile("default"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "default")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder with real recordings and data sets: $EDGEBNN_DATA, or shared/data beside the project's folder."""
    folder = Path(os.environ.get("EDGEBNN_DATA") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip("no folder with real data; name one in EDGEBNN_DATA")
    return folder
