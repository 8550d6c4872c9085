"""What `make bench` says of a goal that is missed."""

from __future__ import annotations

from benchmarks.__main__ import Group, asked, page
from benchmarks.rows import Row

REACHED = Row("fast", 3, "x", 2)
KNOWN = Row("slow", 1, "x", 2, binds="memory")
UNKNOWN = Row("slower", 1, "x", 2)
MADE_OF = Row("a figure", 1, "ms", binds="drawing takes half")


def test_a_missed_goal_that_nothing_explains_is_said_to_be_one() -> None:
    assert [row.unexplained for row in (REACHED, KNOWN, UNKNOWN, MADE_OF)] == [False, False, True, False]
    assert "MISSED" not in asked(REACHED)
    assert asked(KNOWN).endswith("MISSED")
    assert asked(UNKNOWN).endswith("MISSED, AND NOTHING SAYS WHY")


def test_the_page_says_what_binds_and_what_figures_are_made_of() -> None:
    packages = dict.fromkeys(("date", "processor", "cores", "numpy", "onnxruntime", "torch", "ziglang"), "1")
    text = page([Group("speed", "Speed.", (REACHED, KNOWN, UNKNOWN, MADE_OF))], packages)
    assert "slow: memory" in text and "a figure: drawing takes half" in text
    assert "NOTHING SAYS WHY" in text
