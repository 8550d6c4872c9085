"""What keeps a model from being mapped: the facts, and the sentence that a user reads."""

from __future__ import annotations

from dataclasses import dataclass

from edgebnn.errors import ModelError
from edgebnn.legible import legible_name as printable

__all__ = ["Problem", "Refusal", "error_of", "printable"]


@dataclass(frozen=True)
class Problem:
    """One node that cannot be mapped: why, and the nearest remedy. Texts from the model are made printable."""

    node: str
    operator: str
    reason: str
    remedy: str

    @property
    def sentence(self) -> str:
        """The problem as one sentence."""
        return f"node '{self.node}' ({self.operator}) {self.reason}; {self.remedy}"


class Refusal(Exception):
    """Raised where the fact is known; whoever walks the graph adds the node and makes a `Problem` of it."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(f"{reason}; {remedy}")
        self.reason = reason
        self.remedy = remedy


def error_of(file: str, problems: tuple[Problem, ...]) -> ModelError:
    """The error for a model with these problems: the first one in full, the number of the others."""
    others = len(problems) - 1
    more = f" ({others} more: edgebnn inspect lists them all)" if others else ""
    return ModelError(f"{printable(file)}: {problems[0].sentence}{more}")
