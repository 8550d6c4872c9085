"""What a compiler sees of the user's environment: the same sources give the same bytes whatever is set there.

`CPATH` puts headers before the compiler's own, `GCC_EXEC_PREFIX` another assembler, `SOURCE_DATE_EPOCH` a time stamp;
each compiler has more of the kind. So what is kept is named, not what is left out.
"""

from __future__ import annotations

import os
from pathlib import Path

# Where programs and their libraries are found; the Python is that of the package ziglang.
_KEPT = (
    *("PATH", "HOME", "LD_LIBRARY_PATH"),
    *("PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV", "XDG_CACHE_HOME", "ZIG_GLOBAL_CACHE_DIR"),
)


def clean_environment(scratch: Path) -> dict[str, str]:
    """The environment of a compiler; `scratch` is a folder that is there, and goes away with what it leaves in it.

    zig keeps what it builds once for a machine (its C library's start files) in the user's cache folder, and what it
    compiles for this firmware in the scratch folder.
    """
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    kept.setdefault("ZIG_GLOBAL_CACHE_DIR", str(cache_folder("zig") or scratch))
    return {**kept, "ZIG_LOCAL_CACHE_DIR": str(scratch), "TMPDIR": str(scratch), "LC_ALL": "C"}


def cache_folder(name: str) -> Path | None:
    """A folder in the user's cache folder of edgebnn; None where it cannot be written to."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    folder = Path(base, "edgebnn", name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return folder if os.access(folder, os.W_OK) else None
