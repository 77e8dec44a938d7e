"""A hierarchy of five subclasses loaded whole, beside one class over a view with the same columns.

Run: python -m benchmarks.polymorphic [URL]; by default SQLite in a file of its own. Prints the median ratio.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from pyorm import Column, ForeignKey, Integer, String, create_engine, select
from pyorm.orm import Session, declarative_base

SUBCLASSES = 5
ROWS = 10_000
ROUNDS = 21
TARGET = 1.3


def make_hierarchy() -> tuple[Any, list[Any]]:
    """Map the root and its subclasses, each with a table and two columns of its own."""
    base: Any = declarative_base()
    arguments = {"polymorphic_on": "kind", "polymorphic_identity": "node", "with_polymorphic": "*"}
    node = type(
        "Node", (base,),
        {
            "__tablename__": "node", "__mapper_args__": arguments, "id": Column(Integer, primary_key=True),
            "name": Column(String(20)), "kind": Column(String(10)),
        },
    )  # fmt: skip
    below = [
        type(
            f"Node{i}", (node,),
            {
                "__tablename__": f"node_{i}", "__mapper_args__": {"polymorphic_identity": str(i)},
                "id": Column(ForeignKey("node.id"), primary_key=True),
                f"number_{i}": Column(Integer), f"text_{i}": Column(String(20)),
            },
        )
        for i in range(SUBCLASSES)
    ]  # fmt: skip
    return node, below


def map_view(engine: Any, node: Any) -> Any:
    """Make a view of what a SELECT of the root reads, and map a class to it."""
    text = str(select(node).compile(engine))
    with engine.begin() as connection:
        connection.exec_driver_sql(f"CREATE VIEW node_view AS {text}")
    columns: dict[str, Any] = {
        "id": Column(Integer, primary_key=True),
        "name": Column(String(20)),
        "kind": Column(String(10)),
    }
    for i in range(SUBCLASSES):
        columns |= {f"id_{i + 1}": Column(Integer), f"number_{i}": Column(Integer), f"text_{i}": Column(String(20))}
    return type("NodeView", (declarative_base(),), {"__tablename__": "node_view", **columns})


def measure(engine: Any) -> float:
    """Return the median ratio: the hierarchy's time over the view's."""
    node, below = make_hierarchy()
    node.metadata.create_all(engine)
    with Session(engine) as session:
        session.add_all(
            below[i % SUBCLASSES](name=str(i), **{f"number_{i % SUBCLASSES}": i, f"text_{i % SUBCLASSES}": str(i)})
            for i in range(ROWS)
        )
        session.commit()
    view = map_view(engine, node)

    def load(entity: Any) -> float:
        with Session(engine) as session:
            begin = time.perf_counter()
            found = session.scalars(select(entity).order_by(entity.id)).all()
            assert len(found) == ROWS
            return time.perf_counter() - begin

    load(node), load(view)
    return median(load(node) / load(view) for _ in range(ROUNDS))


def main(url: str | None = None) -> int:
    """Print the ratio beside its target."""
    with tempfile.TemporaryDirectory() as folder:
        engine = create_engine(url or f"sqlite:///{Path(folder) / 'poly.db'}")
        ratio = measure(engine)
        engine.dispose()
    print(f"{ROWS} rows of {SUBCLASSES} subclasses over a view with their columns: {ratio:.2f} (target {TARGET})")
    return 0 if ratio <= TARGET else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
