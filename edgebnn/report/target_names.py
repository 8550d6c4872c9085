"""How JSON and tables name a target: one that bears a shipped target's name and states something else shows it."""

from __future__ import annotations

from edgebnn.chip.target.target import Target
from edgebnn.chip.target_files.loading import changed
from edgebnn.json_types.target import NamedTargetDocument


def named(target: Target) -> NamedTargetDocument:
    """`target`, its name, and `target_changed`: whether the target that ships under that name is another one."""
    return {"target": target.name, "target_changed": changed(target)}


def shown_target(document: NamedTargetDocument) -> str:
    """The target of a document as plain text."""
    return f"{document['target']} (changed)" if document["target_changed"] else document["target"]


def whose_numbers(document: NamedTargetDocument) -> str:
    """Where a target's numbers can be read; a changed one's stand in the file that it was compiled for."""
    name = document["target"]
    return f"of a changed {name}" if document["target_changed"] else f"edgebnn targets show {name}"
