"""What the recipe programs of this folder share: a command line, an empty database, one session.

A recipe is a module with mapped classes on a base of its own, a function `story(session)` that uses them and prints
what it sees, and `run(Base, story)` at its end.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

from pyorm import create_engine
from pyorm.orm import DeclarativeBase, Session


def run(base: type[DeclarativeBase], story: Callable[[Session], None], arguments: Sequence[str] | None = None) -> None:
    """Make the tables of a recipe anew, and tell its story.

    Args:
        base: the declarative base of the recipe's classes.
        story: what to do with a session; it prints what it finds.
        arguments: the command line; by default that of the process.
    """
    parser = argparse.ArgumentParser(description="A recipe: read the program, then run it.")
    parser.add_argument("--url", default="sqlite://", help="database URL (default: SQLite in memory)")
    options = parser.parse_args(arguments)
    engine = create_engine(options.url)
    base.metadata.drop_all(engine)
    base.metadata.create_all(engine)
    with Session(engine) as session:
        story(session)
    engine.dispose()
