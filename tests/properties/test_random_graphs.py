"""Random graphs of every dialect: the reference executor of the dialect and our executors give one answer.

onnxruntime, or qonnx where the graph has its operators, computes every value of the model. Our interpreter must have
the same activations, but for steps that float32's rounding turned in channels counted as ambiguous, and the same
scores up to the rounding that the network states; fast path and firmware must have its scores to the bit.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("unicorn")
pytest.importorskip("ziglang")

from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.chip.target_files.loading import load_target
from edgebnn.codegen.build import build_firmware
from edgebnn.codegen.project import render_project
from edgebnn.emulator.executors import Executor, execute
from edgebnn.errors import FitError
from edgebnn.frontend import ReadOptions, read_network
from edgebnn.mapping.planner import map_network
from edgebnn.mapping.programmed import programmed_banks
from edgebnn.network.interpreter import trace
from edgebnn.network.network import Network
from edgebnn.network.types import Threshold
from tests.frontend.comparison import layers_that_differ
from tests.mapping.test_planner import PROVENANCE
from tests.random_graphs import DIALECTS, Graph, random_graph, values_of

TARGETS = ("rram130", "cortex-m4", "host")
BATCH = 12


def check(graph: Graph, folder: Path, seed: int) -> Network:
    path = graph.model.save(folder)
    network = read_network(path, ReadOptions("uint8"))
    x = np.random.default_rng(seed).integers(0, 256, size=(BATCH, *network.inputs[0].model_shape)).astype(np.uint8)
    check_against_the_model(graph, network, x)
    check_executors(network, x, seed)
    return network


def check_against_the_model(graph: Graph, network: Network, x: np.ndarray) -> None:
    ours, theirs = trace(network, x), values_of(graph.model.proto(), x)
    # Layer by layer, each from what the model has before it: ties turn here and there, not everywhere.
    shares = layers_that_differ(network, x, theirs)
    assert max(shares.values(), default=0.0) <= 0.25 and sum(shares.values()) <= 0.05 * max(len(shares), 8), shares
    turned, unknown = np.zeros(len(x), np.bool_), False
    for node in network.nodes:
        output = node.output
        if not isinstance(node, Threshold):
            continue
        real = ours[output.name] * output.scale
        model = value_of(theirs, output.name, real.shape)
        if model is None:  # a part of a longer chain, whose own value the model does not have
            unknown = unknown or node.ambiguous > 0
            continue
        far = np.abs(real - model) > output.scale / 2
        if not turned.any():
            differing = int(far.any(axis=(0, *range(2, far.ndim))).sum())
            assert differing <= node.ambiguous, f"{output.name}: {differing} differ, {node.ambiguous} are ambiguous"
        turned |= far.reshape(len(x), -1).any(axis=1)
    if graph.exact and "prelu" not in graph.features:
        assert not turned.any()
    if network.ends_in == "scores" and not unknown:
        scores = (ours[network.output.name] * network.output.scale).reshape(len(x), -1)
        expected = theirs[graph.model.last].reshape(len(x), -1)
        assert np.all(np.abs(scores - expected)[~turned] <= network.score_error)


def value_of(theirs: dict[str, np.ndarray], name: str, shape: tuple[int, ...]) -> np.ndarray | None:
    """The model's value of a name, brought channel first where the network holds it so."""
    value = theirs.get(name.removesuffix(".channel_first"))
    if value is not None and value.shape != shape and value.ndim == len(shape):
        value = np.moveaxis(value, -1, 1)
    return value if value is not None and value.shape == shape and not name.count("flatten") else None


def check_executors(network: Network, x: np.ndarray, seed: int) -> None:
    target = load_target(TARGETS[seed % len(TARGETS)])
    try:
        mapped = map_network(network, target, PROVENANCE)
    except FitError:  # the smallest chip does not hold every network
        mapped = map_network(network, load_target("host"), PROVENANCE)
    elf = build_firmware(render_project(mapped), mapped.target).elf
    chips = [ChipInstance(seed, 0.03, read_error_rate=0.01)] if mapped.plan.banks else []
    for banks in (None, *(programmed_banks(mapped, chip) for chip in chips)):
        reference = execute(mapped, elf, x, Executor.REFERENCE, banks)
        assert np.array_equal(reference, execute(mapped, elf, x, Executor.FAST, banks))
        assert np.array_equal(reference, execute(mapped, elf, x, Executor.FIRMWARE, banks))


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_executor_agrees(dialect: str, seed: int, tmp_path: Path) -> None:
    if dialect in ("qonnx", "finn"):
        pytest.importorskip("qonnx", reason="the package qonnx, whose executor is compared with, is not installed")
    check(random_graph(seed, dialect), tmp_path, seed)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1000, 1000 + int(os.environ.get("EDGEBNN_RANDOM_GRAPHS", "100"))))
@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_executor_agrees_on_hundreds(dialect: str, seed: int, tmp_path: Path) -> None:
    if dialect in ("qonnx", "finn"):
        pytest.importorskip("qonnx", reason="the package qonnx, whose executor is compared with, is not installed")
    check(random_graph(seed, dialect), tmp_path, seed)


def test_the_graphs_have_every_feature() -> None:
    wanted = {"residual", "prelu", "concat", "average", "global average", "max pool", "depthwise", "conv", "padding"}
    wanted |= {"binary", "ternary", "int8", "fresh batch norm", "flattened channel last", "1 bits", "2 bits", "8 bits"}
    wanted |= {"part", "split", "shuffle", "rising", "turning"}
    seen = set().union(*(random_graph(seed, dialect).features for dialect in DIALECTS for seed in range(12)))
    assert wanted <= seen
