"""The source distribution and the wheel hold what they need, and the version has one home."""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

import edgebnn

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_the_installed_version_is_the_one_of_the_source() -> None:
    try:
        installed = version("edgebnn")
    except PackageNotFoundError:
        pytest.skip("edgebnn is not installed, only on the path")
    assert installed == edgebnn.__version__


def test_the_changelog_has_an_entry_for_this_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"^## \[(Unreleased|{re.escape(edgebnn.__version__)})\]", changelog, re.MULTILINE)


def test_the_pinned_torch_is_one_that_the_extra_allows() -> None:
    pinned = re.search(r"^torch==(\d+)\.(\d+)", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    lowest = re.search(r"torch>=(\d+)\.(\d+)", " ".join(PROJECT["project"]["optional-dependencies"]["train"]))
    assert pinned is not None and lowest is not None
    assert tuple(map(int, pinned.groups())) >= tuple(map(int, lowest.groups()))


@pytest.mark.long
def test_source_distribution_and_wheel_hold_everything(tmp_path: Path) -> None:
    # `build` makes the wheel from the source distribution, so what is missing in the one is missing in the other.
    subprocess.run([sys.executable, "-m", "build", "--outdir", str(tmp_path), str(ROOT)], check=True)
    sdist = next(tmp_path.glob("edgebnn-*.tar.gz"))
    with tarfile.open(sdist) as archive:
        sources = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "hatch_build.py", "build_native.py", "LICENSE", "Makefile"} <= sources
    assert not [name for name in sources if name.endswith((".so", ".dylib", ".dll"))]

    wheel = next(tmp_path.glob("edgebnn-*.whl"))
    assert re.fullmatch(rf"edgebnn-{re.escape(edgebnn.__version__)}-py3-none-\w+(\.\w+)*\.whl", wheel.name)
    assert "-any" not in wheel.name
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert [name for name in names if re.fullmatch(r"edgebnn/_native/(lib)?edgebnn\.(so|dylib|dll)", name)]
    assert {"edgebnn/py.typed", "edgebnn/share/runtime/include/ebnn.h", "edgebnn/share/targets/rram130.toml"} <= names
    for folder in ("runtime", "templates", "targets", "edgebnn"):
        for path in (ROOT / folder).rglob("*"):
            if not path.is_file() or path.suffix in (".pyc", ".so", ".dylib", ".dll"):
                continue
            inside = path.relative_to(ROOT).as_posix()
            assert (inside if folder == "edgebnn" else f"edgebnn/share/{inside}") in names
    assert not [name for name in names if name.startswith(("tests/", "benchmarks/"))]
