"""The SRAM plan is as small as an exact solver's."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp

from edgebnn.mapping.arena import least_bytes, plan_arena
from edgebnn.mapping.plan import Buffer

Life = tuple[int, int]
Case = list[tuple[int, Life]]  # bytes, first and last stage


def planned(case: Case) -> tuple[Buffer, ...]:
    sizes, lives = as_maps(case)
    return plan_arena(sizes, lives)


def as_maps(case: Case) -> tuple[dict[str, int], dict[str, Life]]:
    names = [f"t{index}" for index in range(len(case))]
    return dict(zip(names, (size for size, _ in case), strict=True)), dict(
        zip(names, (life for _, life in case), strict=True)
    )


def bytes_of(case: Case) -> int:
    return max(buffer.offset + buffer.bytes for buffer in planned(case))


def solved(case: Case) -> int:
    """The least bytes by HiGHS: offsets, the height, and for each pair that meets which of the two is below."""
    pairs = [
        (i, j)
        for i, (_, one) in enumerate(case)
        for j, (_, other) in enumerate(case[:i])
        if one[0] <= other[1] and other[0] <= one[1]
    ]
    count, total = len(case), sum(size for size, _ in case)
    unknown = count + 1 + len(pairs)
    rows, least = [], []
    for i, (size, _) in enumerate(case):  # the height is above every buffer
        row = np.zeros(unknown)
        row[[count, i]] = 1, -1
        rows.append(row)
        least.append(size)
    for place, (i, j) in enumerate(pairs):
        for low, high, below in ((i, j, 1), (j, i, -1)):  # high >= low + size unless the other one is below
            row = np.zeros(unknown)
            row[[high, low, count + 1 + place]] = 1, -1, below * total
            rows.append(row)
            least.append(case[low][0] - (total if below < 0 else 0))
    cost = np.zeros(unknown)
    cost[count] = 1
    upper = np.full(unknown, float(total))
    upper[count + 1 :] = 1
    found = milp(
        cost,
        constraints=LinearConstraint(np.array(rows), np.array(least, np.float64), np.inf),
        bounds=Bounds(0, upper),
        integrality=np.r_[np.zeros(count + 1), np.ones(len(pairs))],
    )
    assert found.success
    return round(found.fun)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    lives = st.tuples(st.integers(0, 6), st.integers(0, 4)).map(lambda pair: (pair[0], pair[0] + pair[1]))
    return draw(st.lists(st.tuples(st.integers(1, 12).map(lambda words: 4 * words), lives), min_size=1, max_size=7))


@given(cases())
@settings(max_examples=30, deadline=None)
def test_no_plan_is_smaller(case: Case) -> None:
    sizes, lives = as_maps(case)
    assert least_bytes(sizes, lives) <= bytes_of(case) == solved(case)


def test_where_the_largest_first_would_take_more() -> None:
    lives = [(2, 5), (3, 4), (2, 3), (1, 2), (4, 4), (2, 6), (5, 6)]
    case = list(zip((16, 32, 40, 44, 36, 8, 20), lives, strict=True))
    assert bytes_of(case) == solved(case) == 108  # 140 with the largest first


@given(cases())
@settings(max_examples=30, deadline=None)
def test_buffers_that_meet_lie_apart(case: Case) -> None:
    buffers = planned(case)
    assert len(buffers) == len(case)
    for one in buffers:
        assert one.offset % 4 == 0 and one.offset >= 0
        for other in buffers:
            if one is not other and one.first <= other.last and other.first <= one.last:
                assert one.offset + one.bytes <= other.offset or other.offset + other.bytes <= one.offset


def test_no_plan_is_smaller_than_the_busiest_stage() -> None:
    sizes, lives = {"a": 3, "b": 5, "c": 7}, {"a": (0, 1), "b": (1, 2), "c": (2, 3)}
    assert least_bytes(sizes, lives) == 5 + 7
    assert least_bytes({}, {}) == 0
