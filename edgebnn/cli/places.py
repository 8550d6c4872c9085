"""Options that name what a command writes, and the check of all of them before the work."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click


class OutputFile(click.Path):
    """A file that the command writes."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)


class PictureFile(OutputFile):
    """A picture that the command writes; its ending says in which form, see `form_of`."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path; a usage error where it ends otherwise."""
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        if form_of(path) not in ("png", "svg"):
            self.fail(f"'{path}' does not end in .png or .svg; name the picture so", param, ctx)
        return path


def form_of(picture: Path) -> str:
    """`png` or `svg`."""
    return picture.suffix.lower().removeprefix(".")


class OutputFolder(click.Path):
    """A deployment folder that the command writes."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)


class DeploymentFolder(click.Path):
    """A deployment folder that the command reads; or, where its words say so, a file in its place."""

    def __init__(self) -> None:
        super().__init__(exists=True, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path, which is there again where a process that was killed while it wrote the folder had left it."""
        if not os.path.lexists(value):
            from edgebnn.mapping.swap import find_again

            find_again(Path(os.path.abspath(value)))
        return super().convert(value, param, ctx)


def check_outputs(command: click.Command, ctx: click.Context) -> None:
    """An EdgeBNNError where an output has no place, or would replace what the command reads or writes besides."""
    from edgebnn.places import Kind, cannot_write, find_place

    written: dict[Path, str] = {}
    for name, path in _values(command, ctx, OutputFile):
        place = find_place(path)
        if place.kind is not Kind.FILE:
            continue
        for reader, read in _read(command, ctx):
            if place.mode is not None and os.path.samefile(read, place.path):
                raise cannot_write(path, f"the command reads it as {reader}")
        if place.path in written:
            raise cannot_write(path, f"it is what {written[place.path]} writes")
        written[place.path] = name
    for _, path in _values(command, ctx, OutputFolder):
        from edgebnn.mapping.folder import check_folder

        for param in command.params:
            folder = ctx.params.get(param.name or "")
            if (
                isinstance(param.type, DeploymentFolder)
                and folder is not None
                and path.exists()
                and os.path.samefile(folder, path)
            ):
                raise cannot_write(path, f"the command reads it as {_called(param)}")
        check_folder(path)


def _values(command: click.Command, ctx: click.Context, kind: type[click.Path]) -> Iterator[tuple[str, Any]]:
    """(what the user calls it, value) of the parameters of this type that have one."""
    for param in command.params:
        value = ctx.params.get(param.name or "")
        if isinstance(param.type, kind) and value is not None:
            yield _called(param), value


def _read(command: click.Command, ctx: click.Context) -> Iterator[tuple[str, Path]]:
    """(what the user calls it, path) of every file that a parameter names: some take a name or a number as well."""
    for param in command.params:
        if isinstance(param.type, OutputFile | OutputFolder):
            continue
        value = ctx.params.get(param.name or "")
        for one in value if isinstance(value, tuple) else (value,):
            if isinstance(one, str | Path) and os.path.isfile(one):
                yield _called(param), Path(one)


def _called(param: click.Parameter) -> str:
    if isinstance(param, click.Option):
        name = next(name for name in param.opts if name.startswith("--"))
        return {"--json-file": "--json"}.get(name, name)
    return param.make_metavar(click.get_current_context())
