"""Which files of the C runtime a firmware needs."""

from __future__ import annotations

from edgebnn.mapping.mapped import MappedNetwork
from edgebnn.resources import resource_folder

# The software kernels of `ebnn_linear`, whose place the macro's hardware layer takes on a chip with RRAM.
SOFTWARE_LINEAR = {
    *("ebnn_linear.c", "ebnn_linear_subsets.c", "ebnn_linear_active.c"),
    *("ebnn_linear_halves.c", "ebnn_count_halves.c"),
    *("ebnn_active_lists.c", "ebnn_active_lists.h", "ebnn_counters.c", "ebnn_counters.h", "ebnn_pooled.h"),
    *("ebnn_gather.c", "ebnn_gather.h", "ebnn_count.c", "ebnn_count_rows.c", "ebnn_count.h", "ebnn_adders.h"),
}


def runtime_files(mapped: MappedNetwork) -> dict[str, bytes]:
    """Path in the project (below `runtime/`) -> contents, in order.

    All layers' kernels are there, a file each, so that another model of the same project finds them; the linker drops
    those that nothing calls.
    """
    runtime = resource_folder("runtime")
    folders = ["include", "src", "macro"] if mapped.target.macro is not None else ["include", "src"]
    paths = [path for folder in folders for path in sorted((runtime / folder).glob("*.[ch]"))]
    return {
        f"runtime/{path.relative_to(runtime).as_posix()}": path.read_bytes()
        for path in paths
        if mapped.target.macro is None or path.name not in SOFTWARE_LINEAR
    }
