"""Options that several commands share, and how their values are read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    import numpy.typing as npt

    from edgebnn.chip.instance import ChipInstance
    from edgebnn.emulator.emulate import Dataset
    from edgebnn.mapping.mapped import MappedNetwork

Command = TypeVar("Command", bound=Callable[..., Any])

model_argument = click.argument("model", type=click.Path(exists=True, dir_okay=False, path_type=Path))
folder_argument = click.argument("folder", metavar="DIR", type=click.Path(exists=True, path_type=Path))
input_type_option = click.option(
    "--input-type",
    metavar="TYPE",
    help="Integers of a float32 input: uint8, int12, ... (1 to 16 bits), bits or trits.",
)
calibration_option = click.option(
    "--calibration",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help=".npz with x (or .npy) of integer samples, whose range types a float32 input.",
)


def target_option(default: str | None = "rram130") -> Callable[[Command], Command]:
    """`--target`, a shipped target's name or the path of a TOML file."""
    return click.option("--target", default=default, show_default=True, help="Target: a name, or a TOML file's path.")


def read_calibration(path: Path | None) -> npt.NDArray[Any] | None:
    """The samples of a calibration file, or None without one."""
    if path is None:
        return None
    return read_samples(path)


def read_samples(path: Path) -> npt.NDArray[Any]:
    """The array of a .npy file, or `x` of an .npz file; DataError where there is none."""
    from edgebnn.arrays import read_npy, read_npz

    return read_npz(path, ["x"])["x"] if path.suffix == ".npz" else read_npy(path)


def chip_of(mapped: MappedNetwork, seed: int, ber: float | None) -> ChipInstance:
    """The chip instance of a seed at a bit error rate, by default that of the deployment's programming policy."""
    from edgebnn.chip.instance import ChipInstance

    if ber is None:
        ber = 0.0 if mapped.policy is None else mapped.target.policy(mapped.policy).bit_error_rate.si("ratio")
    return ChipInstance(seed, ber)


def as_batch(x: npt.NDArray[Any], mapped: MappedNetwork) -> npt.NDArray[Any]:
    """The samples with a batch axis in front: a single sample in the input's own shape becomes a batch of one."""
    from edgebnn.errors import DataError

    if x.ndim == 0:
        raise DataError("the data are a single number; give a batch of samples")
    return x[None] if x.shape == mapped.network.input.shape else x


def chip_from(mapped: MappedNetwork, chip: str | None, ber: float | None) -> ChipInstance | None:
    """The chip instance that `--chip SEED|FILE` and `--ber` name, or None without `--chip`."""
    from edgebnn.chip.instance import ChipInstance

    if chip is None:
        if ber is not None:
            raise click.UsageError("--ber goes with --chip SEED")
        return None
    if chip.isdecimal():
        return chip_of(mapped, int(chip), ber)
    return ChipInstance.load(Path(chip))


def read_dataset(path: Path, mapped: MappedNetwork) -> Dataset:
    """Samples and, where the file has them, labels; DataError where the file has no x."""
    import numpy as np

    from edgebnn.arrays import read_npz
    from edgebnn.emulator.emulate import Dataset
    from edgebnn.errors import DataError

    if path.suffix != ".npz":
        return Dataset(as_batch(read_samples(path), mapped))
    arrays = read_npz(path, ["x"], ["y"])
    y = arrays.get("y")
    if y is not None and y.dtype.kind not in "iub":
        raise DataError(f"'{path}': the labels y are {y.dtype}; give the index of each sample's class")
    return Dataset(as_batch(arrays["x"], mapped), None if y is None else y.astype(np.int64))


def check_same_model(model: Path, mapped: MappedNetwork) -> None:
    """ModelError where the file is not the one that the deployment was compiled from."""
    from edgebnn.errors import ModelError
    from edgebnn.frontend import model_hash

    if model_hash(model) != mapped.provenance.model_sha256:
        raise ModelError(f"'{model}' is not the model that the deployment was compiled from; give that file")
