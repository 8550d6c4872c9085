"""What all commands share in what they print: `--json [FILE]`, tables on stdout, progress on stderr."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import click

from edgebnn.cli.places import OutputFile, check_outputs
from edgebnn.legible import legible_json, legible_line


class Step(Protocol):
    """Hears each phase as it begins, and within a long one how many of its parts are done."""

    def __call__(self, phase: str, done: int = 0, of: int = 0) -> None: ...


class JsonCommand(click.Command):
    """A command with `--json` for JSON on stdout, or `--json FILE.json` for a file beside the tables.

    Click's own optional values would take any word that follows; here only one that ends in `.json` is a file, so that
    `--json model.onnx` means what it says. Options that take one value are refused when they are given twice.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        help_text = "Print JSON instead of tables; with FILE.json write it there."
        self.params.append(click.Option(["--json", "json_flag"], is_flag=True, help=help_text))
        self.params.append(click.Option(["--json-file"], type=OutputFile(), hidden=True))

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        rewritten = []
        for index, word in enumerate(args):
            following = args[index + 1] if index + 1 < len(args) else ""
            rewritten.append("--json-file" if word == "--json" and following.endswith(".json") else word)
        self._refuse_repeated(ctx, rewritten)
        return super().parse_args(ctx, rewritten)

    def _refuse_repeated(self, ctx: click.Context, args: list[str]) -> None:
        """A usage error for an option of one value that is given twice, of which click would take the last.

        A flag says the same when it is said twice.
        """
        _, _, given = self.make_parser(ctx).parse_args(args=list(args))
        for option in given:
            once = isinstance(option, click.Option) and not (option.multiple or option.is_flag or option.count)
            if once and given.count(option) > 1:
                name = "--json" if option.name == "json_file" else max(option.opts, key=len)
                raise click.UsageError(
                    f"{name} is given {given.count(option)} times, but has one value; give it once", ctx
                )

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command, unless what it would end with has no place or takes that of what it reads."""
        from edgebnn.inputs import replacing

        with replacing(check_outputs(self, ctx)):
            return super().invoke(ctx)


def emit(document: Mapping[str, object], json_flag: bool, json_file: Path | None, show: Callable[[Any], None]) -> None:
    """The document as JSON on stdout, or as tables through `show`, which takes a rich console."""
    import msgspec

    from edgebnn.files import write_whole

    text = legible_json(msgspec.json.format(msgspec.json.encode(_encodable(document)), indent=2).decode())
    if json_file is not None:
        write_whole(json_file, f"{text}\n".encode())
    if json_flag:
        click.echo(text)
        return
    from edgebnn.report.terminal import Terminal

    show(Terminal())


def _encodable(value: Any) -> Any:
    """The document with text that UTF-8 cannot hold, such as the bytes of an odd file name, made readable."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_encodable(key): _encodable(item) for key, item in value.items()}
    return [_encodable(item) for item in value] if isinstance(value, (list, tuple)) else value


def say(sentence: str) -> None:
    """One line on stderr, in which no name is obeyed by the terminal."""
    click.echo(f"edgebnn: {legible_line(sentence)}", err=True)


def end_with(problem: str | None) -> None:
    """Ends the command, whose output is written, with this sentence on stderr and exit code 1; goes on without one."""
    if problem is not None:
        say(problem)
        click.get_current_context().exit(1)


@contextmanager
def progress(title: str, total: int | None = None) -> Iterator[Step]:
    """A bar on stderr of `total` phases: the yielded function hears what comes next, and how far a long phase is."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from edgebnn.report.terminal import Terminal

    name, now = (TextColumn(text, markup=False) for text in ("{task.description}", "{task.fields[now]}"))
    columns = (name, BarColumn(), now, TimeElapsedColumn())
    console = Terminal(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(legible_line(title), total=total, now="")
        begun = -1

        def step(phase: str, done: int = 0, of: int = 0) -> None:
            nonlocal begun
            begun += not of
            at = f"{phase} {done}/{of}" if of else phase
            bar.update(task, completed=begun + (done / of if of else 0), now=legible_line(at))

        yield step
