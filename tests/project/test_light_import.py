"""`import edgebnn` and the command line's help load no heavy library, and compiling none that it has no use for."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("torch", "onnx", "onnxruntime", "matplotlib", "scipy", "unicorn", "numpy", "jinja2", "rich", "elftools")
OWN = {"edgebnn", "edgebnn.cli", "edgebnn.cli.main", "edgebnn.errors", "edgebnn.legible", "edgebnn.version"}


def _loaded(code: str) -> set[str]:
    program = f"{code}\nimport sys\nprint(' '.join(sys.modules))"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(result.stdout.splitlines()[-1].split())


@pytest.mark.parametrize(
    "code",
    [
        "import edgebnn; assert edgebnn.__version__",
        "from click.testing import CliRunner; from edgebnn.cli.main import group\n"
        "assert CliRunner().invoke(group, ['--help']).exit_code == 0",
    ],
    ids=["import", "help"],
)
def test_nothing_heavy_is_loaded_for(code: str) -> None:
    loaded = _loaded(code)
    assert "edgebnn" in loaded
    assert not loaded.intersection(HEAVY)
    assert {name for name in loaded if name.startswith("edgebnn")} <= OWN


def test_compiling_a_network_loads_no_solver_of_the_chips_physics() -> None:
    loaded = _loaded("import edgebnn; from edgebnn.models import ECG_PVC; edgebnn.compile(ECG_PVC)")
    assert not loaded.intersection({"scipy.special", "scipy.optimize", "scipy.stats", "matplotlib", "onnxruntime"})


def test_the_public_names_are_listed_before_they_are_loaded() -> None:
    loaded = _loaded("import edgebnn; assert dir(edgebnn) == sorted(edgebnn.__all__) and 'compile' in dir(edgebnn)")
    assert not loaded.intersection(HEAVY)


def test_every_public_name_is_there() -> None:
    import edgebnn

    assert {"ChipInstance", "Deployment", "compile", "load"} <= set(edgebnn.__all__)
    for name in edgebnn.__all__:
        assert getattr(edgebnn, name) is not None


def test_an_unknown_public_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'compiler'"):
        import edgebnn

        edgebnn.compiler  # noqa: B018
