"""Faults of C sources: binary operators, which `clang-format` puts between blanks, and integers."""

from __future__ import annotations

import re

from tests.mutants.mutant import Mutant

OPERATORS = {
    "<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==", "&&": "||", "||": "&&", "+": "-", "-": "+",
    "*": "+", "/": "*", "%": "/", "<<": ">>", ">>": "<<", "&": "|", "|": "&", "^": "&", "+=": "-=", "-=": "+=",
    "|=": "&=", "&=": "|=", "^=": "&=", ">>=": "<<=", "<<=": ">>=",
}  # fmt: skip
_OPERATOR = re.compile(r"(?<= )(?:" + "|".join(map(re.escape, sorted(OPERATORS, key=len, reverse=True))) + r")(?= )")
_INTEGER = re.compile(r"(?<![\w.\"])(?:UINT(?:32|64)_C\()?(0x[0-9A-Fa-f]+|\d+)(?![\w.])")
# comments, texts, and what the preprocessor reads
_NO_CODE = re.compile(
    r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|^[ \t]*#(?:[^\n\\]|\\.|\\\n)*", re.S | re.M
)
_FUNCTION = re.compile(r"^[A-Za-z_][^;={}]*?\b(\w+)\([^;{}]*\)\n\{", re.M)


def faults_of(path: str, source: str) -> list[Mutant]:
    """All faults that this file can be given inside its functions, in the order of the text."""
    code = _NO_CODE.sub(lambda found: re.sub(r"[^\n]", "\0", found[0]), source)
    functions = [(found.start(), code.index("\n}", found.end()), found[1]) for found in _FUNCTION.finditer(code)]
    faults = []
    for begin, end, name in functions:
        body = code.index("{", begin)
        for found in _OPERATOR.finditer(code, body, end):
            if not (found[0] == "*" and _is_pointer(code, found.start())):
                faults.append(_fault(path, source, found.span(), OPERATORS[found[0]], name))
        for found in _INTEGER.finditer(code, body, end):
            faults.append(_fault(path, source, found.span(1), hex(int(found[1], 0) + 1), name))
    return sorted(faults)


def _is_pointer(code: str, place: int) -> bool:
    """Whether a star between blanks declares a pointer, as in `const uint8_t *const`: a type stands before it."""
    return bool(re.search(r"(?:_t|char|void|int|const|struct \w+) $", code[max(0, place - 24) : place]))


def _fault(path: str, source: str, span: tuple[int, int], after: str, name: str) -> Mutant:
    begin, end = span
    line = source.count("\n", 0, begin) + 1
    first, last = source.rfind("\n", 0, begin) + 1, source.index("\n", end)
    text = source[first:begin].lstrip() + f"[{source[begin:end]}]" + source[end:last]
    return Mutant(path, begin, end, text, after, (line,), name)
