"""passive_deletes and passive_updates: what a flush sends itself, and what the database does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from pyorm import Column, ForeignKey, Integer, MetaData, Table, event, exc, select
from pyorm.engine import Engine
from pyorm.orm import DeclarativeBase, Session, configure_mappers, relationship

pytestmark = pytest.mark.feature("REL09")
KINDS = ("one to many", "one to one", "many to many", "self")
# (kind, passive_deletes, cascade): what delete() sends where the kids are not loaded, and where they are.
DELETED = {
    ("many to many", "all", "save-update, merge"): ("DELETE", "DELETE DELETE"),
    ("many to many", False, "all"): ("SELECT DELETE DELETE DELETE", "DELETE DELETE DELETE"),
    ("many to many", False, "save-update, merge"): ("SELECT DELETE DELETE", "DELETE DELETE"),
    ("many to many", True, "all"): ("DELETE", "DELETE DELETE DELETE"),
    ("many to many", True, "save-update, merge"): ("DELETE", "DELETE DELETE"),
    ("one to many", "all", "save-update, merge"): ("DELETE", "DELETE"),
    ("one to many", False, "all"): ("SELECT DELETE DELETE", "DELETE DELETE"),
    ("one to many", False, "save-update, merge"): ("SELECT UPDATE DELETE", "UPDATE DELETE"),
    ("one to many", True, "all"): ("DELETE", "DELETE DELETE"),
    ("one to many", True, "save-update, merge"): ("DELETE", "UPDATE DELETE"),
    ("one to one", "all", "save-update, merge"): ("DELETE", "DELETE"),
    ("one to one", False, "all"): ("SELECT DELETE DELETE", "DELETE DELETE"),
    ("one to one", False, "save-update, merge"): ("SELECT UPDATE DELETE", "UPDATE DELETE"),
    ("one to one", True, "all"): ("DELETE", "DELETE DELETE"),
    ("one to one", True, "save-update, merge"): ("DELETE", "UPDATE DELETE"),
    ("self", "all", "save-update, merge"): ("DELETE", "DELETE"),
    ("self", False, "all"): ("SELECT SELECT SELECT DELETE DELETE", "SELECT SELECT DELETE DELETE"),
    ("self", False, "save-update, merge"): ("SELECT UPDATE DELETE", "UPDATE DELETE"),
    ("self", True, "all"): ("DELETE", "DELETE DELETE"),
    ("self", True, "save-update, merge"): ("DELETE", "UPDATE DELETE"),
}


class Family:
    """P.kids leads to C (or P); foreign keys have ON DELETE and ON UPDATE as asked for."""

    def __init__(self, kind: str, cascade: str, ondelete: str | None, onupdate: str | None, **options: Any) -> None:
        def key() -> ForeignKey:
            return ForeignKey(
                "pass_p.id", ondelete=ondelete, onupdate=onupdate, deferrable=True, initially="DEFERRED"
            )

        class Base(DeclarativeBase):
            metadata = MetaData()

        class P(Base):
            __tablename__ = "pass_p"
            id = Column(Integer, primary_key=True)
            if kind == "self":
                p_id = Column(key())

        class C(Base):
            __tablename__ = "pass_c"
            id = Column(Integer, primary_key=True)
            if kind.startswith("one"):
                p_id = Column(key())

        self.links = Table("pass_pc", Base.metadata, Column("p", key()), Column("c", ForeignKey("pass_c.id")))
        if kind == "many to many":
            options["secondary"] = self.links
        if kind == "one to one":
            options["uselist"] = False
        self.kind, self.Base, self.P, self.kid = kind, Base, P, P if kind == "self" else C
        P.kids = relationship(self.kid.__name__, cascade=cascade, **options)

    def fill(self, session: Session) -> None:
        kids = [self.kid(id=11)] if self.kind == "one to one" else [self.kid(id=11), self.kid(id=12)]
        session.add(self.P(id=1, kids=kids[0] if self.kind == "one to one" else kids))
        session.commit()

    def parents_of(self, session: Session) -> list[Any]:
        """Return the key of the parent, by row of a kid or of the table between."""
        if self.kind == "many to many":
            return list(session.scalars(select(self.links.c.p)))
        return list(session.scalars(select(self.kid.__table__.c.p_id).where(self.kid.__table__.c.id > 10)))


@pytest.fixture
def keys(engine: Engine) -> Engine:
    """The engine; foreign keys are enforced."""
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA foreign_keys = ON"))
        engine.dispose()
    return engine


@pytest.fixture
def sent(keys: Engine) -> Iterator[list[str]]:
    verbs: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        verbs.append(statement.split(maxsplit=1)[0])

    event.listen(keys, "before_cursor_execute", note)
    yield verbs
    event.remove(keys, "before_cursor_execute", note)


@pytest.mark.parametrize("loaded", [False, True])
@pytest.mark.parametrize(("kind", "passive", "cascade"), DELETED)
def test_deleting_a_parent(
    keys: Engine, sent: list[str], kind: str, passive: bool | str, cascade: str, loaded: bool
) -> None:
    family = Family(kind, cascade, "CASCADE", None, passive_deletes=passive)
    family.Base.metadata.create_all(keys)
    with Session(keys) as session:
        family.fill(session)
        parent = session.get_one(family.P, 1)
        if loaded:
            assert parent.kids
        sent.clear()
        session.delete(parent)
        session.flush()

        assert " ".join(sent) == DELETED[kind, passive, cascade][loaded]
        blanked = 0 if "UPDATE" not in sent else 1 if kind == "one to one" else 2
        assert family.parents_of(session) == [None] * blanked


def test_all_does_not_go_with_delete() -> None:
    for cascade in ("all", "delete", "all, delete-orphan"):
        family = Family("one to many", cascade, None, None, passive_deletes="all")
        with pytest.raises(exc.ArgumentError, match="can't set passive_deletes='all' in conjunction with"):
            configure_mappers()
        family.Base.registry.dispose()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("passive", [True, False])
def test_changing_the_key_of_a_parent(keys: Engine, sent: list[str], kind: str, passive: bool) -> None:
    family = Family(kind, "save-update, merge", None, "CASCADE" if passive else None, passive_updates=passive)
    family.Base.metadata.create_all(keys)
    with Session(keys) as session:
        family.fill(session)
        parent = session.get_one(family.P, 1)
        sent.clear()

        parent.id = 5
        session.flush()

        if passive:
            assert sent == ["UPDATE"]
        else:
            assert "SELECT" in sent  # the kids
        kids = 1 if kind == "one to one" else 2
        assert family.parents_of(session) == [5] * kids
        session.commit()
        loaded = parent.kids if kind != "one to one" else [parent.kids]
        assert [kid.id for kid in loaded] == [11, 12][:kids]


@pytest.mark.parametrize("passive", [True, False])
def test_loaded_kids_know_the_new_key(keys: Engine, passive: bool) -> None:
    family = Family("one to many", "save-update, merge", None, "CASCADE", passive_updates=passive)
    family.Base.metadata.create_all(keys)
    with Session(keys) as session:
        family.fill(session)
        parent = session.get_one(family.P, 1)
        kids = list(parent.kids)

        parent.id = 5
        session.flush()

        assert [kid.p_id for kid in kids] == [5, 5]
        session.rollback()
        assert parent.id == 1 and [kid.p_id for kid in kids] == [1, 1]


def test_database_refuses_when_it_does_not_follow_and_the_flush_leaves_it_to_it(keys: Engine) -> None:
    family = Family("one to many", "save-update, merge", None, None, passive_deletes="all")
    family.Base.metadata.create_all(keys)
    with Session(keys) as session:
        family.fill(session)
        session.delete(session.get_one(family.P, 1))
        with pytest.raises(exc.IntegrityError):
            session.commit()
        session.rollback()
        parent = session.get_one(family.P, 1)
        parent.id = 5
        with pytest.raises(exc.IntegrityError):
            session.commit()
