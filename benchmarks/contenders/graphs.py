"""Scenarios of objects that refer to each other, for pyorm and SQLAlchemy: part of mapped.py."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from benchmarks import models
from benchmarks.contenders import Place, Timed
from benchmarks.work import BRANCHES, KINDS, LEAVES, POSTS_PER_AUTHOR, tree_rows

OBJECTS = 1 + BRANCHES + BRANCHES * LEAVES  # of the graph, for each root

EAGER_AUTHORS, JOINED_POSTS, LAZY_AUTHORS = 2_000, 5_000, 1_000


class Graphs:
    """Authors and their posts."""

    if TYPE_CHECKING:
        sa: Any
        orm: Any
        place: Place

        def session(self) -> Any: ...

    @cached_property
    def related(self) -> tuple[Any, Any]:
        """Author with posts, Post with its author: classes of their own, besides those of S1."""
        author, post = models.map_posts(self.sa, self.orm, self.orm.declarative_base())
        self.orm.configure_mappers()
        return author, post

    def s11(self) -> Timed:
        """Load authors and their posts with selectinload()."""
        author = self.related[0]
        statement = (
            self.sa.select(author)
            .where(author.id <= EAGER_AUTHORS)
            .options(self.orm.selectinload(author.posts))
        )

        def run() -> int:
            with self.session() as session:
                found = session.scalars(statement).all()
                assert sum(len(one.posts) for one in found) == POSTS_PER_AUTHOR * EAGER_AUTHORS
                return len(found)

        return run

    def s12(self) -> Timed:
        """Load posts and their authors with joinedload()."""
        post = self.related[1]
        statement = (
            self.sa.select(post)
            .where(post.id <= JOINED_POSTS)
            .options(self.orm.joinedload(post.author))
        )

        def run() -> int:
            with self.session() as session:
                found = session.scalars(statement).all()
                assert all(one.author is not None for one in found)
                return len(found)

        return run

    @cached_property
    def tree(self) -> tuple[Any, Any, Any]:
        """Root, Branch, Leaf."""
        made = models.map_tree(self.sa, self.orm, self.orm.declarative_base())
        self.orm.configure_mappers()
        return made

    def g1(self) -> Timed:
        """Load the graph, level by level."""
        root, branch, _ = self.tree
        load = self.orm.selectinload(root.branches).selectinload(branch.leaves)
        statement = self.sa.select(root).options(load)

        def run() -> int:
            with self.session() as session:
                found = session.scalars(statement).all()
                assert len(found[-1].branches[-1].leaves) == LEAVES
                return len(found) * OBJECTS

        return run

    def g2(self) -> Timed:
        """Let the session write a new graph in the order of its keys."""
        root, branch, leaf = self.tree
        roots, branches, leaves = tree_rows(self.place.sizes.roots)
        made = [root(id=key, name=name) for key, name in roots]
        under = [branch(id=key, name=name) for key, _, name in branches]
        for one, (_, owner, _) in zip(under, branches, strict=True):
            made[owner - 1].branches.append(one)
        for key, owner, name, weight in leaves:
            under[owner - 1].leaves.append(leaf(id=key, name=name, weight=weight))

        def run() -> int:
            with self.session() as session:
                session.add_all(made)
                session.commit()
            return len(roots) * OBJECTS

        return run

    def p1(self) -> Timed:
        """Load a hierarchy of five subclasses, each with the columns of its own table."""
        staff = models.map_staff(self.sa, self.orm, self.orm.declarative_base())
        self.orm.configure_mappers()
        statement = self.sa.select(staff)

        def run() -> int:
            with self.session() as session:
                found = session.scalars(statement).all()
                assert len({type(one) for one in found}) == len(KINDS)
                return len(found)

        return run

    def l1(self) -> Timed:
        """Load authors, then touch the posts of each."""
        author = self.related[0]
        statement = self.sa.select(author).where(author.id <= LAZY_AUTHORS)

        def run() -> int:
            with self.session() as session:
                found = session.scalars(statement).all()
                assert sum(len(one.posts) for one in found) == POSTS_PER_AUTHOR * LAZY_AUTHORS
                return len(found)

        return run

    def l1n(self) -> float:
        """Count the statements of L1, that of the authors left out."""
        run, engine, sent = self.l1(), self.session().get_bind(), []

        def note(*arguments: Any) -> None:
            sent.append(arguments[2])

        self.sa.event.listen(engine, "before_cursor_execute", note)
        run()
        self.sa.event.remove(engine, "before_cursor_execute", note)
        return float(len(sent) - 1)
