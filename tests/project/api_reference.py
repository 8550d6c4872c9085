"""Makes docs/api.md from the docstrings: what a user of the Python API meets, from `compile` to what it answers.

python -m tests.project.api_reference > docs/api.md
"""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any

import edgebnn
from edgebnn import errors, nn
from edgebnn.chip.device.conditions import Conditions
from edgebnn.comparison.budget import Budget, Limit
from edgebnn.comparison.compare import Compared, Comparison, Judged
from edgebnn.comparison.emulated import Emulated
from edgebnn.comparison.figures import Figure
from edgebnn.emulator.accuracy import AccuracyDrop
from edgebnn.emulator.accuracy_curve import AccuracyCurve
from edgebnn.emulator.accuracy_endurance import AccuracyEndurance
from edgebnn.emulator.chip_results import ChipResult, ChipSummary
from edgebnn.emulator.emulate import Dataset, Emulation
from edgebnn.emulator.estimate import Estimate
from edgebnn.emulator.measured_sensitivity import MeasuredSensitivity, PartSensitivity
from edgebnn.emulator.trimming import Trim

COMMAND = "python -m tests.project.api_reference > docs/api.md"

_CHAPTERS: tuple[tuple[str, str, tuple[Any, ...]], ...] = (
    (
        "From a model to a deployment",
        "All of it is `import edgebnn`.",
        (edgebnn.compile, edgebnn.inspect, edgebnn.load, edgebnn.Inspection),
    ),
    ("The deployment", "", (edgebnn.Deployment,)),
    (
        "Deployments side by side",
        "`edgebnn.compare`, and what it answers.",
        (edgebnn.compare, Comparison, Compared, Emulated, Budget, Limit, Judged, Figure),
    ),
    ("Chips", "", (edgebnn.ChipInstance, Conditions)),
    (
        "Answers",
        "What the deployment's verbs return. The classes are not for making; their fields are what the JSON of the "
        "commands is made from.",
        (
            Emulation,
            ChipResult,
            ChipSummary,
            AccuracyDrop,
            Estimate,
            AccuracyCurve,
            AccuracyEndurance,
            MeasuredSensitivity,
            PartSensitivity,
            Trim,
            Dataset,
        ),
    ),
    (
        "Training",
        "`from edgebnn.nn import ...`, with PyTorch (`pip install 'edgebnn[train]'`).",
        tuple(getattr(nn, name) for name in nn.__all__),
    ),
    (
        "Errors",
        "Every refusal is an `EdgeBNNError` of one sentence: `from edgebnn.errors import ...`.",
        tuple(
            value
            for value in vars(errors).values()
            if inspect.isclass(value) and issubclass(value, errors.EdgeBNNError)
        ),
    ),
)


_ANY = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)  # of a class: what PyTorch's modules hand on


def page() -> str:
    """The whole page."""
    return "\n".join(_lines()).rstrip() + "\n"


def _lines() -> Iterator[str]:
    yield "# Python API"
    yield ""
    yield f"This page is made from the docstrings: `{COMMAND}`."
    for title, text, things in _CHAPTERS:
        yield from ("", f"## {title}")
        if text:
            yield from ("", text)
        for thing in things:
            yield from _class(thing) if inspect.isclass(thing) else _function(thing, 3)


def _class(thing: type[Any]) -> Iterator[str]:
    yield from ("", f"### `{thing.__name__}`", "")
    if dataclasses.is_dataclass(thing):
        yield from _code(_fields(thing))
    elif not issubclass(thing, Exception):
        yield from _code(_signature(thing.__name__, thing))
    yield from _text(thing)
    for name, member in vars(thing).items():
        if name.startswith("_"):
            continue
        if isinstance(member, property) or type(member).__name__ == "cached_property":
            getter = member.fget if isinstance(member, property) else member.func
            yield from ("", f"#### `{thing.__name__}.{name}`", "", *_text(getter))
        elif inspect.isfunction(member) or isinstance(member, staticmethod | classmethod):
            yield from _function(getattr(thing, name), 4, thing.__name__)


def _function(function: Callable[..., Any], level: int, owner: str = "") -> Iterator[str]:
    name = f"{owner}.{function.__name__}" if owner else function.__name__
    yield from ("", f"{'#' * level} `{name}`", "")
    yield from _code(_signature(function.__name__, function))
    yield from _text(function)


def _fields(thing: type[Any]) -> str:
    given = []
    for field in dataclasses.fields(thing):
        default = "" if field.default is dataclasses.MISSING else f" = {_default(field.default)}"
        given.append(f"    {field.name}: {field.type}{default}")
    return "\n".join((f"class {thing.__name__}:", *given))


def _signature(name: str, function: Callable[..., Any]) -> str:
    """As it is called: without `self`, and a line for each parameter where they are many."""
    signature = inspect.signature(function)
    parts = []
    star = False
    for parameter in signature.parameters.values():
        if parameter.name == "self" or (inspect.isclass(function) and parameter.kind in _ANY):
            continue
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY and not star:
            parts.append("*")
            star = True
        stars = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
        star = star or stars == "*"
        hint = "" if parameter.annotation is inspect.Parameter.empty else f": {_hint(parameter.annotation)}"
        default = "" if parameter.default is inspect.Parameter.empty else f" = {_default(parameter.default)}"
        parts.append(f"{stars}{parameter.name}{hint}{default}")
    made = inspect.isclass(function) or signature.return_annotation is inspect.Signature.empty
    ending = "" if made else f" -> {_hint(signature.return_annotation)}"
    line = f"{name}({', '.join(parts)}){ending}"
    if len(line) <= 100:
        return line
    return "\n".join((f"{name}(", *(f"    {part}," for part in parts), f"){ending}"))


def _hint(annotation: Any) -> str:
    return annotation if isinstance(annotation, str) else getattr(annotation, "__name__", str(annotation))


def _default(value: Any) -> str:
    """A default as a user writes it: no address, no object of ours."""
    if isinstance(value, str):
        return f'"{value}"'
    if callable(value):
        return "..."
    text = re.sub(r"mappingproxy\((.*)\)", r"\1", repr(value))
    return "..." if "object at" in text or len(text) > 40 else text


def _code(text: str) -> Iterator[str]:
    yield from ("```python", text, "```", "")


def _text(thing: Any) -> Iterator[str]:
    """The docstring, line by line."""
    yield from inspect.cleandoc(thing.__doc__ or "").splitlines()


if __name__ == "__main__":
    print(page(), end="")
