"""subqueryload: one SELECT around the statement of the parents."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from pyorm import Column, ForeignKey, ForeignKeyConstraint, Integer, String, bindparam, event, func, select, text
from pyorm.engine import Engine
from pyorm.exc import InvalidRequestError
from pyorm.orm import (
    Session,
    aliased,
    contains_eager,
    declarative_base,
    joinedload,
    lazyload,
    load_only,
    relationship,
    selectinload,
    subqueryload,
    with_loader_criteria,
    with_polymorphic,
)
from tests.conformance import blog
from tests.conformance.blog import AUTHOR, TAGS, Node, Post, Tag, User

pytestmark = pytest.mark.feature("LOAD03")

USERS = "SELECT users.id AS users_id FROM users"
POSTS = "SELECT posts.id AS posts_id, posts.title AS posts_title, posts.author_id AS posts_author_id, "
OF_USERS = "JOIN posts ON anon_1.users_id = posts.author_id ORDER BY posts.id"


def around(inner: str, rest: str = OF_USERS, columns: str = POSTS + "anon_1.users_id AS anon_1_users_id") -> str:
    return f"{columns} FROM ({inner}) AS anon_1 {rest}"


def logged(session: Session, statement: Any, *params: Any) -> tuple[Any, list[str]]:
    """Return the instances, and the statements on one line, all placeholders `?`."""
    texts: list[str] = []

    def note(connection: Any, cursor: Any, text_: str, parameters: Any, context: Any, many: bool) -> None:
        texts.append(re.sub(r"\$\d+", "?", " ".join(text_.split())))

    event.listen(session.get_bind(), "before_cursor_execute", note)
    try:
        found = session.scalars(statement, *params).unique().all()
    finally:
        event.remove(session.get_bind(), "before_cursor_execute", note)
    return found, texts


def quiet(session: Session, work: Any) -> Any:
    """Return what `work()` returns, which must not take a statement."""
    texts: list[str] = []

    def note(connection: Any, cursor: Any, text_: str, parameters: Any, context: Any, many: bool) -> None:
        texts.append(text_)

    event.listen(session.get_bind(), "before_cursor_execute", note)
    try:
        result = work()
    finally:
        event.remove(session.get_bind(), "before_cursor_execute", note)
    assert texts == []
    return result


def posts_of(session: Session, users: Any) -> dict[int, list[int]]:
    return quiet(session, lambda: {u.id: [p.id for p in u.posts] for u in users})  # type: ignore[no-any-return]


def graph_of(session: Session, users: Any) -> dict[int, dict[int, list[int]]]:
    graph = quiet(session, lambda: {u.id: {p.id: [t.id for t in p.tags] for p in u.posts} for u in users})
    return graph  # type: ignore[no-any-return]


def expected(*users: int) -> dict[int, list[int]]:
    return {u: blog.posts_of(u) for u in users}


def tagged(*users: int) -> dict[int, dict[int, list[int]]]:
    return {u: {p: sorted(TAGS[p]) for p in blog.posts_of(u)} for u in users}


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    """A session over the filled tables."""
    blog.fill(engine)
    with Session(engine) as made:
        yield made


def loaded(*more: Any) -> Any:
    return select(User).options(subqueryload(User.posts), *more).order_by(User.id)


class TestOriginal:
    def test_statement_is_repeated_without_its_order(self, session: Session) -> None:
        users, texts = logged(session, loaded())
        assert texts[1:] == [around(USERS)]
        assert posts_of(session, users) == expected(1, 2, 3, 4, 5)

    def test_criteria_and_their_values_are_repeated(self, session: Session) -> None:
        for low in (3, 4):
            users, texts = logged(session, loaded().where(User.id >= low, User.name != "u4"))
            assert texts[1:] == [around(USERS + " WHERE users.id >= ? AND users.name != ?")]
            assert posts_of(session, users) == expected(*({3, 5} if low == 3 else {5}))

    def test_parameters_of_the_call_are_repeated(self, session: Session) -> None:
        for low in (4, 5):
            users, _ = logged(session, loaded().where(User.id >= bindparam("low")), {"low": low})
            assert posts_of(session, users) == expected(*range(low, 6))

    def test_order_is_kept_with_limit(self, session: Session) -> None:
        statement = select(User).options(subqueryload(User.posts)).order_by(User.name.desc()).limit(2)
        users, texts = logged(session, statement)
        assert texts[1:] == [around(USERS + " ORDER BY users.name DESC LIMIT ?")]
        assert posts_of(session, users) == expected(5, 4)

    def test_joins_are_repeated(self, session: Session) -> None:
        other = aliased(Post)
        statement = loaded().join(User.posts.of_type(other)).where(other.title == "p6")
        users, texts = logged(session, statement)
        inner = USERS + " JOIN posts AS posts_1 ON users.id = posts_1.author_id WHERE posts_1.title = ?"
        assert texts[1:] == [around(inner)]
        assert posts_of(session, users) == expected(AUTHOR[6])

    def test_group_by_distinct_and_cte_are_repeated(self, session: Session) -> None:
        grouped = loaded().join(User.posts).group_by(User.id, User.name).having(func.count(Post.id) > 2)
        users, texts = logged(session, grouped)
        inner = USERS + " JOIN posts ON users.id = posts.author_id GROUP BY users.id, users.name"
        inner += " HAVING count(posts.id) > ?"
        assert texts[1:] == [around(inner)]
        assert posts_of(session, users) == expected(1, 2, 3, 4)
        assert logged(session, loaded().distinct())[1][1:] == [around(USERS.replace("SELECT", "SELECT DISTINCT"))]
        few = select(Post.author_id.label("id")).where(Post.id < 3).distinct().cte("few")
        users, texts = logged(session, loaded().join(few, few.c.id == User.id))
        assert texts[1].startswith("WITH few AS (SELECT DISTINCT posts.author_id AS id FROM posts WHERE posts.id < ?)")
        assert posts_of(session, users) == expected(2, 3)

    def test_lock_is_not_repeated(self, session: Session) -> None:
        assert logged(session, loaded().with_for_update())[1][1:] == [around(USERS)]

    def test_alias_is_repeated(self, session: Session) -> None:
        me = aliased(User)
        users, texts = logged(session, select(me).where(me.id < 3).options(subqueryload(me.posts)))
        inner = "SELECT users_1.id AS users_1_id FROM users AS users_1 WHERE users_1.id < ?"
        columns = POSTS + "anon_1.users_1_id AS anon_1_users_1_id"
        rest = "JOIN posts ON anon_1.users_1_id = posts.author_id ORDER BY posts.id"
        assert texts[1:] == [around(inner, rest, columns)]
        assert posts_of(session, users) == expected(1, 2)

    def test_alias_over_a_subquery_is_repeated(self, session: Session) -> None:
        me = aliased(User, select(User).where(User.id < 3).subquery())
        users, _ = logged(session, select(me).options(subqueryload(me.posts)))
        assert posts_of(session, users) == expected(1, 2)

    def test_other_entities_and_columns_of_the_statement_do_no_harm(self, session: Session) -> None:
        statement = select(User, func.upper(User.name), Tag).where(Tag.id == User.id).options(subqueryload(User.posts))
        rows = session.execute(statement).all()
        assert posts_of(session, [row[0] for row in rows]) == expected(1, 2, 3)

    def test_query_get_and_refresh(self, session: Session) -> None:
        users = session.query(User).options(subqueryload(User.posts)).filter(User.id < 3).all()
        assert posts_of(session, users) == expected(1, 2)
        session.expunge_all()
        user = session.get(User, 2, options=[subqueryload(User.posts)])
        assert posts_of(session, [user]) == expected(2)
        session.refresh(user)
        assert [p.id for p in user.posts] == blog.posts_of(2)

    def test_nothing_is_asked_when_there_are_no_parents(self, session: Session) -> None:
        assert len(logged(session, loaded().where(User.id > 100))[1]) == 1

    def test_what_is_there_is_kept_unless_populate_existing(self, session: Session) -> None:
        users, _ = logged(session, loaded())
        users[0].posts.pop()
        with session.no_autoflush:
            again, _ = logged(session, loaded())
            assert len(again[0].posts) == len(blog.posts_of(1)) - 1
            logged(session, loaded().execution_options(populate_existing=True))
        assert posts_of(session, users) == expected(1, 2, 3, 4, 5)

    def test_criteria_of_classes_count_inside_and_outside(self, session: Session) -> None:
        both = [with_loader_criteria(User, User.id != 2), with_loader_criteria(Post, Post.id > 4)]
        users, texts = logged(session, loaded(*both))
        rest = "JOIN posts ON anon_1.users_id = posts.author_id AND posts.id > ? ORDER BY posts.id"
        assert texts[1:] == [around(USERS + " WHERE users.id != ?", rest)]
        assert posts_of(session, users) == {u: [p for p in ps if p > 4] for u, ps in expected(1, 3, 4, 5).items()}

    def test_criteria_of_the_statement_alone_choose_the_same_parents(self, session: Session) -> None:
        own = with_loader_criteria(User, User.id != 1, propagate_to_loaders=False)
        users, _ = logged(session, loaded(own).limit(2))
        assert posts_of(session, users) == expected(2, 3)

    @pytest.mark.parametrize("source", ["text", "returning"])
    def test_rows_of_other_statements_load_when_they_are_read(self, session: Session, source: str) -> None:
        full = text("SELECT * FROM users WHERE id < 3")
        statement = select(User).from_statement(full).options(subqueryload(User.posts))
        if source == "returning":
            statement = User.__table__.update().where(User.id < 3).values(name="x").returning(User)
            statement = select(User).from_statement(statement).options(subqueryload(User.posts))
        users, texts = logged(session, statement)
        assert len(texts) == 1
        assert {u.id: [p.id for p in u.posts] for u in users} == expected(1, 2)

    def test_yield_per_is_refused(self, session: Session) -> None:
        with pytest.raises(InvalidRequestError, match="Can't use yield_per with eager loaders that require uniquing"):
            session.scalars(loaded().execution_options(yield_per=2)).all()


class TestKinds:
    def test_many_to_one_asks_for_each_once(self, session: Session) -> None:
        posts, texts = logged(session, select(Post).where(Post.id < 5).options(subqueryload(Post.author)))
        columns = (
            "SELECT users.id AS users_id, users.name AS users_name, anon_1.posts_author_id AS anon_1_posts_author_id"
        )
        inner = "SELECT DISTINCT posts.author_id AS posts_author_id FROM posts WHERE posts.id < ?"
        assert texts[1:] == [around(inner, "JOIN users ON users.id = anon_1.posts_author_id", columns)]
        assert quiet(session, lambda: {p.id: p.author.id for p in posts}) == {p: AUTHOR[p] for p in range(1, 5)}

    def test_many_to_one_with_limit_selects_what_orders(self, session: Session) -> None:
        statement = select(Post).join(Post.author).options(subqueryload(Post.author))
        posts, texts = logged(session, statement.order_by(User.name.desc(), Post.id).limit(2))
        inner = "(SELECT DISTINCT posts.author_id AS posts_author_id, users.name AS users_name, posts.id AS posts_id "
        assert inner in texts[1]
        assert quiet(session, lambda: [p.author.id for p in posts]) == [4, 4]

    def test_many_to_many_goes_by_the_secondary_table(self, session: Session) -> None:
        posts, texts = logged(session, select(Post).options(subqueryload(Post.tags)))
        assert texts[1:] == [
            "SELECT tags.id AS tags_id, tags.name AS tags_name, anon_1.posts_id AS anon_1_posts_id "
            "FROM (SELECT posts.id AS posts_id FROM posts) AS anon_1 "
            "JOIN post_tags AS post_tags_1 ON anon_1.posts_id = post_tags_1.post_id "
            "JOIN tags ON tags.id = post_tags_1.tag_id ORDER BY tags.id"
        ]
        found = quiet(session, lambda: {p.id: [t.id for t in p.tags] for p in posts})
        assert found == {p: sorted(t) for p, t in TAGS.items()}

    def test_self_referential_names_the_table_twice(self, session: Session) -> None:
        statement = select(Node).where(Node.id == 1).options(subqueryload(Node.children).subqueryload(Node.children))
        (root,), texts = logged(session, statement)
        assert texts[2].endswith(
            "FROM (SELECT nodes.id AS nodes_id FROM nodes WHERE nodes.id = ?) AS anon_1 "
            "JOIN nodes AS nodes_1 ON anon_1.nodes_id = nodes_1.parent_id "
            "JOIN nodes ON nodes_1.id = nodes.parent_id ORDER BY nodes.id"
        )
        found = quiet(session, lambda: [(n.id, [c.id for c in n.children]) for n in root.children])
        assert found == [(2, [4, 5]), (3, [6, 7])]

    def test_of_type_reads_from_the_alias(self, session: Session) -> None:
        other = aliased(Post)
        statement = select(User).options(subqueryload(User.posts.of_type(other)))
        users, texts = logged(session, statement)
        assert "JOIN posts AS posts_1 ON anon_1.users_id = posts_1.author_id ORDER BY posts_1.id" in texts[1]
        assert posts_of(session, users) == expected(1, 2, 3, 4, 5)

    def test_and_narrows_in_the_join(self, session: Session) -> None:
        for title in ("p4", "p5"):
            statement = select(User).options(subqueryload(User.posts.and_(Post.title == title)))
            users, texts = logged(session, statement)
            rest = "JOIN posts ON anon_1.users_id = posts.author_id AND posts.title = ? ORDER BY posts.id"
            assert texts[1:] == [around(USERS, rest)]
            number = int(title[1:])
            assert posts_of(session, users) == {u: [number] if AUTHOR[number] == u else [] for u in range(1, 6)}
            session.expunge_all()

    def test_and_narrows_a_many_to_one(self, session: Session) -> None:
        posts, _ = logged(session, select(Post).options(subqueryload(Post.author.and_(User.id > 2))))
        found = quiet(session, lambda: {p.id: p.author and p.author.id for p in posts})
        assert found == {p: a if a > 2 else None for p, a in AUTHOR.items()}

    def test_columns_of_the_related_class_are_chosen(self, session: Session) -> None:
        statement = select(User).options(load_only(User.name), subqueryload(User.posts).load_only(Post.title))
        _, texts = logged(session, statement)
        assert texts[1].startswith(
            "SELECT posts.id AS posts_id, posts.title AS posts_title, anon_1.users_id AS anon_1_users_id FROM"
        )


class TestPaths:
    def test_subquery_below_subquery_goes_back_to_the_statement(self, session: Session) -> None:
        statement = select(User).where(User.id < 4).options(subqueryload(User.posts).subqueryload(Post.tags))
        users, texts = logged(session, statement)
        assert texts[1:] == [
            around(USERS + " WHERE users.id < ?"),
            "SELECT tags.id AS tags_id, tags.name AS tags_name, posts_1.id AS posts_1_id "
            f"FROM ({USERS} WHERE users.id < ?) AS anon_1 JOIN posts AS posts_1 ON anon_1.users_id = posts_1.author_id "
            "JOIN post_tags AS post_tags_1 ON posts_1.id = post_tags_1.post_id "
            "JOIN tags ON tags.id = post_tags_1.tag_id ORDER BY tags.id",
        ]
        assert graph_of(session, users) == tagged(1, 2, 3)

    def test_what_lies_behind_is_loaded_though_the_first_is_there(self, session: Session) -> None:
        users, _ = logged(session, loaded())
        again, texts = logged(session, select(User).options(subqueryload(User.posts).subqueryload(Post.tags)))
        assert len(texts) == 3
        assert graph_of(session, again) == tagged(1, 2, 3, 4, 5)
        assert users[0] is again[0]

    def test_through_a_many_to_one(self, session: Session) -> None:
        statement = select(Post).where(Post.id < 4).options(subqueryload(Post.author).subqueryload(User.posts))
        posts, texts = logged(session, statement)
        assert texts[2].endswith(
            "FROM (SELECT DISTINCT posts.author_id AS posts_author_id FROM posts WHERE posts.id < ?) AS anon_1 "
            "JOIN users AS users_1 ON users_1.id = anon_1.posts_author_id "
            "JOIN posts ON users_1.id = posts.author_id ORDER BY posts.id"
        )
        authors = [p.author for p in posts]
        assert posts_of(session, authors) == expected(*{AUTHOR[p] for p in range(1, 4)})

    @pytest.mark.parametrize("loader", [joinedload, contains_eager])
    def test_below_a_joined_one(self, session: Session, loader: Any) -> None:
        statement = select(User).where(User.id < 4).options(loader(User.posts).subqueryload(Post.tags))
        statement = statement.join(User.posts) if loader is contains_eager else statement
        users, texts = logged(session, statement)
        assert len(texts) == 2
        assert "JOIN posts AS posts_1 ON anon_1.users_id = posts_1.author_id JOIN post_tags" in texts[1]
        assert graph_of(session, users) == tagged(1, 2, 3)

    def test_below_a_joined_one_with_limit(self, session: Session) -> None:
        statement = select(User).options(joinedload(User.posts).subqueryload(Post.tags)).order_by(User.id).limit(2)
        users, texts = logged(session, statement)
        assert f"FROM ({USERS} ORDER BY users.id LIMIT ?) AS anon_1 JOIN posts AS posts_1" in texts[1]
        assert graph_of(session, users) == tagged(1, 2)

    def test_below_selectinload_repeats_its_keys(self, session: Session) -> None:
        for last in (2, 4):
            statement = select(User).where(User.id < last).options(selectinload(User.posts).subqueryload(Post.tags))
            users, texts = logged(session, statement)
            assert len(texts) == 3
            assert "FROM (SELECT posts.id AS posts_id FROM posts WHERE posts.author_id" in texts[2]
            assert graph_of(session, users) == tagged(*range(1, last))

    def test_below_lazyload_repeats_its_statement(self, session: Session) -> None:
        statement = select(User).where(User.id < 4).options(lazyload(User.posts).subqueryload(Post.tags))
        users, _ = logged(session, statement)
        assert {u.id: {p.id: [t.id for t in p.tags] for p in u.posts} for u in users} == tagged(1, 2, 3)

    @pytest.mark.parametrize("loader", ["joinedload", "selectinload"])
    def test_above_others(self, session: Session, loader: str) -> None:
        statement = select(User).options(getattr(subqueryload(User.posts), loader)(Post.tags))
        users, texts = logged(session, statement)
        assert len(texts) == (2 if loader == "joinedload" else 3)
        assert graph_of(session, users) == tagged(1, 2, 3, 4, 5)

    def test_criteria_two_deep(self, session: Session) -> None:
        posts = User.posts.and_(Post.id > 4)
        statement = select(User).options(subqueryload(posts).subqueryload(Post.tags.and_(Tag.id == 2)))
        users, _ = logged(session, statement)
        assert graph_of(session, users) == {
            u: {p: [t for t in ts if t == 2] for p, ts in posts.items() if p > 4}
            for u, posts in tagged(1, 2, 3, 4, 5).items()
        }

    def test_star_loads_everything_once(self, session: Session) -> None:
        users, texts = logged(session, select(User).where(User.id < 3).options(subqueryload("*")))
        assert len(texts) == 3
        assert graph_of(session, users) == tagged(1, 2)


def make_mapping() -> Any:
    """Return fresh classes: a tree loaded two deep, staff in joined tables, a composite key, keys that repeat."""
    Base: Any = declarative_base()

    class Tree(Base):
        __tablename__ = "tree"
        id = Column(Integer, primary_key=True)
        parent_id = Column(ForeignKey("tree.id"))
        children = relationship("Tree", lazy="subquery", join_depth=2, order_by="Tree.id")

    class Person(Base):
        __tablename__ = "person"
        id = Column(Integer, primary_key=True)
        kind = Column(String(10))
        area = Column(String(10))
        __mapper_args__ = {"polymorphic_on": kind, "polymorphic_identity": "person"}
        places = relationship(
            "Place", primaryjoin="Person.area == foreign(Place.area)", viewonly=True, order_by="Place.x"
        )

    class Worker(Person):
        __tablename__ = "worker"
        id = Column(ForeignKey("person.id"), primary_key=True)
        tools = relationship("Tool", lazy="subquery", order_by="Tool.id")
        __mapper_args__ = {"polymorphic_identity": "worker"}

    class Guest(Person):
        __mapper_args__ = {"polymorphic_identity": "guest"}

    class Tool(Base):
        __tablename__ = "tool"
        id = Column(Integer, primary_key=True)
        worker_id = Column(ForeignKey("worker.id"))
        x, y = Column(Integer), Column(Integer)
        __table_args__ = (ForeignKeyConstraint(["x", "y"], ["place.x", "place.y"]),)
        place = relationship("Place", back_populates="tools")

    class Place(Base):
        __tablename__ = "place"
        x, y = Column(Integer, primary_key=True), Column(Integer, primary_key=True)
        area = Column(String(10))
        tools = relationship("Tool", back_populates="place", order_by="Tool.id")
        people = relationship(
            "Person",
            primaryjoin="foreign(Place.area) == Person.area",
            viewonly=True,
            uselist=True,
            order_by="Person.id",
        )

    Base.Tree, Base.Person, Base.Worker, Base.Guest, Base.Tool, Base.Place = Tree, Person, Worker, Guest, Tool, Place
    return Base


class TestMapping:
    @pytest.fixture
    def it(self, engine: Engine) -> Iterator[Any]:
        """The classes, with a session `s` over their rows."""
        base = make_mapping()
        base.metadata.create_all(engine)
        with Session(engine) as s:
            s.add_all([base.Tree(id=i) for i in range(1, 6)])
            s.flush()
            for i in range(2, 6):
                s.get(base.Tree, i).parent_id = i - 1
            s.add_all([base.Place(x=1, y=1, area="a"), base.Place(x=1, y=2, area="b"), base.Place(x=2, y=1, area="b")])
            people = [base.Person(id=1, area="b"), base.Worker(id=2, area="b"), base.Guest(id=3), base.Worker(id=4)]
            s.add_all(people)
            s.flush()
            s.add_all([base.Tool(id=i, worker_id=2 if i < 3 else 4, x=1 + i % 2, y=1) for i in range(1, 4)])
            s.commit()
        with Session(engine) as base.s:
            yield base

    def test_lazy_subquery_ends_at_join_depth(self, it: Any) -> None:
        (root,), texts = logged(it.s, select(it.Tree).where(it.Tree.id == 1))
        assert len(texts) == 3
        third = quiet(it.s, lambda: root.children[0].children[0])
        assert third.id == 3
        assert "children" not in vars(third)

    def test_join_depth_counts_the_whole_path(self, it: Any) -> None:
        _, texts = logged(it.s, select(it.Tree).where(it.Tree.id == 1).options(subqueryload(it.Tree.children)))
        assert len(texts) == 3

    def test_relationship_of_a_subclass(self, it: Any) -> None:
        workers, texts = logged(it.s, select(it.Worker))
        assert "(SELECT worker.id AS worker_id FROM person JOIN worker ON person.id = worker.id) AS anon_1" in texts[1]
        assert quiet(it.s, lambda: {w.id: [t.id for t in w.tools] for w in workers}) == {2: [1, 2], 4: [3]}

    def test_relationship_of_a_class_that_is_selected_along(self, it: Any) -> None:
        all_of = with_polymorphic(it.Person, [it.Worker])
        people, texts = logged(it.s, select(all_of).options(subqueryload(all_of.Worker.tools)))
        assert len(texts) == 2
        assert "FROM person LEFT OUTER JOIN worker ON person.id = worker.id) AS anon_1" in texts[1]
        found = quiet(it.s, lambda: {p.id: [t.id for t in p.tools] for p in people if p.kind == "worker"})
        assert found == {2: [1, 2], 4: [3]}

    def test_relationship_of_a_subclass_that_is_not_selected_is_lazy(self, it: Any) -> None:
        people, texts = logged(it.s, select(it.Person).options(subqueryload(it.Worker.tools)))
        assert len(texts) == 1
        assert [t.id for t in people[1].tools] == [1, 2]

    def test_single_table_subclass_restricts_the_inner_select(self, it: Any) -> None:
        guests, texts = logged(it.s, select(it.Guest).options(subqueryload(it.Guest.places)))
        assert texts[1].count("person.kind IN") == 1
        assert quiet(it.s, lambda: [(g.id, g.places) for g in guests]) == [(3, [])]

    def test_composite_keys(self, it: Any) -> None:
        places, texts = logged(it.s, select(it.Place).options(subqueryload(it.Place.tools)).order_by(it.Place.x))
        assert "JOIN tool ON anon_1.place_x = tool.x AND anon_1.place_y = tool.y ORDER BY tool.id" in texts[1]
        found = quiet(it.s, lambda: {(p.x, p.y): [t.id for t in p.tools] for p in places})
        assert found == {(1, 1): [2], (1, 2): [], (2, 1): [1, 3]}
        tools, _ = logged(it.s, select(it.Tool).options(subqueryload(it.Tool.place)))
        assert quiet(it.s, lambda: [(t.place.x, t.place.y) for t in tools]) == [(2, 1), (1, 1), (2, 1)]

    def test_parents_that_share_what_is_compared(self, it: Any) -> None:
        people, texts = logged(it.s, select(it.Person).options(subqueryload(it.Person.places)).order_by(it.Person.id))
        assert "(SELECT DISTINCT person.area AS person_area FROM person) AS anon_1" in texts[1]
        found = quiet(it.s, lambda: {p.id: [(x.x, x.y) for x in p.places] for p in people})
        assert found == {1: [(1, 2), (2, 1)], 2: [(1, 2), (2, 1)], 3: [], 4: []}
        places, _ = logged(it.s, select(it.Place).options(subqueryload(it.Place.people)))
        found = quiet(it.s, lambda: {(p.x, p.y): [x.id for x in p.people] for p in places})
        assert found == {(1, 1): [], (1, 2): [1, 2], (2, 1): [1, 2]}
