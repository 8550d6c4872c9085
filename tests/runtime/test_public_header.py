"""`ebnn.h` keeps what it promises: a version, a contract for each function, a status for each cause."""

from __future__ import annotations

import ctypes
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgebnn.codegen.makefile import header_folders, model_sources
from edgebnn.codegen.project import render_project
from edgebnn.emulator.descriptors import (
    ActiveDescriptor,
    AddDescriptor,
    AffineDescriptor,
    BorderDescriptor,
    HalvesDescriptor,
    Int8Descriptor,
    LinearDescriptor,
    PoolDescriptor,
    PooledDescriptor,
    StepsDescriptor,
    SubsetsDescriptor,
    TakeDescriptor,
    TensorDescriptor,
    WindowDescriptor,
)
from edgebnn.mapping.plan import FORMATS
from edgebnn.native import library
from edgebnn.resources import resource_folder
from edgebnn.version import __version__
from tests.codegen.projects import beat_network, mapped_on, write_project
from tests.runtime.firmware_calls import lister_of, pointer
from tests.runtime.public_header import STATUS, VERSION, contracts, functions

BITS, INT8, INT32 = (FORMATS.index(name) for name in ("bits", "int8", "int32"))
PIXEL = WindowDescriptor(1, 1, 1, 1, 1, 1, 0, 0)
OF_THE_MACRO = {
    "linear without banks": "ERROR_BANKS",
    "program without banks": "ERROR_BANKS",
    "verify without banks": "ERROR_BANKS",
    "trim without a border": "ERROR_BORDER",
    "model on a new chip": "ERROR_NOT_PROGRAMMED",
    "linear": "OK",
    "inference": "OK",
    "linear refused": "ERROR_DEVICE",
    "model refused": "ERROR_DEVICE",
    "inference refused": "ERROR_DEVICE",
}


def test_its_version_is_the_packages() -> None:
    assert [name for name, _ in VERSION] == ["MAJOR", "MINOR", "PATCH"]
    assert ".".join(number for _, number in VERSION) == __version__


def test_every_function_has_a_contract_which_names_its_statuses() -> None:
    told = contracts()
    assert list(told) == functions()
    assert len(told) > 15
    for name, (returned, comment) in told.items():
        assert "Status:" in comment or returned == "uint32_t", name
        assert {f"ERROR_{cause}" for cause in re.findall(r"EBNN_ERROR_(\w+)", comment)} <= set(STATUS), name


def test_every_status_has_a_number_of_its_own() -> None:
    numbers = list(STATUS.values())
    assert numbers == list(range(0, -len(numbers), -1))
    assert len(numbers) < 16  # ebnn_host.h goes on at -16


def layer(**changed: object) -> LinearDescriptor:
    """A dense layer of 8 bits and 4 neurons, but for what is changed."""
    made = LinearDescriptor(
        input=TensorDescriptor(1, 1, 8, BITS, 1),
        output=TensorDescriptor(1, 1, 4, INT32, 32),
        window=PIXEL,
        groups=1,
        row_words=1,
    )
    for name, value in changed.items():
        setattr(made, name, value)
    return made


def _active(**changed: object) -> ActiveDescriptor:
    of = layer()
    made = ActiveDescriptor(
        input=of.input, output=of.output, window=PIXEL, lister=lister_of("bits"), planes=1, strip=1, sum_planes=4
    )
    for name, value in changed.items():
        setattr(made, name, value)
    return made


def _subsets(**changed: object) -> SubsetsDescriptor:
    made = SubsetsDescriptor(
        input=TensorDescriptor(1, 1, 8, INT8, 8),
        output=TensorDescriptor(1, 1, 4, INT32, 32),
        window=PIXEL,
        groups=1,
        lanes=1,
        strip=1,
        together=8,
    )
    for name, value in changed.items():
        setattr(made, name, value)
    return made


def _halves(sum_planes: int = 8, **changed: object) -> HalvesDescriptor:
    return HalvesDescriptor(linear=layer(**changed), sum_planes=sum_planes)


def _int8(**changed: object) -> Int8Descriptor:
    of = layer()
    made = Int8Descriptor(input=of.input, output=of.output, window=PIXEL, groups=1)
    for name, value in changed.items():
        setattr(made, name, value)
    return made


FIVE, SIX = TensorDescriptor(1, 1, 5, INT8, 8), TensorDescriptor(1, 1, 6, INT8, 8)
SUMS = TensorDescriptor(1, 1, 5, INT32, 32)
NO_STRIDE = WindowDescriptor(1, 1, 0, 1, 1, 1, 0, 0)
FAR = BorderDescriptor(None, None, None, 32)

# (function, descriptor, pointers behind it, status)
CASES: list[tuple[str, Callable[[], ctypes.Structure], int, str]] = [
    ("ebnn_linear", lambda: layer(input=TensorDescriptor(1, 1, 8, 7, 1)), 3, "ERROR_FORMAT"),
    ("ebnn_linear", lambda: layer(input=TensorDescriptor(1, 1, 0, BITS, 1)), 3, "ERROR_SHAPE"),
    ("ebnn_linear", lambda: layer(window=NO_STRIDE), 3, "ERROR_WINDOW"),
    (
        "ebnn_linear",
        lambda: layer(steps=StepsDescriptor(None, None, 1, 0, 1), output=FIVE, groups=3),
        3,
        "ERROR_GROUPS",
    ),
    ("ebnn_linear", lambda: layer(output=FIVE), 3, "ERROR_STEPS"),
    ("ebnn_linear", lambda: layer(border=ctypes.addressof(FAR)), 3, "ERROR_BORDER"),
    ("ebnn_linear", lambda: layer(row_words=0), 3, "ERROR_WEIGHTS"),
    ("ebnn_linear_active", lambda: _active(lister=lister_of("trits")), 3, "ERROR_FORMAT"),
    ("ebnn_linear_active", lambda: _active(pooled=PooledDescriptor(1, 2, None)), 3, "ERROR_POOL"),
    ("ebnn_linear_active", lambda: _active(strip=0), 3, "ERROR_LAYOUT"),
    ("ebnn_linear_active", lambda: _active(window=NO_STRIDE), 3, "ERROR_WINDOW"),
    ("ebnn_linear_subsets", lambda: _subsets(input=TensorDescriptor(1, 1, 8, BITS, 1)), 3, "ERROR_FORMAT"),
    ("ebnn_linear_subsets", lambda: _subsets(lanes=3), 3, "ERROR_LAYOUT"),
    ("ebnn_linear_subsets", lambda: _subsets(groups=3), 3, "ERROR_GROUPS"),
    ("ebnn_linear_subsets", lambda: _subsets(border=ctypes.addressof(FAR)), 3, "ERROR_BORDER"),
    ("ebnn_linear_subsets", lambda: _subsets(pooled=PooledDescriptor(1, 1, None)), 3, "ERROR_POOL"),
    ("ebnn_linear_halves", lambda: _halves(sum_planes=31), 3, "ERROR_LAYOUT"),
    ("ebnn_linear_halves", lambda: _halves(row_words=2), 3, "ERROR_WEIGHTS"),
    ("ebnn_int8", lambda: _int8(groups=3), 3, "ERROR_GROUPS"),
    ("ebnn_int8", lambda: _int8(border=ctypes.addressof(FAR)), 3, "ERROR_BORDER"),
    ("ebnn_max_pool", lambda: PoolDescriptor(FIVE, FIVE, NO_STRIDE), 2, "ERROR_WINDOW"),
    ("ebnn_sum_pool", lambda: PoolDescriptor(FIVE, FIVE, PIXEL), 2, "ERROR_FORMAT"),
    ("ebnn_add", lambda: AddDescriptor(FIVE, SIX, SUMS), 3, "ERROR_SHAPE"),
    ("ebnn_affine", lambda: AffineDescriptor(FIVE, SUMS, 0, 0), 2, "ERROR_LINES"),
    ("ebnn_affine", lambda: AffineDescriptor(FIVE, SUMS, 1, 63), 2, "ERROR_LINES"),
    ("ebnn_scale", lambda: AffineDescriptor(SUMS, SUMS, 2, 0), 2, "ERROR_LINES"),
    ("ebnn_scale", lambda: AffineDescriptor(SUMS, SUMS, 1, 1), 2, "ERROR_LINES"),
    ("ebnn_take", lambda: TakeDescriptor(FIVE, SUMS), 2, "ERROR_FORMAT"),
]


@pytest.mark.parametrize(("function", "descriptor", "pointers", "status"), CASES)
def test_each_cause_has_its_status(
    function: str, descriptor: Callable[[], ctypes.Structure], pointers: int, status: str
) -> None:
    """No memory is given: what is refused has been refused before any was looked at."""
    called = getattr(library(), function)
    assert called(ctypes.byref(descriptor()), *[None] * pointers) == STATUS[status]


@pytest.mark.parametrize(
    ("check", "descriptor"),
    [("linear", layer), ("active", _active), ("subsets", _subsets), ("int8", _int8), ("halves", _halves)],
)
def test_unchanged_the_layers_are_sound(check: str, descriptor: Callable[[], ctypes.Structure]) -> None:
    assert getattr(library(), f"ebnn_check_{check}")(ctypes.byref(descriptor())) == STATUS["OK"]


def test_each_status_is_provoked() -> None:
    assert {status for *_, status in CASES} | set(OF_THE_MACRO.values()) == set(STATUS)


def test_without_banks_or_weights_and_where_the_macro_refuses_the_status_says_so(tmp_path: Path) -> None:
    compiler = shutil.which("gcc") or shutil.which("clang") or pytest.skip("needs gcc or clang")
    files = render_project(mapped_on(beat_network(), "rram130", "separate"))
    folder = write_project(files, tmp_path)
    header = folder / "include" / "ebnn_target.h"
    registers = "#undef EBNN_MACRO_BASE\n#define EBNN_MACRO_BASE macro_base()\nuintptr_t macro_base(void);\n#endif\n"
    text = header.read_text()
    header.write_text(f"#include <stdint.h>\n{text[: text.rindex('#endif')]}{registers}")
    macro = sorted((resource_folder("runtime") / "macro").glob("*.c"))
    sources = [*(path for path in model_sources(files) if not path.startswith("runtime/macro")), *map(str, macro)]
    includes = [f"-I{path}" for path in (*header_folders(files), str(macro[0].parent))]
    strict = ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror"]
    check = str(Path(__file__).with_name("status_check.c"))
    subprocess.run([compiler, *strict, *includes, *sources, check, "-o", "check"], cwd=folder, check=True)
    printed = subprocess.run([folder / "check"], capture_output=True, text=True, check=True, timeout=60).stdout
    found = dict(line.rsplit(" ", 1) for line in printed.splitlines())
    assert found == {name: str(STATUS[status]) for name, status in OF_THE_MACRO.items()}


def test_the_two_inputs_of_a_sum_may_be_one() -> None:
    values, output = np.array([1, -2, 3, -4, 5], np.int8), np.empty(5, np.int32)
    added, place = AddDescriptor(FIVE, FIVE, SUMS), pointer(values.ctypes.data)
    assert library().ebnn_add(ctypes.byref(added), place, place, pointer(output.ctypes.data)) == STATUS["OK"]
    assert output.tolist() == [2, -4, 6, -8, 10]


def test_a_line_without_a_shift_may_be_drawn_in_place() -> None:
    values = np.array([1, -2, 3, -4, 5], np.int32)
    multiplier, offset = np.array([3, 1, -1, 2, 7], np.int32), np.array([10, 0] * 5, np.uint32)
    tables = (pointer(multiplier.ctypes.data), pointer(offset.ctypes.data))
    scaled, place = AffineDescriptor(SUMS, SUMS, 1, 0, *tables, None), pointer(values.ctypes.data)
    assert library().ebnn_scale(ctypes.byref(scaled), place, place) == STATUS["OK"]
    assert values.tolist() == [13, 8, 7, 2, 45]


def test_the_index_of_no_scores_is_0() -> None:
    assert library().ebnn_argmax(None, 0) == 0
