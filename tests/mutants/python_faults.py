"""Faults of Python sources: what a hand slips into, one expression or statement each."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from tests.mutants.mutant import Mutant

COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv, ast.LShift: ast.RShift, ast.RShift: ast.LShift, ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd, ast.BitXor: ast.BitAnd, ast.Pow: ast.Mult,
}  # fmt: skip
NAMES = {"min": "max", "max": "min", "minimum": "maximum", "maximum": "minimum", "floor": "ceil", "ceil": "floor"}
NAMES |= {"any": "all", "all": "any"}


@dataclass(frozen=True)
class _Where:
    """Which function a node stands in, and the first line of its statement."""

    place: str
    statement: int


def faults_of(path: str, source: str) -> list[Mutant]:
    """All faults that this file can be given, in the order of the text."""
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    texts = source.splitlines()

    def offset(line: int, column: int) -> int:  # columns of `ast` are bytes of UTF-8
        return starts[line - 1] + len(texts[line - 1].encode()[:column].decode())

    found = []
    for node, changed, where in _faults_in(ast.parse(source), _Where("", 1)):
        assert node.end_lineno is not None and node.end_col_offset is not None
        begin, end = offset(node.lineno, node.col_offset), offset(node.end_lineno, node.end_col_offset)
        after = changed if isinstance(changed, str) else f"({ast.unparse(changed)})"
        first, last = starts[node.lineno - 1], starts[node.end_lineno]
        text = " ".join(f"{source[first:begin]}[{source[begin:end]}]{source[end:last]}".split())
        lines = dict.fromkeys((node.lineno, node.end_lineno, where.statement))
        found.append(Mutant(path, begin, end, text, after, tuple(lines), where.place))
    return sorted(found)


def _faults_in(node: ast.AST, where: _Where) -> Iterator[tuple[ast.expr | ast.stmt, ast.expr | str, _Where]]:
    """(what is exchanged, for what, where it stands) of all that lies under a node and runs."""
    for child in ast.iter_child_nodes(node):
        inner = where
        if isinstance(child, ast.FunctionDef | ast.ClassDef):
            inner = _Where(f"{where.place}.{child.name}".lstrip("."), child.lineno)
        elif isinstance(child, ast.stmt):
            inner = _Where(where.place, child.lineno)
        if _never_tells(child, node):
            continue
        yield from ((what, changed, inner) for what, changed in _faults_at(child))
        yield from _faults_in(child, inner)


def _never_tells(child: ast.AST, parent: ast.AST) -> bool:
    """Types, messages, decorators, assertions, and what a module says of itself."""
    if isinstance(child, ast.JoinedStr | ast.Import | ast.ImportFrom | ast.Assert | ast.arg):
        return True
    if isinstance(child, ast.keyword) and child.arg == "strict":  # of zip: an assertion too
        return True
    if isinstance(parent, ast.FunctionDef | ast.ClassDef) and child in parent.decorator_list:
        return True
    if isinstance(parent, ast.AnnAssign) and child is parent.annotation:
        return True
    if isinstance(parent, ast.FunctionDef) and child is parent.returns:
        return True
    if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
        return True
    return (
        isinstance(parent, ast.Subscript)
        and child is parent.slice
        and isinstance(parent.value, ast.Name)
        and (parent.value.id[0].isupper())
    )


def _faults_at(node: ast.AST) -> Iterator[tuple[ast.expr | ast.stmt, ast.expr | str]]:
    match node:
        case ast.Compare(left, [comparison], [right]) if type(comparison) in COMPARISONS:
            yield node, ast.Compare(left, [COMPARISONS[type(comparison)]()], [right])
        case ast.BinOp(left, operator, right) if not isinstance(left, ast.Constant | ast.JoinedStr) or not isinstance(
            left.value if isinstance(left, ast.Constant) else "", str
        ):
            yield node, ast.BinOp(left, OPERATORS.get(type(operator), ast.Add)(), right)
        case ast.BoolOp(ast.And(), values):
            yield node, ast.BoolOp(ast.Or(), values)
        case ast.BoolOp(ast.Or(), values):
            yield node, ast.BoolOp(ast.And(), values)
        case ast.UnaryOp(ast.Not() | ast.USub() | ast.Invert(), operand):
            yield node, operand
        case ast.Constant(bool()):
            yield node, ast.Constant(not node.value)
        case ast.Constant(int()):
            yield node, ast.Constant(node.value + 1)
        case ast.Constant(float()):
            yield node, ast.Constant(2 * node.value + 1)
        case ast.Call(ast.Name(name), arguments, keywords) if name in NAMES:
            yield node, ast.Call(ast.Name(NAMES[name]), arguments, keywords)
        case ast.Call(ast.Attribute(value, name), arguments, keywords) if name in NAMES:
            yield node, ast.Call(ast.Attribute(value, NAMES[name]), arguments, keywords)
        case ast.Raise(exc=ast.expr()):
            yield node, "pass"
        case _:
            return
