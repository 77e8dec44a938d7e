"""What is wrong with a `relationship()` is said with names and with what to write."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

import pytest

from pyorm import Column, ForeignKey, Integer, Table, exc, select
from pyorm.orm import (
    DeclarativeBase,
    Mapped,
    RelationshipProperty,
    aliased,
    backref,
    configure_mappers,
    declared_attr,
    mapped_column,
    registry,
    relationship,
)
from pyorm.orm.exc import LoaderStrategyException, MappedAnnotationError, UnmappedClassError
from tests.orm.relating import MADE, forget, make_base, make_pair


@pytest.fixture(autouse=True)
def _forget() -> Any:
    yield
    forget()


def fails(error: type[Exception], *parts: str, make: Callable[[], Any]) -> None:
    """Assert that mapping or configuring raises this error, each part in its text."""
    with pytest.raises(error) as caught:
        make()
        configure_mappers()
    for part in parts:
        assert part in str(caught.value)


def pair(user: dict[str, Any] | None = None, post: dict[str, Any] | None = None, key: bool = True) -> Callable[[], Any]:
    """Return a function that makes User.posts and Post.author with these arguments; None leaves one out."""

    def make() -> Any:
        return make_pair(
            None if user is None else relationship("Post", **user),
            None if post is None else relationship("User", **post),
            key=key,
        )

    return make


# --- no path, or several ------------------------------------------------------------------------------------------


def test_missing_foreign_key_is_told() -> None:
    fails(
        exc.NoForeignKeysError, "relationship User.posts", "no foreign keys linking these tables", "'primaryjoin'",
        make=pair({}, key=False),
    )  # fmt: skip


def test_primaryjoin_without_foreign_columns_asks_for_foreign() -> None:
    fails(
        exc.ArgumentError, "'users.id = posts.author_id' on relationship User.posts", "foreign() annotation",
        make=pair({"primaryjoin": "User.id == Post.author_id"}, key=False),
    )  # fmt: skip


def test_condition_without_equality_asks_for_viewonly() -> None:
    fails(
        exc.ArgumentError, "'users.id > posts.author_id'", "viewonly=True",
        make=pair({"primaryjoin": "User.id > foreign(Post.author_id)"}),
    )  # fmt: skip


def two_keys(**arguments: Any) -> Callable[[], Any]:
    """Return a function that maps two classes with two foreign keys between them."""

    def make() -> Any:
        base = make_base()
        a = type("A", (base,), {"__tablename__": "a", "id": Column(Integer, primary_key=True)})
        return type("B", (base,), {
            "__tablename__": "b", "id": Column(Integer, primary_key=True), "one": Column(ForeignKey("a.id")),
            "two": Column(ForeignKey("a.id")), "a": relationship(a, **arguments),
        })  # fmt: skip

    return make


def test_two_paths_are_listed_with_what_to_write() -> None:
    fails(
        exc.AmbiguousForeignKeysError, "relationship B.a", "multiple foreign key paths", "b.one -> a.id; b.two -> a.id",
        "write foreign_keys=[b.one] or foreign_keys=[b.two]",
        make=two_keys(),
    )  # fmt: skip


def test_wrong_foreign_keys_leave_no_path() -> None:
    fails(exc.NoForeignKeysError, "relationship B.a", make=two_keys(foreign_keys="B.id"))


def many_to_many(links: Callable[[Any], Any], **arguments: Any) -> Callable[[], Any]:
    """Return a function that maps classes A and B with A.bs over a secondary table."""

    def make() -> Any:
        base = make_base()
        table = links(base.metadata)
        type("A", (base,), {
            "__tablename__": "a", "id": Column(Integer, primary_key=True),
            "bs": relationship("B", secondary=table, **arguments),
        })  # fmt: skip
        return type("B", (base,), {"__tablename__": "b", "id": Column(Integer, primary_key=True)})

    return make


def test_secondary_without_foreign_keys_is_told() -> None:
    fails(
        exc.NoForeignKeysError, "relationship A.bs", "via secondary table 'x'", "'primaryjoin' and 'secondaryjoin'",
        make=many_to_many(lambda m: Table("x", m, Column("a", Integer), Column("b", ForeignKey("b.id")))),
    )  # fmt: skip


def test_secondary_with_two_paths_lists_them() -> None:
    def links(metadata: Any) -> Any:
        keys = [Column(name, ForeignKey("a.id")) for name in ("x", "y")]
        return Table("x", metadata, *keys, Column("b", ForeignKey("b.id")))

    fails(
        exc.AmbiguousForeignKeysError, "relationship A.bs", "via secondary table 'x'", "x.x -> a.id; x.y -> a.id",
        make=many_to_many(links),
    )  # fmt: skip


def test_secondary_may_not_be_a_class() -> None:
    def make() -> Any:
        base = make_base()

        class A(base):  # type: ignore[misc,valid-type]
            __tablename__ = "a"
            id = Column(Integer, primary_key=True)
            bs = relationship("B", secondary="Link")

        class B(base):  # type: ignore[misc,valid-type]
            __tablename__ = "b"
            id = Column(Integer, primary_key=True)

        class Link(base):  # type: ignore[misc,valid-type]
            __tablename__ = "links"
            a_id = Column(ForeignKey("a.id"), primary_key=True)
            b_id = Column(ForeignKey("b.id"), primary_key=True)

        return A, B, Link

    fails(exc.ArgumentError, "A.bs must be a Table object or other FROM clause", make=make)


def test_secondaryjoin_needs_secondary() -> None:
    fails(exc.ArgumentError, "User.posts", "no secondary argument", make=pair({"secondaryjoin": "User.id == Post.id"}))


def test_foreign_keys_on_both_sides_have_no_direction() -> None:
    def make() -> Any:
        base = make_base()
        type("A", (base,), {
            "__tablename__": "a", "id": Column(Integer, primary_key=True), "b_id": Column(ForeignKey("b.id")),
            "b": relationship("B", primaryjoin="and_(A.b_id == B.id, B.a_id == A.id)"),
        })  # fmt: skip
        return type("B", (base,), {
            "__tablename__": "b", "id": Column(Integer, primary_key=True), "a_id": Column(ForeignKey("a.id")),
        })  # fmt: skip

    fails(exc.ArgumentError, "Can't determine relationship direction for relationship 'A.b'", "foreign()", make=make)


def test_both_columns_remote_leave_no_pair() -> None:
    def make() -> Any:
        return type("Node", (make_base(),), {
            "__tablename__": "nodes", "id": Column(Integer, primary_key=True), "up": Column(ForeignKey("nodes.id")),
            "parent": relationship("Node", remote_side="[Node.id, Node.up]"),
        })  # fmt: skip

    fails(exc.ArgumentError, "Node.parent could not determine any unambiguous local/remote column pairs", make=make)


# --- names ------------------------------------------------------------------------------------------------------------


def test_unknown_class_names_the_nearest_one() -> None:
    fails(
        exc.InvalidRequestError, "expression 'Posst' failed to locate a name ('Posst'). Did you mean 'Post'?",
        make=lambda: make_pair(relationship("Posst")),
    )  # fmt: skip


def test_unknown_name_in_an_expression_is_told() -> None:
    fails(
        exc.InvalidRequestError, "'User.id == Pst.author_id'", "('Pst')",
        make=pair({"primaryjoin": "User.id == Pst.author_id"}),
    )  # fmt: skip


def test_unknown_attribute_in_an_expression_names_the_nearest_one() -> None:
    fails(
        AttributeError, "does not have a mapped column named 'autor_id'", "Did you mean 'author_id'?",
        make=pair({"primaryjoin": "User.id == Post.autor_id"}),
    )  # fmt: skip


def test_unknown_secondary_is_told() -> None:
    fails(exc.InvalidRequestError, "('linkz')", make=pair({"secondary": "linkz"}))


def test_two_classes_of_one_name_need_their_module() -> None:
    base = make_base()
    make_pair(relationship("Post"), base=base)
    with pytest.warns(exc.SAWarning, match=r"already contains a class with the same class name .*Post"):
        type("Post", (base,), {
            "__tablename__": "others", "id": Column(Integer, primary_key=True), "__module__": make_pair.__module__,
        })  # fmt: skip

    fails(exc.InvalidRequestError, 'Multiple classes found for path "Post"', "module-qualified", make=lambda: None)


def test_generic_class_in_a_string_is_an_annotation() -> None:
    fails(
        exc.InvalidRequestError, "generic class", "posts: Mapped[list['Post']] = relationship()",
        make=lambda: make_pair(relationship("list[Post]")),
    )  # fmt: skip


def test_target_that_is_not_mapped_is_told() -> None:
    class Plain:
        """Not mapped."""

    fails(UnmappedClassError, "Plain", "is not mapped", make=lambda: make_pair(relationship(Plain)))
    forget()
    fails(exc.ArgumentError, "'posts' expects a class or a mapper", make=lambda: make_pair(relationship(5)))


def test_expression_that_is_none_is_told() -> None:
    fails(exc.ArgumentError, "argument 'foreign_keys'; got 5", make=pair({"foreign_keys": "[5]"}))
    forget()
    fails(exc.ArgumentError, "argument 'primaryjoin'; got 5", make=pair({"primaryjoin": 5}))


# --- the other side ---------------------------------------------------------------------------------------------------


def test_unknown_back_populates_names_the_nearest_one() -> None:
    fails(
        exc.InvalidRequestError, "Mapper[Post(posts)]' has no property 'authors'. Did you mean 'author'?",
        make=pair({"back_populates": "authors"}, {"viewonly": True}),
    )  # fmt: skip


def test_back_populates_must_be_a_relationship() -> None:
    fails(
        exc.InvalidRequestError, "'User.posts' refers to attribute 'Post.author_id' that is not a relationship",
        make=pair({"back_populates": "author_id"}),
    )  # fmt: skip


def test_back_populates_must_lead_back() -> None:
    def make() -> Any:
        base = make_base()
        user, post = make_pair(relationship("Post", back_populates="owner"), base=base)
        other = type("Other", (base,), {"__tablename__": "others", "id": Column(Integer, primary_key=True)})
        post.other_id = Column(ForeignKey("others.id"))
        post.owner = relationship(other)
        return user

    fails(
        exc.ArgumentError, "'owner' on relationship User.posts references relationship Post.owner",
        "does not reference mapper Mapper[User(users)]",
        make=make,
    )  # fmt: skip


def test_two_sides_of_one_direction_ask_for_remote_side() -> None:
    def make() -> Any:
        return type("Node", (make_base(),), {
            "__tablename__": "nodes", "id": Column(Integer, primary_key=True), "up": Column(ForeignKey("nodes.id")),
            "children": relationship("Node", back_populates="parent"),
            "parent": relationship("Node", back_populates="children"),
        })  # fmt: skip

    fails(exc.ArgumentError, "both of the same direction", "Did you mean to set remote_side", make=make)


def test_backref_and_back_populates_exclude_each_other() -> None:
    fails(exc.ArgumentError, "mutually exclusive", make=pair({"backref": "author", "back_populates": "author"}))


@pytest.mark.parametrize("name", ["author_id", "id"])
def test_backref_takes_no_name_that_is_mapped(name: str) -> None:
    fails(
        exc.ArgumentError, f"Error creating backref '{name}' on relationship 'User.posts'", "Mapper[Post(posts)]",
        make=pair({"backref": name}),
    )  # fmt: skip


def test_backref_of_one_to_many_has_no_secondaryjoin() -> None:
    fails(
        exc.ArgumentError, "Can't assign 'secondaryjoin'",
        make=pair({"backref": backref("author", secondaryjoin="User.id == Post.id")}),
    )  # fmt: skip


# --- options ----------------------------------------------------------------------------------------------------------


def test_unknown_cascade_names_the_nearest_one() -> None:
    fails(
        exc.ArgumentError, "Invalid cascade option(s): 'delete-orphans'", "Did you mean 'delete-orphan'?",
        make=pair({"cascade": "all, delete-orphans"}),
    )  # fmt: skip


def test_delete_orphan_on_the_many_side_needs_single_parent() -> None:
    fails(
        exc.ArgumentError, "For many-to-one relationship Post.author", "single_parent=True",
        make=pair(None, {"cascade": "all, delete-orphan"}),
    )  # fmt: skip
    forget()
    make_pair(None, relationship("User", cascade="all, delete-orphan", single_parent=True))
    configure_mappers()


def test_passive_deletes_all_does_not_go_with_delete() -> None:
    fails(
        exc.ArgumentError, "On User.posts, can't set passive_deletes='all'",
        make=pair({"passive_deletes": "all", "cascade": "all"}),
    )  # fmt: skip


def test_viewonly_does_not_synchronize() -> None:
    fails(exc.ArgumentError, "sync_backref and viewonly", make=pair({"viewonly": True, "sync_backref": True}))
    forget()
    fails(
        exc.InvalidRequestError, "Post.author cannot specify sync_backref=True since User.posts includes viewonly=True",
        make=pair({"viewonly": True, "back_populates": "author"}, {"back_populates": "posts", "sync_backref": True}),
    )  # fmt: skip


def test_unknown_argument_is_a_type_error() -> None:
    fails(TypeError, "'foo'", make=pair({"foo": 1}))


def test_unknown_loader_names_the_nearest_one() -> None:
    fails(LoaderStrategyException, "User.posts", "Did you mean 'selectin'?", make=pair({"lazy": "selectinn"}))


@pytest.mark.parametrize("lazy", ["dynamic", "write_only"])
def test_collection_loaders_need_a_collection(lazy: str) -> None:
    fails(exc.InvalidRequestError, "On relationship Post.author", "many-to-one", make=pair(None, {"lazy": lazy}))


# --- declarative ------------------------------------------------------------------------------------------------------


def test_relationship_without_target_asks_for_an_annotation() -> None:
    fails(exc.ArgumentError, '"User.posts"', "annotation is required", make=lambda: make_pair(relationship()))


def test_plain_annotation_asks_for_mapped() -> None:
    def make() -> Any:
        class User(make_base()):  # type: ignore[misc]
            __tablename__ = "users"
            id: Mapped[int] = mapped_column(primary_key=True)
            posts: list[Any] = relationship("Post")

        return User

    fails(MappedAnnotationError, '"User.posts"', "Mapped[]", "__allow_unmapped__", make=make)


def test_relationship_of_a_mixin_is_a_declared_attr() -> None:
    class Mixin:
        author = relationship("User")

    def make() -> Any:
        return type("Post", (Mixin, make_base()), {"__tablename__": "posts", "id": Column(Integer, primary_key=True)})

    fails(exc.InvalidRequestError, "declared_attr", make=make)


def test_declared_attr_gives_each_class_a_relationship_of_its_own() -> None:
    base = make_base()

    class Owned:
        @declared_attr
        def owner_id(cls) -> Any:
            return Column(ForeignKey("users.id"))

        @declared_attr
        def owner(cls) -> Any:
            return relationship("User", primaryjoin=lambda: user.id == cls.owner_id)

    user, _ = make_pair(base=base)
    one, two = (
        type(name, (Owned, base), {"__tablename__": name.lower(), "id": Column(Integer, primary_key=True)})
        for name in ("One", "Two")
    )
    configure_mappers()

    assert str(one.owner.property.primaryjoin) == "users.id = one.owner_id"
    assert str(two.owner.property.primaryjoin) == "users.id = two.owner_id"


# --- a configuration that fails ---------------------------------------------------------------------------------------


def test_failure_is_remembered_until_the_registry_is_disposed_of() -> None:
    user, _ = make_pair(relationship("Nothing"))
    fails(exc.InvalidRequestError, "'Nothing'", make=lambda: None)

    text = r"One or more mappers failed.*Mapper\[User\(users\)\].*Nothing"
    for use in (configure_mappers, user, lambda: str(select(user)), lambda: user.posts.any()):
        with pytest.raises(exc.InvalidRequestError, match=text):
            use()

    forget()
    configure_mappers()


def test_failure_of_one_registry_leaves_another_in_peace() -> None:
    make_pair(relationship("Nothing"))
    user, post = make_pair(relationship("Post"))
    fails(exc.InvalidRequestError, "'Nothing'", make=lambda: None)

    assert user(posts=[post()]).posts[0].id is None
    assert str(select(post.id)) == "SELECT posts.id \nFROM posts"


def test_registry_tells_of_others_that_it_needs() -> None:
    here, there = make_base(), make_base()
    user, post = make_pair(relationship("Post"), base=here)
    other = type("Other", (there,), {"__tablename__": "others", "id": Column(Integer, primary_key=True)})
    post.other_id = Column(Integer)
    post.other = relationship(other, primaryjoin=lambda: post.other_id == other.id, foreign_keys=lambda: post.other_id)

    with pytest.raises(exc.InvalidRequestError, match=r"cascade=False.*Mapper\[Other\(others\)\]"):
        here.registry.configure()
    here.registry.configure(cascade=True)
    assert other.__mapper__.configured and user.__mapper__.configured
    with pytest.raises(exc.InvalidRequestError, match="pass cascade=True"):
        there.registry.dispose()


# --- warnings ---------------------------------------------------------------------------------------------------------


def test_two_writers_of_one_column_are_told_how_to_agree() -> None:
    make_pair(relationship("Post"), relationship("User"))

    with pytest.warns(exc.SAWarning) as caught:
        configure_mappers()

    text = str(caught[0].message)
    assert "'Post.author' will copy column users.id to column posts.author_id" in text
    assert "'User.posts' (copies users.id to posts.author_id)" in text
    assert re.search(r"""back_populates.*viewonly=True.*'overlaps="posts"' to the 'Post.author'""", text)
    assert "qzyx" in text


@pytest.mark.feature("REL11")
@pytest.mark.parametrize("options", [{"overlaps": "posts"}, {"viewonly": True}, {"overlaps": "x, posts"}])
def test_writers_that_agree_are_left_alone(options: dict[str, Any]) -> None:
    make_pair(relationship("Post"), relationship("User", **options))

    configure_mappers()


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"cascade": "save-update, delete-orphan"}, "requires 'delete'"),
        ({"viewonly": True, "passive_deletes": True}, "Setting passive_deletes"),
        ({"omit_join": True}, "omit_join"),
    ],
)
def test_option_without_effect_warns(options: dict[str, Any], text: str) -> None:
    with pytest.warns(exc.SAWarning, match=text):
        relationship("Post", **options)


def test_remote_side_on_the_wrong_table_warns() -> None:
    make_pair(relationship("Post", remote_side="User.id"))

    with pytest.warns(exc.SAWarning, match=r"users\.id is marked as 'remote', but these column\(s\) are local"):
        configure_mappers()


def test_relationship_of_an_alias_is_the_aliass() -> None:
    user, _ = make_pair(relationship("Post"))
    other = aliased(user)

    assert other.posts.class_ is other
    assert str(other.posts) == "aliased(User).posts"
    assert other.posts.property is user.posts.property


def test_classes_without_a_registry_of_names_relate_by_class() -> None:
    mappings = registry()
    MADE.append(mappings)

    class Base(DeclarativeBase):
        registry = mappings

    posts, author = relationship("Post", back_populates="author"), relationship("User", back_populates="posts")
    user, post = make_pair(posts, author, base=Base)

    assert user(posts=[post()]).posts[0].author is not None


def test_object_without_a_key_is_missed_by_params_and_not_by_the_text() -> None:
    user, post = make_pair(relationship("Post", back_populates="author"), relationship("User", back_populates="posts"))
    statement = select(post.id).where(post.author == user())

    assert str(statement).endswith("WHERE :param_1 = posts.author_id")
    with pytest.raises(exc.InvalidRequestError, match="no value has been set for this column"):
        statement.compile().construct_params()


def test_unknown_argument_of_a_relationship_is_refused() -> None:
    with pytest.raises(TypeError, match=r"relationship\(\) got an unexpected keyword argument 'backpopulates'"):
        relationship("Post", backpopulates="author")  # type: ignore[call-arg]



def test_arguments_of_the_function_are_those_of_the_class() -> None:
    function = inspect.signature(relationship).parameters
    made = inspect.signature(RelationshipProperty).parameters

    assert set(made) - set(function) == {"dataclass_options"}
    assert {k for k, p in made.items() if k in function and p.default is not function[k].default} == {"cascade"}
