"""Reading, writing and deleting attributes: loading, history, validators."""

from __future__ import annotations

from typing import Any

import pytest

from pyorm import _core, _coretest, exc
from pyorm.orm import exc as orm_exc
from pyorm.orm._symbols import HISTORY_BLANK, NO_VALUE, History, PassiveFlag
from tests.orm.mapping import Probe, make_class, map_class, slot


def history(obj: Any, key: str, passive: int = PassiveFlag.PASSIVE_OFF) -> History:
    core = _coretest if isinstance(obj, _coretest.Entity) else _core
    found: History = core.get_history(obj, key, passive)
    return found


class Setup:
    """A mapped class with a probe session, and one loaded instance."""

    def __init__(self) -> None:
        self.probe = Probe()
        self.session = _coretest.orm_session_new(self.probe)
        self.cls = make_class(
            "id",
            "name",
            slot("big", flags="d"),
            slot("secret", flags="dr"),
            slot("version", flags="a"),
            slot("parent", kind="relation"),
            core=_coretest,
        )
        row = {"id": 1, "name": "ed", "version": 1}
        self.user = _coretest.orm_load(self.session, self.cls, (1,), row)

    @property
    def state(self) -> Any:
        return _coretest.instance_state(self.user)


@pytest.fixture
def setup() -> Setup:
    return Setup()


# --- transient instances ----------------------------------------------------------------


def test_unset_attribute_is_none_and_stays_unset_when_read() -> None:
    user = make_class()()

    assert user.name is None
    assert user._sa_instance_state.committed_state == {}
    assert history(user, "name") == HISTORY_BLANK


def test_set_records_no_value_as_the_old_one_when_transient() -> None:
    user = make_class()(name="a")
    user.name = "b"

    assert user._sa_instance_state.committed_state == {"name": NO_VALUE}
    assert history(user, "name") == (["b"], (), ())


def test_delete_counts_as_none_added_when_the_old_value_is_unknown() -> None:
    user = make_class()(name="a")

    del user.name

    assert history(user, "name") == ([None], (), ())
    with pytest.raises(AttributeError, match=r"Thing.name object does not have a value"):
        del user.name


def test_set_back_is_no_change_when_compared() -> None:
    user = make_class()()
    _core.set_committed_value(user, "name", "a")

    user.name = "b"
    user.name = "a"

    assert history(user, "name") == ((), ["a"], ())
    assert user._sa_instance_state.modified
    assert not _core.has_changes(user)


def test_own_comparison_decides_when_the_slot_has_one() -> None:
    cls = make_class("id", slot("name", compare=lambda a, b: a.lower() == b.lower()))
    user = cls()
    _core.set_committed_value(user, "name", "a")

    user.name = "A"

    assert not _core.has_changes(user)


def test_error_of_a_comparison_reaches_the_caller() -> None:
    def broken(a: Any, b: Any) -> bool:
        raise RuntimeError("broken")

    user = make_class("id", slot("name", compare=broken))()
    _core.set_committed_value(user, "name", "a")
    user.name = "b"

    with pytest.raises(RuntimeError, match="broken"):
        history(user, "name")


def test_delete_keeps_the_old_value_when_it_is_known() -> None:
    user = make_class()()
    _core.set_committed_value(user, "name", "a")

    del user.name

    assert history(user, "name") == ((), (), ["a"])
    assert user.name is None


def test_validator_replaces_or_refuses_the_value() -> None:
    def check(instance: Any, key: str, value: Any) -> Any:
        if not value:
            raise ValueError(f"{key} is empty")
        return value.upper()

    user = make_class("id", slot("name", validator=check))(name="ed")

    assert user.name == "ED"
    with pytest.raises(ValueError, match="name is empty"):
        user.name = ""
    assert user.name == "ED"


def test_attribute_answers_for_its_property_and_column_when_asked_for_more() -> None:
    class Prop:
        info = {"a": 1}

        class comparator:
            special = "of the comparator"

    class Column:
        nullable = True

    cls = type("Thing", (_core.Entity,), {})
    key = ("id", "column", (Column(),), "", Prop, None, None)
    map_class(cls, key)

    assert cls.id.special == "of the comparator"
    assert cls.id.nullable is True
    assert cls.id.info == {"a": 1}
    assert cls.id.prop is cls.id.property is Prop
    with pytest.raises(AttributeError, match=r"associated with Thing.id has an attribute 'nope'"):
        cls.id.nope  # noqa: B018
    assert not hasattr(cls.id, "__nope__")


# --- flag_modified and friends ------------------------------------------------------------


def test_flag_modified_makes_the_value_added_when_it_is_present() -> None:
    user = make_class()()
    _core.set_committed_value(user, "name", "a")

    _core.flag_modified(user, "name")

    assert history(user, "name") == (["a"], (), ())
    assert user._sa_instance_state.modified


def test_flag_modified_is_refused_when_nothing_is_there() -> None:
    user = make_class()()

    with pytest.raises(exc.InvalidRequestError, match="Can't flag attribute 'name' modified"):
        _core.flag_modified(user, "name")
    with pytest.raises(KeyError, match="nope"):
        _core.flag_modified(user, "nope")


def test_set_committed_value_forgets_the_change() -> None:
    user = make_class()(name="a")

    _core.set_committed_value(user, "name", "b")

    assert history(user, "name") == ((), ["b"], ())


def test_functions_refuse_what_is_not_mapped() -> None:
    with pytest.raises(orm_exc.UnmappedInstanceError, match=r"Class 'builtins.int' is not mapped"):
        _core.get_attribute(3, "name")


def test_functions_by_key_do_what_the_attribute_does() -> None:
    user = make_class()()

    _core.set_attribute(user, "name", "a")
    value = _core.get_attribute(user, "name")
    _core.del_attribute(user, "name")

    assert (value, user.name) == ("a", None)


# --- loaded instances -----------------------------------------------------------------------


def test_session_is_told_once_when_an_instance_changes(setup: Setup) -> None:
    setup.user.name = "a"
    setup.user.name = "b"

    assert setup.probe.log == [("dirty",)]
    assert setup.probe.dirty == [setup.user]


def test_set_is_refused_and_nothing_changes_when_the_session_fails(setup: Setup) -> None:
    def fail(instance: Any) -> None:
        raise MemoryError

    setup.probe.on_dirty = fail  # type: ignore[method-assign]

    with pytest.raises(MemoryError):
        setup.user.name = "a"

    assert setup.user.name == "ed"
    assert not setup.state.modified


def test_expired_attribute_is_refreshed_when_read(setup: Setup) -> None:
    _coretest.orm_expire(setup.user)
    setup.probe.rows = {"id": 1, "name": "new", "version": 2}

    assert setup.state.expired
    assert setup.user.name == "new"
    assert setup.user.version == 2
    assert setup.probe.log == [("autoflush",), ("expired", "name")]
    assert not setup.state.expired


def test_pending_change_survives_when_the_rest_is_refreshed(setup: Setup) -> None:
    _coretest.orm_expire(setup.user)
    setup.user.name = "mine"
    setup.probe.rows = {"id": 1, "name": "db", "version": 2}

    assert setup.user.version == 2
    assert setup.user.name == "mine"
    assert history(setup.user, "name") == (["mine"], (), ())


def test_blind_set_loads_nothing_when_expired(setup: Setup) -> None:
    _coretest.orm_expire(setup.user)

    setup.user.name = "x"

    assert ("expired", "name") not in setup.probe.log
    assert history(setup.user, "name") == (["x"], (), ())


def test_active_history_loads_the_old_value_when_set(setup: Setup) -> None:
    _coretest.orm_expire(setup.user)
    setup.probe.rows = {"id": 1, "name": "ed", "version": 6}

    setup.user.version = 9

    assert ("expired", "version") in setup.probe.log
    assert history(setup.user, "version") == ([9], (), [6])


def test_primary_key_has_active_history_when_set(setup: Setup) -> None:
    _coretest.orm_expire(setup.user)
    setup.probe.rows = {"id": 1, "name": "ed", "version": 6}

    setup.user.id = 5

    assert history(setup.user, "id") == ([5], (), [1])


def test_delete_of_an_expired_attribute_loads_nothing(setup: Setup) -> None:
    _coretest.orm_expire(setup.user)

    del setup.user.name

    assert ("expired", "name") not in setup.probe.log
    assert history(setup.user, "name") == ([None], (), ())
    del setup.user.name


def test_plain_column_is_none_without_load_when_popped(setup: Setup) -> None:
    setup.user.__dict__.pop("name")

    assert setup.user.name is None
    assert setup.probe.log == []


def test_deferred_column_loads_itself_when_read_or_popped(setup: Setup) -> None:
    setup.probe.lazy = {"big": "B"}

    assert setup.user.big == "B"
    setup.user.__dict__.pop("big")
    assert setup.user.big == "B"
    assert setup.probe.log == [("slot", "big"), ("slot", "big")]


def test_reference_loads_itself_when_the_instance_is_persistent(setup: Setup) -> None:
    setup.probe.lazy = {"parent": "the parent"}

    assert setup.user.parent == "the parent"
    assert setup.cls().parent is None


def test_expired_reference_uses_its_own_loader(setup: Setup) -> None:
    setup.probe.lazy = {"parent": "p"}
    _coretest.orm_expire(setup.user)

    assert setup.user.parent == "p"
    assert setup.probe.log == [("slot", "parent")]


def test_raiseload_raises_when_read(setup: Setup) -> None:
    with pytest.raises(exc.InvalidRequestError, match=r"'Thing.secret' is not available due to "):
        setup.user.secret  # noqa: B018


def test_detached_instance_says_so_when_it_must_load(setup: Setup) -> None:
    _coretest.orm_expire(setup.user, "name")
    _coretest.orm_expunge(setup.session, setup.user)

    with pytest.raises(orm_exc.DetachedInstanceError, match="attribute refresh operation cannot"):
        setup.user.name  # noqa: B018
    with pytest.raises(orm_exc.DetachedInstanceError, match="deferred load operation of attribute"):
        setup.user.big  # noqa: B018
    with pytest.raises(orm_exc.DetachedInstanceError, match="lazy load operation of attribute"):
        setup.user.parent  # noqa: B018


def test_loaders_error_reaches_the_reader(setup: Setup) -> None:
    def fail(instance: Any, key: str) -> None:
        raise orm_exc.ObjectDeletedError(_coretest.instance_state(instance))

    setup.probe.load_expired = fail  # type: ignore[method-assign, assignment]
    _coretest.orm_expire(setup.user)

    with pytest.raises(orm_exc.ObjectDeletedError):
        setup.user.name  # noqa: B018


def test_history_loads_nothing_when_told_so(setup: Setup) -> None:
    _coretest.orm_expire(setup.user)

    found = history(setup.user, "name", PassiveFlag.PASSIVE_NO_INITIALIZE)

    assert found == HISTORY_BLANK
    assert setup.probe.log == []


def test_commit_makes_the_current_value_the_committed_one(setup: Setup) -> None:
    setup.user.name = "new"

    _coretest.orm_commit(setup.user)

    assert history(setup.user, "name") == ((), ["new"], ())
    assert not setup.state.modified


def test_slots_behave_alike_when_the_instance_is_spilled(setup: Setup) -> None:
    vars(setup.user)
    setup.user.name = "new"

    assert history(setup.user, "name") == (["new"], (), ["ed"])
    _coretest.orm_expire(setup.user)
    assert "name" not in vars(setup.user)
    assert setup.state.expired_attributes == {"id", "name", "version"}
    setup.probe.rows = {"id": 1, "name": "db", "version": 2}
    assert setup.user.name == "db"
    assert vars(setup.user)["name"] == "db"


def test_key_written_into_the_dict_wins_over_the_tag(setup: Setup) -> None:
    _coretest.orm_expire(setup.user)

    vars(setup.user)["name"] = "raw"

    assert setup.user.name == "raw"
    assert setup.probe.log == []


def test_deferred_tag_of_one_load_makes_a_plain_column_load_itself(setup: Setup) -> None:
    tag_deferred = 4
    setup.probe.lazy = {"name": "late"}

    _coretest.orm_expire(setup.user, "name", tag_deferred)

    assert setup.user.name == "late"


def test_writes_of_containers_are_seen_by_history_when_flagged() -> None:
    cls = make_class("id", "data")
    thing = cls()
    _core.set_committed_value(thing, "data", {"a": 1})

    thing.data["a"] = 2
    before = _core.has_changes(thing)
    _core.flag_modified(thing, "data")

    assert (before, _core.has_changes(thing)) == (False, True)


def test_foreign_instance_loads_and_records_like_an_entity() -> None:
    class Plain:
        pass

    map_class(Plain, "id", "name", core=_coretest)
    probe = Probe()
    session = _coretest.orm_session_new(probe)
    thing = _coretest.orm_load(session, Plain, (1,), {"id": 1, "name": "ed"})

    thing.name = "new"

    assert _coretest.get_history(thing, "name") == (["new"], (), ["ed"])
    _coretest.orm_commit(thing)
    _coretest.orm_expire(thing)
    probe.rows = {"name": "db"}
    assert thing.name == "db"
