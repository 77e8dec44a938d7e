"""Golden cases: what happens when relationships change, step by step.

Each case is a generator over a `Stage`: after each `yield` the stage notes what the listeners heard, the histories of
what the case watches, session.new, session.dirty and is_modified(), and how many statements ran. The same source runs
under the reference library, which writes tests/golden/mutations.json, and under pyorm.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tests.golden.mutation_stage import Stage

Steps = Iterator[None]
Case = Callable[[Stage], Steps]


def _one_to_many() -> list[Case]:  # noqa: PLR0915 - a table of cases
    def append_to_transient(s: Stage) -> Steps:
        user, post = s.User(name="u"), s.Post(name="a")
        s.watch((user, "posts"), (post, "user"))
        user.posts.append(post)
        yield
        user.posts.append(post)
        yield
        user.posts.remove(post)
        yield

    def set_parent_of_transient(s: Stage) -> Steps:
        one, two, post = s.User(name="one"), s.User(name="two"), s.Post(name="a")
        s.watch((one, "posts"), (two, "posts"), (post, "user"))
        post.user = one
        yield
        post.user = two
        yield
        post.user = two
        yield
        post.user = None
        yield
        s.error(lambda: delattr(post, "user"))
        yield
        s.error(lambda: delattr(s.Post(name="b"), "user"))
        yield

    def list_methods(s: Stage) -> Steps:
        user = s.User(name="u")
        posts = [s.Post(name=name) for name in "abcdef"]
        s.watch((user, "posts"))
        user.posts.extend(posts[:2])
        yield
        user.posts.insert(1, posts[2])
        yield
        user.posts[0] = posts[3]
        yield
        user.posts[1:2] = [posts[4], posts[5]]
        yield
        user.posts[::2] = [posts[0], posts[2]]
        yield
        user.posts.sort(key=lambda post: post.name)
        user.posts.reverse()
        yield
        del user.posts[0]
        yield
        del user.posts[:1]
        yield
        user.posts.pop()
        yield
        s.error(lambda: user.posts.pop(9))
        s.error(lambda: user.posts.remove(posts[1]))
        yield
        user.posts.clear()
        yield

    def add_in_place(s: Stage) -> Steps:
        user = s.User(name="u")
        s.watch((user, "posts"))
        user.posts += [s.Post(name="a")]
        yield
        user.posts += [s.Post(name="b"), s.Post(name="c")]
        yield

    def replace(s: Stage) -> Steps:
        user = s.User(name="u")
        a, b, c = (s.Post(name=name) for name in "abc")
        s.watch((user, "posts"), (a, "user"), (b, "user"))
        user.posts = [a, b]
        yield
        user.posts = [c, b]
        yield
        user.posts = [b, b]
        yield
        user.posts.remove(b)
        yield
        user.posts = user.posts
        yield
        user.posts = []
        yield

    def refuse(s: Stage) -> Steps:
        user = s.User(name="u")
        s.watch((user, "posts"))
        for value in (5, None, {}, "x", (), {1}):
            s.error(lambda value=value: setattr(user, "posts", value))
        s.error(lambda: user.posts.append(3))
        s.error(lambda: user.posts.append(s.Note(name="wrong")))
        s.error(lambda: setattr(s.Post(name="p"), "user", "x"))
        s.error(lambda: setattr(s.Post(name="p"), "user", s.Tag(name="t")))
        yield

    def delete_collection(s: Stage) -> Steps:
        user = s.User(name="u", posts=[s.Post(name="a"), s.Post(name="b")])
        s.watch((user, "posts"))
        yield
        del user.posts
        yield
        user.posts.append(s.Post(name="c"))
        yield

    def read_only(s: Stage) -> Steps:
        user = s.User(name="u")
        s.watch((user, "posts"), (user, "card"))
        assert user.posts == [] and user.posts is user.posts and user.card is None
        s.log.append(str(sorted(k for k in vars(user) if k[0] != "_")))
        yield

    def flagged(s: Stage) -> Steps:
        user, post = s.User(name="u", posts=[s.Post(name="a")]), s.Post(name="b")
        s.watch((user, "posts"), (post, "user"))
        s.attributes.flag_modified(user, "posts")
        yield
        s.error(lambda: s.attributes.flag_modified(post, "user"))
        yield

    def none_as_member(s: Stage) -> Steps:
        user = s.User(name="u")
        s.watch((user, "posts"))
        user.posts.append(None)
        yield
        user.posts[0] = s.Post(name="a")
        yield
        user.posts.insert(0, None)
        user.posts.remove(None)
        yield

    return [
        append_to_transient, set_parent_of_transient, list_methods, add_in_place, replace, refuse, delete_collection,
        read_only, flagged, none_as_member,
    ]  # fmt: skip


def _loaded() -> list[Case]:  # noqa: PLR0915 - a table of cases
    def append_loaded(s: Stage) -> Steps:
        user = s.session.get(s.User, 1)
        post = s.Post(name="new")
        s.watch((user, "posts"), (post, "user"))
        assert len(user.posts) == 2
        yield
        user.posts.append(post)
        yield
        user.posts.remove(post)
        yield
        user.posts.remove(user.posts[0])
        yield

    def append_unloaded(s: Stage) -> Steps:
        user = s.session.get(s.User, 1)
        s.watch((user, "posts"))
        user.posts.append(s.Post(name="new"))
        yield

    def backref_to_unloaded(s: Stage) -> Steps:
        user = s.session.get(s.User, 1)
        post, other = s.Post(name="new"), s.Post(name="other")
        s.watch((user, "posts"), (post, "user"))
        post.user = user
        yield
        post.user = None
        yield
        post.user = user
        other.user = user
        yield
        with s.session.no_autoflush:
            s.log.append(s.show(list(user.posts)))
        yield

    def take_from_unloaded(s: Stage) -> Steps:
        user, post = s.session.get(s.User, 1), s.session.get(s.Post, 1)
        s.watch((user, "posts"), (post, "user"))
        post.user = None
        yield
        with s.session.no_autoflush:
            s.log.append(s.show(list(user.posts)))
        yield

    def move_unloaded(s: Stage) -> Steps:
        ann, bob, post = s.session.get(s.User, 1), s.session.get(s.User, 2), s.session.get(s.Post, 1)
        s.watch((ann, "posts"), (bob, "posts"), (post, "user"))
        post.user = bob
        yield
        post.user = ann
        yield

    def move_loaded(s: Stage) -> Steps:
        ann, bob = s.session.get(s.User, 1), s.session.get(s.User, 2)
        post = ann.posts[0]
        s.watch((ann, "posts"), (bob, "posts"), (post, "user"))
        yield
        bob.posts.append(post)
        yield
        ann.posts.append(post)
        yield

    def set_without_the_old_parent(s: Stage) -> Steps:
        post = s.session.get(s.Post, 1)
        bob = s.session.get(s.User, 2)
        s.watch((post, "user"))
        post.user = bob
        yield

    def read_then_set(s: Stage) -> Steps:
        post = s.session.get(s.Post, 1)
        s.watch((post, "user"))
        s.log.append(post.user.name)
        yield
        post.user = None
        yield
        del post.user
        yield

    def delete_unloaded_reference(s: Stage) -> Steps:
        post = s.session.get(s.Post, 1)
        s.watch((post, "user"))
        del post.user
        yield

    def replace_unloaded(s: Stage) -> Steps:
        user = s.session.get(s.User, 1)
        s.watch((user, "posts"))
        user.posts = [s.Post(name="new")]
        yield

    def replace_keeping_one(s: Stage) -> Steps:
        user = s.session.get(s.User, 1)
        first = user.posts[0]
        s.watch((user, "posts"), (first, "user"))
        user.posts = [s.Post(name="new"), first]
        yield

    def replace_by_the_same(s: Stage) -> Steps:
        user = s.session.get(s.User, 1)
        s.watch((user, "posts"))
        user.posts = list(user.posts)
        yield
        user.posts = list(reversed(user.posts))
        yield

    def queue_then_replace(s: Stage) -> Steps:
        user, post = s.session.get(s.User, 1), s.Post(name="new")
        s.watch((user, "posts"), (post, "user"))
        post.user = user
        yield
        with s.session.no_autoflush:
            user.posts = []
        yield

    def delete_unloaded_collection(s: Stage) -> Steps:
        user = s.session.get(s.User, 1)
        s.watch((user, "posts"))
        del user.posts
        yield

    def change_and_back(s: Stage) -> Steps:
        user = s.session.get(s.User, 1)
        first, second = user.posts
        s.watch((user, "posts"), (second, "user"))
        user.posts.remove(second)
        user.posts.append(second)
        yield
        user.posts[0], user.posts[1] = second, first
        yield

    def expire_forgets(s: Stage) -> Steps:
        user, post = s.session.get(s.User, 1), s.Post(name="new")
        post.user = user
        s.watch((user, "posts"))
        yield
        s.session.expire(user)
        yield

    def two_sessions_worth_of_state(s: Stage) -> Steps:
        user = s.session.get(s.User, 1)
        user.posts.append(s.Post(name="new"))
        s.watch((user, "posts"))
        s.session.rollback()
        yield

    return [
        append_loaded, append_unloaded, backref_to_unloaded, take_from_unloaded, move_unloaded, move_loaded,
        set_without_the_old_parent, read_then_set, delete_unloaded_reference, replace_unloaded, replace_keeping_one,
        replace_by_the_same, queue_then_replace, delete_unloaded_collection, change_and_back, expire_forgets,
        two_sessions_worth_of_state,
    ]  # fmt: skip


def _cascades() -> list[Case]:  # noqa: PLR0915 - a table of cases
    def append_cascades(s: Stage) -> Steps:
        user, post, tag = s.User(name="u"), s.Post(name="a"), s.Tag(name="t")
        post.tags.append(tag)
        s.session.add(user)
        yield
        user.posts.append(post)
        yield

    def backref_does_not_cascade(s: Stage) -> Steps:
        user, post = s.User(name="u"), s.Post(name="a")
        s.session.add(user)
        post.user = user
        yield
        s.session.add(post)
        yield

    def reference_cascades(s: Stage) -> Steps:
        user, post = s.User(name="u"), s.Post(name="a")
        s.session.add(post)
        post.user = user
        yield

    def add_brings_all(s: Stage) -> Steps:
        user = s.User(name="u", posts=[s.Post(name="a", tags=[s.Tag(name="t")])], card=s.Card(name="c"))
        s.session.add(user.posts[0].tags[0])
        s.log.append(s.show(list(s.session.new)))
        yield

    def removed_member_comes_too(s: Stage) -> Steps:
        user, post = s.User(name="u"), s.Post(name="a")
        s.attributes.set_committed_value(user, "posts", [post])
        user.posts.remove(post)
        s.session.add(user)
        yield

    def pending_orphan_leaves(s: Stage) -> Steps:
        user, note = s.User(name="u"), s.Note(name="a")
        s.session.add(user)
        user.notes.append(note)
        yield
        user.notes.remove(note)
        yield
        user.notes = [note]
        yield
        user.notes = []
        yield
        note.user = user
        s.session.add(note)
        yield
        note.user = None
        yield

    def orphan_without_delete_orphan_stays(s: Stage) -> Steps:
        user, post = s.User(name="u"), s.Post(name="a")
        s.session.add(user)
        user.posts.append(post)
        user.posts.remove(post)
        yield

    def moved_note_is_no_orphan(s: Stage) -> Steps:
        one, two, note = s.User(name="one"), s.User(name="two"), s.Note(name="a")
        s.session.add_all([one, two])
        one.notes.append(note)
        two.notes.append(note)
        s.watch((one, "notes"), (two, "notes"), (note, "user"))
        yield

    def bulk_replace_cascades(s: Stage) -> Steps:
        user = s.session.get(s.User, 2)
        s.watch((user, "notes"))
        user.notes = [s.Note(name="a"), s.Note(name="b")]
        yield

    return [
        append_cascades, backref_does_not_cascade, reference_cascades, add_brings_all, removed_member_comes_too,
        pending_orphan_leaves, orphan_without_delete_orphan_stays, moved_note_is_no_orphan, bulk_replace_cascades,
    ]  # fmt: skip


def _others() -> list[Case]:  # noqa: PLR0915 - a table of cases
    def one_to_one(s: Stage) -> Steps:
        one, two, card, other = s.User(name="one"), s.User(name="two"), s.Card(name="c"), s.Card(name="d")
        s.watch((one, "card"), (two, "card"), (card, "user"), (other, "user"))
        one.card = card
        yield
        two.card = card
        yield
        two.card = other
        yield
        other.user = one
        yield
        one.card = None
        yield

    def one_to_one_loaded(s: Stage) -> Steps:
        user = s.session.get(s.User, 1)
        s.watch((user, "card"))
        user.card = s.Card(name="new")
        yield

    def one_to_one_backref_unloaded(s: Stage) -> Steps:
        user, card = s.session.get(s.User, 1), s.Card(name="new")
        s.watch((user, "card"), (card, "user"))
        card.user = user
        yield

    def many_to_many(s: Stage) -> Steps:
        post, other, tag = s.Post(name="p"), s.Post(name="q"), s.Tag(name="t")
        s.watch((post, "tags"), (other, "tags"), (tag, "posts"))
        post.tags.append(tag)
        yield
        tag.posts.append(other)
        yield
        tag.posts = [other]
        yield
        other.tags.clear()
        yield

    def many_to_many_loaded(s: Stage) -> Steps:
        post, blue = s.session.get(s.Post, 1), s.session.get(s.Tag, 2)
        s.watch((post, "tags"), (blue, "posts"))
        post.tags.append(blue)
        yield
        red = post.tags[0]
        s.watch((red, "posts"))
        post.tags.remove(red)
        yield

    def sets(s: Stage) -> Steps:
        user = s.User(name="u")
        a, b, c = (s.Kid(name=name) for name in "abc")
        s.watch((user, "kids"), (a, "user"))
        user.kids.add(a)
        yield
        user.kids.add(a)
        yield
        user.kids |= {b}
        yield
        user.kids &= {a}
        yield
        user.kids ^= {a}
        yield
        user.kids.update([c])
        user.kids -= {c}
        yield
        user.kids.discard(a)
        s.error(lambda: user.kids.remove(3))
        s.error(lambda: user.kids.pop())
        yield
        user.kids = {b}
        yield
        b.user = None
        yield
        s.error(lambda: setattr(user, "kids", [a]))
        yield

    def set_loaded(s: Stage) -> Steps:
        user = s.session.get(s.User, 2)
        s.watch((user, "kids"))
        user.kids.add(new := s.Kid(name="new"))
        yield
        user.kids = {new}
        yield

    def dictionary(s: Stage) -> Steps:
        user = s.User(name="u")
        a, b, c = (s.Key(name=name) for name in "abc")
        s.watch((user, "keys"), (a, "user"))
        user.keys["a"] = a
        yield
        b.user = user
        yield
        user.keys["a"] = c
        yield
        user.keys.update({"b": b, "c": c})
        yield
        s.log.append(s.show([user.keys.pop("b"), user.keys.pop("zz", "none"), user.keys.setdefault("b", b)]))
        user.keys.setdefault("b", b)
        yield
        del user.keys["b"]
        yield
        s.log.append(s.show(user.keys.popitem()))
        user.keys = {"x": a}
        yield
        s.log.append(str(list(user.keys)))
        user.keys |= {"b": b}
        yield
        user.keys.clear()
        yield
        s.error(lambda: setattr(user, "keys", [a]))
        yield

    def dictionary_loaded(s: Stage) -> Steps:
        user = s.session.get(s.User, 1)
        s.watch((user, "keys"))
        s.log.append(str(sorted(user.keys)))
        user.keys["new"] = s.Key(name="new")
        yield

    def self_referential(s: Stage) -> Steps:
        root, leaf, other = s.Node(name="r"), s.Node(name="l"), s.Node(name="o")
        s.watch((root, "children"), (leaf, "parent"), (leaf, "children"), (other, "children"))
        root.children.append(leaf)
        yield
        leaf.parent = other
        yield
        leaf.children.append(root)
        yield
        other.children = [root, other]
        yield

    def self_referential_loaded(s: Stage) -> Steps:
        root, left = s.session.get(s.Node, 1), s.session.get(s.Node, 2)
        s.watch((root, "children"), (left, "parent"))
        left.parent = None
        yield
        s.session.add(new := s.Node(name="new"))
        with s.session.no_autoflush:
            new.parent = left
        yield

    def without_the_other_side(s: Stage) -> Steps:
        user, plain = s.User(name="u"), s.Plain(name="a")
        s.watch((user, "plain"), (plain, "user"))
        user.plain.append(plain)
        yield
        user.plain = [s.Plain(name="b")]
        yield

    def view_only(s: Stage) -> Steps:
        user, plain = s.User(name="u"), s.Plain(name="a")
        s.session.add(plain)
        s.watch((plain, "user"))
        plain.user = user
        yield

    def detached(s: Stage) -> Steps:
        user = s.session.get(s.User, 1)
        s.session.expunge(user)
        post = s.Post(name="new")
        s.watch((user, "posts"), (post, "user"))
        post.user = user
        yield
        s.session.add(user)
        with s.session.no_autoflush:
            s.log.append(s.show(list(user.posts)))
        yield

    return [
        one_to_one, one_to_one_loaded, one_to_one_backref_unloaded, many_to_many, many_to_many_loaded, sets, set_loaded,
        dictionary, dictionary_loaded, self_referential, self_referential_loaded, without_the_other_side, view_only,
        detached,
    ]  # fmt: skip


CASES: dict[str, Case] = {case.__name__: case for case in [*_one_to_many(), *_loaded(), *_cascades(), *_others()]}
EARLY = ("append_to_transient", "set_parent_of_transient", "replace", "many_to_many", "backref_to_unloaded")
"""Cases that also run with listeners that were there before the mappers were configured."""


def names() -> list[str]:
    """Return the names of all runs."""
    return [*CASES, *(f"{name} early" for name in EARLY)]


def run_case(library: str, name: str) -> list[str]:
    """Run one case on a fresh stage; return its log."""
    case, _, early = name.partition(" ")
    stage = Stage(library, early=bool(early))
    try:
        for _ in CASES[case](stage):
            stage.step()
        return list(stage.log)
    finally:
        stage.session.close()
        stage.engine.dispose()
