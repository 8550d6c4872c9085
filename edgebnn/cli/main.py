"""The command `edgebnn`: a group that loads a subcommand only when it is called."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from edgebnn.errors import EdgeBNNError
from edgebnn.legible import legible
from edgebnn.version import __version__

# Command -> its help in the list of commands; each lives in the module of the same name in this package.
COMMANDS = {
    "inspect": "Show layers, kinds, fan-in, memory and what cannot be mapped and why.",
    "compile": "Compile a model: firmware, weights image, memory map.",
    "run": "Run a batch through a deployment.",
    "emulate": "Run a data set on emulated chips: accuracy, agreement, energy.",
    "trim": "Move thresholds to make up for one chip's wrong weights.",
    "estimate": "Estimate energy, latency and memory without data.",
    "compare": "Show deployments side by side, and hold them to a budget.",
    "targets": "List, show, check and copy target files.",
    "chip": "Characterise devices; make, import, compare and reprogram chips.",
    "train": "Train a model by a recipe and export it to ONNX.",
    "device": "Run a recording through a whole device with the network in it.",
    "demo": "Compile, emulate and report the shipped ECG model.",
}

EXIT_CANNOT = 1


class LazyGroup(click.Group):
    """Knows its commands by name; imports none of them, nor any heavy library, to show its help."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        from importlib import import_module

        module = import_module(f"edgebnn.cli.{cmd_name}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """Reads the command line, or shows the help."""
        with _ending_with_the_reader():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command; turns errors into one sentence and exit code 1."""
        from edgebnn.choices import on_the_command_line

        try:
            with _ending_with_the_reader(), on_the_command_line():
                return super().invoke(ctx)
        except (EdgeBNNError, OSError, MemoryError, RecursionError) as error:
            if ctx.params.get("debug"):
                _show_traceback()
            _say(_sentence(error))
            if isinstance(error, OSError) and error.filename is None and sys.stdout is sys.__stdout__:
                _forget_output()
            ctx.exit(EXIT_CANNOT)
        except click.UsageError as error:  # it quotes the command line, where the shell may have put a stranger's names
            raise click.UsageError(legible(error.format_message()), error.ctx) from error


@contextmanager
def _ending_with_the_reader() -> Iterator[None]:
    """Ends the process without a word where nobody reads its output any more, as other tools end."""
    try:
        yield
    except BrokenPipeError:
        import os
        import signal

        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGPIPE)
        raise


def _forget_output() -> None:
    """Lets what could not be written go nowhere: Python writes it again at its end, and exits with 120 if it fails."""
    import os

    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


# What only errors need is loaded when there is one: the help takes a tenth of a second.
def _say(sentence: str) -> None:
    from edgebnn.cli.output import say

    say(sentence)


def _show_traceback() -> None:
    from traceback import print_exc

    print_exc()


def _sentence(error: BaseException) -> str:
    if isinstance(error, EdgeBNNError):
        return str(error)
    if isinstance(error, OSError):
        name = error.filename or "standard output"
        return f"{name}: {error.strerror or error}; check the path, the permissions and free space"
    return f"the input asks for more memory than there is ({type(error).__name__}); use a smaller one"


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="edgebnn")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def group(debug: bool) -> None:
    """Binary and ternary neural networks on a simulated CMOS/RRAM chip and on plain microcontrollers."""


def main() -> None:
    """Entry point of the console script: no traceback reaches a user unless --debug is given."""
    try:
        group(prog_name="edgebnn")
    except Exception as error:  # the last line of defence: a defect of ours, said as such
        if "--debug" in sys.argv:
            raise
        text = f"{type(error).__name__}: {error}"
        _say(f"internal error ({text}); please report it with the output of --debug")
        sys.exit(EXIT_CANNOT)
