"""Target files: every number has provenance, and a bad file is one sentence."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from edgebnn.chip.target.quantity import Evidence
from edgebnn.chip.target_files.loading import load_target, parse_target, target_names
from edgebnn.errors import TargetError
from edgebnn.resources import resource_folder

RRAM130 = (resource_folder("targets") / "rram130.toml").read_text()


def without(line: str) -> str:
    changed = re.sub(rf"(?m)^{line} = .*\n", "", RRAM130, count=1)
    assert changed != RRAM130
    return changed


def test_the_three_targets_ship() -> None:
    assert target_names() == ["cortex-m4", "host", "rram130"]
    for name in target_names():
        assert load_target(name).name == name


def test_every_number_states_unit_source_and_evidence() -> None:
    for name in target_names():
        for path, quantity, _ in load_target(name).quantities():
            assert quantity.source.strip() and quantity.evidence in Evidence, path


def test_numbers_keep_the_evidence_that_the_papers_give_them() -> None:
    """`abstract` is reserved for what an abstract states; the papers' bodies were not read."""
    chip = load_target("rram130")
    words = {path: quantity.evidence for path, quantity, _ in chip.quantities()}
    assert words["policies.strong.set_energy"] is Evidence.RECALLED
    assert words["policies.ultra-low-energy.bit_error_rate"] is Evidence.SECONDARY
    assert [path for path, word in words.items() if word is Evidence.ABSTRACT] == ["array.devices_per_synapse"]
    assert all(word is Evidence.ASSUMED for path, word in words.items() if path.startswith(("energy.", "power.")))
    assert Evidence.MEASURED not in words.values()


def test_the_ultra_low_policy_costs_a_thirtieth_of_the_strong_one() -> None:
    """arXiv 1904.03652, abstract: the programming energy falls by a factor 30."""
    policies = load_target("rram130").policies
    for pulse in ("set_energy", "reset_energy"):
        strong, low = (getattr(policies[name], pulse).si("energy") for name in ("strong", "ultra-low-energy"))
        assert strong / low == pytest.approx(30)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (without("pcsa_read"), "energy.pcsa_read is missing"),
        (without("instruction"), r"energy\.instruction is missing; add it as { value = 1, unit = \"J\", source"),
        (RRAM130.replace("value = 20, unit", "value = -20, unit", 1), r"energy\.pcsa_read is -20.*zero or more"),
        (RRAM130.replace("value = 20, unit", "value = nan, unit", 1), r"energy\.pcsa_read is nan"),
        (RRAM130.replace('"fJ"', '"uW"', 1), r"energy\.pcsa_read has the unit 'uW'.*one of J"),
        (
            RRAM130.replace('evidence = "recalled"', 'evidence = "certain"', 1),
            r"array\.rows\.evidence is 'certain'.*one of measured, ab",
        ),
        (
            RRAM130.replace("value = 20, unit", 'value = "20", unit', 1),
            r"energy\.pcsa_read\.value is '20'; give a number",
        ),
        (RRAM130.replace("offset = 0x04", "offset = 0x00"), "same offset"),
        (RRAM130.replace("offset = 0x04", "offset = 0x05"), "multiples of 4"),
        (RRAM130.replace('name = "status"', 'name = "state"'), "lacks status"),
        (RRAM130.replace("schema = 1", "schema = 2"), "schema is 2; it must be 1"),
        (RRAM130.replace("schema = 1", "schema = true"), "schema is true; it must be 1"),
        (RRAM130.replace('name = "rram130"', 'name = "a/../b"'), "name"),
        (RRAM130 + "\nsurprise = 1\n", r"mailbox\.surprise is not known; .* base"),
        (RRAM130.replace("value = 50,", f"value = 1{'0' * 400},", 1), r"cpu\.clock is larger than 1000000000000000000"),
        (RRAM130.replace("value = 50,", f"value = 1{'0' * 5000},", 1), "mine.toml"),
        (RRAM130.replace("value = 50,", "value = inf,", 1), r"cpu\.clock is larger than"),
        ("schema = ", "no sound TOML: Invalid value"),
        ("", "schema is missing"),
        ("x = " + "[" * 5000, "lists within lists"),
        (RRAM130.replace('name = "rram130"', f"name = 0x{'f' * 5000}"), "name is a huge number; give a text"),
        (RRAM130.replace("[cpu]", "[processor]"), r"processor is not known; .* cpu, memory, array"),
        (
            RRAM130.replace("offset = 0x04", 'offset = "4"'),
            r"macro\.registers \(number 2\)\.offset is '4'; give a whole",
        ),
        (RRAM130.replace('architecture = "rv32imc"', 'architecture = "x86"'), "is 'x86'; .*cortex-m4, host, rv32imc"),
        (
            RRAM130.replace("set_energy = { value = 12,", "set_energy = { valu = 12,"),
            r"policies\.low-energy\.set_energy\.valu",
        ),
    ],
)
def test_a_bad_target_file_is_one_sentence(text: str, message: str) -> None:
    with pytest.raises(TargetError, match=message) as caught:
        parse_target(text, "mine.toml")
    assert "mine.toml" in str(caught.value)


@pytest.mark.parametrize(("length", "shown"), [(38, "'{}'"), (39, "'{}...")])
def test_a_message_shows_a_wrong_value_whole_up_to_forty_characters(length: int, shown: str) -> None:
    text = RRAM130.replace("value = 20, unit", f'value = "{"x" * length}", unit', 1)
    said = re.escape(f"energy.pcsa_read.value is {shown.format('x' * (38 if length == 38 else 36))}; give a number")
    with pytest.raises(TargetError, match=said):
        parse_target(text, "mine.toml")


@pytest.mark.parametrize(("number", "shown"), [(2**128 - 1, str(2**128 - 1)), (2**128, "a huge number")])
def test_a_message_shows_whole_numbers_of_up_to_128_bits(number: int, shown: str) -> None:
    with pytest.raises(TargetError, match=f"name is {shown}; give a text"):
        parse_target(RRAM130.replace('name = "rram130"', f"name = {number}"), "mine.toml")


@pytest.mark.parametrize("clock", ["50", '"50 MHz"', '{ value = 50, unit = "MHz", evidence = "assumed" }', "[50]"])
def test_where_a_quantity_is_expected_its_form_is_shown(clock: str) -> None:
    text = re.sub(r"(?m)^clock = .*", f"clock = {clock}", RRAM130, count=1)
    form = r'{ value = 1, unit = "Hz", source = ".*", evidence = "assumed" } \(units: Hz, kHz, MHz, GHz\)'
    with pytest.raises(TargetError, match=rf"^target file 'mine\.toml': cpu\.clock .*; write it as {form}$"):
        parse_target(text, "mine.toml")


def test_no_message_speaks_of_the_library_that_reads_the_file() -> None:
    """Every line of the file in turn is taken away or broken."""
    lines = RRAM130.splitlines(keepends=True)
    for index, line in enumerate(lines):
        for broken in ("", "x = 1\n", line.replace("=", "= [", 1), re.sub(r"value = [^,]*", "value = []", line)):
            try:
                parse_target("".join([*lines[:index], broken, *lines[index + 1 :]]), "mine.toml")
            except TargetError as error:
                assert not re.search(r"\$|`|Expected|Object", str(error)), error


def with_number(table: str, name: str, value: str) -> str:
    """RRAM130 with the value of one number changed."""
    changed, count = re.subn(rf"(?ms)(^\[{table}\]\n.*?^{name} = {{ value = )[^,]+", rf"\g<1>{value}", RRAM130, count=1)
    assert count
    return changed


@pytest.mark.parametrize(
    ("table", "name"),
    [
        ("cpu", "clock"),
        ("cpu", "cycles_per_instruction"),
        ("memory.flash", "size"),
        ("memory.sram", "size"),
        ("array", "banks"),
        ("array", "rows"),
        ("array", "columns"),
        ("array", "sense_amplifiers"),
        ("array", "parallel_banks"),
        ("array", "devices_per_synapse"),
        ("supply", "nominal"),
        ("policies.strong", "reset_voltage"),
        ("device", "battery_charge"),
        ("device", "battery_voltage"),
        ("device", "converter_efficiency"),
    ],
)
def test_zero_is_refused_where_something_is_divided_by_it_or_nothing_is_left(table: str, name: str) -> None:
    with pytest.raises(TargetError, match=rf"{table}\.{name} is 0; it must be more than zero"):
        parse_target(with_number(table, name, "0"), "mine.toml")


@pytest.mark.parametrize(("table", "name"), [("power", "leakage"), ("policies.nominal", "bit_error_rate")])
def test_zero_is_a_sound_number_elsewhere(table: str, name: str) -> None:
    assert parse_target(with_number(table, name, "0"), "mine.toml").name == "rram130"


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("banks", "cycles"),
        ("rows", "banks"),
        ("columns", "rows"),
        ("sense_amplifiers", "synapses"),
        ("parallel_banks", "devices"),
        ("cycles_per_row", "rows"),
        ("devices_per_synapse", "synapses"),
    ],
)
def test_what_is_counted_is_a_dimension_of_its_own(name: str, unit: str) -> None:
    text = re.sub(rf'(?m)(^{name} = .* unit = )"\w+"', rf'\1"{unit}"', RRAM130)
    assert text != RRAM130
    with pytest.raises(TargetError, match=rf"array\.{name} has the unit '{unit}'"):
        parse_target(text, "mine.toml")


@pytest.mark.parametrize("devices", ["1", "4"])
def test_a_synapse_has_the_two_devices_that_programming_is_counted_for(devices: str) -> None:
    with pytest.raises(TargetError, match=r"devices_per_synapse must be 2: .*two RESETs for a zero"):
        parse_target(with_number("array", "devices_per_synapse", devices), "mine.toml")


@pytest.mark.parametrize("name", ["parallel_banks", "cycles_per_row", "cycles_per_layer"])
def test_what_the_macro_counts_in_32_bits_fits_them(name: str) -> None:
    assert parse_target(with_number("array", name, str(2**32 - 1)), "mine.toml").array is not None
    with pytest.raises(TargetError, match=rf"array\.{name} must be below 2\^32"):
        parse_target(with_number("array", name, str(2**32)), "mine.toml")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("program = 1 ", "program = 0 ", "commands.program must be 1 to 4294967295"),
        ("run = 2 ", "run = 4294967296 ", "commands.run must be 1 to 4294967295"),
        ("done = 1 ", "done = -1 ", "status.done must be 1 to 4294967295"),
        ("run = 2 ", "run = 1 ", "program and run are the same code"),
        ("read = 3 ", "read = 2 ", "commands.read is the code of program or run"),
        ("read = 3 ", "read = 0 ", "commands.read must be 1 to 4294967295"),
        ("read = 3 ", "# read = 3 ", "too many; read_sign and read_nonzero go with macro.commands.read"),
        ("error = 2 ", "error = 1 ", "done and error share a bit"),
        ("error = 2 ", "error = 3 ", "done and error share a bit"),
    ],
)
def test_codes_of_the_macro_are_distinct_and_have_32_bits(old: str, new: str, message: str) -> None:
    assert old in RRAM130
    with pytest.raises(TargetError, match=message):
        parse_target(RRAM130.replace(old, new), "mine.toml")


@pytest.mark.parametrize(
    ("table", "name", "value", "message"),
    [
        ("memory.sram", "base", "0x40000000", r"memory\.sram at 0x40000000 overlaps macro"),
        ("memory.sram", "base", "0x001ff000", r"memory\.sram at 0x001ff000 overlaps memory\.flash"),
        ("macro", "base", "0x50000000", "overlaps"),
        ("mailbox", "base", "0x2003f000", r"mailbox at 0x2003f000 overlaps memory\.sram"),
        ("memory.sram", "base", "0x20000004", r"memory\.sram\.base is 0x20000004; make it a multiple of 4096"),
        ("memory.sram", "base", "0xffff0000", r"memory\.sram ends beyond 2\^32"),
        ("memory.sram", "size", "4194304", r"memory\.sram ends beyond 2\^32"),
        ("mailbox", "base", "0x100000000", r"mailbox ends beyond 2\^32"),
    ],
)
def test_regions_lie_apart_below_four_gibibytes(table: str, name: str, value: str, message: str) -> None:
    with pytest.raises(TargetError, match=message):
        parse_target(with_number(table, name, value), "mine.toml")


@pytest.mark.parametrize("name", ["[/x] `| <b>", "", "a b", "-a", "a" * 65, "a\\n"])
def test_a_policys_name_reaches_documents_and_is_plain(name: str) -> None:
    with pytest.raises(TargetError, match=r"a name in \[policies\] is not .*; rename the policy"):
        parse_target(RRAM130.replace("[policies.strong]", f'[policies."{name}"]'), "mine.toml")


def test_a_targets_name_ends_where_its_last_letter_does() -> None:
    with pytest.raises(TargetError, match="name"):
        parse_target(RRAM130.replace('name = "rram130"', 'name = "rram130\\n"'), "mine.toml")


def test_an_unknown_target_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="cortex-m4, host, rram130"):
        load_target(str(tmp_path / "none.toml"))


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_what_lies_in_the_current_folder_does_not_stand_before_a_shipped_target(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("host", "mine"):
        if kind == "folder":
            Path(name).mkdir()
        else:
            Path(name).write_text(RRAM130)
    assert load_target("host").architecture == "host"
    with pytest.raises(TargetError, match=r"no target 'mine'; use one of .*path of a TOML file"):
        load_target("mine")
    if kind == "folder":
        with pytest.raises(TargetError, match=r"target file 'mine' is a folder"):
            load_target("./mine")
    else:
        assert load_target("./mine").name == "rram130"


def test_a_users_own_file_is_a_target(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(RRAM130.replace("value = 4096", "value = 8192"))
    target = load_target(str(path))
    assert target.array is not None and target.array.banks.value == 8192
    assert target.sha256 != load_target("rram130").sha256


def test_a_target_file_takes_a_mebibyte_at_most(tmp_path: Path) -> None:
    path = tmp_path / "target.toml"
    path.write_bytes(b"#" * (1 << 20) + b"\n")
    with pytest.raises(TargetError, match="has 1048577 bytes, more than the 1048576 that are read"):
        load_target(str(path))
