"""SELECTs for what many instances refer to: as many as there are keys, not as there are instances."""

from __future__ import annotations

import pytest

from pyorm import select
from pyorm.engine import Engine
from pyorm.orm import Session, selectinload
from pyorm.orm.exc import FlushError
from tests.conformance import blog
from tests.conformance.blog import Post, User
from tests.conformance.models import logged


@pytest.mark.feature("LOAD01")
def test_many_posts_of_few_authors_take_one_more_select(engine: Engine) -> None:
    blog.fill(engine)
    with Session(engine) as session:
        session.add_all([Post(id=100 + i, author_id=1 + i % 5) for i in range(1200)])
        session.commit()
    with Session(engine) as session:
        with logged(engine) as words:
            posts = session.scalars(select(Post).options(selectinload(Post.author))).all()
            names = {post.author.name for post in posts}
        assert words.count("SELECT") == 2
        assert names == {f"u{i}" for i in range(1, 6)}


@pytest.mark.parametrize("chunksize", [1, 2, 100])
def test_chunks_are_of_keys(engine: Engine, chunksize: int) -> None:
    blog.fill(engine)
    with Session(engine) as session, logged(engine) as words:
        option = selectinload(Post.author, chunksize=chunksize)
        posts = session.scalars(select(Post).options(option)).all()
        assert {post.id: post.author.id for post in posts} == blog.AUTHOR
    assert words.count("SELECT") == 1 + -(-4 // chunksize)
    assert all(isinstance(post.author, User) for post in posts)


@pytest.mark.parametrize("in_", ["new", "loaded"])
def test_none_in_a_collection_is_refused_and_nothing_is_lost(engine: Engine, in_: str) -> None:
    blog.fill(engine)
    with Session(engine) as session:
        user = User(name="new") if in_ == "new" else session.get_one(User, 1)
        session.add(user)
        user.posts.append(None)
        with pytest.raises(FlushError, match=r"Can't flush None value found in collection User\.posts: take it out"):
            session.flush()
        session.rollback()
        assert (None in user.posts) is (in_ == "new")
