"""A set of small labelled images in two parts, to learn from and to be judged by: MNIST, Fashion-MNIST and their like.

A folder holds `train.npz` and `test.npz` (`x` uint8 (n, height, width), `y` (n,)), or the four IDX files under their
published names, plain or gzipped.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgebnn.arrays import read_npz
from edgebnn.brief import brief
from edgebnn.choices import choice
from edgebnn.errors import DataError
from edgebnn.recipes.idx import read_idx

MOST_CLASSES = 256

_IDX_NAMES = {"train": "train", "test": "t10k"}


@dataclass(frozen=True, eq=False)
class Images:
    """Images x uint8 (n, height, width) and the class of each, y int64 (n,), from 0."""

    x: npt.NDArray[np.uint8]
    y: npt.NDArray[np.int64]

    __repr__ = brief

    def first(self, count: int | None) -> Images:
        """The first `count` of them, or all."""
        return self if count is None else Images(self.x[:count], self.y[:count])


@dataclass(frozen=True, eq=False)
class ImageSet:
    """What a network learns from, and what it is judged by; images of one size."""

    train: Images
    test: Images

    __repr__ = brief

    @property
    def classes(self) -> int:
        """How many classes there are: one more than the largest label."""
        return int(max(self.train.y.max(), self.test.y.max())) + 1

    @classmethod
    def read(cls, folder: Path) -> ImageSet:
        """The set in a folder; DataError names the file that is missing or unsound."""
        if not folder.is_dir():
            raise DataError(f"'{folder}' is no folder; name the one with the images by {choice('data')}")
        train, test = _part(folder, "train"), _part(folder, "test")
        if train.x.shape[1:] != test.x.shape[1:]:
            sizes = f"{train.x.shape[1:]} to learn from and of {test.x.shape[1:]} to be judged by"
            raise DataError(f"'{folder}' has images of {sizes}; take both from one set")
        return cls(train, test)


def images_folder(given: Path | None, name: str) -> Path:
    """The folder of the set `name`: as given, of $EDGEBNN_DATA, or beside the current one."""
    if given is not None:
        return given
    root = os.environ.get("EDGEBNN_DATA")
    return (Path(root) if root else Path("..") / "shared" / "data") / name


def _part(folder: Path, part: str) -> Images:
    packed = folder / f"{part}.npz"
    if packed.exists():
        arrays = read_npz(packed, ["x", "y"])
        return _checked(arrays["x"], arrays["y"], str(packed), str(packed))
    found = [_idx(folder, f"{_IDX_NAMES[part]}-{kind}") for kind in ("images-idx3-ubyte", "labels-idx1-ubyte")]
    (images, labels) = found
    if images is None or labels is None:
        raise DataError(
            f"'{folder}' has neither {part}.npz nor {_IDX_NAMES[part]}-images-idx3-ubyte and "
            f"{_IDX_NAMES[part]}-labels-idx1-ubyte (or both as .gz); add them, or name another folder by "
            f"{choice('data')}"
        )
    return _checked(read_idx(images), read_idx(labels), str(images), str(labels))


def _idx(folder: Path, name: str) -> Path | None:
    return next((path for path in (folder / name, folder / f"{name}.gz") if path.exists()), None)


def _checked(x: npt.NDArray[Any], y: npt.NDArray[Any], of_x: str, of_y: str) -> Images:
    if x.dtype != np.uint8 or x.ndim != 3 or x.size == 0:
        raise DataError(f"'{of_x}' holds images as {x.dtype} {x.shape}; store them as uint8 (n, height, width)")
    if y.dtype.kind not in "iu" or y.shape != x.shape[:1]:
        raise DataError(
            f"'{of_y}' holds labels as {y.dtype} {y.shape} of {len(x)} images; store one whole number of each"
        )
    if int(y.min()) < 0 or int(y.max()) >= MOST_CLASSES:
        raise DataError(f"'{of_y}' has the label {int(y.min() if y.min() < 0 else y.max())}; number classes from 0 up")
    return Images(x, y.astype(np.int64))
