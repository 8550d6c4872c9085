"""Only those kernels are linked that a model calls: the functions in an ELF are looked up in the runtime's sources."""

from __future__ import annotations

import io
import re
from collections import Counter

import numpy as np
import pytest

from edgebnn.codegen import build
from edgebnn.codegen.build import build_firmware
from edgebnn.codegen.project import render_project
from edgebnn.network import Kind, Network, Tensor, Window
from tests.codegen.projects import mapped_on
from tests.networks import Builder

pytest.importorskip("ziglang", reason="the package ziglang is not installed")
elffile = pytest.importorskip("elftools.elf.elffile", reason="the package pyelftools is not installed")

# The sources of each kernel that no other one shares.
SOURCES = {
    "list": ("ebnn_linear_active.c", "ebnn_active_lists.c"),
    "subsets": ("ebnn_linear_subsets.c",),
    "rows": ("ebnn_linear.c", "ebnn_count_rows.c", "ebnn_depthwise.c"),
    "halves": ("ebnn_linear_halves.c", "ebnn_count_halves.c"),
    "int8": ("ebnn_int8.c",),
}
# Of a definition; what an inline function or a macro makes has no name of its own in an ELF.
FUNCTION = re.compile(r"^(?:static )?[a-z_0-9]+ \**(\w+)\([^;]*?\)\s*\{", re.MULTILINE)


def dense(entry: Tensor, *widths: int) -> Network:
    builder = Builder(entry, np.random.default_rng(0))
    for neurons in widths[:-1]:
        builder.linear(neurons)
        builder.threshold()
    builder.linear(widths[-1])
    return builder.network()


def grouped() -> Network:
    builder = Builder(Tensor("x", Kind.BITS, (32, 8, 8), -1, 1), np.random.default_rng(0))
    builder.linear(32, window=Window((3, 3), (1, 1), (1, 1), (0, 0), (0, 0)), groups=4)
    return builder.network()


BITS, BYTES = (Tensor("x", Kind.BITS, (784,), -1, 1), Tensor("x", Kind.INTEGERS, (784,), -128, 127))
NETWORKS = {
    "from bits": (dense(BITS, 64, 64, 10), {"list"}),
    "from bytes": (dense(BYTES, 64, 64, 10), {"subsets", "list"}),
    "of few neurons": (dense(BITS, 16, 10), {"halves", "list"}),
    "in groups": (grouped(), {"rows"}),
}


@pytest.mark.parametrize(("network", "called"), NETWORKS.values(), ids=NETWORKS)
def test_a_firmware_has_the_kernels_that_its_model_calls_and_no_other(
    monkeypatch: pytest.MonkeyPatch, network: Network, called: set[str]
) -> None:
    mapped = mapped_on(network, "cortex-m4")
    assert {stage.kernel for stage in mapped.linear_stages.values()} == called
    files, link_flags = render_project(mapped), build.link_flags

    def with_symbols(*given: object) -> tuple[str, ...]:
        return (*(flag for flag in link_flags(*given) if "strip" not in flag), "-g")

    monkeypatch.setattr(build, "link_flags", with_symbols)
    elf = elffile.ELFFile(io.BytesIO(build_firmware(files, mapped.target, "zig").elf))
    symbols = elf.get_section_by_name(".symtab").iter_symbols()
    linked = {symbol.name for symbol in symbols if symbol["st_info"]["type"] == "STT_FUNC"}
    functions = {
        path: set(FUNCTION.findall(text.decode()))
        for path, text in files.items()
        if path.startswith("runtime/src/") and path.endswith(".c")
    }
    often = Counter(name for names in functions.values() for name in names)
    for kernel, sources in SOURCES.items():
        defined = {name for source in sources for name in functions[f"runtime/src/{source}"]}
        its_own = {name for name in defined if often[name] == 1}
        assert its_own
        assert bool(linked & its_own) == (kernel in called), (kernel, linked & its_own)
