"""Configuration: ini file, tables of pyproject.toml, and both together."""

from __future__ import annotations

import io
import logging
import os
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import pytest

from pyorm.migrations import command, util
from pyorm.migrations.cli import find_config
from pyorm.migrations.config import Config
from pyorm.migrations.script import ScriptDirectory

INI = """[alembic]
script_location = %(here)s/mig
sqlalchemy.url = sqlite:///x
version_locations = a:b
path_separator = :
prepend_sys_path = .:foo
x = 1%%2

[other]
y = %(here)s/z
"""


def ini(folder: Path, text: str) -> Config:
    (folder / "alembic.ini").write_text(text)
    return Config(folder / "alembic.ini")


def toml(folder: Path, text: str) -> Config:
    (folder / "pyproject.toml").write_text(text)
    return Config(None, folder / "pyproject.toml")


@pytest.mark.feature("AL-CFG01", "AL-CMD25")
def test_options_of_an_ini_file_are_read_and_set(tmp_path: Path) -> None:
    config = ini(tmp_path, INI)

    assert config.get_main_option("sqlalchemy.url") == "sqlite:///x"
    assert config.get_main_option("script_location") == f"{tmp_path}/mig"
    assert config.get_main_option("missing") is None
    assert config.get_main_option("missing", "default") == "default"
    assert config.get_section("other") == {"here": str(tmp_path), "y": f"{tmp_path}/z"}
    assert config.get_section("nothing", {"a": "b"}) == {"a": "b"}
    assert config.get_section_option("other", "y") == f"{tmp_path}/z"
    assert (config.get_main_option("x"), config.config_file_name) == ("1%2", str(tmp_path / "alembic.ini"))
    assert config.file_config.sections() == ["alembic", "other"]

    config.set_main_option("sqlalchemy.url", "sqlite:///50%%")
    config.set_section_option("new", "a", "b")
    assert config.get_main_option("sqlalchemy.url") == "sqlite:///50%"
    assert config.get_section_option("new", "a") == "b"
    config.remove_main_option("sqlalchemy.url")
    assert config.get_main_option("sqlalchemy.url") is None
    with pytest.raises(ValueError, match="invalid interpolation"):
        config.set_main_option("x", "5%")
    assert (config.toml_alembic_config, config.attributes, config.cmd_opts) == ({}, {}, None)


def test_missing_file_is_told_when_its_section_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(
        util.CommandError, match=r"No config file '.*none.ini' found, or file has no '\[alembic\]' section"
    ):
        Config(tmp_path / "none.ini").get_main_option("script_location")
    with pytest.raises(util.CommandError, match="No 'script_location' key found in configuration"):
        ScriptDirectory.from_config(Config(tmp_path / "none.ini"))


def test_configuration_of_code_alone_needs_no_file(tmp_path: Path) -> None:
    (tmp_path / "versions").mkdir()
    config = Config(attributes={"connection": 3}, config_args={"root": str(tmp_path)})
    config.set_main_option("script_location", "%(root)s")

    assert ScriptDirectory.from_config(config).dir == str(tmp_path)
    assert config.attributes == {"connection": 3}


def test_broken_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(util.CommandError, match=r"Can't read the configuration .*alembic\.ini"):
        ini(tmp_path, "no section\n").get_main_option("x")
    with pytest.raises(util.CommandError, match=r"Can't read the configuration .*pyproject\.toml"):
        toml(tmp_path, "[tool\n").get_alembic_option("x")


@pytest.mark.feature("AL-CFG02")
@pytest.mark.parametrize("table", ["pyorm", "alembic"])
def test_table_of_pyproject_configures_scripts_and_the_ini_file_the_database(tmp_path: Path, table: str) -> None:
    (tmp_path / "alembic.ini").write_text("[alembic]\nsqlalchemy.url = sqlite:///x\n")
    (tmp_path / "pyproject.toml").write_text(
        f'[tool.{table}]\nscript_location = "%(here)s/mig"\nversion_locations = ["%(here)s/a", "b"]\n'
        'prepend_sys_path = ["src"]\nsourceless = true\ntruncate_slug_length = 10\nfile_template = "%%(rev)s"\n'
        f'[[tool.{table}.post_write_hooks]]\nname = "fmt"\ntype = "exec"\nexecutable = "%(here)s/fmt"\n'
    )
    config = Config(tmp_path / "alembic.ini", tmp_path / "pyproject.toml")

    assert config.get_alembic_option("script_location") == f"{tmp_path}/mig"
    assert config.get_main_option("sqlalchemy.url") == "sqlite:///x"
    assert config.get_version_locations_list() == [f"{tmp_path}/a", "b"]
    assert config.get_prepend_sys_paths_list() == ["src"]
    assert config.get_alembic_boolean_option("sourceless") is True
    assert config.get_alembic_option("truncate_slug_length") == 10
    assert config.get_alembic_option("file_template") == "%(rev)s"
    assert config.get_hooks_list() == [{"_hook_name": "fmt", "type": "exec", "executable": f"{tmp_path}/fmt"}]
    assert config.toml_alembic_config["script_location"] == "%(here)s/mig"


def test_table_of_pyproject_may_have_the_url_as_well(tmp_path: Path) -> None:
    config = toml(tmp_path, '[tool.pyorm]\nscript_location = "m"\nsqlalchemy.url = "sqlite:///%(here)s/x"\n')

    assert config.get_main_option("sqlalchemy.url") == f"sqlite:///{tmp_path}/x"
    section = config.get_section("alembic")
    assert section is not None
    assert section["sqlalchemy.url"] == f"sqlite:///{tmp_path}/x"


@pytest.mark.feature("AL-CFG03")
@pytest.mark.parametrize(
    ("separator", "paths"),
    [
        ("path_separator = os", f"a{os.pathsep}b"),
        ("path_separator = ;", "a;b"),
        ("path_separator = space", "a b"),
        ("path_separator = newline", "a\n  b"),
        ("version_path_separator = :", "a:b"),
        ("", "a, b"),
    ],
)
def test_paths_are_separated_as_the_file_says(tmp_path: Path, separator: str, paths: str) -> None:
    config = ini(tmp_path, f"[alembic]\n{separator}\nversion_locations = {paths}\nprepend_sys_path = %(here)s\n")

    assert config.get_version_locations_list() == ["a", "b"]
    assert config.get_prepend_sys_paths_list() == [str(tmp_path)]


def test_unknown_separator_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'x' is not a valid value for path_separator"):
        ini(tmp_path, "[alembic]\npath_separator = x\nversion_locations = a\n").get_version_locations_list()


def test_paths_are_put_in_front_of_the_search_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "mig").mkdir()
    config = ini(
        tmp_path, f"[alembic]\nscript_location = {tmp_path}/mig\npath_separator = :\nprepend_sys_path = /p:/q\n"
    )

    ScriptDirectory.from_config(config)

    assert sys.path[:2] == ["/p", "/q"]


def test_wrong_boolean_is_named(tmp_path: Path) -> None:
    with pytest.raises(util.CommandError, match="Option sourceless: String is not true/false: 'perhaps'"):
        ini(tmp_path, "[alembic]\nsourceless = perhaps\n").get_alembic_boolean_option("sourceless")


@pytest.mark.feature("AL-CMD27")
def test_output_goes_where_the_program_wants_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = io.StringIO()
    Config(stdout=out).print_stdout("hi %s %d", "a", 3)
    Config(stdout=out).print_stdout("100%")
    Config().print_stdout("to the terminal")
    Config(stdout=out, cmd_opts=Namespace(quiet=True)).print_stdout("nothing")

    assert out.getvalue() == "hi a 3\n100%\n"
    assert capsys.readouterr().out == "to the terminal\n"


class TestWhichFile:
    """Which configuration the command line takes."""

    def find(self, *given: str) -> Config:
        return find_config(given, "alembic", Namespace())

    def test_table_of_pyorm_wins_over_alembics_and_the_ini_file(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.chdir(tmp_path)
        caplog.set_level(logging.INFO)
        (tmp_path / "alembic.ini").write_text("[alembic]\nscript_location = from_ini\n")
        assert self.find().get_alembic_option("script_location") == "from_ini"

        (tmp_path / "alembic.ini").write_text("[alembic]\nsqlalchemy.url = sqlite://\n")
        alembic = '[tool.alembic]\nscript_location = "from_alembic"\n'
        (tmp_path / "pyproject.toml").write_text(alembic)
        assert self.find().get_alembic_option("script_location") == "from_alembic"
        (tmp_path / "pyproject.toml").write_text(alembic + '[tool.pyorm]\nscript_location = "from_pyorm"\n')
        assert self.find().get_alembic_option("script_location") == "from_pyorm"
        assert self.find().get_main_option("sqlalchemy.url") == "sqlite://"

        assert [record.getMessage() for record in caplog.records][:3] == [
            "Configuration: alembic.ini",
            "Configuration: [tool.alembic] of pyproject.toml",
            "Configuration: [tool.pyorm] of pyproject.toml",
        ]

    @pytest.mark.feature("AL-CMD28")
    @pytest.mark.parametrize("variable", ["ALEMBIC_CONFIG", "PYORM_CONFIG"])
    def test_environment_variable_names_the_file(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
    ) -> None:
        monkeypatch.chdir(tmp_path)
        (tmp_path / "other.ini").write_text("[alembic]\nscript_location = there\n")
        monkeypatch.setenv(variable, "other.ini")

        assert self.find().get_alembic_option("script_location") == "there"
        assert self.find("none.ini").config_file_name == "none.ini"

    def test_both_files_may_be_named_and_no_more(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        import click

        monkeypatch.chdir(tmp_path)
        (tmp_path / "p.toml").write_text('[tool.alembic]\nscript_location = "t"\n')
        (tmp_path / "i.ini").write_text("[alembic]\nsqlalchemy.url = u\n")

        config = self.find("p.toml", "i.ini")
        assert (config.get_alembic_option("script_location"), config.get_main_option("sqlalchemy.url")) == ("t", "u")
        with pytest.raises(click.UsageError, match="one ini file and one toml file"):
            self.find("a.ini", "b.ini")


@pytest.mark.feature("AL-CFG08")
def test_loggers_of_the_file_tell_what_migrations_do(tmp_path: Path, url: str) -> None:
    command.init(Config(tmp_path / "alembic.ini"), str(tmp_path / "mig"))
    text = (tmp_path / "alembic.ini").read_text()
    text = text.replace("postgresql://user:password@localhost/name", url.replace("%", "%%"))
    (tmp_path / "alembic.ini").write_text(text)
    pyorm = [sys.executable, "-m", "pyorm", "-c", str(tmp_path / "alembic.ini")]

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        root = Path(__file__).parents[2]
        return subprocess.run([*pyorm, *arguments], capture_output=True, text=True, check=True, cwd=root)

    run("revision", "-m", "first step", "--rev-id", "aaa1")
    done = run("upgrade", "head")

    assert "INFO  [pyorm.migrations.runtime.migration] Running upgrade  -> aaa1, first step\n" in done.stderr
    assert done.stdout == ""
