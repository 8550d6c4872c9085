"""Random networks exported from PyTorch: onnxruntime, interpreter, fast path and firmware give one answer.

The networks are drawn small and odd: fan-ins of 1, 31, 33 and 1,000, one channel, one neuron, stride, padding,
dilation, groups, pooling, binary and ternary weights, binary ones with a scale for each channel, batch norms as trained
and fresh ones, whose zeros before a sign are many. Each is compiled for one of the targets; for RRAM it also runs on a
faulty chip. Scales and the dynamo exporter make thresholds ambiguous: there, and only there, onnxruntime may differ.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")
pytest.importorskip("unicorn")
pytest.importorskip("ziglang")

from edgebnn.chip.instance.chip_instance import ChipInstance  # noqa: E402 (torch is optional and must be asked for first)
from edgebnn.chip.target_files.loading import load_target  # noqa: E402
from edgebnn.codegen.build import build_firmware  # noqa: E402
from edgebnn.codegen.project import render_project  # noqa: E402
from edgebnn.emulator.agreement import same_as_model  # noqa: E402
from edgebnn.emulator.executors import Executor, execute  # noqa: E402
from edgebnn.emulator.onnx_runtime import run_onnxruntime  # noqa: E402
from edgebnn.frontend import ReadOptions, read_network, runnable_model  # noqa: E402
from edgebnn.mapping.planner import map_network  # noqa: E402
from edgebnn.mapping.programmed import programmed_banks  # noqa: E402
from edgebnn.network.network import Network  # noqa: E402
from tests.exports import BinaryConv1d, BinaryConv2d, BinaryLinear, export, sign, trained  # noqa: E402
from tests.frontend.comparison import assert_same_as_onnxruntime  # noqa: E402
from tests.mapping.test_planner import PROVENANCE  # noqa: E402
from tests.networks import random_inputs  # noqa: E402
from tests.onnx_here import onnxruntime_here  # noqa: E402

SIGNS = ("sign", "where_at_least", "where_above", "where_below", "falling", "autograd_function", "hardtanh_sign")
WEIGHTS = ("sign", "where", "ternary", "scaled_per_channel")
TARGETS = ("rram130", "cortex-m4", "host")
BATCH = 12


# What the drawn networks must not lack, whoever changes how they are drawn.
FEATURES: dict[str, Callable[[Network], bool]] = {
    "groups": lambda network: any(layer.groups > 1 for layer in network.linear),
    "dilation": lambda network: any(rate > 1 for layer in network.linear for rate in layer.window.dilation),
    "ambiguous thresholds": lambda network: any(getattr(node, "ambiguous", 0) for node in network.nodes),
}


@dataclass(frozen=True)
class Drawn:
    """A model, the shape of its input and the seed of the data."""

    model: torch.nn.Module
    shape: tuple[int, ...]
    seed: int


@st.composite
def models(draw: st.DrawFn) -> Drawn:
    rank = draw(st.sampled_from((0, 1, 2)))
    seed = draw(st.integers(0, 2**31 - 1))
    layers: list[torch.nn.Module] = []
    if rank == 0:
        shape: tuple[int, ...] = (draw(st.sampled_from((1, 2, 31, 33, 100, 1000))),)
        features = shape[0]
    else:
        extents = [draw(st.integers(3, 12 if rank == 1 else 7)) for _ in range(rank)]
        shape = (draw(st.sampled_from((1, 2, 3, 31, 33))), *extents)
        channels = shape[0]
        for _ in range(draw(st.integers(1, 2))):
            channels, extents = _draw_conv(draw, layers, rank, channels, extents)
        layers.append(torch.nn.Flatten())
        features = channels * int(np.prod(extents))
    for _ in range(draw(st.integers(0, 2))):
        neurons = draw(st.sampled_from((1, 7, 31, 33)))
        layers.append(BinaryLinear(features, neurons, weights=draw(st.sampled_from(WEIGHTS)), bias=draw(st.booleans())))
        if draw(st.booleans()):
            layers.append(torch.nn.BatchNorm1d(neurons))
        layers.append(sign(draw(st.sampled_from(SIGNS))))
        features = neurons
    layers.append(
        BinaryLinear(features, draw(st.sampled_from((1, 2, 10))), weights=draw(st.sampled_from(WEIGHTS)), bias=False)
    )
    if draw(st.booleans()):
        layers.append(torch.nn.BatchNorm1d(layers[-1].out_features))
    return Drawn(trained(torch.nn.Sequential(*layers), seed, fresh=draw(st.booleans())), shape, seed)


def _draw_conv(
    draw: st.DrawFn, layers: list[torch.nn.Module], rank: int, channels: int, extents: list[int]
) -> tuple[int, list[int]]:
    conv, norm = (BinaryConv1d, torch.nn.BatchNorm1d) if rank == 1 else (BinaryConv2d, torch.nn.BatchNorm2d)
    pool = torch.nn.MaxPool1d if rank == 1 else torch.nn.MaxPool2d
    out = draw(st.sampled_from((1, 2, 32, 33, channels)))
    kernel, stride, padding = draw(st.integers(1, min(extents))), draw(st.integers(1, 2)), draw(st.integers(0, 1))
    dilation = draw(st.sampled_from([rate for rate in (1, 2) if (kernel - 1) * rate < min(extents)]))
    common = math.gcd(channels, out)
    groups = draw(st.sampled_from([count for count in range(1, common + 1) if common % count == 0]))
    window = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    layers.append(conv(channels, out, kernel, **window, bias=False, weights=draw(st.sampled_from(WEIGHTS))))
    extents = [(extent + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1 for extent in extents]
    pooled = min(extents) >= 2 and draw(st.booleans())
    behind_sign = draw(st.booleans())
    if pooled and not behind_sign:
        layers.append(pool(2))
    layers += [norm(out), sign(draw(st.sampled_from(SIGNS)))]
    if pooled and behind_sign:
        layers.append(pool(2))
    return out, [extent // 2 for extent in extents] if pooled else extents


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with onnxruntime_here():
        yield tmp_path_factory.mktemp("exported")


@pytest.mark.parametrize("feature", FEATURES)
def test_networks_are_drawn_with(feature: str, folder: Path) -> None:
    def has_it(drawn: Drawn) -> bool:
        path = export(drawn.model, drawn.shape, folder / "model.onnx")
        return FEATURES[feature](read_network(path, ReadOptions(input_type="int12")))

    find(models(), has_it, settings=settings(max_examples=200, phases=[Phase.generate]))


def check(path: Path, drawn: Drawn, bits: int, target: str) -> None:
    options = ReadOptions(input_type=f"int{bits}")
    network = read_network(path, options)
    mapped = map_network(network, load_target(target), PROVENANCE)
    elf = build_firmware(render_project(mapped), mapped.target).elf
    x = random_inputs(network, drawn.seed, BATCH)
    chips = [None, programmed_banks(mapped, ChipInstance(drawn.seed, 0.03))] if mapped.target.array else [None]
    for banks in chips:
        reference = execute(mapped, elf, x, Executor.REFERENCE, banks)
        assert np.array_equal(reference, execute(mapped, elf, x, Executor.FAST, banks))
        assert np.array_equal(reference, execute(mapped, elf, x, Executor.FIRMWARE, banks))
    compared = assert_same_as_onnxruntime(path, options, BATCH, drawn.seed)
    # onnxruntime's own sums differ in their last bits from session to session: a tie there may fall another way.
    ambiguous = any(getattr(node, "ambiguous", 0) for node in network.nodes)
    if compared.scores_compared:
        scores = execute(mapped, elf, x, Executor.REFERENCE)
        answers = compared.answers if ambiguous else run_onnxruntime(runnable_model(path), mapped, x)
        assert same_as_model(scores, answers, network).whole


@given(drawn=models(), bits=st.sampled_from((8, 12)), target=st.sampled_from(TARGETS))
@settings(max_examples=190)
def test_the_four_executors_agree(folder: Path, drawn: Drawn, bits: int, target: str) -> None:
    check(export(drawn.model, drawn.shape, folder / "model.onnx"), drawn, bits, target)


@given(drawn=models(), bits=st.sampled_from((8, 12)), target=st.sampled_from(TARGETS))
@settings(max_examples=10)  # this exporter takes seconds
def test_the_four_executors_agree_on_what_dynamo_exports(folder: Path, drawn: Drawn, bits: int, target: str) -> None:
    pytest.importorskip("onnxscript", reason="the package onnxscript is not installed")
    check(export(drawn.model, drawn.shape, folder / "model.onnx", "dynamo"), drawn, bits, target)
