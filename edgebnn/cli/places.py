"""Options that name what a command writes, and the check of all of them before the work."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from edgebnn.errors import EdgeBNNError
    from edgebnn.inputs import FileId


class OutputFile(click.Path):
    """A file that the command writes."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)


class PictureFile(OutputFile):
    """A picture that the command writes; its ending says in which form, see `form_of`."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path; a usage error where it ends otherwise, ToolError where nothing is there to draw with."""
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        if form_of(path) not in ("png", "svg"):
            self.fail(f"'{path}' does not end in .png or .svg; name the picture so", param, ctx)
        from edgebnn.report.pictures import need_matplotlib

        need_matplotlib()
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


def check_outputs(command: click.Command, ctx: click.Context) -> dict[FileId, EdgeBNNError]:
    """The files that the outputs replace, each with the error to raise where the command reads it.

    Raises an EdgeBNNError where an output has no place, or would replace another one.
    """
    from edgebnn.inputs import file_id
    from edgebnn.places import OutputKind, cannot_write, find_place

    written: dict[Path, str] = {}
    replaced: dict[FileId, EdgeBNNError] = {}
    for name, path in _values(command, ctx, OutputFile):
        place = find_place(path)
        if place.kind is not OutputKind.FILE:
            continue
        if place.path in written:
            raise cannot_write(path, f"it is what {written[place.path]} writes")
        written[place.path] = name
        if place.mode is not None:
            replaced[file_id(os.stat(place.path))] = cannot_write(path, "the command reads it")
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
    return replaced


def _values(command: click.Command, ctx: click.Context, kind: type[click.Path]) -> Iterator[tuple[str, Any]]:
    """(what the user calls it, value) of the parameters of this type that have one."""
    for param in command.params:
        value = ctx.params.get(param.name or "")
        if isinstance(param.type, kind) and value is not None:
            yield _called(param), value


def _called(param: click.Parameter) -> str:
    if isinstance(param, click.Option):
        name = next(name for name in param.opts if name.startswith("--"))
        return {"--json-file": "--json"}.get(name, name)
    return param.make_metavar(click.get_current_context())
