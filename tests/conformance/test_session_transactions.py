"""Transactions of a Session: commit, rollback, savepoints, failed flushes, joined connections."""

from __future__ import annotations

import gc
import threading
import weakref

import pytest

from pyorm import create_engine, exc, inspect, select, text
from pyorm.orm import Session, close_all_sessions, scoped_session, sessionmaker
from tests.conformance.session_models import Base, Pet, state_of


@pytest.fixture(autouse=True)
def tables(engine) -> None:
    Base.metadata.create_all(engine)


@pytest.fixture
def session(engine):
    with Session(engine) as made:
        yield made


def names(engine) -> list[str]:
    with engine.connect() as connection:
        return list(connection.scalars(select(Pet.__table__.c.name).order_by(Pet.__table__.c.id)))


@pytest.mark.feature("SES07")
def test_commit_keeps_and_rollback_drops_what_was_added(engine, session) -> None:
    session.add(Pet(name="kept"))
    session.commit()
    session.add(Pet(name="dropped"))
    session.flush()
    session.rollback()

    assert names(engine) == ["kept"]


@pytest.mark.feature("SES18")
def test_rollback_gives_back_the_states_of_all_instances(session) -> None:
    old, doomed = Pet(id=1, name="old"), Pet(id=2, name="doomed")
    session.add_all([old, doomed])
    session.commit()

    new = Pet(id=3, name="new")
    session.add(new)
    session.delete(doomed)
    old.name = "changed"
    session.flush()
    session.rollback()

    assert [state_of(x) for x in (old, doomed, new)] == ["persistent", "persistent", "transient"]
    assert old.name == "old" and doomed.name == "doomed" and new.name == "new"


def test_rollback_gives_back_a_changed_primary_key(session) -> None:
    pet = Pet(id=1, name="a")
    session.add(pet)
    session.commit()
    pet.id = 9
    session.flush()
    assert inspect(pet).key[1] == (9,)

    session.rollback()

    assert inspect(pet).key[1] == (1,) and pet.id == 1 and session.get(Pet, 1) is pet


@pytest.mark.feature("SES17")
def test_savepoint_gives_back_only_what_was_touched_since(session) -> None:
    outer, other = Pet(id=1, name="outer"), Pet(id=2, name="other")
    session.add_all([outer, other])
    session.flush()

    with pytest.raises(ValueError), session.begin_nested():
        inner = Pet(id=3, name="inner")
        session.add(inner)
        other.name = "changed"
        session.flush()
        raise ValueError

    assert [state_of(x) for x in (outer, other, inner)] == ["persistent", "persistent", "transient"]
    assert set(vars(outer)) == {"_sa_instance_state", "id", "name"}
    assert set(vars(other)) == {"_sa_instance_state"} and other.name == "other"
    session.commit()
    assert session.scalars(select(Pet.name).order_by(Pet.id)).all() == ["outer", "other"]


def test_released_savepoint_is_undone_with_the_transaction(session) -> None:
    with session.begin_nested():
        pet = Pet(id=1, name="a")
        session.add(pet)

    session.rollback()

    assert state_of(pet) == "transient"


def test_many_savepoints_keep_apart_what_each_has_written(session) -> None:
    kept = Pet(id=1, name="kept")
    session.add(kept)
    session.flush()
    for number in range(600):
        with session.begin_nested():
            kept.age = number
    nested = session.begin_nested()
    gone = Pet(id=2, name="gone")
    session.add(gone)
    session.flush()
    nested.rollback()

    assert state_of(kept) == "persistent" and kept.age == 599 and state_of(gone) == "transient"
    session.rollback()
    assert state_of(kept) == "transient"


@pytest.mark.feature("SES19")
def test_failed_flush_loses_nothing_and_says_why_until_rollback(engine, session) -> None:
    session.add(Pet(id=1, name="same"))
    session.commit()
    first, second = Pet(id=2, name="same"), Pet(id=3, name="fine")
    session.add_all([first, second])

    with pytest.raises(exc.IntegrityError) as caught:
        session.flush()

    assert [state_of(x) for x in (first, second)] == ["pending", "pending"]
    assert not session.is_active
    with pytest.raises(exc.PendingRollbackError, match="rolled back due to a previous exception during flush") as later:
        session.scalars(select(Pet)).all()
    assert later.value.__cause__ is caught.value
    session.rollback()
    assert (first.name, second.name) == ("same", "fine") and session.is_active
    session.add(second)
    session.commit()
    assert names(engine) == ["same", "fine"]


def test_failed_flush_in_a_savepoint_leaves_the_outer_transaction_usable(engine, session) -> None:
    session.add(Pet(id=1, name="same"))
    session.flush()
    with pytest.raises(exc.IntegrityError), session.begin_nested():
        session.add(Pet(id=2, name="same"))

    session.add(Pet(id=3, name="later"))
    session.commit()
    assert names(engine) == ["same", "later"]


def test_blocks_refuse_statements_when_their_transaction_has_ended(session) -> None:
    with session.begin() as transaction:
        transaction.commit()
        with pytest.raises(exc.InvalidRequestError, match="closed transaction inside context manager"):
            session.execute(text("SELECT 1"))
    assert session.scalar(text("SELECT 1")) == 1


def test_begin_is_refused_when_a_transaction_is_begun(session) -> None:
    session.begin()
    with pytest.raises(exc.InvalidRequestError, match="A transaction is already begun on this Session"):
        session.begin()


def test_autobegin_can_be_turned_off(engine) -> None:
    with Session(engine, autobegin=False) as session:
        with pytest.raises(exc.InvalidRequestError, match="Autobegin is disabled"):
            session.add(Pet(name="x"))
        with session.begin():
            session.add(Pet(name="x"))
    assert names(engine) == ["x"]


@pytest.mark.feature("SES15")
@pytest.mark.parametrize(
    ("mode", "kept"),
    [("conditional_savepoint", False), ("rollback_only", False), ("create_savepoint", False), ("control_fully", True)],
)
def test_session_takes_part_in_a_connections_transaction(engine, mode: str, kept: bool) -> None:
    with engine.connect() as connection:
        transaction = connection.begin()
        with Session(connection, join_transaction_mode=mode) as session:
            session.add(Pet(name="x"))
            session.commit()
        if transaction.is_active:
            transaction.rollback()

    assert names(engine) == (["x"] if kept else [])


@pytest.mark.feature("SES08")
def test_queries_flush_first_unless_told_otherwise(session) -> None:
    session.add(Pet(name="x"))
    with session.no_autoflush:
        assert session.scalars(select(Pet)).all() == []
    assert [pet.name for pet in session.scalars(select(Pet))] == ["x"]


def test_flush_inside_a_flush_is_refused(session) -> None:
    from pyorm import event

    seen: list[str] = []

    def before_flush(inner, context, instances) -> None:
        with pytest.raises(exc.InvalidRequestError) as caught:
            inner.flush()
        seen.append(str(caught.value))

    event.listen(session, "before_flush", before_flush)
    session.add(Pet(name="x"))
    session.flush()

    assert seen == ["Session is already flushing"]


@pytest.mark.feature("SES20")
def test_second_thread_is_refused_when_a_call_is_running(engine) -> None:
    from pyorm import event

    inside, leave, errors = threading.Event(), threading.Event(), []
    session = Session(engine)

    @event.listens_for(session, "before_flush")
    def wait(*args) -> None:
        inside.set()
        leave.wait(10)

    def other() -> None:
        inside.wait(10)
        try:
            session.execute(text("SELECT 1"))
        except exc.ConcurrentSessionUse as error:
            errors.append(str(error))
        leave.set()

    thread = threading.Thread(target=other)
    thread.start()
    session.add(Pet(name="x"))
    session.flush()
    thread.join()
    session.close()

    assert len(errors) == 1 and "in use by another thread" in errors[0]


@pytest.mark.feature("SES02")
def test_sessionmaker_commits_at_the_end_of_begin(engine) -> None:
    factory = sessionmaker(engine, info={"a": 1})
    with factory.begin() as session:
        session.add(Pet(name="x"))
        assert session.info == {"a": 1}
    with pytest.raises(ValueError), factory.begin() as session:
        session.add(Pet(name="y"))
        raise ValueError
    factory.configure(expire_on_commit=False)

    assert names(engine) == ["x"] and factory().expire_on_commit is False


@pytest.mark.feature("SES03")
def test_scoped_session_is_one_per_thread(engine) -> None:
    scope = scoped_session(sessionmaker(engine))
    mine = scope()
    others: list[object] = []
    thread = threading.Thread(target=lambda: (others.append(scope()), scope.remove()))
    thread.start()
    thread.join()

    scope.add(Pet(name="x"))
    scope.commit()

    assert scope() is mine and others[0] is not mine
    with pytest.raises(exc.InvalidRequestError, match="already present"):
        scope(autoflush=False)
    scope.remove()
    assert scope() is not mine and names(engine) == ["x"]
    scope.remove()


@pytest.mark.feature("SES22")
def test_close_all_sessions_detaches_their_instances(engine) -> None:
    session = Session(engine)
    pet = Pet(name="x")
    session.add(pet)
    session.commit()

    close_all_sessions()

    assert state_of(pet) == "detached" and not session.in_transaction()


@pytest.mark.feature("SES14")
def test_binds_choose_the_engine_by_mapper(engine) -> None:
    with Session(binds={Pet: engine}) as session:
        session.add(Pet(name="x"))
        session.commit()
        assert session.get_bind(Pet) is engine
        with pytest.raises(exc.UnboundExecutionError, match="SQL expression"):
            session.execute(text("SELECT 1"))
        with pytest.raises(exc.UnboundExecutionError, match="not bound to a single Engine"):
            session.connection()


def test_subclass_chooses_the_engine_by_get_bind(engine) -> None:
    asked: list[object] = []

    class Routing(Session):
        def get_bind(self, mapper=None, *, clause=None, **kw):
            asked.append((mapper is not None, clause is not None))
            return engine

    with Routing() as session:
        session.add(Pet(id=1, name="x"))
        session.commit()
        assert session.get(Pet, 1).name == "x"
        session.execute(select(Pet)).all()
    with Session() as session:
        session.bind_table(Pet.__table__, engine)
        assert session.scalar(select(Pet.name)) == "x"

    assert (True, False) in asked and (True, True) in asked


def test_wrong_options_are_refused(engine) -> None:
    with pytest.raises(exc.ArgumentError, match="invalid selection for join_transaction_mode"):
        Session(engine, join_transaction_mode="x")
    with pytest.raises(TypeError, match="unexpected keyword argument 'foo'"):
        Session(engine, foo=1)
    with pytest.raises(exc.ArgumentError, match="explicitly declared as text"):
        Session(engine).execute("SELECT 1")


def test_one_round_trip_when_a_session_gets_one_row(pg_url) -> None:
    engine = create_engine(pg_url)
    Base.metadata.drop_all(engine)
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add(Pet(id=1, name="x"))
        session.commit()
        session.get(Pet, 1)
    with engine.connect() as connection:
        before = connection.connection.dbapi_connection._waits

    with Session(engine) as session:
        assert session.get(Pet, 1).name == "x"
        after = session.connection().connection.dbapi_connection._waits

    engine.dispose()
    assert after - before == 1


def test_transaction_keeps_its_session_alive_until_its_end(engine) -> None:
    transaction = Session(engine).begin()
    session = weakref.ref(transaction.session)
    gc.collect()

    transaction.session.add(Pet(id=1, name="Rex"))
    transaction.commit()

    assert session() is None and transaction.session is None
    with Session(engine) as reader:
        assert reader.scalars(select(Pet.name)).all() == ["Rex"]


def test_session_is_collected_when_its_transaction_is_forgotten(engine) -> None:
    session = Session(engine)
    session.begin()
    session.begin_nested()
    session.add(Pet(id=1, name="Rex"))
    gone = weakref.ref(session)
    del session
    gc.collect()

    assert gone() is None


def test_session_goes_at_once_when_nobody_called_begin(engine) -> None:
    session = Session(engine)
    session.scalars(select(Pet.name)).all()
    gone = weakref.ref(session)

    del session

    assert gone() is None


@pytest.mark.parametrize("again", [False, True])
def test_instance_is_transient_when_its_insert_is_rolled_back_after_expunge(session, again) -> None:
    pet = Pet(name="Rex", age=3)
    session.add(pet)
    session.flush()
    session.expunge(pet)
    assert state_of(pet) == "detached"
    if again:
        session.add(pet)

    session.rollback()

    assert state_of(pet) == "transient" and inspect(pet).key is None
    assert (pet.name, pet.age) == ("Rex", 3)


def test_instance_stays_detached_when_its_insert_is_committed_after_expunge(session) -> None:
    outer, inner = Pet(name="Rex"), Pet(name="Tom")
    session.add(outer)
    with session.begin_nested():
        session.add(inner)
        session.flush()
        session.expunge_all()
    session.commit()

    assert state_of(outer) == state_of(inner) == "detached"


def test_only_what_the_savepoint_inserted_is_transient_when_it_is_rolled_back(session) -> None:
    outer, inner = Pet(name="Rex"), Pet(name="Tom")
    session.add(outer)
    savepoint = session.begin_nested()
    session.add(inner)
    session.flush()
    session.expunge(outer)
    session.expunge(inner)

    savepoint.rollback()
    assert (state_of(outer), state_of(inner)) == ("detached", "transient")
    session.rollback()

    assert state_of(outer) == "transient"


def test_outer_transaction_is_usable_when_a_flush_failed_in_a_savepoint(engine, session) -> None:
    session.add(Pet(name="Rex"))
    savepoint = session.begin_nested()
    double = Pet(name="Rex", age=4)
    session.add(double)
    with pytest.raises(exc.IntegrityError):
        session.flush()
    with pytest.raises(exc.PendingRollbackError):
        session.execute(text("SELECT 1"))

    savepoint.rollback()
    session.add(Pet(name="Tom"))
    session.commit()

    assert names(engine) == ["Rex", "Tom"]
    assert state_of(double) == "transient" and (double.name, double.age) == ("Rex", 4)


def test_values_stay_when_a_failed_flush_is_rolled_back(session) -> None:
    kept = Pet(name="Rex", age=1)
    session.add(kept)
    session.commit()
    kept.age = 77
    fresh, double = Pet(name="Tom", age=8), Pet(name="Rex", age=9)
    session.add_all([fresh, double])

    with pytest.raises(exc.IntegrityError):
        session.flush()
    session.rollback()

    assert (fresh.name, fresh.age, fresh.id) == ("Tom", 8, None)
    assert (double.name, double.age, double.id) == ("Rex", 9, None)
    assert state_of(fresh) == state_of(double) == "transient"
    assert kept.age == 1
