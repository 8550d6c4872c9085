"""What the package imports is what pyproject.toml declares, what is declared is in use, extras stay optional."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

# Import name -> distribution, where the two differ.
DISTRIBUTION = {"elftools": "pyelftools"}


def _names(requirements: list[str]) -> set[str]:
    return {re.split(r"[<>=\[]", requirement)[0] for requirement in requirements}


OPTIONAL = PROJECT["optional-dependencies"]
NO_LIBRARIES = {"test", "lint", "dev", "all"}  # what the package never imports, and other extras together
CORE = _names(PROJECT["dependencies"])
EXTRAS = _names([item for items in OPTIONAL.values() for item in items]) - {"edgebnn"}

# In use, though no import statement names them: the file that uses each, and words of it that show so.
USED_WITHOUT_IMPORT = {
    "onnxscript": ("edgebnn/nn/onnx_export.py", "dynamo=True"),  # PyTorch imports it for this exporter
    "unicorn": ("edgebnn/emulator/cpu.py", 'import_module(f"unicorn.'),  # for its C library and its constants
    "ziglang": ("edgebnn/codegen/toolchain.py", '"-m", "ziglang"'),  # started as a program
}


def _third_party(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    modules = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    modules += [str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    tops = {module.split(".")[0] for module in modules} - {"edgebnn", "__future__"} - sys.stdlib_module_names
    return {DISTRIBUTION.get(top, top) for top in tops}


@cache
def _used() -> set[str]:
    imported = {name for path in (ROOT / "edgebnn").rglob("*.py") for name in _third_party(path)}
    texts = {name: (ROOT / path).read_text(encoding="utf-8") for name, (path, _) in USED_WITHOUT_IMPORT.items()}
    return imported | {name for name, (_, words) in USED_WITHOUT_IMPORT.items() if words in texts[name]}


def test_every_library_that_is_imported_is_declared() -> None:
    wrong = {
        f"{path.relative_to(ROOT)}: {', '.join(sorted(missing))}"
        for path in (ROOT / "edgebnn").rglob("*.py")
        if (missing := _third_party(path) - CORE - EXTRAS)
    }
    assert not wrong, "\n".join(sorted(wrong))


@pytest.mark.parametrize("extra", ["core", *sorted(OPTIONAL.keys() - NO_LIBRARIES)])
def test_every_library_that_is_declared_is_in_use(extra: str) -> None:
    declared = CORE if extra == "core" else _names(OPTIONAL[extra])
    unused = declared - _used()
    assert not unused, f"pyproject.toml declares for {extra} what nothing uses: {', '.join(sorted(unused))}"


def test_torch_is_for_training_alone() -> None:
    users = {
        path.relative_to(ROOT / "edgebnn").parts[0]
        for path in (ROOT / "edgebnn").rglob("*.py")
        if "torch" in _third_party(path)
    }
    assert users <= {"nn", "recipes", "cli"}  # layers, recipes, and the command that starts them
