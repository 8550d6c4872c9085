"""The SRAM plan is as small as an exact solver's."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp

from edgebnn.mapping.arena import Stay, arena_bytes, least_bytes, plan_arena

Case = list[Stay]


def bytes_of(case: Case) -> int:
    return arena_bytes(case, plan_arena(case))


def solved(case: Case) -> int:
    """The least bytes by HiGHS: offsets, the height, and for each pair that meets which of the two is below.

    All unknowns are whole words: with offsets of any length the HiGHS of SciPy 1.17 ends some in an error.
    """
    pairs = [
        (i, j)
        for i, one in enumerate(case)
        for j, other in enumerate(case[:i])
        if one.first <= other.last and other.first <= one.last
    ]
    count, total = len(case), sum(stay.bytes // 4 for stay in case)
    unknown = count + 1 + len(pairs)
    rows, least = [], []
    for i, stay in enumerate(case):  # the height is above every buffer
        row = np.zeros(unknown)
        row[[count, i]] = 1, -1
        rows.append(row)
        least.append(stay.bytes // 4)
    for place, (i, j) in enumerate(pairs):
        for low, high, below in ((i, j, 1), (j, i, -1)):  # high >= low + size unless the other one is below
            row = np.zeros(unknown)
            row[[high, low, count + 1 + place]] = 1, -1, below * total
            rows.append(row)
            least.append(case[low].bytes // 4 - (total if below < 0 else 0))
    cost = np.zeros(unknown)
    cost[count] = 1
    upper = np.full(unknown, float(total))
    upper[count + 1 :] = 1
    found = milp(
        cost,
        constraints=LinearConstraint(np.array(rows), np.array(least, np.float64), np.inf),
        bounds=Bounds(0, upper),
        integrality=np.ones(unknown),
    )
    assert found.success
    return 4 * round(found.fun)


STAGES = st.integers(0, 6)
BYTES = st.integers(1, 12).map(lambda words: 4 * words)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Tensors, which live for some stages, and what kernels work in, which is needed in one stage alone."""
    tensors = draw(st.lists(st.tuples(BYTES, STAGES, st.integers(0, 4)), min_size=1, max_size=6))
    kernels = draw(st.dictionaries(STAGES, BYTES, max_size=4))
    return [
        *(Stay(size, first, first + length) for size, first, length in tensors),
        *(Stay(size, stage, stage) for stage, size in kernels.items()),
    ]


@given(cases())
@settings(max_examples=30, deadline=None)
def test_no_plan_is_smaller(case: Case) -> None:
    assert least_bytes(case) <= bytes_of(case) == solved(case)


def test_where_the_largest_first_would_take_more() -> None:
    lives = [(2, 5), (3, 4), (2, 3), (1, 2), (4, 4), (2, 6), (5, 6)]
    sizes = (16, 32, 40, 44, 36, 8, 20)
    case = [Stay(size, *life) for size, life in zip(sizes, lives, strict=True)]
    assert bytes_of(case) == solved(case) == 108  # 140 with the largest first


def test_a_kernel_works_where_tensors_of_other_stages_lie() -> None:
    """Tensors of a chain, and at its end a kernel that needs much."""
    case = [Stay(40, 0, 1), Stay(60, 1, 2), Stay(8, 2, 3), Stay(12, 1, 1), Stay(90, 3, 3)]
    assert bytes_of(case) == least_bytes(case) == 40 + 60 + 12  # 190 behind all tensors


@given(cases())
@settings(max_examples=30, deadline=None)
def test_stays_that_meet_lie_apart(case: Case) -> None:
    offsets = plan_arena(case)
    assert len(offsets) == len(case)
    placed = list(zip(case, offsets, strict=True))
    for number, (one, low) in enumerate(placed):
        assert low % 4 == 0 and low >= 0
        for other, high in placed[:number]:
            if one.first <= other.last and other.first <= one.last:
                assert low + one.bytes <= high or high + other.bytes <= low


def test_no_plan_is_smaller_than_the_busiest_stage() -> None:
    assert least_bytes([Stay(3, 0, 1), Stay(5, 1, 2), Stay(7, 2, 3)]) == 5 + 7
    assert least_bytes([]) == bytes_of([]) == 0
