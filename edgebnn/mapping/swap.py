"""Putting a new folder in an old one's place: whenever the process is killed, one of them is there under its name.

The kernel exchanges two folders in one step where the file system can. Where it cannot, two renames do it; what a
process that was killed between them left is finished by the next one that reads or writes the folder.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path

from edgebnn.errors import DeploymentError
from edgebnn.files import sync_folder

_AT_FDCWD, _RENAME_EXCHANGE = -100, 2  # of Linux's renameat2
_NOT_HERE = (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EPERM)
_OLD = "-old"


@contextmanager
def fresh_folder(folder: Path) -> Iterator[Path]:
    """A new folder beside `folder`, for `put`; it is gone in the end, with whatever is in it by then.

    As long as its process lives it is locked, so that nobody takes it for a leftover.
    """
    fresh = Path(tempfile.mkdtemp(prefix=_prefix(folder), dir=folder.parent))
    try:
        with _locked(fresh):
            fresh.chmod(0o755)
            yield fresh
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def put(fresh: Path, folder: Path) -> None:
    """Puts the fresh folder in the place of `folder`, whose contents are gone then; on OSError the old one stays."""
    for path in (fresh, *(path for path in fresh.rglob("*") if path.is_dir())):
        sync_folder(path)
    sync_folder(folder.parent)
    if not folder.exists():
        fresh.rename(folder)
    elif not exchange(fresh, folder):
        old = fresh.with_name(fresh.name + _OLD)
        folder.rename(old)
        try:
            fresh.rename(folder)
        except OSError:
            old.rename(folder)
            raise
        shutil.rmtree(old, ignore_errors=True)
    sync_folder(folder.parent)


def exchange(one: Path, other: Path) -> bool:
    """Exchanges what two names stand for, in one step; False where the system or the file system cannot."""
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError):
        return False
    renameat2.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint)
    if renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number in _NOT_HERE:
        return False
    raise OSError(number, os.strerror(number), str(other))


def recover(folder: Path) -> Path | None:
    """Finishes what a process left that was killed between two renames; does nothing where the folder is there.

    What is left of the folder where nobody can tell whether that process still lives, else None.
    """
    olds = [] if os.path.lexists(folder) else [path for path in _leftovers(folder) if path.name.endswith(_OLD)]
    for old in olds:
        fresh = old.with_name(old.name.removesuffix(_OLD))
        # The old one made way only when the fresh one was whole, and on the disk.
        if _abandoned(fresh):
            fresh.rename(folder)
            sync_folder(folder.parent)
            return None
    return next(iter(olds), None)


def find_again(folder: Path) -> None:
    """`recover`, for whoever reads the folder; DeploymentError that names what is left where that is all there is."""
    left = recover(folder)
    if left is not None:
        raise DeploymentError(
            f"'{folder}' was being replaced, and '{left}' is what was there before; rename that, or compile again"
        )


def clear(folder: Path) -> None:
    """Removes what killed processes left beside a folder; never the last that there is of it."""
    for left in _leftovers(folder):
        if folder.exists() if left.name.endswith(_OLD) else _abandoned(left):
            shutil.rmtree(left, ignore_errors=True)


def _prefix(folder: Path) -> str:
    """How the folders begin that stand beside this one for a while: the hash is for names that are too long."""
    return f".{folder.name[:32]}-edgebnn-{sha256(os.fsencode(folder.name)).hexdigest()[:8]}-"


def _leftovers(folder: Path) -> list[Path]:
    try:
        names = os.listdir(folder.parent)
    except OSError:
        return []
    found = (folder.parent / name for name in sorted(names) if name.startswith(_prefix(folder)))
    return [path for path in found if path.is_dir() and not path.is_symlink()]


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # a file system without locks, where nothing is taken for abandoned either
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _abandoned(folder: Path) -> bool:
    """Whether the folder is there and no process that lives holds its lock."""
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(handle)
    return True
