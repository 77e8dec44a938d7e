"""Where an instance stands: transient, pending, persistent, deleted, detached; get and refresh."""

from __future__ import annotations

import gc
import weakref

import pytest

from pyorm import exc, inspect, select, text
from pyorm.orm import (
    Session,
    make_transient,
    make_transient_to_detached,
    object_session,
    was_deleted,
)
from pyorm.orm.exc import DetachedInstanceError, ObjectDeletedError, UnmappedInstanceError
from tests.conformance.session_models import Base, Pet, state_of


@pytest.fixture(autouse=True)
def tables(engine) -> None:
    Base.metadata.create_all(engine)


@pytest.fixture
def session(engine):
    with Session(engine) as made:
        yield made


@pytest.fixture
def pet(session) -> Pet:
    made = Pet(id=1, name="Rex", age=3)
    session.add(made)
    session.commit()
    return made


@pytest.mark.feature("ATTR03")
def test_instance_walks_through_all_states_when_it_is_added_deleted_and_committed(session) -> None:
    made = Pet(name="Rex")
    seen = [state_of(made)]
    for step in (lambda: session.add(made), session.flush, lambda: session.delete(made), session.flush, session.commit):
        step()
        seen.append(state_of(made))

    assert seen == ["transient", "pending", "persistent", "persistent", "deleted", "detached"]
    assert was_deleted(made)


@pytest.mark.feature("SES13")
def test_sets_show_what_the_next_flush_does(session, pet) -> None:
    new, gone = Pet(id=8, name="Tom"), Pet(id=9, name="Kim")
    session.add(gone)
    session.flush()

    session.add(new)
    session.delete(gone)
    pet.age = 4

    assert list(session.new) == [new]
    assert list(session.dirty) == [pet]
    assert list(session.deleted) == [gone]
    assert pet in session and new in session and session.is_modified(pet)
    assert session.identity_map[inspect(pet).key] is pet
    assert {id(x) for x in session} == {id(x) for x in (new, pet, gone)}


def test_value_set_and_set_back_is_dirty_but_not_modified(session, pet) -> None:
    pet.age = pet.age

    assert pet in session.dirty and not session.is_modified(pet)


@pytest.mark.feature("ATTR02")
def test_unreferenced_instance_leaves_the_session_and_a_changed_one_stays(session) -> None:
    session.add_all([Pet(id=1, name="a"), Pet(id=2, name="b")])
    session.commit()
    kept, dropped = session.get(Pet, 1), session.get(Pet, 2)
    kept.age = 9
    watched = [weakref.ref(kept), weakref.ref(dropped)]

    del kept, dropped
    gc.collect()

    assert [ref() is not None for ref in watched] == [True, False]
    session.commit()
    assert session.get(Pet, 1).age == 9


def test_add_is_refused_when_the_instance_belongs_to_another_session(engine, session, pet) -> None:
    with Session(engine) as other, pytest.raises(exc.InvalidRequestError, match="already attached to session"):
        other.add(pet)


def test_add_is_refused_when_another_instance_has_the_identity(session, pet) -> None:
    double = Pet(id=1, name="double")
    make_transient_to_detached(double)

    with pytest.raises(exc.InvalidRequestError, match="another instance with key"):
        session.add(double)


def test_unmapped_objects_are_refused_by_name(session) -> None:
    with pytest.raises(UnmappedInstanceError, match=r"Class 'builtins\.int' is not mapped"):
        session.add(3)
    with pytest.raises(UnmappedInstanceError, match="was a class"):
        session.delete(Pet)


def test_delete_is_refused_when_the_instance_was_never_saved(session) -> None:
    with pytest.raises(exc.InvalidRequestError, match="is not persisted"):
        session.delete(Pet(name="x"))


@pytest.mark.feature("SES12")
def test_expunged_instance_is_detached_and_can_come_back(engine, session, pet) -> None:
    pet.name  # noqa: B018
    session.expunge(pet)
    assert state_of(pet) == "detached" and object_session(pet) is None

    pet.age = 7
    with Session(engine) as other:
        other.add(pet)
        other.commit()
        assert other.scalar(select(Pet.age)) == 7


def test_detached_instance_says_so_when_an_expired_value_is_read(session, pet) -> None:
    session.close()

    with pytest.raises(DetachedInstanceError, match="is not bound to a Session"):
        pet.name  # noqa: B018


@pytest.mark.feature("SES05")
def test_get_asks_the_database_only_once(session, pet) -> None:
    session.expunge_all()
    found = session.get(Pet, 1)

    session.execute(text("DELETE FROM pets"))

    assert session.get(Pet, 1) is found
    assert session.get(Pet, (1,)) is found and session.get(Pet, {"id": 1}) is found
    assert session.get(Pet, 2) is None
    with pytest.raises(exc.NoResultFound, match="No row was found when one was required"):
        session.get_one(Pet, 2)


def test_get_gives_none_when_the_expired_row_is_gone(session, pet) -> None:
    session.execute(text("DELETE FROM pets"))

    assert session.get(Pet, 1) is None
    assert state_of(pet) == "deleted"


def test_get_refuses_identities_of_another_shape(session) -> None:
    with pytest.raises(exc.InvalidRequestError, match="Incorrect number of values in identifier"):
        session.get(Pet, (1, 2))
    with pytest.raises(exc.InvalidRequestError, match="primary key attribute names are 'id'"):
        session.get(Pet, {"name": "Rex"})
    with pytest.warns(exc.SAWarning, match="fully NULL primary key"):
        assert session.get(Pet, None) is None


@pytest.mark.feature("SES11")
def test_refresh_and_expire_load_what_others_wrote(session, pet) -> None:
    assert pet.age == 3
    session.execute(text("UPDATE pets SET age = 5, name = 'Max'"))
    assert (pet.name, pet.age) == ("Rex", 3)

    session.refresh(pet, ["age"])
    assert (pet.name, pet.age) == ("Rex", 5)
    session.expire(pet, ["name"])
    assert pet.name == "Max"
    pet.name = "lost"
    session.expire_all()
    assert pet.name == "Max"


@pytest.mark.feature("ATTR09")
def test_reading_an_expired_value_raises_when_the_row_is_gone(session, pet) -> None:
    session.execute(text("DELETE FROM pets"))

    with pytest.raises(ObjectDeletedError, match="has been deleted, or its row is otherwise not present"):
        pet.name  # noqa: B018
    with pytest.raises(exc.InvalidRequestError, match="Could not refresh instance"):
        session.refresh(pet)


@pytest.mark.feature("ATTR10")
def test_transient_again_means_a_new_row(session, pet) -> None:
    pet.name  # noqa: B018
    make_transient(pet)
    pet.id, pet.name = 2, "Copy"
    session.add(pet)
    session.commit()

    assert session.scalars(select(Pet.name).order_by(Pet.id)).all() == ["Rex", "Copy"]


def test_merge_copies_values_onto_the_sessions_own_instance(session, pet) -> None:
    merged = session.merge(Pet(id=1, name="Merged"))

    assert merged is pet and pet.name == "Merged" and pet.age == 3
    assert session.merge(Pet(id=5, name="New")) in session.new


def test_bulk_methods_write_rows_without_instances(session) -> None:
    session.bulk_insert_mappings(Pet, [{"id": 1, "name": "a"}, {"id": 2, "name": "b", "age": 2}])
    session.bulk_update_mappings(Pet, [{"id": 1, "age": 1}])
    session.bulk_save_objects([Pet(id=3, name="c", age=3)])
    session.commit()

    assert session.execute(select(Pet.id, Pet.age).order_by(Pet.id)).all() == [(1, 1), (2, 2), (3, 3)]


def test_instances_follow_update_and_delete_statements(session, pet) -> None:
    from pyorm import delete, update

    assert pet.age == 3
    session.execute(update(Pet).where(Pet.id == 1).values(age=8))
    assert pet.age == 8
    session.execute(delete(Pet).where(Pet.id == 1))
    assert pet not in session and state_of(pet) == "deleted"
