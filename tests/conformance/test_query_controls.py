"""Query: controls, reshaping and the uniquing of one entity; names of a result's columns."""

from __future__ import annotations

from typing import Any

import pytest

from pyorm import LABEL_STYLE_NONE, event, func, inspect, literal, select, text
from pyorm.engine import Engine
from pyorm.exc import InvalidRequestError, LegacyAPIWarning
from pyorm.orm import Session, aliased, contains_eager, joinedload
from tests.conformance import blog
from tests.conformance.blog import Post, User

IDS = [1, 2, 3, 4, 5]


@pytest.fixture
def session(engine: Engine) -> Any:
    blog.fill(engine)
    with Session(engine) as made:
        yield made


def statements(session: Session) -> list[str]:
    sent: list[str] = []

    def note(conn: Any, cursor: Any, statement: str, *rest: Any) -> None:
        sent.append(" ".join(statement.split()))

    event.listen(session.get_bind(), "before_cursor_execute", note)
    return sent


@pytest.mark.feature("QRY06")
class TestControls:
    def test_options_choose_what_is_loaded_along(self, session: Session) -> None:
        user = session.query(User).options(joinedload(User.posts)).filter_by(id=2).one()
        assert [post.id for post in vars(user)["posts"]] == blog.posts_of(2)

    def test_enable_eagerloads_leaves_them_for_later(self, session: Session) -> None:
        query = session.query(User).options(joinedload(User.posts)).order_by(User.id)
        users = query.enable_eagerloads(False).all()
        assert [user.id for user in users] == IDS and "posts" in inspect(users[0]).unloaded
        assert "JOIN" not in str(query.enable_eagerloads(False))

    def test_populate_existing_overwrites(self, session: Session) -> None:
        user = session.get_one(User, 1)
        with session.no_autoflush:
            user.name = "here"
            assert session.query(User).filter_by(id=1).one().name == "here"
            assert session.query(User).populate_existing().filter_by(id=1).one().name == "u1"

    def test_with_for_update_locks_where_the_database_can(self, session: Session) -> None:
        sent = statements(session)
        query = session.query(User).order_by(User.id)
        assert [user.id for user in query.with_for_update(nowait=True)] == IDS
        assert sent[-1].endswith(" FOR UPDATE NOWAIT") == (session.get_bind().dialect.name == "postgresql")
        assert [user.id for user in query.with_for_update(read=True)] == IDS

    def test_yield_per_gives_the_same_rows(self, session: Session) -> None:
        assert [user.id for user in session.query(User).order_by(User.id).yield_per(2)] == IDS

    def test_execution_options_add_up(self, session: Session) -> None:
        query = session.query(User).execution_options(a=1).execution_options(b=2)
        assert dict(query.get_execution_options()) == {"a": 1, "b": 2}


@pytest.mark.feature("QRY07")
class TestReshaping:
    def test_columns_are_added_and_replaced(self, session: Session) -> None:
        query = session.query(User).order_by(User.id).limit(2)
        assert [(user.id, name) for user, name in query.add_columns(User.name)] == [(1, "u1"), (2, "u2")]
        assert query.with_entities(User.id, User.name).all() == [(1, "u1"), (2, "u2")]

    def test_select_from_is_the_left_side(self, session: Session) -> None:
        query = session.query(Post.id).select_from(User).join(Post, User.posts).filter(User.id == 2)
        assert sorted(query.all()) == [(n,) for n in blog.posts_of(2)]

    def test_from_statement_and_params_bind_late(self, session: Session) -> None:
        table = User.__tablename__
        raw = session.query(User).from_statement(text(f"SELECT * FROM {table} WHERE id = :x"))
        assert [user.id for user in raw.params(x=2)] == [2]
        query = session.query(User).filter(text(f"{table}.id > :x")).order_by(User.id)
        assert [user.id for user in query.params(x=3)] == [user.id for user in query.params({"x": 3})] == [4, 5]

    def test_with_parent_finds_children(self, session: Session) -> None:
        user = session.get_one(User, 2)
        for arguments in ({}, {"property": User.posts}):
            with pytest.warns(LegacyAPIWarning, match="with_parent"):
                query = session.query(Post).with_parent(user, **arguments)
            assert sorted(post.id for post in query) == blog.posts_of(2)

    def test_value_and_values_are_columns(self, session: Session) -> None:
        query = session.query(User).order_by(User.id)
        assert query.filter_by(id=2).value(User.name) == "u2"
        assert [tuple(row) for row in query.limit(2).values(User.id, User.name)] == [(1, "u1"), (2, "u2")]

    def test_slices_are_limit_and_offset(self, session: Session) -> None:
        query = session.query(User.id).order_by(User.id)
        ids = [(n,) for n in IDS]
        assert query.slice(1, 3).all() == query[1:3] == ids[1:3]
        assert (query[0], query[3:], query[:2], query[0:4:2]) == (ids[0], ids[3:], ids[:2], ids[0:4:2])
        assert query.limit(3).slice(1, 2).all() == ids[1:2]
        with pytest.raises(IndexError):
            query[77]
        with pytest.raises(IndexError, match="negative"):
            query[-1]


@pytest.mark.feature("QRY09")
class TestUniquing:
    def test_one_entity_is_there_once_when_collections_are_joined(self, session: Session) -> None:
        query = session.query(User).options(joinedload(User.posts)).order_by(User.id)
        assert [user.id for user in query.all()] == [user.id for user in query] == IDS
        assert query.first().id == 1 and query.filter_by(id=2).one().id == 2
        contained = session.query(User).join(User.posts).options(contains_eager(User.posts))
        assert len(contained.all()) == len({*blog.AUTHOR.values()})

    def test_one_entity_is_there_once_when_the_program_joins(self, session: Session) -> None:
        assert len(session.query(User).join(User.posts).all()) == len({*blog.AUTHOR.values()})

    def test_several_items_keep_their_rows(self, session: Session) -> None:
        query = session.query(User, Post).join(User.posts).options(joinedload(User.posts))
        assert len(query.all()) == len(blog.AUTHOR)
        assert len(session.query(User.id).join(User.posts).all()) == len(blog.AUTHOR)

    def test_a_select_asks_for_unique(self, session: Session) -> None:
        with pytest.raises(InvalidRequestError, match=r"unique\(\)"):
            session.scalars(select(User).options(joinedload(User.posts))).all()


def test_descriptions_name_the_class_of_an_alias(session: Session) -> None:
    other = aliased(Post, name="other")
    first, second = session.query(User, other).column_descriptions
    assert (first["type"], first["entity"], first["aliased"]) == (User, User, False)
    assert (second["name"], second["type"], second["entity"], second["aliased"]) == ("other", Post, other, True)


class TestKeys:
    def test_equal_names_are_numbered_in_statements(self, session: Session) -> None:
        result = session.execute(select(User.id, Post.id, func.count()).join(User.posts).group_by(User.id, Post.id))
        assert list(result.keys()) == ["id", "id_1", "count"] and len(result.keys()) == 3
        row = result.first()
        assert row is not None and (row.id, row.id_1) == (row[0], row[1])

    def test_columns_of_equal_names_are_told_apart_by_themselves(self, session: Session) -> None:
        user, post = User.__table__, Post.__table__
        first = blog.posts_of(2)[0]
        joined = select(user.c.id, post.c.id).join(post, post.c.author_id == user.c.id).where(post.c.id == first)
        for style in (joined, joined.set_label_style(LABEL_STYLE_NONE)):
            row = session.connection().execute(style).one()
            assert (row._mapping[user.c.id], row._mapping[post.c.id]) == (2, blog.posts_of(2)[0])
        with pytest.raises(InvalidRequestError, match="Ambiguous column name 'id'"):
            _ = row.id

    @pytest.mark.parametrize(
        "statement",
        [text("SELECT 1 AS x, 2 AS x"), select(literal(1).label("x"), literal(2).label("x"))],
        ids=["text", "labels"],
    )
    def test_a_name_that_two_columns_have_is_ambiguous(self, session: Session, statement: Any) -> None:
        connection = session.connection()
        result = connection.execute(statement)
        if not isinstance(statement, type(text(""))):
            with pytest.raises(InvalidRequestError, match="Ambiguous column name 'x'"):
                connection.execute(statement).columns("x")
            row = result.one()
            with pytest.raises(InvalidRequestError, match="Ambiguous column name 'x'"):
                _ = row.x
            with pytest.raises(InvalidRequestError, match="Ambiguous column name 'x'"):
                _ = row._mapping["x"]
        else:
            assert list(result.keys()) == ["x", "x"] and tuple(result.one()) == (1, 2)

    def test_keys_are_a_view_like_those_of_a_dict(self, session: Session) -> None:
        keys = session.connection().execute(text("SELECT 1 AS a, 2 AS b")).keys()
        assert "a" in keys and "z" not in keys and list(keys) == ["a", "b"] == keys
        assert repr(keys) == "RMKeyView(['a', 'b'])"
        assert keys | {"z"} == {"a", "b", "z"} and {"z"} | keys == {"a", "b", "z"}
        assert keys & {"a", "z"} == {"a"} and keys - {"a"} == {"b"} and {"a", "z"} - keys == {"z"}
        assert keys ^ ["a", "z"] == {"b", "z"} and type(keys | ["z"]) is set
        with pytest.raises(TypeError):
            keys | 5
