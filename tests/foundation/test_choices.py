"""Sentences call a choice as whoever reads them makes it: by an option or by an argument of Python."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import edgebnn
from edgebnn.choices import choice, on_the_command_line
from edgebnn.cli.main import group
from edgebnn.errors import EdgeBNNError
from edgebnn.models import ECG_PVC

PACKAGE = Path(edgebnn.__file__).parent

X = np.zeros((2, 4, 120), np.int8)


def test_a_choice_is_called_as_it_is_made() -> None:
    said = [("chip_yield", "0.9"), ("trim", "on-chip"), ("attempts",), ("calibration", "data.npz", "x")]
    assert [choice(*each) for each in said] == ["chip_yield=0.9", 'trim="on-chip"', "attempts", "calibration=x"]
    with on_the_command_line():
        options = [choice(*each) for each in said]
    assert options == ["--chip-yield 0.9", "--trim on-chip", "--attempts-for", "--calibration data.npz"]
    assert choice("chip_yield") == "chip_yield"


@pytest.mark.parametrize(
    ("words", "arguments", "option", "argument"),
    [
        ("--placement ber-aware", {"placement": "ber-aware"}, "--calibration", "calibration"),
        ("--verify-share 0.1", {"verify_share": 0.1}, "--calibration", "calibration"),
        ("--trim on-chip", {"trim": "on-chip"}, "--calibration", "calibration"),
        ("--target cortex-m4 --policy strong", {"target": "cortex-m4", "policy": "strong"}, "--policy", "policy"),
        ("--output y", {"output": "y"}, "--output", "output"),
        ("--fresh-banks", {"fresh_banks": True}, "--update-of", "update_of"),
        (
            "--policy auto --max-accuracy-drop 1 --calibration x.npy --chip-yield 0.99",
            {"policy": "auto", "max_accuracy_drop": 1, "calibration": X, "chip_yield": 0.99},
            "--verify-chips",
            "verify_chips",
        ),
    ],
)
def test_refusals_name_the_option_or_the_argument(
    words: str,
    arguments: dict[str, object],
    option: str,
    argument: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    np.save("x.npy", X)
    result = CliRunner().invoke(group, ["compile", str(ECG_PVC), "-o", "out", *words.split()])
    assert result.exit_code == 1 and option in result.stderr, result.output
    assert "_" not in result.stderr.replace("ecg_pvc", "")
    with pytest.raises(EdgeBNNError, match=rf"\b{argument}\b") as caught:
        edgebnn.compile(ECG_PVC, **arguments)  # type: ignore[arg-type]
    assert "--" not in str(caught.value)


def test_no_sentence_of_what_python_shares_has_an_option_in_it() -> None:
    found = {
        (path.relative_to(PACKAGE).as_posix(), text)
        for path in PACKAGE.rglob("*.py")
        if path.relative_to(PACKAGE).parts[0] not in ("cli", "report")
        for text in texts(ast.parse(path.read_text()))
        if re.search(r"""(^|[ ('"])--[a-z]""", text)
    }
    made_by = ("api.py", "compile_options.py", "frontend/options.py")  # the command that made a deployment
    others = {(name, text) for name, text in found if name in made_by}
    assert all(text.startswith((" --", "compile --")) for _, text in others)
    assert {name for name, _ in found - others} == {
        "codegen/flags.py",  # the compilers' own
        "emulator/cpu.py",  # pip's own
        "emulator/firmware.py",  # a sentence that has both words
        "mapping/remedies.py",  # of `edgebnn targets copy`
    }


def texts(tree: ast.Module) -> list[str]:
    """All texts of a module but docstrings."""
    documentation = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation
    ]
