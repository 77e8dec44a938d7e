"""The tables and mapped classes that the golden statements are written over.

The same source runs under the library whose SQL text is the reference and under pyorm: the
caller gives the modules, and everything is taken from their public names.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any


def make_namespace(sa: Any, pg: Any, lite: Any) -> SimpleNamespace:
    """Return one namespace with a library's modules and the tables over them.

    Args:
        sa: The library: expressions, types and schema objects.
        pg: Its PostgreSQL names: types, `array`, `insert`.
        lite: Its SQLite names: `insert`.
    """
    space = SimpleNamespace(sa=sa, pg=pg, lite=lite)
    space.metadata = sa.MetaData()
    _add_blog(space)
    _add_oddities(space)
    return space


def _add_blog(q: Any) -> None:
    """Add authors, posts, comments, tags and nodes: the tables most cases use."""
    sa, meta = q.sa, q.metadata
    q.authors = sa.Table(
        "authors",
        meta,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(50), nullable=False),
        sa.Column("age", sa.Integer),
        sa.Column("email", sa.String),
        sa.Column("active", sa.Boolean),
        sa.Column("rating", sa.Numeric(10, 2)),
        sa.Column("score", sa.Float),
        sa.Column("born", sa.Date),
    )
    q.posts = sa.Table(
        "posts",
        meta,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("author_id", sa.ForeignKey("authors.id")),
        sa.Column("title", sa.String(200)),
        sa.Column("body", sa.Text),
        sa.Column("published", sa.Boolean),
        sa.Column("created_at", sa.DateTime),
        sa.Column("views", sa.BigInteger),
    )
    q.comments = sa.Table(
        "comments",
        meta,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("post_id", sa.Integer, sa.ForeignKey("posts.id")),
        sa.Column("author_id", sa.Integer, sa.ForeignKey("authors.id")),
        sa.Column("content", sa.Text),
    )
    q.tags = sa.Table(
        "tags",
        meta,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(30)),
    )
    q.post_tags = sa.Table(
        "post_tags",
        meta,
        sa.Column("post_id", sa.Integer, sa.ForeignKey("posts.id"), primary_key=True),
        sa.Column("tag_id", sa.Integer, sa.ForeignKey("tags.id"), primary_key=True),
    )
    q.nodes = sa.Table(
        "nodes",
        meta,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("parent_id", sa.Integer, sa.ForeignKey("nodes.id")),
        sa.Column("name", sa.String(30)),
    )


def _add_oddities(q: Any) -> None:
    """Add tables with a schema, with names to quote, and with PostgreSQL's own types."""
    sa, pg, meta = q.sa, q.pg, q.metadata
    q.events = sa.Table(
        "events",
        meta,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("kind", sa.String(20)),
        sa.Column("payload", sa.JSON),
        sa.Column("at", sa.DateTime(timezone=True)),
        schema="audit",
    )
    q.odd = sa.Table(
        "Order Items",
        meta,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("order", sa.Integer),
        sa.Column("unitPrice", sa.Numeric(8, 2)),
        sa.Column("has space", sa.String(10)),
        sa.Column('a"quote', sa.String(10)),
        sa.Column("per%cent", sa.Integer),
        sa.Column("lower_ok", sa.Integer, key="renamed"),
    )
    q.documents = sa.Table(
        "documents",
        meta,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("labels", pg.ARRAY(sa.String)),
        sa.Column("numbers", pg.ARRAY(sa.Integer)),
        sa.Column("data", pg.JSONB),
        sa.Column("plain", pg.JSON),
        sa.Column("token", sa.Uuid),
        sa.Column("span", getattr(pg, "INT4RANGE", sa.Integer)),
    )
    q.defaults = sa.Table(
        "defaults",
        meta,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("code", sa.String(10), default="none"),
        sa.Column("made", sa.DateTime, server_default=sa.func.now()),
        sa.Column("touched", sa.DateTime, default=sa.func.now(), onupdate=sa.func.now()),
        sa.Column("hits", sa.Integer, default=0),
    )
