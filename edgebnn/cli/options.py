"""Options that several commands share, and how their values are read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from edgebnn.cli.places import DeploymentFolder
from edgebnn.legible import legible_name

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from edgebnn.api import Deployment
    from edgebnn.arrays import Array
    from edgebnn.chip.instance.chip_instance import ChipInstance
    from edgebnn.chip.target.target import Target
    from edgebnn.cli.chip_options import ChipOptions
    from edgebnn.emulator.emulate import Dataset
    from edgebnn.frontend import ReadOptions, Stated

Command = TypeVar("Command", bound=Callable[..., Any])

model_argument = click.argument("model", type=click.Path(exists=True, dir_okay=False, path_type=Path))
trust_option = click.option(
    "--trust", is_flag=True, help="Run a native firmware (target host) with your rights: you know who made DIR."
)
toolchain_option = click.option(
    "--toolchain",
    type=click.Choice(["auto", "zig", "gcc"]),
    default="auto",
    show_default=True,
    help="Cross compiler; auto takes ziglang, then a gcc on the path.",
)
folder_argument = click.argument("folder", metavar="DIR", type=DeploymentFolder())
_input_type_option = click.option(
    "--input-type",
    metavar="[NAME=]TYPE",
    multiple=True,
    help="Integers of a float32 input: uint8, int12, ... (1 to 16 bits), bits or trits. Of a model with several inputs "
    "NAME says of which, else it holds for every other one; so do --input-scale and --input-offset.",
)
_input_scale_option = click.option(
    "--input-scale",
    metavar="[NAME=]SCALE",
    multiple=True,
    help="What one of these integers is worth to the model, such as 1/255. [default: 1]",
)
_input_offset_option = click.option(
    "--input-offset",
    metavar="[NAME=]OFFSET",
    multiple=True,
    help="What the integer 0 is worth to the model, such as -1: a model trained on bytes/127.5 - 1 takes them with "
    "--input-scale 1/127.5 --input-offset -1. [default: 0]",
)
_calibration_option = click.option(
    "--calibration",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help=".npz with x, or with an array for each input by its name (or .npy), samples as the model takes them: their "
    "range types a float32 input, and float layers become int8 by what they make of them.",
)
_output_option = click.option(
    "--output", "model_output", metavar="NAME", help="The output that the network ends in, of a model with several."
)


def reading_options(command: Command) -> Command:
    """What a command that reads a model may be told of it: `--input-type`, `--input-scale`, `--input-offset`,
    `--calibration`, `--output`."""
    return _input_type_option(_input_scale_option(_input_offset_option(_calibration_option(_output_option(command)))))


def battery_option(command: Command) -> Command:
    """`--battery`, of commands that print how long one lasts."""
    what = "A cell's name, or its mAh and V, such as 225,3.0. [default: the target's]"
    return click.option("--battery", metavar="CR2032|mAh,V", help=what)(command)


def given(name: str) -> bool:
    """Whether the user gave this parameter of the running command, be it with the value that it has by itself."""
    source = click.get_current_context().get_parameter_source(name)
    return source is not click.core.ParameterSource.DEFAULT


def target_option(default: str | None = "rram130") -> Callable[[Command], Command]:
    """`--target`, a shipped target's name or the path of a TOML file."""
    what = "Target: a name, or the path of a TOML file (ending in .toml, or with its folder)."
    return click.option("--target", default=default, show_default=True, help=what)


def read_options(
    input_type: Sequence[str],
    input_scale: Sequence[str],
    input_offset: Sequence[str],
    calibration: Path | None,
    model_output: str | None,
) -> ReadOptions:
    """The options of `reading_options` with their values read; ModelError or DataError where one is no such value."""
    from edgebnn.frontend import ReadOptions, parse_input_offset, parse_input_scale, per_input

    return ReadOptions(
        per_input(_said("--input-type", input_type), str),
        per_input(_said("--input-scale", input_scale), parse_input_scale),
        None if calibration is None else read_samples(calibration),
        model_output,
        per_input(_said("--input-offset", input_offset), parse_input_offset),
    )


def _said(option: str, texts: Sequence[str]) -> Stated[str]:
    """What an option says of all inputs, or as `NAME=VALUE` of one; a usage error where it does so twice."""
    from edgebnn.frontend import PerInput

    said: dict[str | None, str] = {}
    for text in texts:
        name, named, value = text.rpartition("=")
        key = name if named else None
        if key in said:
            of = f"input '{legible_name(name)}'" if named else "all inputs"
            raise click.UsageError(f"{option} is given twice for {of}, but has one value; give it once")
        said[key] = value
    every = said.pop(None, None)
    return PerInput(every, {str(name): value for name, value in said.items()}) if said else every


def read_samples(path: Path) -> Array | Mapping[str, Array]:
    """The array of a .npy file, or those of an .npz file by name; DataError where there is none."""
    from edgebnn.arrays import NpzArrays, read_npy

    return NpzArrays(path) if path.suffix == ".npz" else read_npy(path)


def labelled_batch(path: Path, deployment: Deployment) -> tuple[Array, npt.NDArray[np.int64] | None]:
    """The samples of a file as a batch, a single one as a batch of one, and their classes where an .npz has labels.

    DataError names the file.
    """
    samples, labels = _samples_and_labels(path, deployment)
    with naming(path):
        if labels is None:
            return deployment.batch(samples), None
        data = deployment.dataset(samples, labels)
        return data.x, data.y


def chip_from(deployment: Deployment, chip: str | None, words: ChipOptions) -> ChipInstance | None:
    """The chip instance that `--chip SEED|FILE` and the options of `chip_options` name, or None without `--chip`.

    Raises TargetError where the deployment's target has no such chip, DataError for a file that holds none.
    """
    if chip is None:
        if words.given:
            raise click.UsageError(f"{words.given[0]} goes with --chip SEED")
        return None
    return named_chip(chip, words, deployment.mapped.target, deployment.mapped.policies)


def named_chip(chip: str, words: ChipOptions, target: Target, policies: Sequence[str]) -> ChipInstance:
    """The chip of `--chip SEED|FILE` on a target; `policies` are a deployment's, by default the target's first.

    Raises TargetError where the target has no such chip, DataError for a file that holds none.
    """
    from dataclasses import replace

    from edgebnn.cli.chip_options import chip_settings

    if is_seed(chip):
        seed = int(chip) if len(chip) <= 20 else -1
        if not 0 <= seed < 2**63:
            raise click.UsageError(f"--chip {chip} is out of range; a seed is a whole number from 0 to 2^63 - 1")
        return replace(chip_settings(words, target, policies), seed=seed)
    if words.given:
        raise click.UsageError(
            f"the chip file '{chip}' brings its own errors, policy and conditions; leave out {', '.join(words.given)}, "
            "or give a seed"
        )
    return chip_of_file(Path(chip), target, policies)


def is_seed(chip: str) -> bool:
    """Whether `--chip` gives a seed, and not a file."""
    return re.fullmatch(r"[+-]?[0-9]+", chip) is not None


def chip_of_file(path: Path, target: Target, policies: Sequence[str]) -> ChipInstance:
    """The chip of a file, once it is sure that it is one of this target; TargetError or DataError where it is not."""
    from edgebnn.chip.instance.chip_checks import check_chip
    from edgebnn.chip.instance.chip_instance import ChipInstance

    chip = ChipInstance.load(path, target)
    check_chip(chip, target, policies)
    return chip


def read_dataset(path: Path, deployment: Deployment) -> Dataset:
    """Samples and, where the file has them, labels; DataError where the file has not the samples of all inputs."""
    samples, labels = _samples_and_labels(path, deployment)
    with naming(path):
        return deployment.dataset(samples, labels)


def _samples_and_labels(path: Path, deployment: Deployment) -> tuple[Array | Mapping[str, Array], Array | None]:
    """What a file holds of a deployment's samples, of an .npz by the inputs' names, and their labels where it has any.

    DataError names the file.
    """
    from edgebnn.network.batches import chosen, labels_of

    held, inputs = read_samples(path), deployment.mapped.network.inputs
    if not isinstance(held, Mapping):
        return held, None
    with naming(path):
        names, label = chosen(inputs, held), labels_of(inputs, held)
    return {name: held[each] for name, each in names.items()}, None if label is None else held[label]


@contextmanager
def naming(path: Path | None) -> Iterator[None]:
    """Errors about data name the file that these are from, if any."""
    from edgebnn.errors import DataError

    if path is None:
        yield
        return
    try:
        yield
    except DataError as error:
        raise DataError(f"'{path}': {error}") from error
