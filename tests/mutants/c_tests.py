"""Which tests speak of which C file: no import and no coverage tells.

Those that notice most in the shortest time come first.
"""

from __future__ import annotations

from fnmatch import fnmatch

# The kernels of this processor against the portable ones, which `test_kernels.py` compiles quickest.
_KERNELS = "tests/runtime/test_kernels.py::test_the_kernels_of_this_processor"
_DIFFERENCES = "tests/runtime/test_kernels.py::test_differences_are_added_and_sliced_as_in_plain_c"
_LAYERS = (
    "tests/runtime/test_networks.py",
    "tests/runtime/test_stages.py",
    "tests/runtime/test_integers.py",
    "tests/runtime/test_linear.py",
)
_FAST = (
    "tests/runtime/test_networks.py",
    "tests/runtime/test_fast_path.py",
    *_LAYERS,
    "tests/emulator/test_chip_runs.py",
)
_SENSED = ("tests/emulator/test_sensing.py", "tests/emulator/test_chip_runs.py")
_FIRMWARE = ("tests/codegen/test_execution.py", "tests/emulator/test_soc.py")

# pattern of a file below runtime/ -> tests; the first that fits counts
_TESTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("src/ebnn_check.c", ("tests/runtime/test_descriptors.py", *_LAYERS)),
    ("src/ebnn_active_lists.c", (*_LAYERS, "tests/emulator/test_active_lists.py", *_FIRMWARE)),
    ("src/*halves.c", (*_LAYERS, "tests/emulator/test_halves.py", *_FIRMWARE)),
    ("src/*", (*_LAYERS, "tests/runtime/test_descriptors.py", *_FIRMWARE)),
    ("macro/ebnn_macro_marker.c", ("tests/emulator/test_provisioning.py", "tests/runtime/test_public_header.py")),
    ("macro/ebnn_macro_trim.c", ("tests/emulator/test_chip_trim.py", "tests/emulator/test_emulator_sources.py")),
    (
        "macro/*",
        (
            "tests/runtime/test_public_header.py",
            *_FIRMWARE,
            "tests/emulator/test_allocation.py",
            "tests/emulator/test_provisioning.py",
            "tests/emulator/test_emulator_sources.py",
        ),
    ),
    ("signal/ebnn_ecg_alarms.c", ("tests/devices/test_ecg_events.py",)),
    ("signal/ebnn_ecg_log.c", ("tests/devices/test_ecg_events.py",)),
    ("signal/ebnn_ecg_windows.c", ("tests/devices/test_ecg_windows.py", "tests/devices/test_ecg_patch.py")),
    ("signal/*", ("tests/devices/test_ecg_stream.py", "tests/devices/test_ecg_windows.py")),
    ("host/ebnn_host_ecg.c", ("tests/devices/test_ecg_stream.py", "tests/devices/test_ecg_windows.py")),
    ("host/ebnn_host_difference.c", ("tests/emulator/test_chip_runs.py", *_SENSED, *_FAST)),
    ("host/ebnn_host_columns.c", ("tests/emulator/test_chip_runs.py", *_SENSED, *_FAST)),
    ("host/ebnn_host_sensed.c", (*_SENSED, "tests/runtime/test_fast_path.py")),
    ("host/ebnn_host_sliced.c", ("tests/emulator/test_chip_runs.py", *_SENSED, *_FAST)),
    ("host/ebnn_sliced*", ("tests/emulator/test_chip_runs.py", *_SENSED, *_FAST)),
    ("host/ebnn_host_int8.c", ("tests/runtime/test_integers.py", *_FAST)),
    ("host/ebnn_host_lists.c", (*_LAYERS[::-1], *_FAST)),
    ("host/ebnn_host*", _FAST),
    ("host/ebnn_adding*", (_DIFFERENCES, "tests/emulator/test_chip_runs.py", *_FAST)),
    ("host/ebnn_slicing*", (_DIFFERENCES, "tests/emulator/test_chip_runs.py", *_FAST)),
    ("host/*", (_KERNELS, *_FAST)),
    ("chip/ebnn_philox*", ("tests/chip/test_philox.py", _KERNELS, "tests/chip/test_cell_counts.py")),
    ("chip/ebnn_turns*", ("tests/chip/test_turns.py", "tests/emulator/test_chip_runs.py")),
    ("chip/ebnn_device*", ("tests/chip/test_device_answers.py", "tests/chip/test_cell_counts.py", *_SENSED)),
    ("chip/ebnn_answers.c", ("tests/chip/test_turns.py", "tests/chip/test_device_answers.py", *_SENSED)),
    ("chip/ebnn_sense.c", (*_SENSED, "tests/emulator/test_macro_model.py", "tests/chip/test_turns.py")),
    ("chip/ebnn_lift.c", ("tests/mapping/test_lifting.py", "tests/emulator/test_trimming.py", *_SENSED)),
    ("chip/*", ("tests/chip/test_cell_counts.py", *_SENSED, "tests/emulator/test_trimming.py")),
    ("emulator/ebnn_macro*", ("tests/emulator/test_macro_model.py", "tests/emulator/test_soc.py",
                              "tests/emulator/test_allocation.py", "tests/emulator/test_chip_trim.py",
                              "tests/emulator/test_provisioning.py", "tests/emulator/test_emulator_sources.py")),
    ("emulator/*", ("tests/emulator/test_decoding.py", "tests/emulator/test_predicated.py",
                    "tests/emulator/test_soc.py", "tests/emulator/test_halves.py",
                    "tests/emulator/test_active_lists.py", "tests/emulator/test_allocation.py")),
)  # fmt: skip


def speaking_of(path: str) -> list[str]:
    """The files of tests, or tests, that speak of a C file, those that notice most of its faults first."""
    below = path.removeprefix("runtime/")
    return next((list(dict.fromkeys(tests)) for pattern, tests in _TESTS if fnmatch(below, pattern)), [])
