"""Batches of a network's inputs as one array.

Where a network has one input, a batch is the array of its samples. Where it has several, it is a structured array with
a field for each input, by the input's name: so a batch has a length and can be cut, whatever it holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from edgebnn.errors import DataError
from edgebnn.legible import legible_name

Array = npt.NDArray[Any]

# What the arrays of one input, and the labels, may be called in a file; with several inputs each has its own name.
SAMPLES = "x"
LABELS = ("y", "labels")

_NUMBERS = "biuf"  # kinds of types that are numbers
_SHOWN = 8  # arrays that a message names


class Given(Protocol):
    """An input as far as batches go: its name and the shape of one sample as the model takes it."""

    @property
    def name(self) -> str: ...
    @property
    def model_shape(self) -> tuple[int, ...]: ...


T = TypeVar("T", bound=Given)

# What users hand over: the samples of the only input, or by the inputs' names those of each.
Samples = npt.ArrayLike | Mapping[str, npt.ArrayLike]


def batch_of(inputs: Sequence[Given], given: Samples, single: bool = True) -> Array:
    """The batch of what users hand over, whatever numpy.asarray makes numbers of; a `single` sample may become one.

    Of arrays by name those of the inputs are taken (see `chosen`), others are left alone. DataError where one is
    missing, holds no numbers, has another shape, or has another number of samples than the others.
    """
    if isinstance(given, Mapping):
        names = chosen(inputs, given)
        arrays = {entry.name: numbers(given[names[entry.name]], _samples_of(entry)) for entry in inputs}
        return joined(inputs, arrays, single)
    if isinstance(given, np.ndarray) and given.dtype.names:
        _check_unmasked(given)
        check_batch(inputs, given)
        return given
    # neither a mask nor anything to convert: the common case, where each microsecond counts
    if type(given) is np.ndarray and given.dtype.kind in _NUMBERS:
        samples = given
    else:
        samples = numbers(given, _samples_of(inputs[0]))
    if len(inputs) > 1:
        check_batch(inputs, samples)
    return _of_one_input(inputs[0], samples, single)


def joined(inputs: Sequence[Given], arrays: Mapping[str, Array], single: bool = True) -> Array:
    """The batch of arrays by the inputs' names; where each of them is a `single` sample, a batch of one."""
    if len(inputs) == 1:
        return _of_one_input(inputs[0], arrays[inputs[0].name], single)
    for array in arrays.values():
        _check_many(array)
    if single and all(arrays[entry.name].shape == entry.model_shape for entry in inputs):
        arrays = {name: array[np.newaxis] for name, array in arrays.items()}
    for entry in inputs:
        check_shape(entry, arrays[entry.name])
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f"{length} of '{name}'" for name, length in lengths.items())
        raise DataError(f"the inputs have different numbers of samples ({shown}); give as many of each")
    fields = [(entry.name, arrays[entry.name].dtype, entry.model_shape) for entry in inputs]
    batch = np.empty(max(lengths.values()), np.dtype(fields, align=True))
    for name, array in arrays.items():
        batch[name] = array
    return batch


def _of_one_input(entry: Given, array: Array, single: bool) -> Array:
    _check_many(array)
    return array[np.newaxis] if single and array.shape == entry.model_shape else array


def _check_many(array: Array) -> None:
    if array.ndim == 0:
        raise DataError("the data are a single number; give a batch of samples")


def chosen(inputs: Sequence[Given], arrays: Iterable[str]) -> dict[str, str]:
    """Which of the named arrays holds each input, by the inputs' names: the one of its name, of an only input also `x`.

    DataError where there is none.
    """
    named = {legible_name(name): name for name in arrays} | {name: name for name in arrays}
    if len(inputs) == 1 and SAMPLES in named:
        return {inputs[0].name: SAMPLES}
    missing = [entry.name for entry in inputs if entry.name not in named]
    if missing:
        found = ", ".join(sorted(named)[:_SHOWN]) or "nothing"
        if len(inputs) == 1:
            either = " or ".join(f"'{name}'" for name in dict.fromkeys((SAMPLES, missing[0])))
            raise DataError(f"there is no array {either} (there is: {found}); add it")
        raise DataError(f"there is no array '{missing[0]}' (there is: {found}), but {wanted(inputs)}")
    return {entry.name: named[entry.name] for entry in inputs}


def labels_of(inputs: Sequence[Given], arrays: Iterable[str]) -> str | None:
    """Which of the named arrays holds the labels: `y`, or else `labels`, unless that is an input; None without any."""
    names = set(arrays)
    taken = set(chosen(inputs, names).values())
    return next((name for name in LABELS if name in names - taken), None)


def numbers(values: npt.ArrayLike, wanted: str) -> Array:
    """The values as an array of numbers, or DataError that says what is wanted."""
    _check_unmasked(values)
    try:
        array = np.asarray(values)
    except (ValueError, TypeError, RuntimeError) as error:  # lists of several lengths; a tensor with a gradient
        raise DataError(f"the data are no array ({' '.join(str(error).split())}); give {wanted}") from error
    if array.dtype.kind not in _NUMBERS:
        what = "None" if values is None else f"{type(values).__name__} of {array.dtype}"
        raise DataError(f"the data are no numbers ({what}); give {wanted}")
    return array


def _check_unmasked(values: object) -> None:
    """DataError where some of the values are masked: under the mask stand numbers, and nobody means these."""
    if np.ma.is_masked(values):
        raise DataError("some of the data are masked; fill these places, or leave out their samples")


def parts(inputs: Sequence[T], batch: Array) -> tuple[tuple[T, Array], ...]:
    """Each input with its part of a batch; DataError where the batch has not the shape, or not the inputs."""
    check_batch(inputs, batch)
    return tuple((entry, batch[entry.name] if batch.dtype.names else batch) for entry in inputs)


def check_batch(inputs: Sequence[Given], batch: Array) -> None:
    """DataError where a batch has not the shape, or not the inputs."""
    names = batch.dtype.names
    if len(inputs) > 1 and names is None:
        raise DataError(f"the data are one array, but {wanted(inputs)}")
    missing = [entry.name for entry in inputs if names is not None and entry.name not in names]
    if missing:
        found = ", ".join((names or ())[:_SHOWN])
        raise DataError(f"the data have no field '{missing[0]}' (they have: {found}); give a dict of arrays")
    for entry in inputs:
        check_shape(entry, batch[entry.name] if names else batch)


def wanted(inputs: Sequence[Given]) -> str:
    """Half a sentence on what to give for a network of several inputs."""
    shown = ", ".join(f"'{entry.name}' of the shape (batch, {_extents(entry)})" for entry in inputs)
    return (
        f"the model has {len(inputs)} inputs: {shown}; give an .npz (numpy.savez) with arrays of these names, in "
        "Python a dict"
    )


def check_shape(entry: Given, x: Array) -> None:
    """DataError where samples are not of the model's own shape."""
    if x.shape[1:] != entry.model_shape:
        raise DataError(
            f"input '{entry.name}' has the shape (batch, {_extents(entry)}), but the data have {x.shape}; reshape the "
            "data"
        )


def _samples_of(entry: Given) -> str:
    return f"samples of the shape {entry.model_shape}"


def _extents(entry: Given) -> str:
    return ", ".join(map(str, entry.model_shape))
