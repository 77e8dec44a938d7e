"""Golden flush cases: classes that inherit, in one table and in several."""

from __future__ import annotations

from typing import Any

from tests.golden.flush_kit import Kit, case


def staff(k: Kit) -> tuple[Any, Any, Any, Any]:
    """Map Person, and joined to it Engineer, Manager, and Chief that is a Manager."""
    kind = k.text()
    person = k.model(
        "Person", name=k.text(), kind=kind,
        __mapper_args__={"polymorphic_on": kind, "polymorphic_identity": "person"},
    )  # fmt: skip

    def joined(title: str, base: Any, **members: Any) -> Any:
        parent = base.__tablename__
        arguments = {"polymorphic_identity": title.lower()}
        return k.model(title, base, id=k.key(f"{parent}.id", primary_key=True), __mapper_args__=arguments, **members)

    engineer = joined("Engineer", person, skill=k.text())
    manager = joined("Manager", person, budget=k.number())
    return person, engineer, manager, joined("Chief", manager, car=k.text())


def zoo(k: Kit) -> tuple[Any, Any, Any, Any]:
    """Map Animal, and in its table Dog, Puppy that is a Dog, and Cat."""
    kind = k.text()
    animal = k.model(
        "Animal", name=k.text(), kind=kind,
        __mapper_args__={"polymorphic_on": kind, "polymorphic_identity": "animal"},
    )  # fmt: skip

    def single(title: str, base: Any, **members: Any) -> Any:
        arguments = {"polymorphic_identity": title.lower()}
        return k.model(title, base, __tablename__=None, __mapper_args__=arguments, **members)

    dog = single("Dog", animal, bark=k.text())
    return animal, dog, single("Puppy", dog, toy=k.text()), single("Cat", animal, lives=k.number())


@case
def inherit_joined_mixed(k: Kit) -> None:
    person, engineer, manager, chief = staff(k)
    s = k.start()
    s.add_all(
        [
            engineer(name="1", skill="a"), manager(name="2", budget=1), engineer(name="3"), person(name="4"),
            chief(name="5", budget=2, car="c"), manager(name="6"), engineer(name="7", skill="b"),
        ]
    )  # fmt: skip
    k.flush()


@case
def inherit_joined_update(k: Kit) -> None:
    person, engineer, manager, chief = staff(k)
    rows = [engineer(name="1", skill="a"), manager(name="2", budget=1), chief(name="3", car="c"), person(name="4")]
    k.start(*rows)
    for row in rows:
        row.name += "x"
    rows[0].skill, rows[1].budget, rows[2].budget, rows[2].car = "z", 9, 8, "d"
    k.flush()
    rows[2].car = "e"
    k.flush()
    rows[0].name = "1x"
    k.flush()


@case
def inherit_joined_delete(k: Kit) -> None:
    person, engineer, manager, chief = staff(k)
    rows = [engineer(name="1"), manager(name="2"), chief(name="3"), person(name="4"), engineer(name="5")]
    s = k.start(*rows)
    for row in rows[1:]:
        s.delete(row)
    k.flush()


@case
def inherit_joined_all_at_once(k: Kit) -> None:
    _, engineer, manager, chief = staff(k)
    rows = [engineer(name="1"), manager(name="2"), chief(name="3", car="c")]
    s = k.start(*rows)
    s.delete(rows[0])
    rows[1].budget = 5
    rows[2].name = "new"
    s.add_all([chief(name="4", car="d"), engineer(name="5", skill="s")])
    k.flush()


@case
def inherit_joined_row_switch(k: Kit) -> None:
    _, _, _, chief = staff(k)
    old = chief(id=1, name="old", budget=1, car="c")
    s = k.start(old)
    s.delete(old)
    s.add(chief(id=1, name="new", car="d"))
    k.flush()


@case
def inherit_joined_version(k: Kit) -> None:
    version = k.number(nullable=False)
    doc = k.model("Doc", v=version, title=k.text(), __mapper_args__={"version_id_col": version})
    book = k.model("Book", doc, id=k.key("doc.id", primary_key=True), pages=k.number())
    row = book(title="t", pages=1)
    s = k.start(row)
    row.pages = 2
    k.flush()
    row.title = "u"
    k.flush()
    k.note("version", row.v)
    s.delete(row)
    k.flush()


@case
def inherit_joined_changed_key(k: Kit) -> None:
    base = k.model("Base", keyless=True, code=k.text(primary_key=True), n=k.number())
    part = k.model(
        "Part", base, code=k.key("base.code", k.sa.String(20), primary_key=True, onupdate="CASCADE"), m=k.number()
    )
    row = part(code="a", n=1, m=1)
    k.start(row)
    row.code, row.m = "b", 2
    k.flush()
    row.m = 3
    k.flush()


@case
def inherit_joined_changed_key_by_hand(k: Kit) -> None:
    base = k.model(
        "Base", keyless=True, code=k.text(primary_key=True), n=k.number(), __mapper_args__={"passive_updates": False}
    )
    part = k.model(
        "Part", base, code=k.key("base.code", k.sa.String(20), primary_key=True), m=k.number(),
        __mapper_args__={"passive_updates": False},
    )  # fmt: skip
    row = part(code="a", n=1, m=1)
    k.start(row, keys=False)
    if k.is_lite:  # no foreign key is checked there
        row.code = "b"
        k.flush()


@case
def inherit_joined_other_names(k: Kit) -> None:
    thing = k.model("Thing", label=k.text())
    tool = k.model("Tool", thing, tool_id=k.key("thing.id", primary_key=True), size=k.number())
    row = tool(label="a", size=1)
    s = k.start()
    s.add_all([row, thing(label="b"), tool(label="c", size=2)])
    k.flush()
    k.note("ids", row.id, row.tool_id)
    row.size = 5
    k.flush()
    s.delete(row)
    k.flush()


@case
def inherit_joined_tables_refer_to_each_other(k: Kit) -> None:
    person = k.model("Person", name=k.text())
    pupil = k.model("Pupil", person, id=k.key("person.id", primary_key=True), coach_id=k.key("coach.id"))
    coach = k.model("Coach", person, id=k.key("person.id", primary_key=True), level=k.number())
    s = k.start()
    s.add_all([pupil(name="p", coach_id=2), coach(name="c", level=1)])
    k.flush()


@case
def inherit_joined_single_below(k: Kit) -> None:
    _, engineer, _, _ = staff(k)
    temp = k.model(
        "Temp", engineer, __tablename__=None, agency=k.text(), __mapper_args__={"polymorphic_identity": "temp"}
    )
    s = k.start()
    s.add_all([engineer(name="1", skill="a"), temp(name="2", skill="b", agency="x"), engineer(name="3", skill="c")])
    k.flush()


@case
def inherit_single_mixed(k: Kit) -> None:
    animal, dog, puppy, cat = zoo(k)
    s = k.start()
    rows = [animal(name="1"), dog(name="2", bark="w"), puppy(name="3", toy="t"), cat(name="4", lives=7), dog(name="5")]
    s.add_all(rows)
    k.flush()
    rows[1].bark, rows[2].toy, rows[3].name = "x", "u", "y"
    k.flush()
    for row in rows[2:]:
        s.delete(row)
    k.flush()


@case
def inherit_single_wrong_identity(k: Kit) -> None:
    animal, dog, _, _ = zoo(k)
    s = k.start()
    s.add_all([dog(name="1", kind="cat"), animal(name="2", kind="dog"), animal(name="3", kind="stone")])
    k.flush()


@case
def inherit_joined_children(k: Kit) -> None:
    kind = k.text()
    firm = k.model("Firm", people=k.orm.relationship("Person", back_populates="firm", order_by="Person.id"))
    person = k.model(
        "Person", name=k.text(), kind=kind, firm_id=k.key("firm.id"),
        firm=k.orm.relationship("Firm", back_populates="people"),
        __mapper_args__={"polymorphic_on": kind, "polymorphic_identity": "person"},
    )  # fmt: skip
    boss = k.model(
        "Boss", person, id=k.key("person.id", primary_key=True), car=k.text(),
        __mapper_args__={"polymorphic_identity": "boss"},
    )  # fmt: skip
    s = k.start()
    one = firm(people=[boss(name="b", car="c"), person(name="p")])
    s.add(one)
    k.flush()
    one.people.pop()
    k.flush()
    s.delete(one)
    k.flush()


@case
def inherit_subclass_children(k: Kit) -> None:
    kind = k.text()
    person = k.model(
        "Person", name=k.text(), kind=kind, __mapper_args__={"polymorphic_on": kind, "polymorphic_identity": "person"},
    )  # fmt: skip
    boss = k.model(
        "Boss", person, id=k.key("person.id", primary_key=True),
        cars=k.orm.relationship("Car", cascade="all, delete-orphan", order_by="Car.id"),
        __mapper_args__={"polymorphic_identity": "boss"},
    )  # fmt: skip
    car = k.model("Car", boss_id=k.key("boss.id"), make=k.text())
    s = k.start()
    one = boss(name="b", cars=[car(make="x"), car(make="y")])
    s.add_all([one, person(name="p")])
    k.flush()
    del one.cars[0]
    k.flush()
    s.delete(one)
    k.flush()
