"""A name from a model reaches generated files only as harmless text."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import UndefinedError

from edgebnn.codegen.build import build_firmware
from edgebnn.codegen.environment import LONGEST_COMMENT, c_comment, c_identifier, c_integer, c_string, environment
from edgebnn.codegen.project import render_project
from edgebnn.network import Network
from tests.codegen.projects import TARGETS, beat_network, mapped_on, renamed, run, two_inputs

HOSTILE = (
    '*/\n#include "/etc/passwd"\n/*',
    "\\\n#error joined\n",
    "??/\n#error joined by a trigraph\n",
    "{{ cycler.__init__.__globals__ }}{% raw %}",
    '"; int evil(void) { return 1; } "',
    "$(shell touch evil)\n\ttouch evil\nall: ; touch evil\n",
    "größe \N{RIGHT-TO-LEFT OVERRIDE} \N{LINE SEPARATOR}#error \x00\x1b[2J",
    "x" * 5000,
    "",
)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("network", [beat_network(), two_inputs()], ids=["beat", "two inputs"])
def test_a_hostile_name_leaves_all_files_ascii_and_adds_no_line(network: Network, name: str, target: str) -> None:
    plain = render_project(mapped_on(network, target))
    hostile = render_project(mapped_on(renamed(network, name), target))
    assert plain.keys() == hostile.keys()
    for path, data in hostile.items():
        assert re.fullmatch(rb"[\n\t -~]*", data), path
        assert data.count(b"\n") == plain[path].count(b"\n"), path
        assert without_comments_and_strings(data) == without_names(without_comments_and_strings(plain[path]), data), (
            path
        )


def without_comments_and_strings(text: bytes) -> bytes:
    """A generated file without what a compiler (or make) skips over."""
    skipped = rb'/\*.*?\*/|("(?:\\.|[^"\\\n])*")'
    text = re.sub(skipped, lambda match: b'""' if match[1] else b"", text, flags=re.DOTALL)
    return re.sub(rb"(?m)^#(?!include|define|if|el|en|pragma|error).*$", b"", text)


def without_names(plain: bytes, hostile: bytes) -> bytes:
    """The plain file with its readable identifiers replaced by those of the hostile one, in order of appearance."""
    pattern = rb"(?i)\b(?:MODEL_)?(?:layer|buffer|input)\d+\w*"
    names = iter(re.findall(pattern, without_comments_and_strings(hostile)))
    return re.sub(pattern, lambda _: next(names), plain)


@pytest.mark.parametrize("target", TARGETS)
def test_hostile_names_compile_without_a_warning(target: str) -> None:
    pytest.importorskip("ziglang", reason="the package ziglang is not installed")
    mapped = mapped_on(renamed(beat_network(), "".join(HOSTILE)[:150] + "".join(HOSTILE)), target)
    build_firmware(render_project(mapped), mapped.target, "zig")
    mapped = mapped_on(renamed(two_inputs(), HOSTILE[0]), target)
    build_firmware(render_project(mapped), mapped.target, "zig")


def test_the_lowest_int32_is_no_negated_constant_that_int32_does_not_hold() -> None:
    assert c_integer(-(2**31)) == "(-2147483647 - 1)"
    assert (c_integer(1 - 2**31), c_integer(2**31 - 1)) == ("-2147483647", "2147483647")


def test_a_comment_of_the_longest_length_stays_whole() -> None:
    longest = "x" * LONGEST_COMMENT
    assert c_comment(longest) == longest
    assert c_comment(longest + "y") == longest[:-3] + "..."


@given(st.text(max_size=300))
def test_a_comment_stays_one_comment_on_one_line(name: str) -> None:
    text = c_comment(name)
    assert re.fullmatch(r"[ -~]*", text)
    assert not set("*\\?$") & set(text) and len(text) <= 200


@given(st.text(max_size=300))
def test_an_identifier_is_one_whatever_the_name(name: str) -> None:
    assert re.fullmatch(r"([a-z0-9]+(_[a-z0-9]+)*)?", c_identifier(name))


@given(st.text(max_size=100))
def test_a_string_literal_means_the_name(name: str) -> None:
    literal = c_string(name)
    assert re.fullmatch(r'"(?:[^"\\?\x00-\x1f\x7f-\uffff]|\\[0-7]{3})*"', literal)
    octets = re.sub(rb"\\([0-7]{3})", lambda match: bytes([int(match[1], 8)]), literal[1:-1].encode())
    assert octets.decode("utf-8", "replace") == name.encode("utf-8", "replace").decode()


def test_the_smallest_int32_is_written_so_that_c_reads_it(tmp_path: Path) -> None:
    cc = shutil.which("gcc") or pytest.skip("gcc is not installed")
    (tmp_path / "limit.c").write_text(
        "#include <stdint.h>\n"
        f"int main(void) {{ const int32_t value = {c_integer(-(2**31))}; return value == INT32_MIN ? 0 : 1; }}\n"
    )
    run([cc, "-std=c99", "-Wall", "-Wpedantic", "-Wconversion", "-Werror", "limit.c", "-o", "limit"], tmp_path)
    run(["./limit"], tmp_path)


@pytest.mark.parametrize("value", ["a name", None, 1.5, True])
def test_a_template_prints_nothing_that_no_filter_has_made_safe(value: object) -> None:
    with pytest.raises(TypeError, match="no filter has made safe"):
        environment().from_string("{{ value }}").render(value=value)


def test_a_template_reads_no_value_that_is_not_there() -> None:
    with pytest.raises((TypeError, UndefinedError), match=r"(?i)undefined"):
        environment().from_string("{{ forgotten }}").render()
