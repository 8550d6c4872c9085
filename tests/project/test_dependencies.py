"""What the package imports is what pyproject.toml declares, and the extras stay optional."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

# Import name -> distribution, where the two differ.
DISTRIBUTION = {"elftools": "pyelftools"}


def _names(requirements: list[str]) -> set[str]:
    return {re.split(r"[<>=\[]", requirement)[0] for requirement in requirements}


CORE = _names(PROJECT["dependencies"])
EXTRAS = _names([item for items in PROJECT["optional-dependencies"].values() for item in items]) - {"edgebnn"}


def _third_party(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    modules = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    modules += [str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    tops = {module.split(".")[0] for module in modules} - {"edgebnn", "__future__"} - sys.stdlib_module_names
    return {DISTRIBUTION.get(top, top) for top in tops}


def test_every_library_that_is_imported_is_declared() -> None:
    wrong = {
        f"{path.relative_to(ROOT)}: {', '.join(sorted(missing))}"
        for path in (ROOT / "edgebnn").rglob("*.py")
        if (missing := _third_party(path) - CORE - EXTRAS)
    }
    assert not wrong, "\n".join(sorted(wrong))


def test_torch_is_for_training_alone() -> None:
    users = {
        path.relative_to(ROOT / "edgebnn").parts[0]
        for path in (ROOT / "edgebnn").rglob("*.py")
        if "torch" in _third_party(path)
    }
    assert users <= {"nn", "recipes", "cli"}  # layers, recipes, and the command that starts them
