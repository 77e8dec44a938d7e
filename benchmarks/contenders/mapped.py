"""pyorm and SQLAlchemy: one program, run with one import or the other.

Where the two differ, the name of the contender decides, and only to reach what has no public
name in SQLAlchemy (S6: build and compile without executing).
"""

from __future__ import annotations

import gc
import importlib
import threading
from functools import cached_property
from typing import Any

from benchmarks import models, unrolled
from benchmarks.contenders import BY_NAME, Place, Timed
from benchmarks.contenders.graphs import Graphs
from benchmarks.memory import peak_bytes, resident_bytes
from benchmarks.scenarios import POSTGRES
from benchmarks.work import COLUMNS, author_row


class Contender(Graphs):
    """A library with SQLAlchemy's public shape."""

    def __init__(self, name: str, place: Place) -> None:
        self.library = name
        self.place = place
        self.sa: Any = importlib.import_module(name)
        self.orm: Any = importlib.import_module(f"{name}.orm")

    @cached_property
    def mapped(self) -> tuple[Any, Any]:
        """Author and the class over author_w."""
        base = self.orm.declarative_base()
        author = models.map_author(self.sa, self.orm, base, "author")
        writable = models.map_author(self.sa, self.orm, base, "author_w")
        self.reading: Any = models.map_reading(self.sa, self.orm, base)
        self.orm.configure_mappers()
        return author, writable

    @cached_property
    def engine(self) -> Any:
        """An engine over the place."""
        target = self.place.target
        if self.place.database == POSTGRES:
            # SQLAlchemy's driver; pyorm takes the name and uses its own.
            url = target.replace("postgresql://", "postgresql+psycopg://", 1)
        else:
            url = f"sqlite:///{target}"
        return self.sa.create_engine(url)

    def session(self) -> Any:
        """Return a new session."""
        return self.orm.Session(self.engine)

    def ids(self, count: int) -> list[int]:
        """Return distinct ids, spread over the table."""
        total = self.place.sizes.authors
        step = max(1, total // count)
        return list(range(1, total + 1, step))[:count]

    # --- reading ---------------------------------------------------------------------------

    def s1(self) -> Timed:
        """Load all authors."""
        author, select = self.mapped[0], self.sa.select

        def run() -> int:
            with self.session() as session:
                found = session.scalars(select(author)).all()
                return len(found)

        return run

    def s1b(self) -> Timed:
        """Stream all authors and keep none."""
        author, select = self.mapped[0], self.sa.select

        def run() -> int:
            count = 0
            with self.session() as session:
                for _ in session.scalars(select(author).execution_options(yield_per=1000)):
                    count += 1
            return count

        return run

    def s2(self) -> Timed:
        """Load all authors as rows of the table."""
        table, select = self.mapped[0].__table__, self.sa.select

        def run() -> int:
            with self.engine.connect() as connection:
                return len(connection.execute(select(table)).all())

        return run

    def s3(self) -> Timed:
        """Get by key in one session that has none of them."""
        author, ids = self.mapped[0], self.ids(2000)

        def run() -> int:
            with self.session() as session:
                for key in ids:
                    session.get(author, key)
            return len(ids)

        return run

    def s3b(self) -> Timed:
        """Get by key, each in a session of its own."""
        author, ids = self.mapped[0], self.ids(500)

        def run() -> int:
            for key in ids:
                with self.session() as session:
                    session.get(author, key)
            return len(ids)

        return run

    def s4(self) -> Timed:
        """Get what the identity map has."""
        author, session = self.mapped[0], self.session()
        kept = session.get(author, 7)

        def run() -> int:
            for _ in range(20_000):
                session.get(author, 7)
            assert session.get(author, 7) is kept
            return 20_000

        return run

    def filtered(self, number: int) -> Any:
        """Build S5's statement with values of its own."""
        author = self.mapped[0]
        return (
            self.sa.select(author)
            .where(author.name == f"name{number % 200:03}", author.age > 20)
            .order_by(author.id)
            .limit(10)
        )

    def s5(self) -> Timed:
        """Build, compile, run and map a query of ten entities."""

        def run() -> int:
            found = 0
            with self.session() as session:
                for number in range(500):
                    found += len(session.scalars(self.filtered(number)).all())
                    session.expunge_all()
            assert found == 5000, found
            return 500

        return run

    def s6(self) -> Timed:
        """Build it and find its compiled form."""
        dialect = self.engine.dialect
        if self.library == "pyorm":
            compile_cached = importlib.import_module("pyorm._core").compile_cached

            def run() -> int:
                for number in range(5000):
                    compile_cached(self.filtered(number), dialect)
                return 5000
        else:
            cache = self.sa.util.LRUCache(500)

            def run() -> int:
                for number in range(5000):
                    self.filtered(number)._compile_w_cache(
                        dialect, compiled_cache=cache, column_keys=[]
                    )
                return 5000

        run()
        return run

    def s6c(self) -> Timed:
        """Build it."""
        _ = self.mapped

        def run() -> int:
            for number in range(5000):
                self.filtered(number)
            return 5000

        return run

    # --- writing ---------------------------------------------------------------------------

    def new_rows(self, count: int) -> list[dict[str, Any]]:
        """Return keywords of new authors, without key."""
        return [
            dict(zip(COLUMNS[1:], author_row(number)[1:], strict=True))
            for number in range(1, count + 1)
        ]

    def s7(self) -> Timed:
        """Make objects, add and commit them."""
        author, rows = self.mapped[1], self.new_rows(self.place.sizes.of(10_000))

        def run() -> int:
            with self.session() as session:
                session.add_all([author(**row) for row in rows])
                session.commit()
            return len(rows)

        return run

    def s8(self) -> Timed:
        """Insert dicts."""
        author, rows = self.mapped[1], self.new_rows(self.place.sizes.of(10_000))

        def run() -> int:
            with self.session() as session:
                session.execute(self.sa.insert(author), rows)
                session.commit()
            return len(rows)

        return run

    def s9(self) -> Timed:
        """Load, change one column each, commit."""
        author, select = self.mapped[1], self.sa.select

        def run() -> int:
            with self.session() as session:
                loaded = session.scalars(select(author)).all()
                for one in loaded:
                    one.age += 1
                session.commit()
                return len(loaded)

        return run

    def s10(self) -> Timed:
        """Delete what is loaded."""
        author, session = self.mapped[1], self.session()
        loaded = session.scalars(self.sa.select(author)).all()

        def run() -> int:
            for one in loaded:
                session.delete(one)
            session.commit()
            session.close()
            return len(loaded)

        return run

    # --- without a database ------------------------------------------------------------------

    def one(self) -> Any:
        """Return an author in memory."""
        row = author_row(7)
        return self.mapped[0](**dict(zip(COLUMNS[1:], row[1:], strict=True)))

    def s13r(self) -> Timed:
        """Read an attribute."""
        return unrolled.loop("obj.name", obj=self.one())

    def s13w(self) -> Timed:
        """Write an attribute."""
        return unrolled.loop("obj.name = value", obj=self.one(), value="another")

    def s13m(self) -> Timed:
        """Call a method."""
        return unrolled.loop("obj.shout()", obj=self.one())

    def s14(self) -> Timed:
        """Construct with seven keywords."""
        return unrolled.construct(self.mapped[0])

    def s16m(self) -> Timed:
        """Declare and configure twenty models, after the imports that S16i counts."""
        exec(BY_NAME[self.library].imports)

        def run() -> int:
            models.map_twenty(self.sa, self.orm)
            return 1

        return run

    # --- memory ------------------------------------------------------------------------------

    def s15(self) -> float:
        """Return the bytes that a loaded author takes."""
        author, select = self.mapped[0], self.sa.select
        session = self.session()
        # SQLite's page cache is full before: it is no entity's memory.
        session.scalar(select(self.sa.func.max(author.bio)))
        session.get(author, 1)
        session.expunge_all()
        gc.collect()
        before = resident_bytes()
        found = session.scalars(select(author)).all()
        return (resident_bytes() - before) / len(found)

    def s15y(self) -> float:
        """Return by how many bytes the process grows over a long stream."""
        select = self.sa.select
        with self.session() as session:
            session.get(self.mapped[0], 1)
            before = resident_bytes()
            rows = select(self.reading).execution_options(yield_per=1000)
            count = sum(1 for _ in session.scalars(rows))
        assert count == self.place.sizes.readings, count
        return float(peak_bytes() - before)

    # --- pool --------------------------------------------------------------------------------

    def s17(self) -> Timed:
        """Check out, ask, check in."""

        def run() -> int:
            for _ in range(500):
                with self.engine.connect() as connection:
                    connection.exec_driver_sql("SELECT 1").scalar()
            return 500

        return run

    def s17b(self) -> Timed:
        """Check out, check in."""

        def run() -> int:
            for _ in range(2000):
                self.engine.connect().close()
            return 2000

        run()
        return run

    def s18(self) -> Timed:
        """Get by key in four threads."""
        author, ids = self.mapped[0], self.ids(500)
        errors: list[BaseException] = []

        def work() -> None:
            try:
                with self.session() as session:
                    for key in ids:
                        session.get(author, key)
            except BaseException as error:
                errors.append(error)

        def run() -> int:
            threads = [threading.Thread(target=work) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            if errors:
                raise errors[0]
            return 4 * len(ids)

        return run


