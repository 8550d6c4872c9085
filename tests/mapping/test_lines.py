"""Steps on lines count as their tables do, at every integer of the range, and are found wherever a model has them."""

from __future__ import annotations

import ctypes
import time

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from edgebnn.emulator.descriptors import LinesDescriptor, StepsDescriptor
from edgebnn.mapping.image import ImageWriter, words_of
from edgebnn.mapping.lines import Lines, _bounds, _exceptions, fit_lines
from edgebnn.mapping.steps import FEWEST_ON_LINES, plan_steps
from edgebnn.native import library
from edgebnn.network import Kind, Tensor, Threshold
from edgebnn.network.interpreter import run

Integers = npt.NDArray[np.int64]


def counted(lines: Lines, steps: int, channel: int, y: Integers) -> list[int]:
    """What the runtime counts at each y."""
    words = words_of(lines.offset)
    excepted = len(lines.exceptions) > 0
    described = LinesDescriptor(
        lines.multiplier.ctypes.data,
        words.ctypes.data,
        lines.shift.ctypes.data,
        lines.first.ctypes.data if excepted else None,
        lines.exceptions.ctypes.data if excepted else None,
    )
    descriptor = StepsDescriptor(None, None, steps, 0, 1, ctypes.addressof(described))
    count = library().ebnn_count_many_steps
    count.restype = ctypes.c_uint32
    return [count(ctypes.byref(descriptor), channel, ctypes.c_int32(value)) for value in y.tolist()]


def fitted(thresholds: Integers, low: int, high: int) -> Lines | None:
    channels = len(thresholds)
    return fit_lines(thresholds.astype(np.int32), np.full(channels, low), np.full(channels, high))


def assert_counts_alike(lines: Lines, thresholds: Integers, low: int, high: int) -> None:
    steps = thresholds.shape[1]
    for channel, row in enumerate(thresholds):
        near = (row[:, np.newaxis] + np.arange(-3, 4)).ravel()
        y = np.unique(np.clip(np.concatenate([near, np.linspace(low, high, 50).astype(np.int64)]), low, high))
        assert counted(lines, steps, channel, y) == (row[:, np.newaxis] <= y).sum(axis=0).tolist()


def on_lines(rng: np.random.Generator, channels: int, steps: int, span: float) -> Integers:
    """Thresholds of random lines that climb all steps within about `span`."""
    slope = steps / span * rng.uniform(0.3, 3, size=(channels, 1))
    start = rng.uniform(-span, span, size=(channels, 1))
    return np.ceil(start + (np.arange(steps) + rng.uniform(size=(channels, 1))) / slope).astype(np.int64)


@pytest.mark.parametrize("steps", [4, 7, 15, 255])
@pytest.mark.parametrize("span", [3, 40, 1000, 2**14, 2**20, 2**26])
def test_thresholds_on_a_line_are_stored_as_one(steps: int, span: int) -> None:
    thresholds = np.clip(on_lines(np.random.default_rng(steps), 40, steps, span), -(2**31), 2**31 - 1)
    low, high = -3 * span, 3 * span
    lines = fitted(thresholds, low, high)
    assert lines is not None
    assert_counts_alike(lines, thresholds, low, high)


@given(st.integers(0, 2**32), st.sampled_from([4, 9, 255]), st.integers(1, 2**20), st.floats(0, 0.2))
def test_moved_thresholds_are_exceptions_or_keep_their_table(seed: int, steps: int, span: int, moved: float) -> None:
    rng = np.random.default_rng(seed)
    thresholds = on_lines(rng, 8, steps, span)
    thresholds += rng.choice([-1, 0, 1], p=[moved / 2, 1 - moved, moved / 2], size=thresholds.shape)
    thresholds = np.sort(thresholds, axis=1)
    low, high = sorted(rng.integers(-4 * span, 4 * span, size=2, endpoint=True).tolist())
    lines = fitted(thresholds, low, high)
    assume(lines is not None)  # one in eight is a table of fewer bytes
    assert lines is not None
    assert_counts_alike(lines, thresholds, low, high)


@given(st.integers(0, 2**32), st.sampled_from([4, 9, 40]), st.integers(1, 2**31 - 1))
def test_no_line_is_found_for_what_lies_on_none_or_it_is_right(seed: int, steps: int, span: int) -> None:
    rng = np.random.default_rng(seed)
    thresholds = np.sort(rng.integers(-span, span, size=(3, steps), endpoint=True), axis=1)
    lines = fitted(thresholds, -span, span)
    if lines is not None:
        assert_counts_alike(lines, thresholds, -span, span)
    assert lines is None or steps < 40 or span < 2**12  # 40 of so many that lie within a step of a line are no chance


@pytest.mark.parametrize("moved", range(-3, 4))
def test_a_line_may_reach_a_level_one_too_early_or_too_late_and_not_more(moved: int) -> None:
    """A level at every tenth integer, one of them elsewhere; a line that fits best misses others as far as that one."""
    thresholds = np.arange(10, 90, 10)[np.newaxis]
    thresholds[0, 3] += moved
    low, high = np.array([[-100]]), np.array([[100]])
    multiplier, offset, shift = (np.array([part]) for part in (2**20 // 10 + 1, 0, 20))
    listed = _exceptions(_bounds(thresholds, low, high), multiplier, offset, shift)
    assert (listed is None) == (abs(moved) > 1)
    if listed is not None:
        lines = Lines(multiplier.astype(np.int32), offset, shift.astype(np.uint8), *listed)
        assert_counts_alike(lines, thresholds, -100, 100)
        assert len(lines.exceptions) == abs(moved)


def test_a_layer_lists_no_more_exceptions_than_16_bits_count() -> None:
    for channels, listed in ((2**16 - 1, True), (2**16, False)):
        thresholds = np.tile([10, 21, 30], (channels, 1))
        low, high = np.array([[-100]]), np.array([[100]])
        line = (np.full(channels, part) for part in (2**20 // 10 + 1, 0, 20))
        found = _exceptions(_bounds(thresholds, low, high), *line)
        assert (found is not None) == listed
        assert found is None or found[0][-1] == len(found[1]) == channels


def test_a_model_that_rounds_in_float32_keeps_its_lines() -> None:
    """x times a scale, rounded to 8 bits: float32 moves some thresholds by one, and no line goes through them all."""
    rng, reach = np.random.default_rng(1), 2**19
    x = np.arange(-reach, reach)
    rows = []
    for _ in range(16):
        scale, offset = np.float32(rng.uniform(1e-4, 4e-4)), np.float32(rng.uniform(0, 255))
        levels = np.rint(x.astype(np.float32) * scale + offset)
        rows.append(np.searchsorted(levels, np.arange(1, 256)) - reach)
    thresholds = np.array(rows)
    lines = fitted(thresholds, -reach, reach - 1)
    assert lines is not None and len(lines.exceptions) > 0
    assert sum(part.nbytes for part in vars(lines).values()) < thresholds.size  # a quarter of the table's bytes
    assert_counts_alike(lines, thresholds, -reach, reach - 1)


def test_constants_are_lines_too() -> None:
    thresholds = np.array([[7] * 5, [101] * 5, [-100] * 5, [-100, -100, 3, 101, 101]])
    lines = fitted(thresholds, -100, 100)
    assert lines is not None
    assert_counts_alike(lines, thresholds, -100, 100)


def test_a_mobilenet_takes_seconds_of_a_core() -> None:
    thresholds = on_lines(np.random.default_rng(0), 11_000, 255, 2**16)
    start = time.process_time()
    assert fitted(thresholds, -(2**20), 2**20) is not None
    assert time.process_time() - start < 20


def node_of(thresholds: Integers, direction: list[int], source: Tensor) -> Threshold:
    steps = thresholds.shape[1]
    output = Tensor("y", Kind.INTEGERS, source.shape, 0, steps)
    return Threshold("t", ("x",), output, thresholds.astype(np.int32), np.array(direction, np.int8), low=0, step=1)


def test_the_direction_becomes_the_sign_of_the_line() -> None:
    source = Tensor("x", Kind.SUMS, (2,), -300, 300)
    thresholds = np.arange(-20, 20, 4) + np.zeros((2, 1), np.int64)
    node = node_of(np.stack([thresholds[0], thresholds[1][::-1]]), [1, -1], source)
    image = ImageWriter()
    steps = plan_steps(node, source, image, on_cpu=True)
    assert steps.lines is not None and steps.thresholds is None and steps.directions is None
    data = image.image()
    lines = Lines(
        *(
            np.frombuffer(data[s.offset : s.offset + s.bytes], dtype)
            for s, dtype in (
                (steps.lines.multiplier, "<i4"),
                (steps.lines.offset, "<i8"),
                (steps.lines.shift, "|u1"),
            )
        ),
        np.empty(0, np.uint16),
        np.empty(0, np.uint16),
    )
    x = np.arange(-300, 301)
    for channel in range(2):
        expected = run(node, np.broadcast_to(x[:, np.newaxis], (len(x), 2)))[:, channel]
        assert counted(lines, steps.steps, channel, x) == expected.tolist()


@pytest.mark.parametrize(("steps", "on_cpu"), [(FEWEST_ON_LINES - 1, True), (FEWEST_ON_LINES, False)])
def test_few_steps_and_steps_of_the_macro_stay_a_table(steps: int, on_cpu: bool) -> None:
    source = Tensor("x", Kind.SUMS, (1,), -300, 300)
    planned = plan_steps(node_of(np.arange(steps)[np.newaxis], [1], source), source, ImageWriter(), on_cpu)
    assert planned.lines is None and planned.thresholds is not None
