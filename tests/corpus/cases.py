"""What is done with the corpus's models: the commands of each case, which run in a folder of their own.

Only the command line is used, and the signatures of the Python API: what a user has, wherever the modules lie.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

Command = tuple[str, ...]
MODELS = "../models"  # as the folder of a case sees it
ECG = f"{MODELS}/ecg_pvc.onnx"
HELPS = (
    *("", "inspect", "compile", "run", "emulate", "trim", "estimate", "compare", "demo", "train"),
    *("targets", "chip", "device"),
)
OF_TARGETS, OF_CHIPS = ("list", "show", "check", "copy"), ("new", "import", "compare", "export", "reprogram")
INPUTS = ("", "uint8", "int12", "bits", "trits", "int5", "uint1")


@dataclass(frozen=True)
class Case:
    """Commands that run one after the other. `build`: whether firmware is compiled, or a compiler not found."""

    name: str
    commands: tuple[Command, ...]
    build: bool = False


def all_cases(models: Path) -> list[Case]:
    """Every case, the long ones first, so that two processes end at about the same time."""
    names = sorted(path.stem for path in models.glob("*.onnx"))
    return [*_large(), *_ecg(), *_chips(), *_targets(), *_usage(), *(_model(name, n) for n, name in enumerate(names))]


def _model(name: str, number: int) -> Case:
    """A model inspected and compiled, for each target in turn, of each type of input in turn."""
    kind = INPUTS[number % len(INPUTS)] if not name.startswith(("zoo", "ecg")) else "uint8"
    options: Command = ("--input-type", kind) if kind else ()
    options += ("--input-scale", "1/255") if kind == "uint8" and number % 3 == 0 else ()
    target = ("rram130", "host", "cortex-m4")[number % 3] if not name.startswith("zoo") else "host"
    path = f"{MODELS}/{name}.onnx"
    commands: list[Command] = [
        ("inspect", path, *options, "--json"),
        ("compile", path, *options, "--target", target, "-o", "out", "--json"),
    ]
    if name.startswith(("seed", "found", "export")):
        commands.append(("inspect", path, *options))
    if name.startswith(("activation", "graph")) and number % 2:
        commands.append(("inspect", path, "--json"))
    return Case(name, tuple(commands))


def _large() -> list[Case]:
    calibrated = ("--calibration", f"{MODELS}/images.npz")
    return [
        Case("int8", (("inspect", f"{MODELS}/zoo-mobilenet.onnx", *calibrated, "--json"),)),
        Case(
            "device-ecg",
            (("compile", ECG, "-o", "out"), ("device", "ecg", "out", "--record", "nothing.npz", "--json")),
            build=True,
        ),
        Case("demo", (("demo", "--chips", "2", "--firmware-beats", "20", "--json"),), build=True),
    ]


def _ecg() -> list[Case]:
    """The shipped model through every stage."""
    data, labelled = f"{MODELS}/ecg.npy", f"{MODELS}/ecg.npz"
    built = [
        Case(
            f"ecg-{target}",
            (
                ("compile", ECG, "--target", target, "-o", "out"),
                ("estimate", "out", "--days", "30", "--json"),
                ("estimate", "out", "--vdd", "1.1"),
                ("compare", "out", "--data", labelled, "--firmware-samples", "2", "--budget", "energy=1uJ", "--json"),
                ("emulate", "out", "--data", labelled, "--chips", chips, "--firmware-samples", "4", "--json"),
                ("emulate", "out", "--data", labelled, "--chips", chips, "--model", ECG, "--firmware-samples", "2"),
                ("run", "out", "--input", data, "--output", "fast.npy"),
                ("run", "out", "--input", data, "--output", "reference.npy", "--on", "reference", "--integers"),
                (
                    "run",
                    "out",
                    "--input",
                    labelled,
                    "--output",
                    "firmware.npy",
                    "--on",
                    "firmware",
                    "--trust",
                    "--json",
                ),
            ),
            build=True,
        )
        for target, chips in (("rram130", "3"), ("cortex-m4", "0"), ("host", "0"))
    ]
    errors = ("ber", "neighbour", "table", "device")
    conditions: list[Command] = [
        ("--policy", "low-energy"),
        ("--cycles", "1000000", "--vdd", "0.9"),
        ("--temperature", "85", "--retention-days", "300"),
        ("--kinds", "programming"),
        ("--kinds", "read"),
        ("--errors", "device", "--attempts", "3", "--guard-band", "0.2", "--policy", "low-energy"),
        ("--ber", "0.02"),
        ("--read-error-rate", "0.01"),
        ("--errors", "device", "--cycles", "10000000"),
        ("--errors", "table", "--vdd", "0.5"),
        ("--attempts", "3"),
        ("--policy", "none of these"),
    ]
    settings = [*(("--errors", name) for name in errors), *conditions]
    emulate: Command = ("emulate", "out", "--data", labelled, "--firmware-samples", "1", "--json", "--chips")
    compiled: Command = ("compile", ECG, "-o", "out", "--json")
    chips = Case("ecg-chips", (compiled, *((*emulate, "2", *each) for each in settings)), build=True)
    studies = Case(
        "ecg-studies",
        (
            compiled,
            (*emulate, "2", "--sweep-ber", "0.001,0.01,0.1"),
            (*emulate, "1", "--sensitivity", "tiles"),
            (*emulate, "2", "--find-endurance", "--max-accuracy-drop", "5", "--errors", "table"),
            ("emulate", "out", "--data", labelled, "--chips", "2", "--sweep-ber", "0.01..0.1"),
            ("trim", "out", "--chip", "7", "--errors", "device", "--calibration", data, "-o", "trimmed", "--json"),
            ("emulate", "trimmed", "--data", labelled, "--chips", "1", "--seed", "7", "--errors", "device", "--json"),
            ("trim", "out", "--chip", "7", "--errors", "table", "--cycles", "9", "--calibration", data, "-o", "again"),
            ("compile", ECG, "--policy", "low-energy", "-o", "other", "--json"),
            ("chip", "reprogram", "out", "other", "--updates", "1000", "--json"),
            ("chip", "reprogram", "out", "other"),
        ),
    )
    auto: Command = ("--policy", "auto", "--max-accuracy-drop", "30", "--measure-chips", "2", "--verify-chips", "3")
    placed: Command = ("--placement", "ber-aware", "--calibration", data)
    mapped = [
        ("auto", (*auto, "--calibration", labelled)),
        ("auto-device", (*auto, "--calibration", labelled, "--errors", "device", "--most-attempts", "2")),
        ("placed", placed),
        ("placed-chip", (*placed, "--chip", "3", "--errors", "device", "--readings", "2")),
        ("trims", ("--trim", "on-chip-always", "--calibration", data)),
        ("boot", ("--provisioning", "boot", "--policy-for", "/layers/layers.3/Conv=low-energy")),
        ("separate", ("--provisioning", "separate", "--attempts-for", "/layers/layers.0/Conv=2")),
        ("verified", ("--verify-share", "0.3", "--calibration", data)),
        ("wrong-layer", ("--policy-for", "nowhere=strong")),
        ("wrong-policy", ("--policy", "nothing")),
    ]
    options = [Case(f"ecg-{name}", (("compile", ECG, *words, "-o", "out", "--json"),)) for name, words in mapped]
    return [*built, chips, studies, *options]


def _chips() -> list[Case]:
    characterise: Command = ("chip", "characterise", "rram130", "--cells", "20000")
    settings: list[Command] = [
        ("--json",),
        (),
        ("--policy", "low-energy", "--cycles", "0", "--cycles", "1000000", "--json"),
        ("--vdd", "0.8", "--vdd", "1.2", "--temperature", "85", "--attempts", "2", "--guard-band", "0.3", "--json"),
        ("--retention-days", "3650", "--seed", "3", "--json"),
        ("--vdd", "9", "--json"),
        ("--policy", "nothing"),
    ]
    cells, rates = f"{MODELS}/cells.csv", f"{MODELS}/rates.csv"
    instances: tuple[Command, ...] = (
        ("chip", "new", "--seed", "1", "--errors", "device", "-o", "one.json", "--json"),
        ("chip", "new", "--seed", "2", "--errors", "table", "--cycles", "1000000", "-o", "two.json"),
        ("chip", "new", "--seed", "2", "--errors", "ber", "--ber", "0.7", "-o", "three.json"),
        ("chip", "new", "--seed", "2", "--target", "host", "-o", "three.json"),
        ("chip", "compare", "one.json", "two.json", "--json"),
        ("chip", "compare", "one.json", "two.json"),
        ("chip", "export", "--chip", "one.json", "--banks", "1", "-o", "export.csv"),
        ("chip", "export", "--chip", "4", "--errors", "device", "--cycles", "1000", "--banks", "1", "-o", "4.csv"),
        ("chip", "export", "--chip", "4", "--errors", "ber", "--banks", "1", "-o", "5.csv"),
        ("chip", "import", cells, "-o", "cells.npz", "--json"),
        ("chip", "import", rates, "-o", "rates.npz", "--json"),
        ("chip", "import", "export.csv", "-o", "back.npz"),
        ("chip", "import", ECG, "-o", "no.npz"),
        ("chip", "compare", "cells.npz", "one.json", "--json"),
        ("compile", ECG, "-o", "out", "--json"),
        ("run", "out", "--input", f"{MODELS}/ecg.npy", "--output", "a.npy", "--chip", "cells.npz", "--integers"),
        ("run", "out", "--input", f"{MODELS}/ecg.npy", "--output", "b.npy", "--chip", "rates.npz"),
        ("run", "out", "--input", f"{MODELS}/ecg.npy", "--output", "c.npy", "--chip", "1", "--save-chip", "s.json"),
        ("emulate", "out", "--data", f"{MODELS}/ecg.npz", "--chip", "one.json", "--chip", "cells.npz", "--json"),
    )
    return [
        Case("characterise", tuple((*characterise, *each) for each in settings)),
        Case("instances", instances),
    ]


def _targets() -> list[Case]:
    """Target files shown, checked, and copied with numbers that are right and wrong."""
    settings = (
        *("array.banks=64", "array.banks=-1", "array.banks=many", "memory.sram.size=16KiB", "memory.sram.size=3 mJ"),
        *("cpu.clock=10 MHz", "array.columns=33", "nowhere=1", "array.word_bits=7", "memory.flash.size=1 GiB"),
    )
    copies: list[Command] = [("targets", "list"), ("targets", "list", "--json")]
    for target in ("rram130", "host", "cortex-m4"):
        copies += [("targets", "show", target), ("targets", "show", target, "--json"), ("targets", "check", target)]
        for number, setting in enumerate(settings):
            file = f"{target}-{number}.toml"
            copies += [("targets", "copy", target, file, "--set", setting), ("targets", "check", file, "--json")]
    narrow: tuple[Command, ...] = (
        ("targets", "copy", "rram130", "narrow.toml", "--set", "array.banks=8"),
        ("compile", ECG, "--target", "narrow.toml", "-o", "out", "--json"),
        ("inspect", ECG, "--target", "narrow.toml"),
        ("estimate", ECG, "--target", "narrow.toml", "--json"),
        ("targets", "check", ECG),
    )
    return [Case("targets", tuple(copies)), Case("narrow", narrow)]


def _usage() -> list[Case]:
    groups = [("targets", name) for name in OF_TARGETS] + [("chip", name) for name in (*OF_CHIPS, "characterise")]
    helps = [(name, "--help") if name else ("--help",) for name in HELPS] + [(*names, "--help") for names in groups]
    wrong: tuple[Command, ...] = (
        ("inspect", "nothing.onnx"),
        ("inspect", "."),
        ("inspect", f"{MODELS}/ecg.npy"),
        ("compile", ECG, "--target", "nothing", "-o", "out"),
        ("compile", ECG, "--input-type", "int99", "-o", "out"),
        ("compile", ECG, "--input-scale", "x/0", "-o", "out"),
        ("compile", ECG, "--output", "none", "-o", "out"),
        ("emulate", "out", "--data", f"{MODELS}/ecg.npz"),
        ("run", ".", "--input", f"{MODELS}/ecg.npy", "--output", "y.npy"),
        ("estimate", ECG, "--policy", "low-energy", "--json"),
        ("estimate", ECG, "--target", "cortex-m4"),
        ("nothing",),
    )
    return [Case("help", tuple(helps)), Case("wrong", wrong, build=True), Case("signatures", (("<signatures>",),))]
