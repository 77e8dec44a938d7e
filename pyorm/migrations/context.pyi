"""EnvironmentContext as a module. Written by tools/proxy_stubs.py."""

# ruff: noqa: E501

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pyorm.engine.url import URL
from pyorm.migrations.config import Config
from pyorm.migrations.runtime.environment import EnvironmentContext as EnvironmentContext
from pyorm.migrations.runtime.migration import MigrationContext
from pyorm.migrations.script import ScriptDirectory
from typing import Any

config: Config
script: ScriptDirectory

def begin_transaction() -> AbstractContextManager[Any]:
    """Return a context manager for the transaction of the run; see `MigrationContext`."""

def configure(connection: Any=None, url: str | URL | None=None, dialect_name: str | None=None, dialect_opts: dict[str, Any] | None=None, transactional_ddl: bool | None=None, transaction_per_migration: bool=False, output_buffer: Any=None, starting_rev: str | None=None, tag: str | None=None, template_args: dict[str, Any] | None=None, render_as_batch: bool=False, target_metadata: Any=None, include_name: Callable[..., bool] | None=None, include_object: Callable[..., bool] | None=None, include_schemas: bool=False, process_revision_directives: Callable[..., None] | None=None, compare_type: bool | Callable[..., bool | None]=True, compare_server_default: bool | Callable[..., bool | None] | None=None, render_item: Callable[..., Any] | None=None, literal_binds: bool=False, upgrade_token: str='upgrades', downgrade_token: str='downgrades', alembic_module_prefix: str='op.', sqlalchemy_module_prefix: str='sa.', user_module_prefix: str | None=None, on_version_apply: Callable[..., None] | Sequence[Callable[..., None]] | None=None, autogenerate_plugins: Sequence[str] | None=None, **kw: Any) -> None:
    """Say which database is migrated and how; may be called once per database."""

def execute(sql: Any, execution_options: dict[str, Any] | None=None) -> None:
    """Execute a statement or a string; offline, write it."""

def get_bind() -> Any:
    """Return the Connection that is migrated; offline, what writes statements."""

def get_context() -> MigrationContext:
    """Return the MigrationContext that configure() has made."""

def get_head_revision() -> Any:
    """Return the id of the head of the scripts."""

def get_head_revisions() -> Any:
    """Return the ids of all heads of the scripts, as a tuple."""

def get_impl() -> Any:
    """Return what knows the database's statements."""

def get_revision_argument() -> Any:
    """Return the revision that the command goes to, as an id; None for base, a tuple for "heads"."""

def get_starting_revision_argument() -> Any:
    """Return the revision before the colon of `--sql a:b`; None for base or where there is none."""

def get_tag_argument() -> str | None:
    """Return what `--tag` was given, or None."""

def get_x_argument(as_dictionary: bool=False) -> list[str] | dict[str, str]:
    """Return what `-x` was given, in order."""

def is_offline_mode() -> bool:
    """Return whether SQL is to be written instead of executed (`--sql`)."""

def is_transactional_ddl() -> bool:
    """Return whether DDL runs in transactions here."""

def requires_connection() -> bool:
    """Return whether configure() needs a connection."""

def run_migrations(**kw: Any) -> None:
    """Run the steps of the command; keyword arguments go to upgrade() and downgrade()."""

def static_output(text: str) -> None:
    """Write text into the SQL of an offline run as it is, such as a comment."""
