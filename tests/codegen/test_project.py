"""The firmware project says what it is, in the same bytes each time, and agrees with the plan."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgebnn.codegen.project import render_project
from edgebnn.errors import ModelError
from edgebnn.mapping.mapped import MappedNetwork
from edgebnn.mapping.plan import scratch_of
from edgebnn.network import Encoding, Kind, Network, Quantizer, Tensor, Threshold, Window
from tests.builder import Builder
from tests.codegen.projects import TARGETS, beat_network, mapped_on
from tests.networks import networks


def defines(header: bytes) -> dict[str, str]:
    return dict(re.findall(r"^#define (\w+) (\S+)", header.decode(), flags=re.MULTILINE))


def number(text: str) -> int:
    return int(text.rstrip("u"), 0)


@pytest.mark.parametrize("target", TARGETS)
def test_every_file_starts_with_what_made_it(target: str) -> None:
    mapped = mapped_on(beat_network(), target)
    for path, data in render_project(mapped).items():
        head = data.decode().splitlines()[:8]
        assert any(f"edgebnn 0.0.0: edgebnn compile --target {target}" in line for line in head), path
        assert any(mapped.provenance.model_sha256 in line for line in head), path
        assert any(mapped.provenance.target_sha256 in line for line in head), path
        assert any("SPDX-License-Identifier: Apache-2.0" in line for line in head), path


@pytest.mark.parametrize("target", TARGETS)
def test_the_same_network_gives_the_same_bytes(target: str) -> None:
    first, second = (render_project(mapped_on(beat_network(), target)) for _ in range(2))
    assert list(first.items()) == list(second.items())


def test_the_model_is_the_same_text_with_and_without_rram() -> None:
    """All but its head, the banks, the programming, and what layers in software do: kernels, and pools behind them."""

    def calls(target: str) -> list[str]:
        text = render_project(mapped_on(beat_network(), target))["src/model.c"].decode()
        body = text[text.index("int32_t model_infer") :]
        called = re.findall(r"status = (\w+)\(&layer\d+_(\w+), ", body)
        kernels = [(re.sub("^ebnn_linear_(active|subsets)$", "ebnn_linear", kernel), layer) for kernel, layer in called]
        return [(kernel, layer) for kernel, layer in kernels if kernel != "ebnn_max_pool"]

    assert calls("rram130") == calls("cortex-m4") == calls("host") != []


def test_the_macros_hardware_layer_takes_the_place_of_the_software_kernel() -> None:
    chip, plain = (render_project(mapped_on(beat_network(), target)) for target in ("rram130", "cortex-m4"))
    assert "runtime/macro/ebnn_linear_macro.c" in chip and "runtime/src/ebnn_linear.c" not in chip
    assert "runtime/src/ebnn_linear.c" in plain and not any(path.startswith("runtime/macro") for path in plain)


@settings(max_examples=40)
@given(networks(), st.sampled_from(["rram130", "cortex-m4"]))
def test_the_headers_say_what_the_plan_says(network: Network, target: str) -> None:
    mapped = mapped_on(network, target)
    files = render_project(mapped)
    model, memory = defines(files["include/model.h"]), defines(files["include/memory_map.h"])
    plan = mapped.plan
    assert number(model["MODEL_INPUT_BYTES"]) == plan.input_bytes
    assert number(model["MODEL_WORK_BYTES"]) == plan.work_bytes
    assert 4 * number(model["MODEL_SCORES"]) == plan.scores.bytes
    assert number(memory["MODEL_WEIGHTS_BYTES"]) == len(mapped.image)
    places = re.findall(r"define MODEL_((?:LAYER|MARKER)\w*)_OFFSET (\w+)\n#define MODEL_\w+_BYTES (\w+)", text(files))
    scratch = [place for place in places if place[0].endswith("_SCRATCH")]
    sections = [(number(offset), int(size)) for name, offset, size in places if not name.endswith("_SCRATCH")]
    assert sections == [(section.offset, section.bytes) for section in plan.sections]
    planned = [(index, place) for index, place in enumerate(map(scratch_of, plan.stages)) if place is not None]
    assert [(int(offset), int(size)) for _, offset, size in scratch] == [(p.offset, p.bytes) for _, p in planned]
    for (name, _, _), (index, _) in zip(scratch, planned, strict=True):
        assert name.startswith(f"LAYER{index}_")
    buffers = re.findall(r"define MODEL_BUFFER\w+_OFFSET (\w+)\n#define MODEL_BUFFER\w+_BYTES (\w+)", text(files))
    assert [(int(offset), int(size)) for offset, size in buffers] == [(b.offset, b.bytes) for b in plan.buffers]
    assert sum(int(count) for count in re.findall(r"define MODEL_LAYER\d+\w*_BANKS (\d+)\n", text(files))) == plan.banks


def text(files: dict[str, bytes]) -> str:
    return files["include/memory_map.h"].decode()


def test_the_header_says_how_samples_become_the_firmwares_integers() -> None:
    builder = Builder(Tensor("x", Kind.INTEGERS, (3, 4, 4), 0, 2), np.random.default_rng(0))
    builder.linear(2, window=Window((1, 1), (1, 1), (1, 1), (0, 0), (0, 0)))
    quantizer = Quantizer(np.zeros((3, 2), np.float32), np.ones(3, np.int8), low=0, step=1)
    network = builder.network(Encoding("float32", (2, 0, 1), quantizer))
    header = render_project(mapped_on(network, "host"))["include/model.h"].decode()
    assert "The model itself takes its axes in another order: 2, 0, 1 of its own are the first" in header
    assert "its steps turn into these: 0 + 1 * the number of the channel's" in header
    assert "deployment.json, under network, inputs, 0, encoding, quantizer" in header


def test_the_registers_are_the_targets() -> None:
    mapped = mapped_on(beat_network(), "rram130")
    macro = mapped.target.macro
    assert macro is not None
    found = defines(render_project(mapped)["include/ebnn_target.h"])
    for register in macro.registers:
        assert number(found[f"EBNN_MACRO_{register.name.upper()}"]) == register.offset
    assert number(found["EBNN_MACRO_BASE"]) == macro.base.value
    assert number(found["EBNN_MACRO_COMMAND_RUN"]) == macro.commands.run
    assert number(found["EBNN_MACRO_STATUS_ERROR"]) == macro.status.error


def test_no_path_of_this_machine_is_in_a_project() -> None:
    for target in TARGETS:
        for path, data in render_project(mapped_on(beat_network(), target)).items():
            assert not re.search(rb"/(home|root|tmp|usr|work)/", data), path


def without_scores() -> MappedNetwork:
    network = beat_network()
    head = tuple(node for node in network.nodes[:2])
    assert isinstance(head[-1], Threshold) and head[-1].output.kind is Kind.BITS
    return mapped_on(replace(network, nodes=head), "host")


def test_a_network_that_ends_in_bits_is_refused_by_name() -> None:
    with pytest.raises(ModelError, match=r"'random' ends in 'steps_1', which are no integer scores"):
        render_project(without_scores())


@pytest.mark.parametrize(("channels", "length", "words"), [(70, 3, 7), (70, 1, 3), (9, 1, 1)])
@pytest.mark.parametrize(("kind", "planes"), [(Kind.BITS, 1), (Kind.TRITS, 2)])
def test_the_elements_of_a_packed_input_are_its_words(
    kind: Kind, planes: int, channels: int, length: int, words: int
) -> None:
    builder = Builder(Tensor("x", kind, (channels, length), -1, 1), np.random.default_rng(0))
    builder.flatten()
    builder.linear(3)
    header = defines(render_project(mapped_on(builder.network(), "cortex-m4"))["include/model.h"])
    assert number(header["MODEL_INPUT_ELEMENTS"]) == words * planes == number(header["MODEL_INPUT_BYTES"]) // 4
