"""The directory of scripts: heads read without import, version locations, new files."""

from __future__ import annotations

import py_compile
import re
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from pyorm.migrations import util
from pyorm.migrations.script import ScriptDirectory, write_hooks
from pyorm.migrations.script.files import FileNames
from pyorm.migrations.script.header import SEQUENCES, TABLES, made

TEMPLATE = Path(util.coerce_resource_to_filename("pyorm.migrations:templates")) / "generic" / "script.py.mako"
BODY = "\n\ndef upgrade():\n    pass\n\n\ndef downgrade():\n    pass\n"


def script(folder: Path, name: str, head: str, doc: str = "what it does") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f'"""{doc}"""\nmarker = open({str(folder / "imported")!r}, "a").close()\n{head}{BODY}')
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "script.py.mako").write_text(TEMPLATE.read_text())
    (tmp_path / "versions").mkdir()
    return tmp_path


def line(folder: Path) -> ScriptDirectory:
    """Return a directory with a, b and c in a line."""
    for name, down in (("aaa1", None), ("bbb1", "aaa1"), ("ccc1", "bbb1")):
        script(folder / "versions", f"{name}.py", f"revision = {name!r}\ndown_revision = {down!r}\n", f"make {name}")
    return ScriptDirectory(folder)


@pytest.mark.feature("AL-GRAPH01")
def test_head_of_a_script_is_read_without_running_it(folder: Path) -> None:
    versions = folder / "versions"
    script(versions, "a.py", "revision: str = 'aaa1'\ndown_revision: str | None = None\nbranch_labels = ('x', 'y')\n")
    script(versions, "b.py", "revision = ('bbb'\n '1')\ndown_revision = ['aaa1']\ndepends_on = None\n", "one\n\ntwo\n")

    directory = ScriptDirectory(folder)
    first, second = directory.get_revision("aaa1"), directory.get_revision("bbb1")

    assert (first.down_revision, first.branch_labels) == (None, {"x", "y"})
    assert (second.down_revision, second.doc, second.longdoc) == ("aaa1", "one", "one\n\ntwo")
    assert not (versions / "imported").exists()
    assert second.module.revision == "bbb1"
    assert (versions / "imported").exists()


@pytest.mark.parametrize(
    "head",
    [
        "revision = 'a' + 'aa1'\n",
        "for revision in ['aaa1']:\n    pass\n",
        "if True:\n    revision = 'aaa1'\n",
        "revision, down_revision = 'aaa1', None\n",
        "from os import sep as revision\nrevision = 'aaa1'.lower()\n",
        "globals()['revision'] = 'aaa1'\n",
        "def f(): pass\nrevision = 'aaa1'\n",
    ],
)
def test_script_is_imported_when_its_head_is_computed(folder: Path, head: str) -> None:
    script(folder / "versions", "a.py", head)

    assert ScriptDirectory(folder).get_heads() == ["aaa1"]
    assert (folder / "versions" / "imported").exists()


def test_syntax_error_is_named_with_file_and_line(folder: Path) -> None:
    path = folder / "versions" / "a.py"
    path.write_text('"""x"""\nrevision = "aaa1"\ndown_revision = (\n')

    with pytest.raises(util.CommandError, match=rf"Syntax error in revision script {re.escape(str(path))}, line 3"):
        ScriptDirectory(folder).get_heads()


def test_file_without_a_revision_is_named(folder: Path) -> None:
    (folder / "versions" / "helper.py").write_text("x = 1\n")

    with pytest.raises(util.CommandError, match=r"Could not determine revision id from filename helper\.py"):
        ScriptDirectory(folder).get_heads()


def test_missing_folder_is_told_with_what_makes_one(tmp_path: Path) -> None:
    with pytest.raises(util.CommandError, match=r"Path doesn't exist: .*Please use the 'init' command"):
        ScriptDirectory(tmp_path / "none")
    with pytest.raises(util.CommandError, match=r"No env\.py"):
        ScriptDirectory(tmp_path).run_env()


@pytest.mark.feature("AL-GRAPH08")
def test_graph_is_asked_through_the_directory(folder: Path) -> None:
    directory = line(folder)
    script(folder / "versions", "ddd1.py", "revision = 'ddd1'\ndown_revision = None\ndepends_on = 'bbb1'\n")
    directory = ScriptDirectory(folder)

    assert [one.revision for one in directory.walk_revisions()] == ["ccc1", "ddd1", "bbb1", "aaa1"]
    assert [one.revision for one in directory.walk_revisions("bbb1", "ccc1")] == ["ccc1", "bbb1"]
    assert [one.revision for one in directory.get_revisions(("aaa1", "ccc1"))] == ["aaa1", "ccc1"]
    assert (directory.get_heads(), directory.get_bases()) == (["ccc1", "ddd1"], ["aaa1", "ddd1"])
    assert directory.get_heads(consider_depends_on=True) == ["ccc1", "ddd1"]
    assert [one.revision for one in directory.iterate_revisions("ccc1", "aaa1")] == ["ccc1", "bbb1"]
    assert directory.as_revision_number("heads") == ("ccc1", "ddd1")
    assert directory.as_revision_number("ccc1@head") == "ccc1"
    assert directory.as_revision_number("base") is None
    assert directory.get_all_current(("ddd1",)) == set(directory.get_revisions(("ddd1", "bbb1")))
    with pytest.raises(util.CommandError, match="multiple heads"):
        directory.get_current_head()
    with pytest.raises(util.CommandError, match="multiple bases"):
        directory.get_base()
    made = directory.generate_revision("eee1", "merged", head=("ccc1", "ddd1"))
    assert made is not None
    assert (directory.get_current_head(), made.down_revision) == ("eee1", ("ccc1", "ddd1"))


@pytest.mark.feature("AL-GRAPH09")
@pytest.mark.parametrize(
    ("heads", "message"),
    [
        ({"a": "b", "b": "a"}, r"Cycle is detected in revisions \(a, b\)"),
        ({"a": "a"}, r"Self-loop is detected in revisions \(a\)"),
        ({"b": "gone"}, r"Can't locate revision identified by 'gone': revision b \(.*b\.py\) names it as its down_rev"),
        ({"a": None, "b": ("a", "c"), "c": "b", "d": "c"}, r"Cycle is detected in revisions \(b, c, d\)"),
        ({"a": None, "b": "a", "c": "a"}, "Multiple head revisions are present for given argument 'head'; please"),
    ],
)
def test_broken_graph_is_told(folder: Path, heads: dict[str, Any], message: str) -> None:
    for name, down in heads.items():
        script(folder / "versions", f"{name}.py", f"revision = {name!r}\ndown_revision = {down!r}\n")

    with pytest.raises(util.CommandError, match=message):
        ScriptDirectory(folder).get_revision("head")


def test_broken_dependencies_are_told(folder: Path) -> None:
    versions = folder / "versions"
    script(versions, "a.py", "revision = 'a'\ndown_revision = None\ndepends_on = 'b'\n")
    script(versions, "b.py", "revision = 'b'\ndown_revision = 'a'\n")
    with pytest.raises(util.CommandError, match=r"Dependency cycle is detected in revisions \(a, b\)"):
        ScriptDirectory(folder).get_heads()

    script(versions, "a.py", "revision = 'a'\ndown_revision = None\ndepends_on = 'zzz'\n")
    with pytest.raises(util.CommandError, match=r"Can't locate revision identified by 'zzz': revision a .* depends_on"):
        ScriptDirectory(folder).get_heads()


@pytest.mark.feature("AL-GRAPH10")
def test_old_files_are_pruned_compiled_ones_count_and_duplicates_warn(folder: Path) -> None:
    versions = folder / "versions"
    line(folder)
    (versions / "aaa1.py").unlink()
    script(versions, "bbb1.py", "revision = 'bbb1'\ndown_revision = None\n")
    assert ScriptDirectory(folder).get_bases() == ["bbb1"]

    source = script(versions, "ddd1.py", "revision = 'ddd1'\ndown_revision = 'ccc1'\n")
    py_compile.compile(str(source), cfile=str(versions / "ddd1.pyc"))
    source.unlink()
    assert ScriptDirectory(folder).get_heads() == ["ccc1"]
    assert ScriptDirectory(folder, sourceless=True).get_heads() == ["ddd1"]

    script(versions, "zzz.py", "revision = 'ccc1'\ndown_revision = 'bbb1'\n")
    with pytest.warns(UserWarning, match="Revision ccc1 is present more than once"):
        ScriptDirectory(folder).get_heads()


@pytest.mark.feature("AL-CFG04")
def test_scripts_are_found_in_several_folders_and_below_them(folder: Path) -> None:
    first, second = folder / "one", folder / "two"
    script(first, "a.py", "revision = 'aaa1'\ndown_revision = None\nbranch_labels = 'billing'\n")
    script(second / "2024", "b.py", "revision = 'bbb1'\ndown_revision = None\n")
    options: Any = {"version_locations": [first, second]}

    assert ScriptDirectory(folder, **options).get_heads() == ["aaa1"]
    directory = ScriptDirectory(folder, recursive_version_locations=True, **options)
    assert directory.get_heads() == ["aaa1", "bbb1"]
    with pytest.raises(util.CommandError, match="Multiple version locations present, please specify --version-path"):
        directory.generate_revision("ccc1", "x", head="base")
    with pytest.raises(util.CommandError, match="not represented in current version locations"):
        directory.generate_revision("ccc1", "x", head="base", version_path=folder / "three")

    follows = directory.generate_revision("ccc1", "x", head="billing@head")
    chosen = directory.generate_revision("ddd1", "y", head="base", version_path=second / "2025")
    assert follows is not None and chosen is not None
    assert (Path(follows.path).parent, Path(chosen.path).parent) == (first, second / "2025")
    with pytest.warns(UserWarning, match="loaded twice! ignoring"):
        ScriptDirectory(folder, version_locations=[first, first]).get_heads()


@pytest.mark.feature("AL-CFG05")
def test_files_are_named_by_a_template_with_folders(folder: Path) -> None:
    template = "%(year)d/%(month).2d/%(day).2d_%(hour).2d%(minute).2d_%(second).2d-%(rev)s_%(slug)s"
    directory = ScriptDirectory(folder, file_template=template, recursive_version_locations=True)

    made = directory.generate_revision("aaa1", "Add Größe, of things!")

    assert made is not None
    assert re.search(r"/versions/\d{4}/\d\d/\d\d_\d{4}_\d\d-aaa1_add_größe_of_things\.py$", made.path)
    assert ScriptDirectory(folder, recursive_version_locations=True).get_heads() == ["aaa1"]
    epoch = FileNames("%(epoch)s", 40, None).path(Path(), "a", None, datetime.fromtimestamp(12))
    assert epoch.name == "12.py"
    with pytest.raises(util.CommandError, match=r"file_template '%\(nope\)s' cannot be filled in.*its tokens are rev"):
        FileNames("%(nope)s", 40, None).path(Path(), "a", None, datetime.now())


@pytest.mark.feature("AL-CFG06")
def test_dates_have_the_time_zone_that_is_set(folder: Path) -> None:
    assert FileNames("x", 40, None).create_date().tzinfo is None
    assert str(FileNames("x", 40, "Asia/Tokyo").create_date().tzinfo) == "Asia/Tokyo"
    assert str(FileNames("x", 40, "utc").create_date().tzinfo).upper() == "UTC"
    made = ScriptDirectory(folder, timezone="Asia/Tokyo").generate_revision("aaa1", "x")
    assert made is not None
    assert re.search(r"Create Date: .*\+09:00", Path(made.path).read_text())
    with pytest.raises(util.CommandError, match="Can't locate timezone: Mars/Base"):
        FileNames("x", 40, "Mars/Base").create_date()


@pytest.mark.parametrize(
    ("message", "name"), [("a b-c", "a_b_c"), ("one two three four", "one_two_three_"), ("", ""), (None, "")]
)
def test_message_is_cut_between_words(message: str | None, name: str) -> None:
    path = FileNames("%(rev)s_%(slug)s", 15, None).path(Path(), "r", message, datetime.now())

    assert path.name == f"r_{name}.py"


def test_new_script_is_refused_before_anything_is_written(folder: Path) -> None:
    directory = line(folder)
    before = sorted((folder / "versions").iterdir())

    for arguments, message in [
        ({"revid": "bbb1"}, "Revision bbb1 is present already"),
        ({"revid": "x@1"}, "Character\\(s\\) '@' not allowed in revision identifier 'x@1'"),
        ({"revid": "x", "branch_labels": "bbb1"}, "Branch name 'bbb1' in revision x already used"),
        ({"revid": "../x"}, "it takes no slashes, spaces"),
        ({"revid": "x", "head": "aaa1"}, "Revision aaa1 is not a head revision; please specify --splice"),
        ({"revid": "x", "head": "nope"}, "Can't locate revision identified by 'nope'"),
        ({"revid": "x", "depends_on": "nope"}, "Can't locate revision identified by 'nope'"),
        ({"revid": "x", "head": ("ccc1", "ccc1")}, "Duplicate head revisions"),
    ]:
        with pytest.raises(util.CommandError, match=message):
            directory.generate_revision(message="m", **arguments)  # type: ignore[arg-type]

    assert sorted((folder / "versions").iterdir()) == before


def test_folder_that_cannot_be_written_is_named(folder: Path) -> None:
    (folder / "versions").rmdir()
    (folder / "versions").write_text("a file is in the way")

    with pytest.raises(util.CommandError, match=r"Can't write .*/versions.*Give yourself the right to write there"):
        ScriptDirectory(folder).generate_revision("aaa1", "x")


@pytest.mark.feature("AL-CFG11")
def test_template_is_the_users_own_and_gets_his_variables(folder: Path) -> None:
    (folder / "script.py.mako").write_text(
        "revision = ${repr(up_revision)}\ndown_revision = ${repr(down_revision)}\nauthor = ${repr(author)}\n"
    )
    directory = ScriptDirectory(folder)

    made = directory.generate_revision("aaa1", "x", author="me")

    assert made is not None
    assert made.module.author == "me"
    with pytest.raises(util.CommandError, match=r"does not have them; have you upgraded your script.py.mako"):
        directory.generate_revision("bbb1", "x", author="me", branch_labels="lab")


@pytest.mark.feature("AL-CFG09", "AL-CFG10")
def test_hooks_are_run_over_new_files(folder: Path, capfd: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    @write_hooks.register("append")
    def append(path: str, options: dict[str, Any]) -> None:
        Path(path).write_text(Path(path).read_text() + options["text"])

    program = "import sys; open(sys.argv[1], 'a').write(sys.argv[2]); open('here', 'w')"
    hooks = [
        {"_hook_name": "own", "type": "append", "text": "# own\n"},
        {
            "_hook_name": "run",
            "type": "exec",
            "executable": sys.executable,
            "cwd": str(folder),
            "options": f'-c "{program}" REVISION_SCRIPT_FILENAME "# exec"',
        },
        {"_hook_name": "mod", "type": "module", "module": "py_compile"},
        {"_hook_name": "entry", "type": "console_scripts", "entrypoint": "pytest", "options": "--version"},
    ]

    made = ScriptDirectory(folder, hooks=hooks).generate_revision("aaa1", "x")

    assert made is not None
    assert Path(made.path).read_text().endswith("# own\n# exec")
    assert (folder / "here").exists()
    assert list((folder / "versions" / "__pycache__").iterdir())
    out = capfd.readouterr().out
    assert "Running post write hook 'own' ...\n  done\n" in out
    entry: Any = {"entrypoint": "pytest", "options": "--version REVISION_SCRIPT_FILENAME"}
    write_hooks.console_scripts("none", entry, ignore_output=True)
    assert "pytest" not in capfd.readouterr().out
    with pytest.raises(util.CommandError, match=r"pytest has version .*, the post write hook needs 999"):
        write_hooks.console_scripts("none", entry, verify_version=(999,))


@pytest.mark.parametrize(
    ("hook", "message"),
    [
        ({"_hook_name": "h"}, "Key 'h.type'"),
        ({"_hook_name": "h", "type": "nope"}, "No formatter with name 'nope' registered; there are .*exec"),
        ({"_hook_name": "h", "type": "exec"}, r"exec\.executable is required"),
        ({"_hook_name": "h", "type": "exec", "executable": "/no/such"}, "Could not find executable /no/such"),
        ({"_hook_name": "h", "type": "module", "module": "no_such"}, "Could not find module no_such"),
        ({"_hook_name": "h", "type": "console_scripts", "entrypoint": "no"}, "Could not find entrypoint console_scr"),
    ],
)
def test_wrong_hook_is_told(folder: Path, hook: dict[str, str], message: str) -> None:
    with pytest.raises(util.CommandError, match=message):
        ScriptDirectory(folder, hooks=[hook]).generate_revision("aaa1", "x")


def test_tables_that_scripts_make_are_found_by_a_look_at_them(folder: Path) -> None:
    path = folder / "versions" / "a.py"
    path.write_text(
        "revision = 'aaa1'\ndown_revision = None\n"
        "def upgrade():\n"
        "    op.create_table('one', sa.Column('id'))\n"
        "    op.create_table(table_name='two', schema='s')\n"
        "    op.rename_table('one', 'three')\n"
        '    op.execute(\'create table if not exists "S"."Four" (id int)\')\n'
        "    op.execute(f'CREATE UNLOGGED TABLE five (id int)')\n"
        "    op.execute('ALTER TABLE five RENAME TO six; DROP TABLE seven')\n"
        "    op.create_table(name_of(8))\n"
    )
    expected = {(None, "one"), ("s", "two"), (None, "three"), ("S", "Four"), (None, "five"), (None, "six")}

    assert made(path, TABLES) == expected
    assert ScriptDirectory(folder).made_tables() == expected


def test_sequences_that_scripts_make_are_found_by_a_look_at_them(folder: Path) -> None:
    path = folder / "versions" / "a.py"
    path.write_text(
        "revision = 'aaa1'\ndown_revision = None\n"
        "def upgrade():\n"
        "    op.create_sequence('one', schema='s')\n"
        "    op.rename_sequence('one', 'two')\n"
        '    op.execute(\'CREATE SEQUENCE IF NOT EXISTS "S".three START 5\')\n'
        "    op.create_table('four')\n"
    )
    expected = {("s", "one"), (None, "two"), ("S", "three")}

    assert made(path, SEQUENCES) == expected
    assert ScriptDirectory(folder).made_sequences() == expected
