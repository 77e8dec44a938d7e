"""What select() and Query give back: entities, columns, shapes; and Query's methods."""

from __future__ import annotations

import pytest

from pyorm import bindparam, desc, exc, func, literal, or_, select
from pyorm.engine import Engine
from pyorm.orm import Session, aliased, load_only
from tests.conformance.models import Address, User, logged


@pytest.fixture
def filled(users: Engine) -> Engine:
    """Three users; alice has two addresses, bob one."""
    with Session(users) as session:
        session.add_all(
            [
                Address(user_id=1, email="a1@x"),
                Address(user_id=1, email="a2@x"),
                Address(user_id=2, email="b@x"),
            ]
        )
        session.commit()
    return users


@pytest.fixture
def s(filled: Engine):
    """A session on the filled tables."""
    with Session(filled) as session:
        yield session


class TestSelect:
    def test_a_row_has_the_entity_under_its_name(self, s: Session) -> None:
        row = s.execute(select(User).order_by(User.id)).first()
        assert row.User is row[0] and row.User.name == "alice"
        assert row._mapping["User"] is row.User and row._mapping[User] is row.User
        assert row._fields == ("User",)

    @pytest.mark.feature("LOAD17")
    def test_entities_and_columns_stand_side_by_side(self, s: Session) -> None:
        statement = (
            select(User, Address.email, func.upper(User.name).label("big"))
            .join(Address, Address.user_id == User.id)
            .order_by(Address.id)
        )
        rows = s.execute(statement).all()
        assert [(r.User.name, r.email, r.big) for r in rows] == [
            ("alice", "a1@x", "ALICE"),
            ("alice", "a2@x", "ALICE"),
            ("bob", "b@x", "BOB"),
        ]
        assert rows[0].User is rows[1].User
        assert rows[0]._mapping[Address.email] == "a1@x"

    def test_two_entities_in_a_row(self, s: Session) -> None:
        rows = s.execute(
            select(User, Address).join(Address, User.id == Address.user_id).order_by(Address.id)
        ).all()
        assert [(u.name, a.email) for u, a in rows] == [
            ("alice", "a1@x"), ("alice", "a2@x"), ("bob", "b@x"),
        ]
        assert rows[0]._fields == ("User", "Address")

    def test_an_outer_join_gives_none_for_the_missing_entity(self, s: Session) -> None:
        rows = s.execute(
            select(User, Address)
            .outerjoin(Address, User.id == Address.user_id)
            .order_by(User.id, Address.id)
        ).all()
        assert rows[-1].User.name == "carol" and rows[-1].Address is None
        assert len(rows) == 4

    def test_a_self_join_by_an_alias(self, s: Session) -> None:
        older = aliased(User, name="older")
        rows = s.execute(
            select(User, older).join(older, older.age > User.age).order_by(User.id)
        ).all()
        assert [(r.User.name, r.older.name) for r in rows] == [("alice", "bob")]
        assert rows[0].older is s.get(User, 2)
        unnamed = aliased(User)
        assert s.scalars(select(unnamed).where(unnamed.name == "bob")).one() is rows[0].older

    def test_an_alias_of_a_subquery_gives_entities(self, s: Session) -> None:
        inner = select(User).where(User.age > 30).subquery()
        some = aliased(User, inner)
        assert [u.name for u in s.scalars(select(some))] == ["bob"]

    def test_columns_alone_are_named_after_the_attributes(self, s: Session) -> None:
        row = s.execute(select(User.id, User.name.label("title")).order_by(User.id)).first()
        assert row == (1, "alice") and row._fields == ("id", "title") and row.title == "alice"

    def test_parameters_and_clauses(self, s: Session) -> None:
        statement = select(User.name).where(User.name == bindparam("who"))
        assert s.scalar(statement, {"who": "bob"}) == "bob"
        names = select(User.name).where(User.name.in_(["bob", "carol"])).order_by(desc(User.id))
        assert s.scalars(names).all() == ["carol", "bob"]
        assert s.scalars(select(User.name).filter_by(age=30)).all() == ["alice"]
        exists = select(Address.id).where(Address.user_id == User.id).exists()
        assert s.scalars(select(User.name).where(~exists)).all() == ["carol"]
        counts = s.execute(
            select(User.name, func.count(Address.id))
            .outerjoin(Address, Address.user_id == User.id)
            .group_by(User.id, User.name).having(func.count(Address.id) > 0)
            .order_by(User.id)
        ).all()
        assert counts == [("alice", 2), ("bob", 1)]

    def test_a_scalar_subquery_and_a_cte(self, s: Session) -> None:
        number = (
            select(func.count(Address.id)).where(Address.user_id == User.id).scalar_subquery()
        )
        assert s.execute(select(User.name, number.label("n")).order_by(User.id)).all() == [
            ("alice", 2), ("bob", 1), ("carol", 0),
        ]
        old = select(User.id).where(User.age >= 40).cte("old")
        assert [u.name for u in s.scalars(select(User).join(old, old.c.id == User.id))] == ["bob"]

    def test_unique_removes_what_a_join_repeats(self, s: Session) -> None:
        statement = select(User).join(Address, Address.user_id == User.id).order_by(User.id)
        assert [u.id for u in s.scalars(statement)] == [1, 1, 2]
        assert [u.id for u in s.scalars(statement).unique()] == [1, 2]

    def test_one_is_strict(self, s: Session) -> None:
        with pytest.raises(exc.NoResultFound, match="No row was found when one was required"):
            s.scalars(select(User).where(User.id == 99)).one()
        with pytest.raises(exc.MultipleResultsFound, match="Multiple rows were found"):
            s.scalars(select(User)).one()
        assert s.scalars(select(User).where(User.id == 99)).one_or_none() is None
        assert s.scalar(select(User).where(User.id == 1)).name == "alice"

    def test_yield_per_gives_batches(self, s: Session) -> None:
        result = s.scalars(select(User).order_by(User.id).execution_options(yield_per=2))
        assert [[u.id for u in part] for part in result.partitions()] == [[1, 2], [3]]

    def test_populate_existing_overwrites(self, s: Session) -> None:
        alice = s.get(User, 1)
        with s.no_autoflush:
            alice.name = "x"
            s.scalars(select(User)).all()
            assert alice.name == "x"
            s.scalars(select(User).execution_options(populate_existing=True)).all()
        assert alice.name == "alice"

    def test_the_same_statement_twice_is_the_same_objects(self, s: Session) -> None:
        statement = select(User).where(User.id == 1)
        first = s.scalars(statement).one()
        assert s.scalars(statement).one() is first


class TestQuery:
    @pytest.mark.feature("QRY01")
    def test_entities_columns_and_tuples(self, s: Session) -> None:
        assert [u.name for u in s.query(User).order_by(User.id)] == ["alice", "bob", "carol"]
        assert s.query(User.id, User.name).order_by(User.id).first() == (1, "alice")
        row = s.query(User, Address).join(Address, Address.user_id == User.id).order_by(Address.id).first()
        assert row.User.name == "alice" and row.Address.email == "a1@x"

    @pytest.mark.feature("QRY02")
    def test_the_clauses_of_a_query(self, s: Session) -> None:
        q = s.query(User)
        assert q.filter(User.name == "bob", User.age > 1).one().id == 2
        assert q.filter(or_(User.id == 1, User.id == 3)).count() == 2
        assert q.filter_by(name="bob", age=40).one().id == 2
        assert [u.id for u in q.order_by(User.id.desc())] == [3, 2, 1]
        assert [u.id for u in q.order_by(User.id).limit(2).offset(1)] == [2, 3]
        assert q.join(Address, Address.user_id == User.id).filter(Address.email == "b@x").one().id == 2
        outer = q.outerjoin(Address, Address.user_id == User.id).filter(Address.id.is_(None))
        assert outer.one().name == "carol"
        grouped = (
            s.query(Address.user_id, func.count(Address.id))
            .group_by(Address.user_id)
            .having(func.count(Address.id) > 1)
        )
        assert grouped.all() == [(1, 2)]
        assert s.query(Address.user_id).distinct().order_by(Address.user_id).all() == [(1,), (2,)]

    @pytest.mark.feature("QRY03")
    def test_the_ends_of_a_query(self, s: Session) -> None:
        q = s.query(User).order_by(User.id)
        assert len(q.all()) == 3 and q.first().id == 1 and q.count() == 3
        assert q.filter(User.id == 9).first() is None
        assert q.filter(User.id == 9).one_or_none() is None
        with pytest.raises(exc.NoResultFound):
            q.filter(User.id == 9).one()
        with pytest.raises(exc.MultipleResultsFound):
            q.one()
        with pytest.raises(exc.MultipleResultsFound):
            q.one_or_none()
        assert s.query(User.name).filter(User.id == 1).scalar() == "alice"
        with pytest.warns(exc.LegacyAPIWarning, match="Query.get"):
            assert s.query(User).get(1) is q.first()
        assert s.query(q.filter(User.name == "bob").exists()).scalar()
        assert s.query(literal(True)).filter(q.filter(User.id == 9).exists()).scalar() is None

    def test_slices_are_limits(self, s: Session) -> None:
        q = s.query(User).order_by(User.id)
        assert [u.id for u in q[1:3]] == [2, 3]
        assert [u.id for u in q[:1]] == [1] and q[2].id == 3
        assert [u.id for u in q.slice(0, 2)] == [1, 2]
        with pytest.raises(IndexError):
            q[-1]

    def test_other_columns_for_the_same_rows(self, s: Session) -> None:
        q = s.query(User).filter(User.id == 1)
        assert q.with_entities(User.name).all() == [("alice",)]
        assert q.add_columns(User.age).all()[0][1] == 30
        assert q.with_entities(func.count()).scalar() == 1
        with pytest.warns(exc.LegacyAPIWarning), pytest.raises(exc.InvalidRequestError):
            s.query(User).filter(User.id > 0).get(1)

    def test_a_subquery_joins_back(self, s: Session) -> None:
        counts = (
            s.query(Address.user_id, func.count(Address.id).label("n"))
            .group_by(Address.user_id)
            .subquery()
        )
        rows = s.query(User.name, counts.c.n).join(counts, counts.c.user_id == User.id).order_by(User.id).all()
        assert rows == [("alice", 2), ("bob", 1)]
        label = s.query(func.max(User.age)).scalar_subquery()
        assert s.query(User).filter(User.age == label).one().name == "bob"

    @pytest.mark.feature("QRY04")
    def test_update_and_delete_change_rows_and_objects(self, s: Session) -> None:
        alice, carol = s.get(User, 1), s.get(User, 3)
        assert s.query(User).filter(User.id == 1).update({"name": "alicia"}) == 1
        assert alice.name == "alicia"
        assert s.query(User).filter(User.age == 30).update({User.age: User.age + 1}) == 1
        assert alice.age == 31
        assert s.query(User).filter(User.id == 3).delete() == 1
        assert carol not in s and s.get(User, 3) is None
        assert s.query(User).update({"age": 5}, synchronize_session="fetch") == 2
        assert alice.age == 5
        assert s.query(User).filter(User.id == 1).update({"age": 6}, synchronize_session=False) == 1
        assert alice.age == 5
        s.expire(alice)
        assert alice.age == 6

    def test_options_and_controls(self, s: Session) -> None:
        from pyorm import inspect

        alice = s.query(User).options(load_only(User.name)).filter(User.id == 1).one()
        assert inspect(alice).unloaded == {"age"}
        s.query(User).populate_existing().all()
        assert inspect(alice).unloaded == set()
        assert s.query(User).with_for_update().filter(User.id == 1).one() is alice
        assert [u.id for u in s.query(User).order_by(User.id).yield_per(2)] == [1, 2, 3]
        s.add(User(name="pending"))
        assert s.query(User).autoflush(False).count() == 3
        assert s.query(User).execution_options(autoflush=False).count() == 3
        assert s.query(User).count() == 4

    def test_params_and_select_from(self, s: Session) -> None:
        assert s.query(User).filter(User.name == bindparam("n")).params(n="carol").one().id == 3
        joined = s.query(User.name).select_from(Address).join(User, User.id == Address.user_id)
        assert joined.filter(Address.email == "b@x").scalar() == "bob"

    def test_one_statement_runs_for_each_end(self, s: Session, filled: Engine) -> None:
        q = s.query(User).order_by(User.id)
        with logged(filled) as words:
            q.all()
            q.first()
            q.count()
        assert words == ["SELECT"] * 3

    def test_a_query_of_nothing_is_refused(self, s: Session) -> None:
        with pytest.raises(exc.InvalidRequestError, match="Query contains no columns"):
            s.query().all()
