"""What all tests share: hypothesis profiles and the folder of real recordings."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, settings

import edgebnn.api
from edgebnn.chip.target.target import Target
from edgebnn.codegen.build import Firmware, build_firmware
from edgebnn.codegen.toolchain import Toolchain, find_toolchain
from tests.answers import answers_follow_the_schema

__all__ = ["answers_follow_the_schema"]  # for every test

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


@pytest.fixture(scope="session", autouse=True)
def _firmware_is_built_once() -> Iterator[None]:
    """Deployments of the same files, target and compiler share a build; tests/codegen shows that the bytes agree."""
    built: dict[object, Firmware] = {}

    def build(files: Mapping[str, bytes], target: Target, toolchain: str | Toolchain = "auto") -> Firmware:
        chain = toolchain if isinstance(toolchain, Toolchain) else find_toolchain(target, toolchain)
        key = (frozenset(files.items()), msgspec.json.encode(target), chain)
        if key not in built:
            built[key] = build_firmware(files, target, chain)
        return built[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(edgebnn.api, "build_firmware", build)
        yield
