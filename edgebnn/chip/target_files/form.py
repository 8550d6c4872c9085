"""Whether a file has the tables and fields that its kind has; what is wrong is said in the file's own words."""

from __future__ import annotations

import re
from typing import Any

from msgspec import inspect

from edgebnn.chip.target.quantity import Bounds, Quantity, units_of
from edgebnn.chip.target.sections import TargetTable
from edgebnn.chip.target.target import Target
from edgebnn.errors import TargetError

_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LONGEST = 40


def check_form(document: dict[str, Any], where: str, of: type[TargetTable] = Target) -> None:
    """TargetError, naming the table and the field, where the TOML is not of this form; `where` begins the sentence."""
    form = inspect.type_info(of)
    assert isinstance(form, inspect.StructType)
    try:
        _check_table(document, form, "")
    except _FormError as error:
        raise TargetError(f"{where}: {error}") from error


class _FormError(Exception):
    """What is wrong, without the file's name."""


def _check(value: Any, form: inspect.Type, path: str) -> None:
    bounds = None
    if isinstance(form, inspect.Metadata):
        bounds, form = (form.extra or {}).get("bounds"), form.type
    if isinstance(form, inspect.UnionType) and inspect.NoneType() in form.types:
        (form,) = (member for member in form.types if not isinstance(member, inspect.NoneType))
        _check(value, form, path)
    elif isinstance(form, inspect.StructType) and form.cls is Quantity:
        _check_quantity(value, form, path, bounds)
    elif isinstance(form, inspect.StructType):
        _check_table(value, form, path)
    elif isinstance(form, inspect.DictType):
        _demand(isinstance(value, dict), f"{path} is {_shown(value)}; write a table [{path}.NAME] for each")
        for name, item in value.items():
            _check(item, form.value_type, _inside(path, name))
    elif isinstance(form, inspect.VarTupleType):
        _demand(isinstance(value, list), f"{path} is {_shown(value)}; write a table [[{path}]] for each")
        for index, item in enumerate(value, 1):
            _check(item, form.item_type, f"{path} (number {index})")
    else:
        _check_plain(value, form, path)


def _check_table(value: Any, form: inspect.StructType, path: str) -> None:
    _demand(isinstance(value, dict), f"{path} is {_shown(value)}; write a table [{path}]")
    fields = {field.name: field for field in form.fields}
    for name in value:
        known = f"; the known ones there are {', '.join(fields)}"
        _demand(name in fields, f"{_inside(path, name)} is not known{known}")
    for name, field in fields.items():
        inner = _inside(path, name)
        if name in value:
            _check(value[name], field.type, inner)
        else:
            _demand(not field.required, f"{inner} is missing; {_remedy(field.type)}")


def _check_quantity(value: Any, form: inspect.StructType, path: str, bounds: Bounds | None) -> None:
    write = f"write it as {_example(bounds)}"
    _demand(isinstance(value, dict), f"{path} is {_shown(value)}, without unit and source; {write}")
    fields = {field.name: field.type for field in form.fields}
    for name in value:
        _demand(name in fields, f"{_inside(path, name)} is not known; {write}")
    for name, inner in fields.items():
        _demand(name in value, f"{path} has no {name}; {write}")
        _check_plain(value[name], inner, f"{path}.{name}")


def _check_plain(value: Any, form: inspect.Type, path: str) -> None:
    """A number, a text, or one of a few words."""
    if isinstance(form, inspect.EnumType | inspect.LiteralType):
        words = tuple(form.cls) if isinstance(form, inspect.EnumType) else form.values
        choice = isinstance(value, str | int) and not isinstance(value, bool) and value in words
        choices = f"one of {', '.join(map(str, words))}" if len(words) > 1 else str(words[0])
        _demand(choice, f"{path} is {_shown(value)}; it must be {choices}")
    elif isinstance(form, inspect.StrType):
        _demand(isinstance(value, str), f"{path} is {_shown(value)}; give a text in quotes")
        if form.pattern is not None:
            plain = f"{path} is {_shown(value)}; give 1 to 64 letters, digits, '.', '_' or '-'"
            _demand(re.match(form.pattern, value) is not None, plain)
    else:
        whole = isinstance(form, inspect.IntType)
        number = isinstance(value, int if whole else int | float) and not isinstance(value, bool)
        _demand(number, f"{path} is {_shown(value)}; give a {'whole ' if whole else ''}number")


def _remedy(form: inspect.Type) -> str:
    """What to do where a field is missing."""
    if isinstance(form, inspect.Metadata) and isinstance(form.type, inspect.StructType) and form.type.cls is Quantity:
        return f"add it as {_example((form.extra or {}).get('bounds'))}"
    return "add the table" if isinstance(form, inspect.StructType) else "add it"


def _example(bounds: Bounds | None) -> str:
    """The form of a quantity, in a unit that its field may have."""
    units = units_of(bounds) if bounds is not None else ("1",)
    example = f'{{ value = 1, unit = "{units[0]}", source = "where it comes from", evidence = "assumed" }}'
    return example if len(units) == 1 else f"{example} (units: {', '.join(units)})"


def _inside(path: str, name: str) -> str:
    """The dotted path of a field; a name that is no plain one is quoted, so that it does no harm in a terminal."""
    shown = name if _PLAIN.fullmatch(name) else _shown(name)
    return f"{path}.{shown}" if path else shown


def _shown(value: Any) -> str:
    if isinstance(value, dict | list):
        return "a table" if isinstance(value, dict) else "a list"
    if isinstance(value, int) and value.bit_length() > 128:
        return "a huge number"  # which Python itself refuses to print beyond some thousand digits
    text = repr(value) if not isinstance(value, bool) else str(value).lower()
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."


def _demand(condition: bool, problem: str) -> None:
    if not condition:
        raise _FormError(problem)
