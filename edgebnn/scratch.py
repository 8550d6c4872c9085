"""A folder for temporary files, which goes away again; what fails in it names the place."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgebnn.errors import ToolError


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """The folder; ToolError, naming it, where it cannot be made or a file in it not be written."""
    place = Path(tempfile.gettempdir())
    try:
        with tempfile.TemporaryDirectory(prefix="edgebnn-") as name:
            yield Path(name)
    except OSError as error:
        # The disk that is full says so without a name, as do all writes to an open file.
        if error.filename is not None and not Path(str(error.filename)).is_relative_to(place):
            raise
        reason = error.strerror or error
        raise ToolError(
            f"temporary files in '{place}' cannot be written: {reason}; free some space there, or name another folder "
            "by TMPDIR"
        ) from error
