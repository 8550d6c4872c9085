"""The two doors of the front end: a model to compile, and a model to look at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from edgebnn.apart.onnx_session import RunnableModel
from edgebnn.errors import DataError, ModelError
from edgebnn.frontend.lower.lowering import lower
from edgebnn.frontend.onnx.graph import Graph
from edgebnn.frontend.onnx.parser import graph_of, read_stored, runnable
from edgebnn.frontend.options import ReadOptions
from edgebnn.frontend.problems import Problem, error_of, printable
from edgebnn.network.network import Network

T = TypeVar("T")


@dataclass(frozen=True, eq=False, repr=False)
class Inspection:
    """A model as the front end sees it: its network, or every problem that keeps it from being one.

    `producer` is the program that wrote the file, as it says itself.
    """

    name: str
    model_sha256: str
    network: Network | None
    problems: tuple[Problem, ...]
    producer: str = ""

    def __repr__(self) -> str:
        """One short line: a network is nothing to read in a notebook."""
        found = "no network" if self.network is None else f"{len(self.network.nodes)} nodes"
        return f"Inspection({self.name!r}, {found}, problems={len(self.problems)})"


def read_network(path: Path | str, options: ReadOptions | None = None) -> Network:
    """The integer network of an ONNX file.

    Raises ModelError, in one sentence, for a file that is damaged or holds a node that cannot be mapped; DataError as
    `inspect_model` does.
    """
    inspection = inspect_model(path, options)
    if inspection.network is None:
        raise error_of(Path(path).name, inspection.problems)
    return inspection.network


def inspect_model(path: Path | str, options: ReadOptions | None = None) -> Inspection:
    """What a model is made of, and every node that cannot be mapped.

    Raises ModelError where the file itself is damaged, DataError for calibration data that are no samples of the model
    or of no use beside an input type.
    """
    path, options = Path(path), options or ReadOptions()
    graph, model = _naming(path, partial(_read, options=options))
    name = printable(path.stem)
    lowered = lower(graph, name, options, model)
    typed = all(options.of(given.name).type is not None for given in graph.inputs)
    if typed and options.calibration is not None and not options.more_to_calibrate and lowered.network is not None:
        _check_calibrates(lowered.network)
    return Inspection(name, graph.sha256, lowered.network, lowered.problems, graph.producer)


def runnable_model(path: Path | str, output: str | None = None, sha256: str | None = None) -> RunnableModel:
    """The checked model of a file for onnxruntime, up to this output, by default its only one.

    Raises ModelError where the file is damaged, has no such output, or is not the one of this hash.
    """

    def read(path: Path) -> RunnableModel:
        stored = read_stored(path)
        if sha256 not in (None, stored.sha256):
            raise ModelError("this is not the model that the deployment was compiled from; give that file")
        return runnable(stored, printable(path.name), output)

    return _naming(Path(path), read)


def _read(path: Path, options: ReadOptions) -> tuple[Graph, RunnableModel | None]:
    """The graph and, where calibration is going to run it, the model itself."""
    stored = read_stored(path)
    model = None if options.calibration is None else runnable(stored, printable(path.name), options.output)
    return graph_of(stored, options.output), model


def _check_calibrates(network: Network) -> None:
    if not network.quantised:
        raise DataError(
            "the input type and the calibration data both say what the input holds, and no layer is float; give one of "
            "them"
        )


def _naming(path: Path, read: Callable[[Path], T]) -> T:
    """What is read of a file; what it raises names the file."""
    try:
        return read(path)
    except ModelError as error:
        raise ModelError(f"{printable(path.name)}: {error}") from error
