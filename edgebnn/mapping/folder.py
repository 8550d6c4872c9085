"""A deployment folder on disk: written whole or not at all, read with every file checked against its hash."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from edgebnn.errors import DeploymentError
from edgebnn.files import write_synced
from edgebnn.inputs import input_inside, read_input
from edgebnn.mapping.record import ARRAYS, WEIGHTS, Record, decode, encode
from edgebnn.mapping.swap import clear, find_again, fresh_folder, put, recover
from edgebnn.places import MAX_RECORD_BYTES, RECORD

FIRMWARE = "firmware"
MAX_FOLDER_BYTES = 1 << 29  # of all files that a record names
PLACEMENT = "placement.json"
POLICIES = "policies.json"
TRIMMING = "trimming.json"
FIRMWARE_ELF = "firmware.elf"
PROVISION_ELF = "provision.elf"


def write_folder(folder: Path, record: Record, files: Mapping[str, bytes]) -> None:
    """The folder with `deployment.json` and the files, or DeploymentError and nothing.

    A folder that already holds a deployment is replaced, but only where every file in it is one that edgebnn wrote
    and nobody changed since, or one that `make` in `firmware/` made (see `made_by_make`): nothing of the user's is
    lost.
    """
    document = encode(record)
    _check_readable(document, files)
    real = _real(folder)
    _check_place(folder, real)
    missing = [parent for parent in real.parents if not parent.exists()]
    try:
        real.parent.mkdir(parents=True, exist_ok=True)
        clear(real)
        with fresh_folder(real) as fresh:
            for name, data in {**files, RECORD: document}.items():
                path = fresh / name
                path.parent.mkdir(parents=True, exist_ok=True)
                write_synced(path, data)
            for name in {FIRMWARE_ELF, PROVISION_ELF} & files.keys():
                (fresh / name).chmod(0o755)
            put(fresh, real)
    except OSError as error:
        for parent in missing:
            with suppress(OSError):  # that was never made, or that someone else put something into
                parent.rmdir()
        reason = error.strerror or error
        raise DeploymentError(
            f"writing '{folder}' failed: {reason}; free some space or choose another folder"
        ) from error


def check_folder(folder: Path) -> None:
    """DeploymentError where no deployment can be written under this name: what stands there is not ours to replace.

    Whoever works for long asks before that.
    """
    real = _real(folder)
    there = _check_place(folder, real)
    try:  # names that are too long, and folders that the system fills itself, show only where something is made
        with TemporaryDirectory(prefix=".edgebnn-", dir=there) as tried:
            (Path(tried) / real.relative_to(there)).mkdir(parents=True)
    except OSError as error:
        reason = error.strerror or error
        raise DeploymentError(
            f"'{folder}' cannot be written: no folder can be made in '{there}' ({reason}); choose another folder"
        ) from error


def read_folder(folder: Path) -> tuple[Record, dict[str, bytes]]:
    """The record of a deployment folder and all the files that belong to it, every one checked against its hash."""
    path = folder / RECORD
    try:
        find_again(_real(folder))
        there = path.is_file()
    except OSError as error:
        raise DeploymentError(f"'{folder}' cannot be opened: {error.strerror or error}; give another folder") from error
    if not there:
        raise DeploymentError(f"'{folder}' is no deployment folder (it has no {RECORD}); make one with edgebnn compile")
    record = decode(_read(path, MAX_RECORD_BYTES), str(path))
    files: dict[str, bytes] = {}
    most = MAX_FOLDER_BYTES
    for name in record.files:
        data = files[name] = _read(_inside(folder, name), most)
        most -= len(data)
        if hashlib.sha256(data).hexdigest() != record.files[name]:
            raise DeploymentError(f"'{folder / name}' is not the file that was written; compile again")
    missing = {WEIGHTS, ARRAYS, "memory_map.json", "memory_map.csv"} - files.keys()
    if missing:
        raise DeploymentError(f"'{path}' names no {min(missing)}; compile again")
    return record, files


def made_by_make(names: Iterable[str]) -> frozenset[str]:
    """What the Makefile makes, and `make clean` removes, in a deployment folder that holds the files `names`.

    By name alone: the library and the programs, one more program for each board, and below `firmware/build/` an object
    with its list of headers for each source. Any other file there is the user's.
    """
    sources = [
        path for path in map(PurePosixPath, names) if path.parts[:1] == (FIRMWARE,) and path.suffix in (".c", ".S")
    ]
    made = {f"{FIRMWARE}/libmodel.a", f"{FIRMWARE}/firmware.elf"}
    made |= {f"{FIRMWARE}/{PROVISION_ELF}" for path in sources if path.parts[1] == "provision"}
    for source in sources:
        parts = source.with_suffix("").parts[1:]
        made |= {"/".join((FIRMWARE, "build", *parts)) + suffix for suffix in (".o", ".d")}
        if len(parts) > 2 and parts[0] == "board":
            made.add(f"{FIRMWARE}/firmware-{parts[1]}.elf")
    return frozenset(made)


def _real(folder: Path) -> Path:
    """The folder with every link followed: a link stays one, and the folder behind it is written."""
    try:
        return Path(os.path.realpath(folder))
    except (OSError, ValueError) as error:  # a NUL
        raise DeploymentError("the folder has a name that no folder can have; choose another") from error


def _check_place(folder: Path, real: Path) -> Path:
    """The first folder above that is there; DeploymentError as `check_folder`, as far as that shows without writing."""
    recover(real)
    _check_replaceable(real)
    there = next(path for path in real.parents if os.path.lexists(path))
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        what = "is closed to you" if there.is_dir() else "is no folder"
        raise DeploymentError(f"'{folder}' cannot be written: '{there}' {what}; choose another folder")
    return there


def _check_readable(document: bytes, files: Mapping[str, bytes]) -> None:
    """Nothing is written that `read_folder` would refuse."""
    size = sum(map(len, files.values()))
    if size > MAX_FOLDER_BYTES or len(document) > MAX_RECORD_BYTES:
        raise DeploymentError(
            f"the deployment takes {size} bytes and its record {len(document)}, more than the {MAX_FOLDER_BYTES} and "
            f"{MAX_RECORD_BYTES} that are read again; use a smaller network"
        )


def _read(path: Path, most_bytes: int) -> bytes:
    return read_input(path, most_bytes, DeploymentError, remedy="compile again")


def _inside(folder: Path, name: str) -> Path:
    """The path of a file of the folder; a record from a stranger may name others."""
    return input_inside(
        folder, name, DeploymentError, called=f"'{folder / RECORD}' names '{name}', which", remedy="compile again"
    )


def _check_replaceable(folder: Path) -> None:
    if not os.path.lexists(folder):
        return
    if not folder.is_dir():
        raise DeploymentError(f"'{folder}' is no folder; choose another folder")
    if not any(folder.iterdir()):
        return
    if not (folder / RECORD).is_file():
        raise DeploymentError(f"'{folder}' is not empty and holds no deployment; choose another folder")
    try:
        known = decode(_read(folder / RECORD, MAX_RECORD_BYTES), str(folder / RECORD)).files
    except DeploymentError as error:
        raise DeploymentError(f"'{folder}' holds what this version cannot read; move it away first") from error
    made = made_by_make(known)
    folders = {str(parent) for name in (*known, *made) for parent in PurePosixPath(name).parents}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        expected = name in (folders if path.is_dir() else made) and not path.is_symlink()
        if name == RECORD or expected:
            continue
        if (
            name not in known
            or path.is_dir()
            or hashlib.sha256(_read(path, MAX_FOLDER_BYTES)).hexdigest() != known[name]
        ):
            raise DeploymentError(
                f"'{folder / name}' was added or changed since edgebnn wrote the folder; move it away or choose "
                "another folder"
            )
