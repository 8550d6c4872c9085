"""The map of docs/architecture.md is that of the imports."""

from __future__ import annotations

from tests.project.import_map import COMMAND, PAGE, _edges, _reduced, drawn


def test_the_map_is_what_the_imports_make() -> None:
    written = PAGE.read_text(encoding="utf-8")
    assert "flowchart LR" in written
    assert drawn(written) == written, f"docs/architecture.md's map is not that of the imports; draw it anew: {COMMAND}"


def test_what_follows_from_the_rest_is_not_drawn() -> None:
    edges = _edges([("c", "b"), ("b", "a"), ("c", "a"), ("d", "a")])
    assert list(_reduced(edges)) == [("a", "b"), ("b", "c"), ("a", "d")]
