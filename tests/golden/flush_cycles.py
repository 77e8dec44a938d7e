"""Golden flush cases: trees, tables that refer to each other, post_update, cycles that have no order."""

from __future__ import annotations

from typing import Any

from tests.golden.flush_kit import Kit, case


def tree(k: Kit, both: bool = True, **options: Any) -> Any:
    """Map Node.children and, with `both`, Node.parent."""
    node = k.model("Node", name=k.text(), parent_id=k.key("node.id"))
    if both:
        node.children = k.orm.relationship(node, back_populates="parent", **options)
        node.parent = k.orm.relationship(node, back_populates="children", remote_side=node.id)
    else:
        node.children = k.orm.relationship(node, **options)
    return node


def grown(k: Kit, **options: Any) -> dict[str, Any]:
    """Start with the tree 1 (2 (4, 5), 3 (6)) in memory; answer nodes by name."""
    node = tree(k, **options)
    n = {str(i): node(id=i, name=str(i)) for i in range(1, 7)}
    n["1"].children = [n["2"], n["3"]]
    n["2"].children = [n["4"], n["5"]]
    n["3"].children = [n["6"]]
    for leaf in "456":
        n[leaf].children = []
    k.start(n["1"])
    return n


@case
def tree_new(k: Kit) -> None:
    node = tree(k)
    s = k.start()
    root = node(name="1", children=[node(name="2", children=[node(name="4"), node(name="5")])])
    root.children.append(node(name="3", children=[node(name="6")]))
    s.add(root)
    k.flush()


@case
def tree_new_without_backref(k: Kit) -> None:
    node = tree(k, both=False)
    s = k.start()
    leaves = [node(name="4"), node(name="5")]
    s.add_all(leaves)
    s.add(node(name="1", children=[node(name="2", children=leaves), node(name="3")]))
    k.flush()


@case
def tree_new_by_parent_only(k: Kit) -> None:
    node = k.model("Node", name=k.text(), parent_id=k.key("node.id"))
    node.parent = k.orm.relationship(node, remote_side=node.id)
    s = k.start()
    root = node(name="1")
    mid = node(name="2", parent=root)
    s.add_all([node(name="3", parent=mid), mid, root, node(name="4", parent=root)])
    k.flush()


@case
def tree_refers_to_itself(k: Kit) -> None:
    node = k.model("Node", name=k.text(), parent_id=k.key("node.id"))
    node.parent = k.orm.relationship(node, remote_side=node.id, post_update=True)
    s = k.start()
    n = node(name="self")
    n.parent = n
    s.add(n)
    k.flush()
    s.delete(n)
    k.flush()


@case
def tree_refers_to_itself_without_post_update(k: Kit) -> None:
    node = k.model("Node", name=k.text(), parent_id=k.key("node.id"))
    node.parent = k.orm.relationship(node, remote_side=node.id)
    s = k.start()
    n = node(name="self")
    n.parent = n
    s.add(n)
    k.flush()


@case
def tree_move_leaf(k: Kit) -> None:
    n = grown(k)
    n["3"].children.append(n["4"])
    k.flush()


@case
def tree_move_branch_up(k: Kit) -> None:
    n = grown(k)
    n["4"].parent = n["1"]
    n["2"].parent = n["4"]
    k.flush()


@case
def tree_rename_everything(k: Kit) -> None:
    n = grown(k)
    for node in n.values():
        node.name += "x"
    k.flush()


@case
def tree_delete_root_nulls(k: Kit) -> None:
    n = grown(k)
    k.session.delete(n["1"])
    k.flush()


@case
def tree_delete_cascade(k: Kit) -> None:
    n = grown(k, cascade="all, delete-orphan")
    k.session.delete(n["1"])
    k.flush()


@case
def tree_delete_branch_as_orphan(k: Kit) -> None:
    n = grown(k, cascade="all, delete-orphan")
    n["1"].children.remove(n["2"])
    k.flush()


@case
def tree_delete_middle_and_keep_leaves(k: Kit) -> None:
    n = grown(k)
    for leaf in ("4", "5"):
        n[leaf].parent = n["1"]
    k.session.delete(n["2"])
    k.flush()


@case
def tree_delete_all_by_hand(k: Kit) -> None:
    n = grown(k)
    for name in "135246":
        k.session.delete(n[name])
    k.flush()


@case
def tree_mixed(k: Kit) -> None:
    n = grown(k)
    node = type(n["1"])
    n["6"].children.append(node(id=8, name="8"))
    n["1"].children.append(node(id=7, name="7", children=[n["5"]]))
    n["4"].name = "four"
    k.session.delete(n["3"])
    k.flush()


@case
def cycle_of_rows(k: Kit) -> None:
    node = tree(k)
    s = k.start()
    a, b = node(name="a"), node(name="b")
    a.parent = b
    b.parent = a
    s.add_all([a, b])
    with k.watch("flush"):
        try:
            s.flush()
        except k.exc.CircularDependencyError as error:
            k.note(str(error).split(".")[0], len(error.cycles) > 0)


def pair(k: Kit, post_update: bool = True) -> tuple[Any, Any]:
    """Map Team.members / Team.leader and Person.team: two tables that refer to each other."""
    team = k.model(
        "Team", name=k.text(), leader_id=k.key("person.id", use_alter=True, name="fk_leader")
    )
    person = k.model("Person", name=k.text(), team_id=k.key("team.id"))
    team.members = k.orm.relationship(
        person, foreign_keys=person.team_id, back_populates="team", order_by=person.id
    )
    person.team = k.orm.relationship(
        team, foreign_keys=person.team_id, back_populates="members"
    )
    team.leader = k.orm.relationship(
        person, foreign_keys=team.leader_id, post_update=post_update
    )
    return team, person


@case
def post_update_new(k: Kit) -> None:
    team, person = pair(k)
    s = k.start()
    boss = person(name="boss")
    s.add(team(name="t", members=[boss, person(name="other")], leader=boss))
    k.flush()


@case
def post_update_change_and_clear(k: Kit) -> None:
    team, person = pair(k)
    a, b = person(id=1, name="a"), person(id=2, name="b")
    t = team(id=1, name="t", members=[a, b], leader=a)
    k.start(t)
    t.leader = b
    t.name = "u"
    k.flush()
    t.leader = None
    k.flush()


@case
def post_update_delete_all(k: Kit) -> None:
    team, person = pair(k)
    a, b = person(id=1, name="a"), person(id=2, name="b")
    t = team(id=1, name="t", members=[a, b], leader=a)
    s = k.start(t)
    s.delete(t)
    s.delete(a)
    s.delete(b)
    k.flush()


@case
def post_update_delete_leader(k: Kit) -> None:
    team, person = pair(k)
    a, b = person(id=1, name="a"), person(id=2, name="b")
    t = team(id=1, name="t", members=[a, b], leader=a)
    s = k.start(t)
    t.leader = None
    s.delete(a)
    k.flush()


@case
def post_update_one_to_many(k: Kit) -> None:
    parent = k.model(
        "Parent",
        name=k.text(),
        favourite_id=k.key("child.id", use_alter=True, name="fk_favourite"),
    )
    child = k.model("Child", name=k.text(), parent_id=k.key("parent.id"))
    parent.children = k.orm.relationship(
        child, foreign_keys=child.parent_id, post_update=True, order_by=child.id
    )
    parent.favourite = k.orm.relationship(child, foreign_keys=parent.favourite_id)
    s = k.start()
    a, b = child(name="a"), child(name="b")
    p = parent(name="p", children=[a, b], favourite=a)
    s.add(p)
    k.flush()
    s.delete(p)
    k.flush()


@case
def post_update_writes_onupdate(k: Kit) -> None:
    team, person = pair(k)
    team.__table__.append_column(k.sa.Column("changed", k.sa.Integer, onupdate=9))
    team.changed = team.__table__.c.changed
    s = k.start()
    boss = person(name="boss")
    s.add(team(name="t", members=[boss], leader=boss))
    k.flush()


@case
def post_update_with_version(k: Kit) -> None:
    person = k.model("Person", name=k.text(), team_id=k.key("team.id"))
    versioned = k.number(nullable=False)
    team = k.model(
        "Team",
        leader_id=k.key("person.id", use_alter=True, name="fk_leader"),
        version=versioned,
        __mapper_args__={"version_id_col": versioned},
    )
    team.members = k.orm.relationship(person, foreign_keys=person.team_id)
    team.leader = k.orm.relationship(person, foreign_keys=team.leader_id, post_update=True)
    s = k.start()
    boss = person(id=1, name="boss")
    t = team(id=1, members=[boss], leader=boss)
    s.add(t)
    k.flush()
    k.note(t.version)
    t.leader = None
    k.flush()
    k.note(t.version)
    s.delete(t)
    k.flush()


@case
def mutual_without_post_update(k: Kit) -> None:
    team, person = pair(k, post_update=False)
    s = k.start()
    boss = person(name="boss")
    s.add(team(name="t", members=[boss], leader=boss))
    with k.watch("flush"):
        try:
            s.flush()
        except k.exc.CircularDependencyError as error:
            k.note(str(error).split(".")[0], len(error.cycles) > 0)


@case
def mutual_tables_with_rows_in_order(k: Kit) -> None:
    team, person = pair(k, post_update=False)
    s = k.start()
    old = team(id=1, name="old", members=[person(id=1, name="a")])
    s.add(team(id=2, name="new", leader=old.members[0], members=[person(id=2, name="b")]))
    s.add(old)
    k.flush()


@case
def ring_of_three_tables(k: Kit) -> None:
    a = k.model("Aa", b_id=k.key("bb.id", use_alter=True, name="fk_b"))
    b = k.model("Bb", c_id=k.key("cc.id", use_alter=True, name="fk_c"))
    c = k.model("Cc", a_id=k.key("aa.id"))
    a.b = k.orm.relationship(b)
    b.c = k.orm.relationship(c)
    c.a = k.orm.relationship(a)
    s = k.start()
    s.add(c(id=1, a=a(id=1, b=b(id=1, c=c(id=2)))))
    k.flush()
