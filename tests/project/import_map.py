"""Draws the map of docs/architecture.md from the imports: who knows whom, without what follows from the rest.

python -m tests.project.import_map
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tests.conftest import ROOT
from tests.project.test_structure import FOUNDATION, ROOMS, _all_imports, _place, _room

COMMAND = "python -m tests.project.import_map"
PAGE = ROOT / "docs" / "architecture.md"
_BEGIN, _END = "<!-- drawn from the imports -->", "<!-- up to here -->"

Edges = dict[str, set[str]]


def _edges(pairs: Iterable[tuple[str, str]]) -> Edges:
    """What each one imports, by its name."""
    found: Edges = {}
    for importer, imported in pairs:
        found.setdefault(imported, set())
        if importer != imported:
            found.setdefault(importer, set()).add(imported)
    return found


def _reached(edges: Edges, start: str) -> set[str]:
    """Everything that one imports, and what that imports."""
    found: set[str] = set()
    todo = [*edges[start]]
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo += edges[name]
    return found


def _reduced(edges: Edges) -> Iterator[tuple[str, str]]:
    """(imported, importer), but for those that another way says as well."""
    for importer, imports in sorted(edges.items()):
        beyond = {name for each in imports for name in _reached(edges, each)}
        for imported in sorted(imports - beyond):
            yield imported, importer


def _chart(title: str, edges: Edges) -> Iterator[str]:
    yield from ("", title, "", "```mermaid", "flowchart LR")
    for imported, importer in _reduced(edges):
        yield f"    {imported} --> {importer}"
    yield "```"


def drawing() -> str:
    """The charts, as they stand in the page."""
    modules = [(found.importer, found.imported) for found in _all_imports() if found.when != "types"]
    places = [(_place(importer), _place(imported)) for importer, imported in modules]
    stages = _edges(pair for pair in places if not FOUNDATION & set(pair))
    lines = [_BEGIN, f"(`{COMMAND}` draws it anew; an arrow points to who imports. What all know stands apart:"]
    lines += [", ".join(f"`{name}`" for name in sorted(FOUNDATION - {"edgebnn"})) + ".)"]
    lines += _chart("The folders:", stages)
    for folder in sorted(ROOMS):
        inside = (
            (_room(importer), _room(imported))
            for importer, imported in modules
            if _place(importer) == _place(imported) == folder
        )
        lines += _chart(f"The rooms of `{folder}/`:", _edges(pair for pair in inside if "" not in pair))
    return "\n".join((*lines, _END))


def drawn(page: str) -> str:
    """The page with the charts between its two marks."""
    before, _, rest = page.partition(_BEGIN)
    return f"{before}{drawing()}{rest.partition(_END)[2]}"


if __name__ == "__main__":
    PAGE.write_text(drawn(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
