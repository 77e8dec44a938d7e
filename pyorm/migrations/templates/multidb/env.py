"""Runs migrations on several databases, each of which has a section in alembic.ini."""

import logging
import re
from contextlib import ExitStack
from logging.config import fileConfig

from pyorm import engine_from_config, pool
from pyorm.migrations import context

# The values of alembic.ini.
config = context.config

# Loggers, as the file describes them.
if config.config_file_name is not None:
    fileConfig(config.config_file_name)
logger = logging.getLogger("pyorm.migrations.env")

# The sections that `databases = …` of the main section lists.
names = [name for name in re.split(r"[,\s]+", config.get_main_option("databases", "")) if name]

# What `revision --autogenerate` compares each database with:
#     from myapp import models
#     target_metadata = {"engine1": models.first_metadata, "engine2": models.second_metadata}
target_metadata = {}


def run_migrations_offline() -> None:
    """Write the SQL of each database into a file of its own: `upgrade head --sql`."""
    for name in names:
        logger.info("Writing SQL for %s to %s.sql", name, name)
        with open(f"{name}.sql", "w") as file:
            context.configure(
                url=config.get_section_option(name, "sqlalchemy.url"),
                output_buffer=file,
                target_metadata=target_metadata.get(name),
                literal_binds=True,
                dialect_opts={"paramstyle": "named"},
            )
            with context.begin_transaction():
                context.run_migrations(engine_name=name)


def run_migrations_online() -> None:
    """Run migrations on every database; all of them are committed, or none."""
    with ExitStack() as stack:
        connections = {}
        for name in names:
            section = config.get_section(name, {})
            engine = engine_from_config(section, prefix="sqlalchemy.", poolclass=pool.NullPool)
            connections[name] = stack.enter_context(engine.connect())
        transactions = [connection.begin() for connection in connections.values()]
        try:
            for name, connection in connections.items():
                logger.info("Migrating database %s", name)
                context.configure(
                    connection=connection,
                    upgrade_token=f"{name}_upgrades",
                    downgrade_token=f"{name}_downgrades",
                    target_metadata=target_metadata.get(name),
                )
                context.run_migrations(engine_name=name)
        except BaseException:
            for transaction in transactions:
                transaction.rollback()
            raise
        for transaction in transactions:
            transaction.commit()


if context.is_offline_mode():
    run_migrations_offline()
else:
    run_migrations_online()
