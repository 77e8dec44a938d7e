"""What travels along a relationship: each word of `cascade` alone, their sums, over each kind of relationship."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from pyorm import Column, ForeignKey, Integer, MetaData, String, Table, exc, inspect, select
from pyorm.engine import Engine
from pyorm.orm import DeclarativeBase, Session, configure_mappers, relationship

pytestmark = pytest.mark.feature("REL08")
KINDS = ("one to many", "one to one", "many to one", "many to many")
WORDS = ("save-update", "merge", "expunge", "refresh-expire", "delete")
ALL = set(WORDS)


class Family:
    """Classes P, C and G: P.kids leads to C as asked for, C.gs to G with all cascades."""

    def __init__(self, kind: str, cascade: Any, **options: Any) -> None:
        class Base(DeclarativeBase):
            metadata = MetaData()

        class P(Base):
            __tablename__ = "casc_p"
            id = Column(Integer, primary_key=True)
            name = Column(String(20))
            if kind == "many to one":
                c_id = Column(ForeignKey("casc_c.id"))

        class C(Base):
            __tablename__ = "casc_c"
            id = Column(Integer, primary_key=True)
            name = Column(String(20))
            if kind.startswith("one"):
                p_id = Column(ForeignKey("casc_p.id"))
            gs = relationship("G", cascade="all, delete-orphan", order_by="G.id")

        class G(Base):
            __tablename__ = "casc_g"
            id = Column(Integer, primary_key=True)
            c_id = Column(ForeignKey("casc_c.id"))

        self.links = Table(
            "casc_pc", Base.metadata, Column("p", ForeignKey("casc_p.id")), Column("c", ForeignKey("casc_c.id"))
        )
        if cascade is not None:
            options["cascade"] = cascade
        if kind == "many to many":
            options["secondary"] = self.links
        if kind == "one to one":
            options["uselist"] = False
        self.kind, self.Base, self.P, self.C, self.G = kind, Base, P, C, G
        self.many = kind in ("one to many", "many to many")
        P.kids = relationship("C", **options)

    def give(self, p: Any, *kids: Any) -> None:
        p.kids = list(kids) if self.many else kids[0]

    def take(self, p: Any, kid: Any) -> None:
        if self.many:
            p.kids.remove(kid)
        else:
            p.kids = None

    def kids(self, p: Any) -> list[Any]:
        found = p.kids if self.many else [p.kids]
        return sorted(found, key=lambda kid: kid.id)

    def rows(self, session: Session) -> tuple[Any, ...]:
        tables = (self.P.__table__, self.C.__table__, self.G.__table__, self.links)
        return tuple([tuple(row) for row in session.execute(select(*_first(t)).order_by(*_first(t)))] for t in tables)


def _first(table: Any) -> list[Any]:
    return [table.c.p, table.c.c] if "p" in table.c else [table.c.id]


def words_of(cascade: str | None) -> set[str]:
    if cascade is None:
        return {"save-update", "merge"}
    words = {word.strip() for word in cascade.split(",")} - {""}
    if "none" in words:
        return set()
    return (words - {"all"}) | (ALL if "all" in words else set())


def over(word: str, alone: str | None = None) -> pytest.MarkDecorator:
    """Cases for a word: the default, nothing, the word alone, all but it, all, over each kind."""
    others = ", ".join(one for one in WORDS if one != word)
    cascades = (None, "", alone or word, others, "all" if word in WORDS else "all, delete-orphan")
    return pytest.mark.parametrize("case", [(kind, one) for kind in KINDS for one in cascades], indirect=True, ids=str)


@pytest.fixture
def case(request: pytest.FixtureRequest, engine: Engine) -> Iterator[tuple[Family, set[str], Session]]:
    """P 1 with kid 1 (that has G 1 and G 2) and, where it may have several, kid 2; the words; a session."""
    kind, cascade = request.param
    needs_single = "delete-orphan" in (cascade or "") and kind.startswith("many")
    family = Family(kind, cascade, **({"single_parent": True} if needs_single else {}))
    family.Base.metadata.create_all(engine)
    with Session(engine) as session, session.begin():
        p, kid, second = family.P(id=1, name="p"), family.C(id=1, name="one"), family.C(id=2, name="two")
        kid.gs = [family.G(id=1), family.G(id=2)]
        family.give(p, kid, second)
        session.add_all([p, kid, second])
    with Session(engine) as session:
        yield family, words_of(cascade), session
    family.Base.registry.dispose()


@pytest.mark.parametrize(
    "cascade",
    [None, "", "none", "all, none", *WORDS, "save-update, merge,expunge ", "all", "all, delete", "all, delete-orphan"],
)
def test_words_are_read(cascade: str | None) -> None:
    words = words_of(cascade)
    found = relationship("C", **({} if cascade is None else {"cascade": cascade})).cascade

    assert found == words
    for word in (*WORDS, "delete-orphan"):
        assert getattr(found, word.replace("-", "_")) is (word in words)
    assert repr(found) == f"CascadeOptions({','.join(sorted(words))!r})"


@over("save-update")
def test_save_update(case: tuple[Family, set[str], Session]) -> None:
    family, words, session = case
    p, kid, late = family.P(id=7), family.C(id=7), family.C(id=8)
    kid.gs = [family.G(id=7)]
    family.give(p, kid)
    session.add(p)

    assert (kid in session) is (kid.gs[0] in session) is ("save-update" in words)
    with session.no_autoflush:
        family.give(p, late)
    assert (late in session) is ("save-update" in words)


@over("expunge")
def test_expunge(case: tuple[Family, set[str], Session]) -> None:
    family, words, session = case
    p = session.get_one(family.P, 1)
    kid = session.get_one(family.C, 1)
    assert kid in family.kids(p) and len(kid.gs) == 2

    session.expunge(p)

    assert p not in session
    assert (kid in session) is all(g in session for g in kid.gs) is ("expunge" not in words)


@over("refresh-expire")
def test_refresh_expire(case: tuple[Family, set[str], Session]) -> None:
    family, words, session = case
    p, kid = session.get_one(family.P, 1), session.get_one(family.C, 1)
    assert kid in family.kids(p) and len(kid.gs) == 2
    g = kid.gs[0]
    kid.name, g.c_id = "changed", 2

    with session.no_autoflush:
        session.refresh(p)
        assert (kid.name, g.c_id) == (("one", 1) if "refresh-expire" in words else ("changed", 2))
        assert kid in family.kids(p)
        kid.name = "again"
        session.expire(p)
        assert ("name" in inspect(kid).unloaded) is ("refresh-expire" in words)
        assert kid.name == ("one" if "refresh-expire" in words else "again")


@over("merge")
def test_merge(case: tuple[Family, set[str], Session]) -> None:
    family, words, session = case
    given, kid, new = family.P(id=1, name="merged"), family.C(id=1, name="changed"), family.C(id=9, name="new")
    family.give(given, kid, new)

    merged = session.merge(given)
    session.flush()

    names = [one.name for one in family.kids(merged)]
    assert merged.name == "merged" and kid not in session
    if "merge" in words:
        assert names == (["changed", "new"] if family.many else ["changed"])
    else:
        assert names == (["one", "two"] if family.many else ["one"])


@over("delete")
def test_delete(case: tuple[Family, set[str], Session]) -> None:
    family, words, session = case
    p = session.get_one(family.P, 1)
    kids = len(family.kids(p))

    session.delete(p)
    marked = {(type(one).__name__, one.id) for one in session.deleted}
    session.commit()

    ps, cs, gs, links = family.rows(session)
    assert ps == [] and links == []
    if "delete" in words:
        assert marked == {("P", 1), ("G", 1), ("G", 2), *(("C", n) for n in range(1, kids + 1))}
        assert cs == ([] if kids == 2 else [(2,)]) and gs == []
    else:
        assert marked == {("P", 1)}
        assert cs == [(1,), (2,)] and gs == [(1,), (2,)]


@over("delete-orphan", "delete, delete-orphan")
def test_delete_orphan(case: tuple[Family, set[str], Session]) -> None:
    family, words, session = case
    p, kid = session.get_one(family.P, 1), session.get_one(family.C, 1)

    family.take(p, kid)
    session.flush()

    orphaned = "delete-orphan" in words
    assert inspect(kid).deleted is orphaned and inspect(kid).persistent is not orphaned
    _, cs, gs, _ = family.rows(session)
    assert (cs, gs) == (([(2,)], []) if orphaned else ([(1,), (2,)], [(1,), (2,)]))
    session.rollback()
    assert inspect(kid).persistent and [g.id for g in kid.gs] == [1, 2]


@over("delete-orphan", "delete, delete-orphan")
def test_pending_orphan(case: tuple[Family, set[str], Session]) -> None:
    family, words, session = case
    p, kid, lonely = family.P(id=7), family.C(id=7), family.C(id=8)
    family.give(p, kid)
    session.add_all([p, kid, lonely])

    with session.no_autoflush:
        family.take(p, kid)

    assert (kid in session) is ("delete-orphan" not in words)
    session.flush()
    assert inspect(lonely).persistent  # it never had a parent: the relationship has no other side that says so


def test_orphan_that_gets_another_parent_stays(engine: Engine) -> None:
    family = Family("one to many", "all, delete-orphan")
    family.Base.metadata.create_all(engine)
    with Session(engine) as session:
        first, second, kid = family.P(id=1), family.P(id=2), family.C(id=1)
        first.kids = [kid]
        session.add_all([first, second])
        session.commit()

        with session.no_autoflush:
            first.kids.remove(kid)
            second.kids.append(kid)
        session.commit()

        assert inspect(kid).persistent and kid.p_id == 2


def test_default_of_a_viewonly_relationship_is_merge_and_writing_words_are_left_out() -> None:
    for cascade, left in (
        (None, set()),
        ("all", {"merge", "refresh-expire", "expunge"}),
        ("save-update", set()),
        ("merge", {"merge"}),
        ("delete, delete-orphan", set()),
        ("refresh-expire, expunge", {"refresh-expire", "expunge"}),
    ):
        given = {} if cascade is None else {"cascade": cascade}
        found = relationship("C", viewonly=True, **given).cascade if cascade is not None else left
        assert set(found) == left, cascade
    assert set(relationship("C", viewonly=True).cascade) == {"merge"}


@pytest.mark.parametrize(
    ("cascade", "shown"), [("foo", "'foo'"), ("all, foo, bar", "'bar', 'foo'"), ("all none", "'all none'")]
)
def test_unknown_words_are_refused(cascade: str, shown: str) -> None:
    with pytest.raises(exc.ArgumentError, match=rf"Invalid cascade option\(s\): {shown}"):
        relationship("C", cascade=cascade)


def test_no_words_at_all_are_refused_when_they_are_no_names() -> None:
    for wrong in (5, False):
        with pytest.raises(TypeError):
            relationship("C", cascade=wrong)  # type: ignore[arg-type]  # the mistake that is tested


def test_names_may_come_as_a_list() -> None:
    assert set(relationship("C", cascade=["merge", "expunge"]).cascade) == {"merge", "expunge"}  # type: ignore[arg-type]


def test_orphans_need_delete_and_a_single_parent() -> None:
    with pytest.warns(exc.SAWarning, match="The 'delete-orphan' cascade option requires 'delete'"):
        relationship("C", cascade="delete-orphan")
    for kind in ("many to one", "many to many"):
        family = Family(kind, "all, delete-orphan")
        with pytest.raises(exc.ArgumentError, match="delete-orphan cascade is normally configured only on the"):
            configure_mappers()
        family.Base.registry.dispose()
