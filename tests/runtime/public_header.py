"""What `ebnn.h` states: its statuses, its version, and the comment above each function."""

from __future__ import annotations

import re

from edgebnn.resources import resource_folder

TEXT = (resource_folder("runtime") / "include" / "ebnn.h").read_text(encoding="utf-8")

STATUS = {name: int(value) for name, value in re.findall(r"^ +EBNN_(OK|ERROR_\w+) = (-?\d+)\b", TEXT, re.MULTILINE)}
VERSION = re.findall(r"^#define EBNN_VERSION_(MAJOR|MINOR|PATCH) (\d+)$", TEXT, re.MULTILINE)


def contracts() -> dict[str, tuple[str, str]]:
    """For each function what it returns, and the comment above it; functions without a blank between share one."""
    found: dict[str, tuple[str, str]] = {}
    for comment, block in re.findall(r"/\*((?:(?!\*/).)*)\*/\n((?:u?int32_t ebnn_\w+\([^;]*;\n)+)", TEXT, re.DOTALL):
        for returned, name in re.findall(r"(u?int32_t) (ebnn_\w+)\(", block):
            found[name] = returned, comment
    return found


def functions() -> list[str]:
    return re.findall(r"^u?int32_t (ebnn_\w+)\(", TEXT, re.MULTILINE)
