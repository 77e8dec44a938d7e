"""A project for tests of the command line: a folder with models that change."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from pyorm import create_engine
from pyorm.migrations.cli import CommandLine

ROOT = Path(__file__).parents[2]
DEADLINE_S = 60.0
HEAD = "import pyorm as sa\nfrom pyorm.orm import DeclarativeBase, Mapped, mapped_column\nmetadata = sa.MetaData()\n"


class Project:
    """A generic environment for one database; each command runs in this process, from the folder."""

    def __init__(self, folder: Path, url: str, capsys: Any, monkeypatch: Any) -> None:
        """Make the folder's files; the models are empty."""
        self.folder, self.url, self.capsys = folder, url, capsys
        monkeypatch.chdir(folder)
        monkeypatch.setattr(sys, "path", list(sys.path))
        monkeypatch.delitem(sys.modules, "themodels", raising=False)
        self.models("")
        assert self.run("init", "mig")[0] == 0
        ini = folder / "alembic.ini"
        ini.write_text(ini.read_text().replace("postgresql://user:password@localhost/name", url.replace("%", "%%")))
        env = folder / "mig" / "env.py"
        given = env.read_text().replace("if config.config_file_name is not None:", "if False:")
        env.write_text(given.replace("target_metadata = None", "from themodels import metadata as target_metadata"))

    def models(self, body: str) -> None:
        """Give the models other contents; `sa`, `metadata` and the ORM's names are there."""
        (self.folder / "themodels.py").write_text(HEAD + body)

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """Return status, standard output and standard error of a command."""
        self.capsys.readouterr()
        sys.modules.pop("themodels", None)
        sys.dont_write_bytecode, before = True, sys.dont_write_bytecode  # a changed file may have the old one's time
        try:
            CommandLine().main(list(arguments))
            status = 0
        except SystemExit as left:
            status = int(left.code or 0)
        finally:
            sys.dont_write_bytecode = before
            sys.modules.pop("themodels", None)
        printed = self.capsys.readouterr()
        return status, printed.out, printed.err

    def ok(self, *arguments: str) -> str:
        """Run a command that succeeds; return its output."""
        status, out, err = self.run(*arguments)
        assert status == 0, f"{arguments}: {status}\n{out}\n{err}"
        return out

    def migrate(self, body: str, *options: str) -> str:
        """Change the models, write the script and run it; return the script."""
        known = set(self.versions())
        self.models(body)
        self.ok("revision", "--autogenerate", *options)
        self.ok("upgrade", "head")
        assert self.run("check")[0] == 0
        (new,) = set(self.versions()) - known
        return Path(new).read_text()

    def versions(self) -> list[str]:
        """Return the version files."""
        return sorted(str(path) for path in (self.folder / "mig" / "versions").glob("*.py"))

    def loaded(self) -> Any:
        """Return the models' MetaData."""
        space: dict[str, Any] = {"__name__": "loaded_models"}
        exec((self.folder / "themodels.py").read_text(), space)
        return space["metadata"]

    def create_all(self) -> None:
        """Create everything that the models have, past migrations."""
        engine = create_engine(self.url)
        try:
            with engine.begin() as connection:
                self.loaded().create_all(connection)
        finally:
            engine.dispose()

    def at_terminal(self, answers: dict[str, str], *arguments: str) -> tuple[int, str]:
        """Run a command at a terminal; return its status and all it showed.

        Args:
            answers: what is typed when a text was shown, once each.
            arguments: the command.
        """
        master, slave = os.openpty()
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm", "COLUMNS": "200"}
        program = [sys.executable, "-B", "-m", "pyorm.migrations", *arguments]
        process = subprocess.Popen(
            program, stdin=slave, stdout=slave, stderr=slave, cwd=self.folder, env=environment, start_new_session=True
        )
        os.close(slave)
        try:
            shown = self._talk(master, dict(answers))
        finally:
            os.close(master)
        return process.wait(DEADLINE_S), shown

    @staticmethod
    def _talk(master: int, answers: dict[str, str]) -> str:
        shown, end, read = "", time.monotonic() + DEADLINE_S, 0
        while True:
            ready, _, _ = select.select([master], [], [], max(0.0, end - time.monotonic()))
            assert ready, f"the command waits: {shown}"
            try:
                data = os.read(master, 65536)
            except OSError:  # the other side is closed
                return shown
            if not data:
                return shown
            shown += data.decode()
            for text, answer in list(answers.items()):
                if text in shown[read:]:
                    read = shown.index(text, read) + len(text)
                    os.write(master, (answer + "\n").encode())
                    del answers[text]
