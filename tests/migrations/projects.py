"""A migration environment for tests: env.py takes the models and the options from the test itself."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pyorm as sa
from pyorm.migrations import command
from pyorm.migrations.config import Config

ENV = """from {library}.migrations import context
from pyorm import create_engine, pool

config = context.config
given = config.attributes

if context.is_offline_mode():
    context.configure(
        url=config.get_main_option("sqlalchemy.url"), target_metadata=given["models"], literal_binds=True,
        **given["options"],
    )
    with context.begin_transaction():
        context.run_migrations()
else:
    engine = create_engine(config.get_main_option("sqlalchemy.url"), poolclass=pool.NullPool)
    with engine.connect() as connection:
        context.configure(connection=connection, target_metadata=given["models"], **given["options"])
        with context.begin_transaction():
            context.run_migrations()
"""


class Project:
    """A project in a folder, for a database.

    Args:
        folder: where; `mig/` below it is made.
        url: the database's URL.
        adopted: whether env.py and the template are written as Alembic's are.

    Attributes:
        models: what env.py has for `target_metadata`.
        options: what env.py gives to `context.configure()` besides.
        out: what commands have printed.
    """

    def __init__(self, folder: Path, url: str, adopted: bool = False) -> None:
        """Make the environment."""
        self.folder, self.url = folder, url
        self.models: Any = sa.MetaData()
        self.options: dict[str, Any] = {}
        self.out = io.StringIO()
        command.init(Config(folder / "alembic.ini"), str(folder / "mig"))
        env = ENV.format(library="pyorm")
        template = folder / "mig" / "script.py.mako"
        if adopted:
            env = env.replace("from pyorm.migrations import", "from alembic import").replace(
                "from pyorm", "from sqlalchemy"
            )
            text = template.read_text().replace("import pyorm as sa", "import sqlalchemy as sa")
            template.write_text(text.replace("from pyorm.migrations import", "from alembic import"))
        (folder / "mig" / "env.py").write_text(env)

    def config(self, **attributes: Any) -> Config:
        """Return a configuration as a command takes it."""
        given = {"models": self.models, "options": self.options, **attributes}
        config = Config(self.folder / "alembic.ini", stdout=self.out, output_buffer=self.out, attributes=given)
        config.set_main_option("sqlalchemy.url", self.url.replace("%", "%%"))
        return config

    def run(self, name: str, *args: Any, **kw: Any) -> str:
        """Run a command and return what it printed."""
        self.out.seek(0)
        self.out.truncate()
        getattr(command, name)(self.config(), *args, **kw)
        return self.out.getvalue()

    def revision(self, rev_id: str = "a1", message: str = "change", **kw: Any) -> str:
        """Write a script by autogenerate and return its text."""
        self.run("revision", message, autogenerate=True, rev_id=rev_id, **kw)
        return self.text(rev_id)

    def text(self, rev_id: str) -> str:
        """Return the text of a script."""
        return self.file(rev_id).read_text()

    def file(self, rev_id: str) -> Path:
        """Return the path of a script."""
        (path,) = (self.folder / "mig" / "versions").glob(f"{rev_id}_*.py")
        return path

    def files(self) -> list[str]:
        """Return the names of all scripts."""
        return sorted(path.name for path in (self.folder / "mig" / "versions").glob("*.py"))

    def write(self, rev_id: str, down: str | None, upgrade: str, downgrade: str = "pass", head: str = "") -> None:
        """Write a script by hand."""
        body = "from pyorm.migrations import op, context\nimport pyorm as sa\n"
        body += f"{head}\nrevision = {rev_id!r}\ndown_revision = {down!r}\n"
        body += f"def upgrade():\n    {upgrade}\ndef downgrade():\n    {downgrade}\n"
        (self.folder / "mig" / "versions" / f"{rev_id}_.py").write_text(body)

    def is_settled(self) -> bool:
        """Return whether a comparison finds nothing."""
        return self.run("check") == "No new upgrade operations detected.\n"
