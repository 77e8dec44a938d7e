"""Golden cases: which events fire, in which order, while a program works with mapped objects.

Each case is a function of a `Stage`; what its listeners note is the case's log. The same source runs under the
reference library, which writes tests/golden/events.json, and under pyorm.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

SESSION_EVENTS = (
    "after_transaction_create", "after_transaction_end", "before_commit", "after_commit", "after_rollback",
    "after_soft_rollback", "before_flush", "after_flush", "after_flush_postexec", "after_begin", "before_attach",
    "after_attach", "transient_to_pending", "pending_to_transient", "persistent_to_transient", "pending_to_persistent",
    "detached_to_persistent", "loaded_as_persistent", "persistent_to_deleted", "deleted_to_persistent",
    "deleted_to_detached", "persistent_to_detached",
)  # fmt: skip
MAPPER_EVENTS = ("before_insert", "after_insert", "before_update", "after_update", "before_delete", "after_delete")
INSTANCE_EVENTS = ("init", "load", "refresh", "expire", "refresh_flush")
ATTRIBUTE_EVENTS = ("set", "init_scalar", "modified")


class Stage:
    """One fresh database, one mapped class, listeners on all of it.

    Args:
        library: import name of the library, `pyorm` or the reference's.
    """

    def __init__(self, library: str) -> None:
        self.sa = import_module(library)
        self.orm = import_module(library + ".orm")
        self.attributes = import_module(library + ".orm.attributes")
        self.log: list[str] = []
        sa, base = self.sa, self.orm.declarative_base()

        class Item(base):
            __tablename__ = "items"
            id = sa.Column(sa.Integer, primary_key=True)
            name = sa.Column(sa.String(50))
            size = sa.Column(sa.Integer)

        self.Item = Item
        self.engine = sa.create_engine("sqlite://", poolclass=sa.StaticPool)
        base.metadata.create_all(self.engine)
        with self.orm.Session(self.engine) as session:
            session.add_all([Item(id=1, name="one", size=1), Item(id=2, name="two", size=2)])
            session.commit()
        self.session = self.orm.Session(self.engine)

    def listen_session(self) -> Stage:
        """Note every event of the session."""
        for name in SESSION_EVENTS:
            self.sa.event.listen(self.session, name, self._noter(name))
        return self

    def listen_mapper(self) -> Stage:
        """Note the events of writes."""
        for name in MAPPER_EVENTS:
            self.sa.event.listen(self.Item, name, lambda m, c, target, name=name: self.note(name, target))
        return self

    def listen_instance(self) -> Stage:
        """Note the events of instances."""
        listen = self.sa.event.listen
        listen(self.Item, "init", lambda target, args, kwargs: self.log.append(f"init {sorted(kwargs)}"))
        listen(self.Item, "load", lambda target, context: self.note("load", target))
        for name in ("refresh", "refresh_flush"):
            listen(
                self.Item, name,
                lambda target, context, attrs, name=name: self.log.append(
                    f"{name} {sorted(attrs) if attrs else attrs}"
                ),
            )
        listen(
            self.Item, "expire", lambda target, attrs: self.log.append(f"expire {sorted(attrs) if attrs else attrs}")
        )
        return self

    def listen_attributes(self, **options: Any) -> Stage:
        """Note the events of both attributes."""
        for attribute in (self.Item.name, self.Item.size):
            key = attribute.key
            self.sa.event.listen(
                attribute, "set",
                lambda target, value, old, token, key=key: self.log.append(f"set {key} {value!r} {self.show(old)}"),
                **options,
            )  # fmt: skip
            self.sa.event.listen(
                attribute,
                "init_scalar",
                lambda target, value, dict_, key=key: self.log.append(f"init_scalar {key} {value!r}"),
            )
            self.sa.event.listen(
                attribute, "modified", lambda target, token, key=key: self.log.append(f"modified {key}")
            )
        return self

    def show(self, value: Any) -> str:
        """Return a value as the log shows it; the library's symbols by name."""
        return (
            getattr(value, "name", None) or repr(value)
            if not isinstance(value, (str, int, type(None)))
            else repr(value)
        )

    def note(self, name: str, target: Any) -> None:
        """Add a line: the event and the object's name."""
        self.log.append(f"{name} {target.__dict__.get('name')}")

    def _noter(self, name: str) -> Callable[..., None]:
        def note(*arguments: Any) -> None:
            target = next((a for a in arguments if isinstance(a, self.Item)), None)
            self.log.append(name if target is None else f"{name} {target.__dict__.get('name')}")

        return note

    def history(self, item: Any, key: str) -> None:
        """Add a line with an attribute's history."""
        added, unchanged, deleted = self.attributes.get_history(item, key)
        self.log.append(f"history {key} {list(added or ())} {list(unchanged or ())} {list(deleted or ())}")

    def state(self, item: Any) -> None:
        """Add a line with the object's state."""
        state = self.sa.inspect(item)
        names = ("transient", "pending", "persistent", "deleted", "detached")
        self.log.append("state " + " ".join(n for n in names if getattr(state, n)))


def _attribute_cases() -> dict[str, Callable[[Stage], None]]:  # noqa: PLR0915 - a table of cases
    def set_new(s: Stage) -> None:
        s.listen_attributes()
        s.Item().name = "a"

    def set_twice(s: Stage) -> None:
        s.listen_attributes()
        item = s.Item(name="a")
        item.name = "b"
        s.history(item, "name")

    def set_same(s: Stage) -> None:
        item = s.session.get(s.Item, 1)
        s.listen_attributes()
        item.name = "one"
        s.history(item, "name")
        s.log.append(f"dirty {item in s.session.dirty} modified {s.session.is_modified(item)}")

    def set_and_back(s: Stage) -> None:
        item = s.session.get(s.Item, 1)
        s.listen_attributes()
        item.size = 5
        item.size = 1
        s.history(item, "size")
        s.log.append(f"modified {s.session.is_modified(item)}")

    def read_unset(s: Stage) -> None:
        s.listen_attributes()
        s.log.append(repr(s.Item().name))

    def blind_write_on_expired(s: Stage) -> None:
        item = s.session.get(s.Item, 1)
        s.session.expire(item)
        s.listen_attributes()
        item.name = "x"
        s.history(item, "name")

    def active_history_loads(s: Stage) -> None:
        s.listen_attributes(active_history=True)
        item = s.session.get(s.Item, 1)
        s.session.expire(item)
        item.name = "x"
        s.history(item, "name")

    def delete_attribute(s: Stage) -> None:
        item = s.session.get(s.Item, 1)
        s.listen_attributes()
        del item.name
        s.history(item, "name")
        s.log.append(repr(item.name))

    def flag_modified(s: Stage) -> None:
        item = s.session.get(s.Item, 1)
        s.listen_attributes()
        s.attributes.flag_modified(item, "name")
        s.history(item, "name")
        s.log.append(f"modified {s.session.is_modified(item)}")

    def set_none_on_new(s: Stage) -> None:
        item = s.Item()
        s.history(item, "name")
        item.name = None
        s.history(item, "name")

    def retval_replaces(s: Stage) -> None:
        s.sa.event.listen(s.Item.name, "set", lambda t, v, o, i: v.upper(), retval=True)
        s.listen_attributes()
        item = s.Item(name="abc")
        s.log.append(item.name)

    def set_committed(s: Stage) -> None:
        item = s.session.get(s.Item, 1)
        s.listen_attributes()
        s.attributes.set_committed_value(item, "name", "quiet")
        s.history(item, "name")

    return {f.__name__: f for f in (
        set_new, set_twice, set_same, set_and_back, read_unset, blind_write_on_expired, active_history_loads,
        delete_attribute, flag_modified, set_none_on_new, retval_replaces, set_committed,
    )}  # fmt: skip


def _instance_cases() -> dict[str, Callable[[Stage], None]]:
    def construct(s: Stage) -> None:
        s.listen_instance().listen_attributes()
        s.Item(name="a", size=3)

    def load(s: Stage) -> None:
        s.listen_instance()
        s.session.scalars(s.sa.select(s.Item).order_by(s.Item.id)).all()
        s.session.scalars(s.sa.select(s.Item).order_by(s.Item.id)).all()

    def refresh(s: Stage) -> None:
        item = s.session.get(s.Item, 1)
        s.listen_instance()
        s.session.refresh(item)
        s.session.refresh(item, ["name"])

    def expire_and_read(s: Stage) -> None:
        item = s.session.get(s.Item, 1)
        s.listen_instance()
        s.session.expire(item)
        item.name  # noqa: B018
        s.session.expire(item, ["size"])
        item.size  # noqa: B018

    def commit_expires(s: Stage) -> None:
        item = s.session.get(s.Item, 1)
        item.size = 7
        s.listen_instance()
        s.session.commit()
        item.size  # noqa: B018

    def populate_existing(s: Stage) -> None:
        item = s.session.get(s.Item, 1)
        item.name = "mine"
        s.listen_instance()
        s.session.scalars(s.sa.select(s.Item).order_by(s.Item.id).execution_options(populate_existing=True)).all()
        s.log.append(item.name)

    return {f.__name__: f for f in (construct, load, refresh, expire_and_read, commit_expires, populate_existing)}


def _session_cases() -> dict[str, Callable[[Stage], None]]:  # noqa: PLR0915 - a table of cases
    def add_flush_commit(s: Stage) -> None:
        s.listen_session().listen_mapper()
        s.session.add(s.Item(name="new"))
        s.session.flush()
        s.session.commit()

    def add_and_roll_back(s: Stage) -> None:
        item = s.Item(name="new")
        s.listen_session().listen_mapper()
        s.session.add(item)
        s.session.flush()
        s.session.rollback()
        s.state(item)

    def add_and_expunge(s: Stage) -> None:
        item = s.Item(name="new")
        s.listen_session()
        s.session.add(item)
        s.session.expunge(item)
        s.state(item)

    def update(s: Stage) -> None:
        item = s.session.get(s.Item, 1)
        s.listen_session().listen_mapper()
        item.name = "changed"
        s.session.commit()

    def update_without_net_change(s: Stage) -> None:
        item = s.session.get(s.Item, 1)
        s.listen_session().listen_mapper()
        item.name = "one"
        s.session.commit()

    def delete_and_commit(s: Stage) -> None:
        item = s.session.get(s.Item, 1)
        s.listen_session().listen_mapper()
        s.session.delete(item)
        s.state(item)
        s.session.flush()
        s.state(item)
        s.session.commit()
        s.state(item)

    def delete_and_roll_back(s: Stage) -> None:
        item = s.session.get(s.Item, 1)
        s.listen_session()
        s.session.delete(item)
        s.session.flush()
        s.session.rollback()
        s.state(item)

    def get_loads(s: Stage) -> None:
        s.listen_session()
        s.session.get(s.Item, 1)
        s.session.get(s.Item, 1)
        s.session.close()

    def detach_and_add_again(s: Stage) -> None:
        item = s.session.get(s.Item, 1)
        s.listen_session()
        s.session.expunge(item)
        s.state(item)
        s.session.add(item)
        s.state(item)

    def nested_commit(s: Stage) -> None:
        s.listen_session().listen_mapper()
        with s.session.begin_nested():
            s.session.add(s.Item(name="inner"))
        s.session.commit()

    def nested_roll_back(s: Stage) -> None:
        item = s.Item(name="inner")
        s.listen_session().listen_mapper()
        nested = s.session.begin_nested()
        s.session.add(item)
        s.session.flush()
        nested.rollback()
        s.state(item)
        s.session.commit()

    def make_transient(s: Stage) -> None:
        item = s.session.get(s.Item, 1)
        s.listen_session()
        s.orm.make_transient(item)
        s.state(item)

    def autoflush_before_query(s: Stage) -> None:
        s.listen_session().listen_mapper()
        s.session.add(s.Item(name="new"))
        s.session.scalars(s.sa.select(s.Item.name)).all()

    def order_of_writes(s: Stage) -> None:
        one, two = s.session.get(s.Item, 1), s.session.get(s.Item, 2)
        s.listen_mapper()
        s.session.add_all([s.Item(name="n1"), s.Item(name="n2")])
        two.name = "two!"
        s.session.delete(one)
        s.session.flush()

    return {f.__name__: f for f in (
        add_flush_commit, add_and_roll_back, add_and_expunge, update, update_without_net_change, delete_and_commit,
        delete_and_roll_back, get_loads, detach_and_add_again, nested_commit, nested_roll_back, make_transient,
        autoflush_before_query, order_of_writes,
    )}  # fmt: skip


CASES: dict[str, Callable[[Stage], None]] = {**_attribute_cases(), **_instance_cases(), **_session_cases()}


def run_case(library: str, name: str) -> list[str]:
    """Run one case on a fresh stage; return its log."""
    stage = Stage(library)
    try:
        CASES[name](stage)
        return list(stage.log)
    finally:
        stage.session.close()
        stage.engine.dispose()
