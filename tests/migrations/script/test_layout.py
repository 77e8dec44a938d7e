"""A new script's bytes: the layout black leaves, and the same for the same inputs."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest

import pyorm as sa
from pyorm.migrations import command
from pyorm.migrations.config import Config
from pyorm.migrations.script.layout import docstring_text, finished, import_block, literal, variable
from tests.migrations.projects import Project


def check_layout(source: str) -> None:
    """Fail where black would change something that a script has."""
    assert source.endswith("\n") and not source.endswith("\n\n") and "\t" not in source
    for line in source.splitlines():
        assert line == line.rstrip() and len(line) <= 88, line
        assert not re.search(r"(?<!\\)'\w*'", line) or '"' in line, f"single quotes: {line}"
    assert "\n\n\n\n" not in source, "no more than two empty lines"
    tree = ast.parse(source)
    lines = source.splitlines()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            assert lines[node.lineno - 4] != "" and lines[node.lineno - 3 : node.lineno - 1] == ["", ""], node.name
    imports = [lines[n.lineno - 1] for n in tree.body if isinstance(n, (ast.Import, ast.ImportFrom))]
    assert "\n".join(imports) in import_block(imports).replace("\n\n", "\n")
    first, last = lines.index(imports[0]), lines.index(imports[-1])
    assert lines[first - 1] == "" and lines[last + 1] == "" and '"""' in lines[first - 2]
    assert import_block(imports) == "\n".join(lines[first : last + 1])


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path, f"sqlite:///{tmp_path}/x.db")


def test_empty_script_has_double_quotes_and_no_blanks_at_line_ends(project: Project) -> None:
    project.run("revision", "first", rev_id="1000")

    text = project.text("1000")
    check_layout(text)
    assert 'revision: str = "1000"\ndown_revision: str | Sequence[str] | None = None\n' in text
    assert "\nRevises:\n" in text
    head = "from collections.abc import Sequence\n\nimport pyorm as sa\nfrom pyorm.migrations import op\n\n# What"
    assert head in text


def test_imports_of_hooks_are_sorted_in_and_separated(project: Project) -> None:
    sa.Table("t", project.models, sa.Column("a", sa.Integer), sa.Column("b", sa.Integer))

    def hook(context: Any, revision: Any, directives: Any) -> None:
        directives[0].imports |= {"import zlib", "from decimal import Decimal", "import zzz.types"}

    project.options["process_revision_directives"] = hook
    text = project.revision("1000")

    check_layout(text)
    assert (
        "import zlib\nfrom collections.abc import Sequence\nfrom decimal import Decimal\n\n"
        "import pyorm as sa\nimport zzz.types\nfrom pyorm.migrations import op\n\n# What"
    ) in text


def test_long_heads_are_broken_one_a_line(project: Project) -> None:
    names = [f"{letter * 20}" for letter in "abcde"]
    for name in names:
        project.run("revision", "x", rev_id=name, head="base", splice=True)
    project.run("merge", names, message="join", rev_id="ffff")

    check_layout(project.text("ffff").replace(", ".join(names), "…"))
    assert "= (\n" + "".join(f'    "{name}",\n' for name in names) + ")\n" in project.text("ffff")


@pytest.mark.parametrize("message", ['say "hi"', '"quoted" first', 'a """ b', "back\\slash", "two\nlines  \nmore", "ü"])
def test_message_is_read_back_as_it_was_given(project: Project, message: str) -> None:
    project.run("revision", message, rev_id="1000")

    text = project.text("1000")
    check_layout(text)
    told = ast.get_docstring(ast.parse(text), clean=False) or ""
    assert told.startswith("\n".join(line.rstrip() for line in message.split("\n")) + "\n\nRevision ID: 1000\n")
    assert message.splitlines()[0] in project.run("history")


def test_script_of_several_databases_is_laid_out(tmp_path: Path) -> None:
    command.init(Config(tmp_path / "alembic.ini"), str(tmp_path / "mig"), template="multidb")
    command.revision(Config(tmp_path / "alembic.ini"), "first", rev_id="1000")

    (path,) = (tmp_path / "mig" / "versions").glob("*.py")
    check_layout(path.read_text())


def test_template_of_an_existing_project_is_rendered_as_before(project: Project) -> None:
    template = project.folder / "mig" / "script.py.mako"
    template.write_text('"""${message}\n\n"""\n${imports if imports else ""}\nrevision = ${repr(up_revision)}\n')
    project.run("revision", "old", rev_id="1000")

    assert project.text("1000") == '"""old\n\n"""\n\nrevision = \'1000\'\n'


def test_same_inputs_give_the_same_bytes(tmp_path: Path) -> None:
    texts = set()
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        project = Project(tmp_path / name, f"sqlite:///{tmp_path}/{name}.db")
        for table in ("b", "a", "c"):
            items = [sa.Column(n, sa.String(20), index=True) for n in ("z", "y", "x")]
            sa.Table(table, project.models, sa.Column("id", sa.Integer, primary_key=True), *items)
        texts.add(re.sub(r"Create Date: .*", "", project.revision("1000")))
    assert len(texts) == 1
    check_layout(texts.pop())


def test_parts_are_written_as_black_writes_them() -> None:
    assert literal(("a", 'b"c')) == '("a", \'b"c\')' and literal(("a",)) == '("a",)' and literal(["x"]) == '["x"]'
    assert variable("a", "str", None) == "a: str = None"
    assert import_block("import pyorm", "from __future__ import annotations", ["x = 1"]) == (
        "from __future__ import annotations\n\nimport pyorm\n\nx = 1"
    )
    assert docstring_text('"a" """') == '\\"a" \\"\\"\\"'
    assert finished('"""a  \n  b \n"""\nx = "y "\n\n') == '"""a\n  b\n"""\nx = "y "\n'
