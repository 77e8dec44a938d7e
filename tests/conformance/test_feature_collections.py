"""Collections of every kind, stored and loaded again; listeners, validators, association proxies, positions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from pyorm import Column, ForeignKey, Integer, String, event, exc, func, inspect, select
from pyorm.engine import Engine
from pyorm.ext.associationproxy import association_proxy
from pyorm.ext.orderinglist import ordering_list
from pyorm.orm import (
    Session,
    attribute_keyed_dict,
    attributes,
    backref,
    column_keyed_dict,
    declarative_base,
    keyfunc_mapping,
    relationship,
    validates,
)
from pyorm.orm.collections import InstrumentedList, InstrumentedSet, KeyFuncDict, collection

Base: Any = declarative_base()


class Shelf:
    """Members by name, in an order of their own."""

    def __init__(self) -> None:
        self.found: dict[str, Any] = {}

    @collection.appender
    def put(self, item: Any) -> None:
        self.found[item.name] = item

    @collection.remover
    def take(self, item: Any) -> None:
        del self.found[item.name]

    @collection.iterator
    def __iter__(self) -> Iterator[Any]:
        return iter(sorted(self.found.values(), key=lambda item: item.name))

    @collection.internally_instrumented
    def names(self) -> list[str]:
        return [item.name for item in self]


class Team(Base):
    """Has members of all kinds of collections."""

    __tablename__ = "team"
    id = Column(Integer, primary_key=True)
    name = Column(String(20))
    players = relationship("Player", back_populates="team", order_by="Player.id", cascade="all, delete-orphan")
    coach = relationship("Coach", back_populates="team", uselist=False, cascade="all, delete-orphan")
    fans = relationship("Fan", back_populates="team", collection_class=set)
    prizes = relationship("Prize", collection_class=attribute_keyed_dict("name"), cascade="all, delete-orphan")
    by_column = relationship("Prize", viewonly=True, collection_class=lambda: KEYED())
    by_function = relationship(
        "Prize", viewonly=True, collection_class=keyfunc_mapping(lambda prize: prize.name.upper())
    )
    balls = relationship("Ball", backref=backref("team", lazy="select"), collection_class=Shelf)
    songs = relationship("Song", order_by="Song.position", collection_class=ordering_list("position", count_from=1))
    entries = relationship("Entry", back_populates="team", cascade="all, delete-orphan")
    cups = association_proxy("entries", "cup", creator=lambda cup: Entry(cup=cup))
    titles = association_proxy("songs", "title", creator=lambda title: Song(title=title))
    money = association_proxy("prizes", "money", creator=lambda name, money: Prize(name=name, money=money))
    fan_names = association_proxy("fans", "name", creator=lambda name: Fan(name=name))
    trainer = association_proxy("coach", "name", creator=lambda name: Coach(name=name), cascade_scalar_deletes=True)
    maybe = association_proxy("coach", "name", creator=lambda name: Coach(name=name), create_on_none_assignment=True)


class Player(Base):
    """Belongs to one team; its number is checked."""

    __tablename__ = "player"
    id = Column(Integer, primary_key=True)
    name = Column(String(20))
    team_id = Column(ForeignKey("team.id"))
    team = relationship(Team, back_populates="players")


class Coach(Base):
    """Trains one team."""

    __tablename__ = "coach"
    id = Column(Integer, primary_key=True)
    name = Column(String(20))
    team_id = Column(ForeignKey("team.id"))
    team = relationship(Team, back_populates="coach")


class Fan(Base):
    """Member of a set."""

    __tablename__ = "fan"
    id = Column(Integer, primary_key=True)
    name = Column(String(20))
    team_id = Column(ForeignKey("team.id"))
    team = relationship(Team, back_populates="fans")


class Prize(Base):
    """Member of dictionaries."""

    __tablename__ = "prize"
    id = Column(Integer, primary_key=True)
    name = Column(String(20))
    money = Column(Integer)
    team_id = Column(ForeignKey("team.id"))


KEYED = column_keyed_dict([Prize.__table__.c.name, Prize.__table__.c.money])


class Ball(Base):
    """Member of a class of the program's own."""

    __tablename__ = "ball"
    id = Column(Integer, primary_key=True)
    name = Column(String(20))
    team_id = Column(ForeignKey("team.id"))


class Song(Base):
    """Has a position."""

    __tablename__ = "song"
    id = Column(Integer, primary_key=True)
    title = Column(String(20))
    position = Column(Integer)
    team_id = Column(ForeignKey("team.id"))


class Entry(Base):
    """Association object: a team takes part in a cup, in a group."""

    __tablename__ = "entry"
    team_id = Column(ForeignKey("team.id"), primary_key=True)
    cup_id = Column(ForeignKey("cup.id"), primary_key=True)
    group = Column("grp", String(20), default="A")
    team = relationship(Team, back_populates="entries")
    cup = relationship("Cup", back_populates="entries")


class Cup(Base):
    """Other side of the association object."""

    __tablename__ = "cup"
    id = Column(Integer, primary_key=True)
    name = Column(String(20))
    entries = relationship(Entry, back_populates="cup")
    teams = association_proxy("entries", "team", creator=lambda team: Entry(team=team))


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    """A session on empty tables."""
    Base.metadata.create_all(engine)
    with Session(engine) as made:
        yield made


def again(session: Session, team: Any) -> Any:
    """Store, forget everything, load the team anew."""
    session.add(team)
    session.commit()
    key = team.id
    session.expunge_all()
    return session.get(Team, key)


def count(session: Session, cls: Any) -> int:
    """Return how many rows a class has."""
    return session.scalar(select(func.count()).select_from(cls)) or 0


@pytest.mark.feature("REL21")
def test_lists_sets_and_dictionaries_are_stored_as_they_change(session: Session) -> None:
    team = again(
        session,
        Team(
            players=[Player(name="a"), Player(name="b")],
            fans={Fan(name="x")},
            prizes={"any": Prize(name="p", money=1)},
        ),
    )
    assert (type(team.players), type(team.fans), type(team.prizes)) == (InstrumentedList, InstrumentedSet, KeyFuncDict)
    heard: list[str] = []
    listener = lambda target, value, initiator: heard.append(value.name)  # noqa: E731 - removed again below
    event.listen(Team.players, "append", listener)
    team.players.append(Player(name="c"))
    team.players[0:1] = [Player(name="d")]
    event.remove(Team.players, "append", listener)
    team.fans |= {Fan(name="y")}
    team.fans.discard(next(fan for fan in team.fans if fan.name == "x"))
    team.prizes["q"] = Prize(name="q", money=2)
    del team.prizes["p"]
    team = again(session, team)
    assert heard == ["c", "d"]
    assert sorted(player.name for player in team.players) == ["b", "c", "d"]
    assert {fan.name for fan in team.fans} == {"y"} and list(team.prizes) == ["q"]
    assert (count(session, Player), count(session, Fan), count(session, Prize)) == (3, 2, 1)


@pytest.mark.feature("REL22")
def test_dictionaries_are_keyed_by_attribute_column_or_function(session: Session) -> None:
    team = again(session, Team(money={"gold": 3, "iron": 1}))
    assert set(team.prizes) == {"gold", "iron"}
    assert set(team.by_column) == {("gold", 3), ("iron", 1)}
    assert set(team.by_function) == {"GOLD", "IRON"}
    with pytest.raises(exc.InvalidRequestError, match="is not populated"):
        team.prizes.set(Prize())


@pytest.mark.feature("REL23")
def test_class_of_ones_own_is_a_collection(session: Session) -> None:
    team = Team()
    team.balls.put(Ball(name="2"))
    Ball(name="1").team = team
    team = again(session, team)
    assert type(team.balls) is Shelf and team.balls.names() == ["1", "2"]
    first = team.balls.found["1"]
    team.balls.take(first)
    assert first.team is None
    team = again(session, team)
    assert team.balls.names() == ["2"] and count(session, Ball) == 2


@pytest.mark.feature("REL02")
def test_both_sides_follow_each_other_however_they_are_named(session: Session) -> None:
    team, player, ball = Team(), Player(), Ball(name="b")
    player.team = team
    team.balls.put(ball)
    assert team.players == [player] and ball.team is team
    base: Any = declarative_base()

    class Left(base):
        __tablename__ = "left_side"
        id = Column(Integer, primary_key=True)
        rights = relationship(lambda: Right, back_populates=lambda: Right.left)

    class Right(base):
        __tablename__ = "right_side"
        id = Column(Integer, primary_key=True)
        left_id = Column(ForeignKey("left_side.id"))
        left = relationship(Left, back_populates=Left.rights)

    left, right = Left(), Right()
    left.rights.append(right)
    assert right.left is left
    right.left = None
    assert left.rights == []
    team = again(session, team)
    new = Player(name="late")
    with session.no_autoflush:
        new.team = team
        assert not inspect(team).attrs.players.history.added
        assert new in team.players


@pytest.mark.feature("REL12")
def test_single_parent_lets_a_reference_own_what_it_refers_to(session: Session) -> None:
    base: Any = declarative_base()

    class Engine_(base):
        __tablename__ = "motor"
        id = Column(Integer, primary_key=True)

    class Car(base):
        __tablename__ = "car"
        id = Column(Integer, primary_key=True)
        motor_id = Column(ForeignKey("motor.id"))
        motor = relationship(Engine_, cascade="all, delete-orphan", single_parent=True)

    base.metadata.create_all(session.connection())
    car = Car(motor=Engine_())
    with pytest.raises(exc.InvalidRequestError, match="is only allowed a single parent"):
        Car().motor = car.motor
    session.add(car)
    session.commit()
    car.motor = Engine_()
    session.commit()
    assert count(session, Engine_) == 1
    session.delete(car)
    session.commit()
    assert count(session, Engine_) == 0


@pytest.mark.feature("REL14")
def test_one_to_one_replaces_its_object(session: Session) -> None:
    team = again(session, Team(coach=Coach(name="old")))
    team.coach = Coach(name="new")
    team = again(session, team)
    assert team.coach.name == "new" and count(session, Coach) == 1
    other = Coach(name="other", team=team)
    assert team.coach is other
    team = again(session, team)
    assert team.coach.name == "other" and count(session, Coach) == 1
    team.coach = None
    team = again(session, team)
    assert team.coach is None and count(session, Coach) == 0


@pytest.mark.feature("REL19")
def test_association_object_carries_more_than_two_keys(session: Session) -> None:
    cup = Cup(name="world")
    team = Team(name="t", entries=[Entry(cup=cup, group="B")])
    team = again(session, team)
    assert [(entry.cup.name, entry.group) for entry in team.entries] == [("world", "B")]
    team.cups.append(Cup(name="local"))
    team = again(session, team)
    assert sorted((entry.cup.name, entry.group) for entry in team.entries) == [("local", "A"), ("world", "B")]
    cup = session.scalars(select(Cup).where(Cup.name == "world")).one()
    assert cup.teams == [team]
    team.entries.remove(cup.entries[0])
    session.commit()
    assert count(session, Entry) == 1 and count(session, Cup) == 2


@pytest.mark.feature("EXT03")
def test_association_proxies_store_and_find(session: Session) -> None:
    cup = Cup(name="c")
    team = again(
        session, Team(name="t", titles=["a", "b"], money={"gold": 1}, fan_names={"x", "y"}, trainer="z", cups=[cup])
    )
    assert list(team.titles) == ["a", "b"] and team.money == {"gold": 1} and team.fan_names == {"x", "y"}
    assert team.trainer == "z" and [one.name for one in team.cups] == ["c"]

    def found(criterion: Any) -> bool:
        return session.scalars(select(Team.name).where(criterion)).all() == ["t"]

    assert found(Team.titles == "a") and not found(Team.titles == "q") and found(Team.titles.like("b%"))
    assert found(Team.titles.any(Song.title == "b")) and found(Team.trainer == "z") and found(Team.trainer.has())
    assert found(Team.cups.contains(team.cups[0])) and found(Team.cups.any(name="c")) and found(Team.money == 1)
    team.titles[0] = "new"
    team.money["gold"] = 5
    team.fan_names.remove("x")
    team.trainer = None
    team.cups = []
    team = again(session, team)
    assert list(team.titles) == ["new", "b"] and team.money == {"gold": 5} and team.fan_names == {"y"}
    assert team.coach is None and team.cups == [] and count(session, Coach) == 0
    team.maybe = None
    assert team.coach.name is None


@pytest.mark.feature("EXT04")
def test_positions_follow_the_list(session: Session) -> None:
    team = again(session, Team(songs=[Song(title=title) for title in "abc"]))
    assert [(song.title, song.position) for song in team.songs] == [("a", 1), ("b", 2), ("c", 3)]
    team.songs.insert(0, team.songs.pop())
    team.songs.append(Song(title="d"))
    del team.songs[1]
    team = again(session, team)
    assert [(song.title, song.position) for song in team.songs] == [("c", 1), ("b", 2), ("d", 3)]
    tens = ordering_list("position", ordering_func=lambda index, songs: index * 10)()
    kept = ordering_list("position", reorder_on_append=True)()
    for numbered in (tens, kept):
        numbered.append(Song(position=7))
        numbered.insert(0, Song())
    assert [song.position for song in tens] == [0, 10] and [song.position for song in kept] == [0, 1]


@pytest.mark.feature("DECL35")
def test_validators_see_removals_and_the_other_side(session: Session) -> None:
    base: Any = declarative_base()
    heard: list[Any] = []

    class House(base):
        __tablename__ = "house"
        id = Column(Integer, primary_key=True)
        name = Column(String(20))
        rooms = relationship("Room", back_populates="house")

        @validates("name", "rooms", include_removes=True)
        def check(self, key: str, value: Any, is_remove: bool) -> Any:
            heard.append((key, getattr(value, "name", value), is_remove))
            if value == "bad":
                raise ValueError("bad")
            return value

    class Room(base):
        __tablename__ = "room"
        id = Column(Integer, primary_key=True)
        name = Column(String(20))
        house_id = Column(ForeignKey("house.id"))
        house = relationship(House, back_populates="rooms")

        @validates("house", include_backrefs=False)
        def check(self, key: str, value: Any) -> Any:
            heard.append(key)
            return value

    base.metadata.create_all(session.connection())
    room = Room(name="r")
    house = House(name="h", rooms=[room])
    house.rooms.remove(room)
    assert heard == [("name", "h", False), ("rooms", "r", False), ("rooms", "r", True)]
    heard.clear()
    room.house = house
    assert heard == ["house", ("rooms", "r", False)]
    with pytest.raises(ValueError, match="bad"):
        house.name = "bad"
    session.add(house)
    session.commit()
    heard.clear()
    assert house.name == "h" and house.rooms == [room] and heard == []


@pytest.mark.feature("ATTR07")
def test_values_may_be_set_past_events_and_history(session: Session) -> None:
    team, player = Team(name="t"), Player(name="p")
    team = again(session, team)
    attributes.set_committed_value(team, "players", [player])
    attributes.set_committed_value(team, "name", "other")
    assert player.team is None and not session.is_modified(team)
    adapter = attributes.init_collection(team, "players")
    adapter.append_without_event(player)
    assert team.players == [player] and attributes.get_history(team, "players") == ((), [player], ())
    attributes.set_attribute(team, "name", "set")
    attributes.set_attribute(player, "team", team)
    assert attributes.get_history(team, "name").added == ["set"] and player.team is team
    assert attributes.instance_dict(team)["name"] == "set"
    session.add(player)
    session.commit()
    assert session.scalar(select(Team.name)) == "set" and count(session, Player) == 1


@pytest.mark.feature("EVT02")
def test_attribute_events_fire_for_what_happens(session: Session) -> None:
    team = again(session, Team(name="t", players=[Player(name="a")]))
    heard: list[Any] = []
    names = "append remove bulk_replace append_wo_mutation init_collection dispose_collection".split()
    listeners: list[Any] = []

    def listen(attribute: Any, name: str, fn: Any, **options: Any) -> None:
        event.listen(attribute, name, fn, **options)
        listeners.append((attribute, name, fn))

    for name in names:
        listen(Team.players, name, lambda *args, name=name: heard.append(name))
    listen(Player.team, "set", lambda target, value, old, initiator: heard.append(("set", initiator.key)))
    listen(Player.name, "set", lambda target, value, old, initiator: value.upper(), retval=True)
    listen(Player.name, "init_scalar", lambda target, value, dict_: heard.append("init_scalar"))
    listen(Player.name, "modified", lambda target, initiator: heard.append("modified"))
    try:
        kept = team.players[0]
        player = Player()
        assert player.name is None
        player.name = "b"
        attributes.flag_modified(player, "name")
        team.players.append(player)
        team.players = [kept]
    finally:
        for attribute, name, fn in listeners:
            event.remove(attribute, name, fn)
    assert heard == [
        "init_collection", "init_scalar", "modified", ("set", "players"), "append", "init_collection", "bulk_replace",
        "append_wo_mutation", "remove", ("set", "players"), "remove", "dispose_collection",
    ]  # fmt: skip
    assert player.name == "B"
    session.commit()
    assert [one.name for one in team.players] == ["a"]
