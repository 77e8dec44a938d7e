"""What commands say, and the files of an environment."""

from __future__ import annotations

import py_compile
import subprocess
import sys
from pathlib import Path

import pytest

from pyorm.migrations import util


def test_status_tells_how_it_ended(capsys) -> None:
    with util.status("Creating directory x"):
        pass
    with pytest.raises(ValueError), util.status("Generating y", newline=True):
        raise ValueError

    assert capsys.readouterr().out == "Creating directory x ...  done\nGenerating y ...\n  FAILED\n"


def test_nothing_is_said_when_quiet(capsys) -> None:
    with util.status("Creating", quiet=True):
        util.msg("hello", quiet=True)

    assert capsys.readouterr().out == ""


def test_err_leaves_with_status_255() -> None:
    program = "from pyorm.migrations import util; util.err('no such thing')"

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (255, "FAILED: no such thing\n")


def test_characters_the_stream_lacks_are_replaced(tmp_path) -> None:
    with (tmp_path / "out").open("w", encoding="ascii") as stream:
        util.write_outstream(stream, "naïve", b" bytes")

    assert (tmp_path / "out").read_text() == "na?ve bytes"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://a:secret@h/x", "postgresql://a:***@h/x"),
        ("postgresql+psycopg://a:s:x@h/x", "postgresql+psycopg://a:***@h/x"),
        ("postgresql://a@h/x", "postgresql://a@h/x"),
        ("sqlite:///x.db", "sqlite:///x.db"),
    ],
)
def test_password_is_hidden_in_a_url(url: str, shown: str) -> None:
    assert util.obfuscate_url_pw(url) == shown


@pytest.mark.parametrize(("word", "meaning"), [("yes", True), ("On", True), ("0", False), (" off ", False), (3, True)])
def test_words_of_configuration_are_booleans(word: object, meaning: bool) -> None:
    assert util.asbool(word) is meaning


def test_other_words_are_refused_as_booleans() -> None:
    with pytest.raises(ValueError, match="not true/false: 'maybe'"):
        util.asbool("maybe")


def test_values_become_tuples_and_lists() -> None:
    assert util.to_tuple("ab") == ("ab",)
    assert util.to_tuple(["a", "b"]) == ("a", "b")
    assert util.to_tuple(None, default=()) == ()
    assert util.to_list("ab") == ["ab"]
    assert util.to_list(None) is None
    assert util.dedupe_tuple(("b", "a", "b")) == ("b", "a")
    assert util.format_as_comma(("a", "b")) == "a, b"
    assert util.format_as_comma(None) == ""


def test_revision_ids_are_twelve_digits_and_differ() -> None:
    ids = {util.rev_id() for _ in range(50)}

    assert len(ids) == 50
    assert all(len(name) == 12 and int(name, 16) >= 0 for name in ids)


def test_file_is_loaded_as_a_module_that_nobody_else_sees(tmp_path) -> None:
    (tmp_path / "some-file.py").write_text("value = __name__\n")

    module = util.load_python_file(tmp_path, "some-file.py")

    assert module.value == "some_file"
    assert "some_file" not in sys.modules


def test_compiled_file_is_loaded_when_its_source_is_gone(tmp_path) -> None:
    source = tmp_path / "x.py"
    source.write_text("value = 3\n")
    py_compile.compile(str(source), cfile=str(tmp_path / "x.pyc"))
    source.unlink()

    assert util.load_python_file(tmp_path, "x.py").value == 3
    with pytest.raises(ImportError, match=r"nothing\.py"):
        util.load_python_file(tmp_path, "nothing.py")


def test_file_is_made_from_a_template(tmp_path) -> None:
    template, made = tmp_path / "t.mako", tmp_path / "made.txt"
    template.write_text("Größe ${size}\n")

    util.template_to_file(template, made, "latin-1", size=3)
    util.template_to_file(template, made, "latin-1", append_with_newlines=True, size=4)

    assert made.read_bytes().decode("latin-1") == "Größe 3\n\n\nGröße 4\n"


def test_broken_template_is_named_with_its_error(tmp_path) -> None:
    template = tmp_path / "t.mako"
    template.write_text("line\n${nothing + 1}\n")

    with pytest.raises(util.CommandError, match=r"t\.mako failed.*see .* for a template-oriented traceback"):
        util.template_to_file(template, tmp_path / "made.txt", "utf-8")

    assert not (tmp_path / "made.txt").exists()


def test_resource_of_a_package_is_a_path() -> None:
    assert util.coerce_resource_to_filename("pyorm:py.typed").exists()
    assert util.coerce_resource_to_filename("/a:b") == Path("/a:b")
    with pytest.raises(util.CommandError, match="No package 'no_such_package'"):
        util.coerce_resource_to_filename("no_such_package:x")


def test_file_is_opened_in_the_editor_that_is_set(tmp_path) -> None:
    editor, file = tmp_path / "ed", tmp_path / "file"
    editor.write_text('#!/bin/sh\necho "$1" > "$2"\n')
    editor.chmod(0o755)

    util.open_in_editor(str(file), {"EDITOR": f"{editor} --wait", "PATH": ""})

    assert file.read_text() == "--wait\n"


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"EDITOR": "/no/such/editor"}, "change EDITOR"),
        ({"PATH": ""}, "set the EDITOR"),
        ({"EDITOR": "false"}, "Error"),
    ],
)
def test_missing_editor_is_a_command_error(environment: dict[str, str], message: str) -> None:
    with pytest.raises(util.CommandError, match=message):
        util.open_in_editor("file", {"PATH": "/bin:/usr/bin", **environment})
