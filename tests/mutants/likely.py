"""Which files of tests most likely notice a fault, where no survey was taken."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from tests.mutants.c_tests import speaking_of
from tests.mutants.copy import ROOT
from tests.mutants.mutant import Mutant
from tests.mutants.survey import LEFT_OUT

LIKELY = 12  # files, of which the first trial takes so many
_SHORTEST = 4  # letters of a word that says something


def likely_files(mutant: Mutant, folders: Iterable[str]) -> list[str]:
    """The files of tests in these folders, those first that have most to do with it.

    Of a C file the table of `c_tests` says it. Of a Python file: tests that quote the text of the fault's line, as
    those of refusals do; then names and imports, the room, and words of the function's name.
    """
    module = mutant.path.removesuffix(".py").replace("/", ".")
    room = module.rpartition(".")[0]
    quoted, words = _phrases(mutant.before), _words(mutant.place) | _words(Path(mutant.path).stem)

    def order(file: Path) -> tuple[bool, int, bool, bool, int, int, str]:
        text = file.read_text()
        here = text.lower()
        return (
            not any(phrase in here for phrase in quoted), -nearness(mutant.path, file.name),
            f"{module} import" not in text, file.parent.name != room.rpartition(".")[2],
            -sum(word in here for word in words), len(text), file.name,
        )  # fmt: skip

    files = (file for folder in folders for file in (ROOT / folder).rglob("test_*.py"))
    listed = sorted((file for file in files if str(file.relative_to(ROOT)) not in LEFT_OUT), key=order)
    by_name = [str(file.relative_to(ROOT)) for file in listed]
    spoken = speaking_of(mutant.path) if mutant.path.endswith(".c") else []
    return [*spoken, *(file for file in by_name if file not in spoken)]


def nearness(source: str, test: str) -> int:
    """How many words a source file's name has in common with that of a test's file."""
    names = Path(source).stem, Path(test.partition("::")[0]).stem
    here, there = (
        {word.removesuffix("s") for word in re.split("[^a-z0-9]+", name.lower()) if word not in ("", "ebnn", "test")}
        for name in names
    )
    return len(here & there)


def _phrases(line: str) -> set[str]:
    """Any three words in a row of the texts in a line."""
    found = set()
    for text in re.findall(r"\"([^\"]+)\"", line.lower()):
        for piece in re.split(r"\{[^}]*\}", text):
            words = piece.split()
            found |= {" ".join(words[place : place + 3]) for place in range(len(words) - 2)}
    return found


def _words(name: str) -> set[str]:
    return {word for word in re.split("[^a-z0-9]+", name.lower()) if len(word) >= _SHORTEST}
