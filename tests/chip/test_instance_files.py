"""A chip instance as a file: the same chip again, or one sentence."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgebnn.chip.device.conditions import MOST_CYCLES, MOST_GUARD_BAND, Conditions
from edgebnn.chip.instance.chip_instance import MOST_ATTEMPTS, ChipInstance, measured_model
from edgebnn.chip.instance.error_model import ErrorKinds, ErrorModel
from edgebnn.chip.measured.cells import Measured
from edgebnn.chip.target_files.loading import load_target
from edgebnn.errors import DataError, EdgeBNNError, TargetError

SHA = "ab" * 32
SHARES = st.floats(0, 1)


def measurement(cells: int = 3, resistances: bool = True, name: str = "lab.csv") -> Measured:
    draw = np.random.default_rng(cells)
    cell = np.sort(draw.choice(1 << 16, cells, replace=False)).astype(np.int64)
    if not resistances:
        return Measured(cell, draw.random((cells, 2)), None, name, SHA)
    values = draw.uniform(8, 12, (2 * cells, 2)).astype(np.float32)
    if cells % 2:  # once as +1
        return Measured(cell, None, values[:cells], name, SHA)
    reading = np.sort(3 * np.repeat(cell, 2) + draw.integers(0, 3, 2 * cells))
    return Measured(cell, None, values, name, SHA, reading, draw.integers(0, 3, (cells, 2)).astype(np.int8))


@st.composite
def chips(draw: st.DrawFn) -> ChipInstance:
    errors = draw(st.sampled_from(ErrorModel))
    device, neighbour = errors is ErrorModel.DEVICE, errors is ErrorModel.NEIGHBOUR
    kinds = draw(st.sampled_from([ErrorKinds.BOTH, ErrorKinds.READ] if neighbour else list(ErrorKinds)))
    positive = st.floats(1e-300, 1e300)
    conditions = Conditions(
        draw(st.integers(0, MOST_CYCLES)),
        draw(st.none() | positive),
        draw(st.none() | positive),
        draw(st.floats(0, 1e9)),
    )
    measured = None
    if errors in (ErrorModel.TABLE, ErrorModel.DEVICE) and draw(st.booleans()):
        name = draw(st.text(st.characters(categories=["L", "N", "Zs"], include_characters="'\"\\"), max_size=20))
        measured = measurement(draw(st.integers(1, 50)), device, "".join(c for c in name if c.isprintable()))
    attempts = draw(st.integers(1, MOST_ATTEMPTS)) if device and measured is None else 1
    return ChipInstance(
        seed=draw(st.integers(0, 2**63 - 1)),
        bit_error_rate=None if device else draw(st.none() | SHARES),
        errors=errors,
        kinds=kinds,
        read_error_rate=0.0 if neighbour else draw(SHARES),
        policy=draw(st.none() | st.sampled_from(["strong", "a.b-c_9"])),
        conditions=conditions,
        attempts=attempts,
        guard_band=draw(st.floats(0, MOST_GUARD_BAND)) if attempts > 1 else 0.0,
        measured=measured,
    )


@given(chips())
def test_what_is_saved_is_loaded(tmp_path_factory: pytest.TempPathFactory, chip: ChipInstance) -> None:
    folder = tmp_path_factory.mktemp("chips")
    path = folder / ("chip.json" if chip.measured is None else "chip.npz")
    chip.save(path)
    assert ChipInstance.load(str(path)) == chip
    again = folder / f"again{path.suffix}"
    chip.save(again)
    assert again.read_bytes() == path.read_bytes()
    renamed = path.rename(folder / "chip")  # what it is, its content says
    assert ChipInstance.load(renamed) == chip


@pytest.mark.parametrize("measured", [None, measurement()])
def test_a_file_goes_with_the_target_that_it_was_made_for(tmp_path: Path, measured: Measured | None) -> None:
    target = load_target("rram130")
    other = msgspec.structs.replace(target, name="ours", summary="another one")
    path = tmp_path / ("chip.json" if measured is None else "chip.npz")
    chip = ChipInstance(1, errors=ErrorModel.DEVICE, measured=measured)
    chip.save(path)
    assert ChipInstance.load(path, target) == ChipInstance.load(path, other) == chip
    chip.save(path, target)
    assert ChipInstance.load(path, target) == ChipInstance.load(path) == chip
    said = rf"made for target 'rram130' \(sha256 {target.sha256[:16]}\), whose file differs from .* target 'ours'"
    with pytest.raises(TargetError, match=said):
        ChipInstance.load(path, other)


def test_the_ending_says_the_format(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"c\.npz' has the wrong ending: a chip without a measurement is JSON"):
        ChipInstance(1).save(tmp_path / "c.npz")
    with pytest.raises(DataError, match=r"c\.json' has the wrong ending: .* end it in \.npz"):
        ChipInstance(1, errors=ErrorModel.DEVICE, measured=measurement()).save(tmp_path / "c.json")
    assert not list(tmp_path.iterdir())


def document(**changes: object) -> bytes:
    conditions = {"cycles": 0, "supply_v": None, "temperature_k": None, "retention_s": 0}
    chip = {
        "schema": 4, "seed": 1, "bit_error_rate": None, "errors": "ber", "kinds": "both", "read_error_rate": 0,
        "policy": None, "conditions": conditions, "attempts": 1, "guard_band": 0.0, "measured": None,
    }  # fmt: skip
    return msgspec.json.encode({**chip, **changes})


def refusal(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    with pytest.raises((DataError, TargetError)) as caught:
        ChipInstance.load(path)
    assert path.name in str(caught.value) and str(caught.value).isprintable()
    return str(caught.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is not a chip file"),
        (b"\xff\xfe", "is not a chip file"),
        (b"[]", "is not a chip file"),
        (b"[" * 60000, "is not a chip file"),
        (b" " * 70000, "larger than 65536 bytes"),
        (
            b'{"schema": 1, "seed": 5, "bit_error_rate": 0.1}',
            "is of an older edgebnn, which drew other errors, or numbered cells for banks of 32 x 32 alone",
        ),
        (document(schema=3), "is of an older edgebnn"),
        (document(schema=5), "is of another edgebnn (schema 5)"),
        (document(schema="4"), "is not a chip file"),
        (document(schema=2**70), "is not a chip file"),
        (b'{"schema": 4, "seed": ' + b"9" * 5000 + b"}", "is not a chip file"),
        (document(seed=-1), "Expected `int` >= 0"),
        (document(seed=1.5), "$.seed"),
        (document(seed=2**64), "is not a chip file"),
        (document(bit_error_rate=2), "bit error rate 2"),
        (document(bit_error_rate="0.1"), "$.bit_error_rate"),
        (document(errors="luck"), "Invalid enum value 'luck'"),
        (document(kinds=None), "$.kinds"),
        (document(read_error_rate=-1), "read error rate -1"),
        (document(policy="\x1b[2J"), "$.policy"),
        (document(policy=""), "$.policy"),
        (document(attempts=1000, errors="device"), "1000 attempts"),
        (document(attempts=2, guard_band=-1, errors="device"), "guard band -1.0"),
        (document(surprise=1), "unknown field `surprise`"),
        (document().replace(b'"seed"', b'"\x1b[31m"'), "is not a chip file"),
        (document(conditions={"cycles": 2**60, "supply_v": None, "temperature_k": None, "retention_s": 0}), "cycles"),
        (document(conditions={"cycles": 0, "supply_v": -1, "temperature_k": None, "retention_s": 0}), "supply voltage"),
        (document(target="rram130"), "$.target"),
        (document(target={"name": "rram130", "sha256": "x"}), "$.target.sha256"),
        (document(target={"name": "\x1b[2J", "sha256": SHA}), "$.target.name"),
        (document(conditions={"cycles": 0}), "missing required field `supply_v`"),
        (document(measured={"name": "lab.csv", "sha256": SHA}), "a measurement's name or its cells, and not both"),
    ],
)
def test_a_faulty_file_is_one_sentence(tmp_path: Path, content: bytes, said: str) -> None:
    assert said in refusal(tmp_path / "chip.json", content)


def named(name: str, sha256: str) -> bytes:
    return document(errors="device", measured={"name": name, "sha256": sha256})


def archive(chip: bytes | None = None, **arrays: object) -> bytes:
    text = named("lab.csv", SHA) if chip is None else chip
    buffer = io.BytesIO()
    np.savez_compressed(buffer, chip=np.frombuffer(text, np.uint8), **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


CELL, LN = np.array([4, 7]), np.full((2, 2), 9, np.float32)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (archive(ln_resistance=LN), "no array 'cell'"),
        (archive(cell=CELL), "either error rates or resistances"),
        (archive(cell=CELL[::-1], ln_resistance=LN), "rising order"),
        (archive(cell=CELL, ln_resistance=LN * 9), "measured numbers are not float32"),
        (archive(cell=CELL, ln_resistance=LN[:1]), "measured numbers are not float32"),
        (archive(cell=CELL, error_rate=np.zeros((2, 2))), "goes with the error model 'table', not 'device'"),
        (archive(cell=CELL.astype(object), ln_resistance=LN), "Python objects, which are never loaded"),
        (archive(document(), cell=CELL, ln_resistance=LN), "a measurement's name or its cells"),
        (archive(b"{}", cell=CELL, ln_resistance=LN), "is not a chip file"),
        (archive(bytes(70000), cell=CELL, ln_resistance=LN), "larger than 65536 bytes"),
        (archive(named("\x1b", SHA), cell=CELL, ln_resistance=LN), "a measurement has its file's name"),
        (archive(named("lab.csv", "x"), cell=CELL, ln_resistance=LN), "a measurement has its file's name"),
    ],
)  # fmt: skip
def test_a_faulty_archive_is_one_sentence(tmp_path: Path, content: bytes, said: str) -> None:
    assert said in refusal(tmp_path / "chip.npz", content)


def test_an_archive_is_refused_by_what_it_claims(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
        with zipfile.ZipFile(io.BytesIO(archive(cell=CELL, ln_resistance=LN))) as sound:
            packed.writestr("chip.npy", sound.read("chip.npy"))
        with packed.open("cell.npy", "w") as member:
            for _ in range(500):
                member.write(bytes(1 << 20))
    assert len(buffer.getvalue()) < 1 << 20
    assert "claims 524288000 bytes of arrays; at most" in refusal(tmp_path / "bomb.npz", buffer.getvalue())


def test_what_is_no_file_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, said in ((tmp_path / "pipe", "is a FIFO"), (tmp_path / "none.json", "No such file")):
        with pytest.raises(DataError, match=said):
            ChipInstance.load(path)


@given(st.binary(max_size=200), st.sampled_from([b"", b"PK\x03\x04", b'{"schema": 4, "seed": ']))
def test_any_bytes_are_a_chip_or_one_sentence(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, start: bytes
) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "chip.json"
    path.write_bytes(start + data)
    with pytest.raises(DataError):
        ChipInstance.load(path)


@pytest.mark.parametrize("measured", [None, measurement(), measurement(2, resistances=False)])
def test_a_damaged_file_is_a_chip_or_one_sentence(tmp_path: Path, measured: Measured | None) -> None:
    path = tmp_path / ("chip.json" if measured is None else "chip.npz")
    errors = ErrorModel.BER if measured is None else measured_model(measured)
    ChipInstance(5, errors=errors, measured=measured, policy="strong").save(path)
    whole, draw = path.read_bytes(), np.random.default_rng(0)
    for _ in range(400):
        damaged = bytearray(whole)
        for _ in range(int(draw.integers(1, 4))):
            damaged[int(draw.integers(len(whole)))] = int(draw.integers(256))
        path.write_bytes(damaged[: int(draw.integers(len(whole)))] if draw.random() < 0.2 else damaged)
        try:
            ChipInstance.load(path)
        except EdgeBNNError as error:
            assert path.name in str(error)
