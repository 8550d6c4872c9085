"""The package's structure: which folder may know which, and that no two modules import each other in a circle."""

from __future__ import annotations

import ast
import re
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "edgebnn"

# Modules beside the stage folders that know nothing of any stage.
FOUNDATION = {
    "edgebnn",
    "confidence",
    "errors",
    "legible",
    "brief",
    "choices",
    "number_checks",
    "units",
    "resources",
    "arrays",
    "inputs",
    "json_types",
    "scratch",
    "version",
    "words",
    "processors",
    "apart",
    "places",
    "files",
    "native",
    "models",
}

# Folder (or module) -> the others that it may import: only what stands to its left on the way of the data.
ALLOWED: dict[str, set[str]] = {
    **{name: set() for name in FOUNDATION},
    "network": set(),
    "chip": set(),
    "frontend": {"network"},
    "mapping": {"network", "chip"},
    "codegen": {"network", "chip", "mapping"},
    "emulator": {"network", "chip", "mapping"},
    "devices": {"network", "chip", "mapping", "emulator"},
    "compile_options": {"network", "chip", "mapping", "emulator"},
    "api": {"network", "chip", "frontend", "mapping", "codegen", "emulator", "compile_options"},
    "comparison": {"network", "chip", "mapping", "emulator", "api"},
    "report": {"network", "chip", "frontend", "mapping", "codegen", "emulator", "devices", "api", "comparison"},
    "nn": set(),
    "recipes": {"chip", "mapping", "devices", "nn"},
    "cli": {
        "network",
        "chip",
        "frontend",
        "mapping",
        "codegen",
        "emulator",
        "devices",
        "report",
        "api",
        "comparison",
        "recipes",
    },
    "__main__": {"cli"},
}

# The rooms of a folder, in the order in which they know each other: each may import those before it.
ROOMS: dict[str, tuple[str, ...]] = {
    "frontend": (
        "problems",
        "onnx",
        "options",
        "algebra",
        "operations",
        "constants",
        "dialects",
        "thresholds",
        "activations",
        "layers",
        "lower",
        "read_model",
    ),
    "chip": (
        "random",
        "banks",
        "target",
        "energy",
        "device",
        "target_files",
        "measured",
        "instance",
        "errors",
        "lifetime",
        "study",
        "measured_files",
    ),
}

# Names for a type checker alone, which never run: (who, whom).
TYPES_ONLY = {("edgebnn", "api"), ("edgebnn", "comparison")}
# Where the package's public names come from, which are loaded when they are first used.
_PUBLIC = {"api", "comparison"}


class Import(NamedTuple):
    """One import of a module of ours: when it runs is `module` (on import), `call` or `types` (never)."""

    importer: str
    imported: str
    when: str
    where: str


def _module_name(path: Path) -> str:
    parts = ("edgebnn", *path.relative_to(PACKAGE).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _is_type_checking(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


def _imports_of(path: Path, modules: set[str]) -> list[Import]:
    importer, shown = _module_name(path), path.relative_to(PACKAGE)
    found: list[Import] = []

    def visit(node: ast.AST, when: str) -> None:
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}:{node.lineno}: a relative import; write the whole name"
            for alias in node.names:  # `from a import b` may name the module a.b, or a name inside a
                inner = f"{node.module}.{alias.name}"
                names.append(inner if inner in modules else str(node.module))
        for name in names:
            if name.split(".")[0] == "edgebnn":
                found.append(Import(importer, name, when, f"{shown}:{getattr(node, 'lineno', 0)}"))
        if isinstance(node, ast.stmt) and _is_type_checking(node):
            when = "types"
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and when != "types":
            when = "call"
        for child in ast.iter_child_nodes(node):
            if not isinstance(child, ast.expr | ast.expr_context | ast.arguments):  # none of them can hold an import
                visit(child, when)

    visit(ast.parse(path.read_text(encoding="utf-8")), "module")
    return found


@cache
def _all_imports() -> list[Import]:
    paths = sorted(PACKAGE.rglob("*.py"))
    modules = {_module_name(path) for path in paths}
    return [found for path in paths for found in _imports_of(path, modules)]


def _place(module: str) -> str:
    """The stage folder or top-level module that a module belongs to."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "edgebnn"


def test_every_folder_of_the_package_has_its_row_in_the_table() -> None:
    places = {_place(_module_name(path)) for path in PACKAGE.rglob("*.py")}
    assert places <= ALLOWED.keys()


@pytest.mark.parametrize("place", sorted(ALLOWED))
def test_imports_run_leftwards_only(place: str) -> None:
    allowed = ALLOWED[place] | FOUNDATION | {place}
    wrong = [
        f"{found.where} imports {found.imported}"
        for found in _all_imports()
        if _place(found.importer) == place
        and _place(found.imported) not in allowed
        and not (found.when == "types" and (place, _place(found.imported)) in TYPES_ONLY)
        and not (place == "edgebnn" and _place(found.imported) in _PUBLIC)
    ]
    assert not wrong, "\n".join(wrong)


def _room(module: str) -> str:
    """The room inside its stage folder, or the module that lies there by itself; the folder's own __init__ is ''."""
    return ".".join(module.split(".")[2:3])


@pytest.mark.parametrize("folder", sorted(ROOMS))
def test_rooms_know_those_before_them_only(folder: str) -> None:
    """Whatever the import is for, and wherever it stands: inside a function, or for types alone."""
    rooms = ("", *ROOMS[folder])
    inside = [found for found in _all_imports() if _place(found.importer) == _place(found.imported) == folder]
    assert {_room(_module_name(path)) for path in (PACKAGE / folder).rglob("*.py")} == {*rooms}
    wrong = [
        f"{found.where} imports {found.imported}"
        for found in inside
        if rooms.index(_room(found.imported)) > rooms.index(_room(found.importer))
        and found.importer != f"edgebnn.{folder}"  # it shows names of all rooms to who stands outside
    ]
    assert not wrong, "\n".join(wrong)


def test_one_module_alone_makes_texts_for_the_terminal() -> None:
    """Where no other knows rich's markup or its texts, none can forget that strangers' brackets are letters."""
    makers = [path for path in PACKAGE.rglob("*.py") if re.search(r"rich\.(markup|text)\b", path.read_text())]
    assert makers == [PACKAGE / "report" / "terminal.py"]


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Nor inside functions, nor for types alone."""
    graph: dict[str, set[str]] = {}
    for found in _all_imports():
        if found.imported != found.importer:
            graph.setdefault(found.importer, set()).add(found.imported)
    # A circle raises CycleError, which names its modules.
    order = list(TopologicalSorter(graph).static_order())
    assert order.index("edgebnn.errors") < order.index("edgebnn.mapping.planner")


def test_the_way_of_the_data_has_no_circle() -> None:
    order = list(TopologicalSorter(ALLOWED).static_order())
    assert order.index("network") < order.index("mapping") < order.index("report") < order.index("cli")


def test_the_front_ends_tests_have_its_rooms() -> None:
    """Beside them stand the tests of the whole reader, what tests share, and the files that once failed."""
    tests = Path(__file__).resolve().parents[1] / "frontend"
    rooms = {path.parent.name for path in (PACKAGE / "frontend").glob("*/__init__.py")}
    assert {path.parent.name for path in tests.glob("*/test_*.py")} == rooms
