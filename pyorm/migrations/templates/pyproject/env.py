"""Runs migrations: finds the database and the models, and hands both to pyorm."""

import logging
from logging.config import fileConfig

from pyorm import engine_from_config, pool
from pyorm.migrations import context

# The values of [tool.pyorm] in pyproject.toml.
config = context.config

# Loggers: as an ini file describes them where there is one, else what migrations do is told.
if config.config_file_name is not None:
    fileConfig(config.config_file_name)
else:
    logging.basicConfig(level=logging.WARNING, format="%(levelname)-5.5s [%(name)s] %(message)s")
    logging.getLogger("pyorm.migrations").setLevel(logging.INFO)

# What `revision --autogenerate` compares the database with; a list of several works too:
#     from myapp.models import Base
#     target_metadata = Base.metadata
target_metadata = None


def run_migrations_offline() -> None:
    """Write SQL to standard output: `upgrade head --sql`. No database is needed."""
    context.configure(
        url=config.get_main_option("sqlalchemy.url"),
        target_metadata=target_metadata,
        literal_binds=True,
        dialect_opts={"paramstyle": "named"},
    )
    with context.begin_transaction():
        context.run_migrations()


def run_migrations_online() -> None:
    """Run migrations on the database."""
    engine = engine_from_config(
        config.get_section(config.config_ini_section, {}),
        prefix="sqlalchemy.",
        poolclass=pool.NullPool,
    )
    with engine.connect() as connection:
        context.configure(connection=connection, target_metadata=target_metadata)
        with context.begin_transaction():
            context.run_migrations()


if context.is_offline_mode():
    run_migrations_offline()
else:
    run_migrations_online()
