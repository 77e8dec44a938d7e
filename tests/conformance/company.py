"""A company and its staff in joined tables, for tests of options about subclasses."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from pyorm import Column, ForeignKey, Integer, String, inspect
from pyorm.orm import Session, declarative_base, relationship


def make_company(engine: Any) -> SimpleNamespace:
    """Create the tables with two companies; Employee > Manager > Chief, Engineer.

    Acme has a manager (1), an engineer (2) and an employee (3), Best a chief (4), an engineer whose boss is 1 (5)
    and a manager (6).
    """
    Base: Any = declarative_base()

    class Company(Base):
        __tablename__ = "company"
        id = Column(Integer, primary_key=True)
        name = Column(String(20))
        staff = relationship("Employee", order_by="Employee.id")

    class Employee(Base):
        __tablename__ = "employee"
        id = Column(Integer, primary_key=True)
        name = Column(String(20))
        kind = Column(String(10))
        company_id = Column(ForeignKey("company.id"))
        __mapper_args__ = {"polymorphic_on": kind, "polymorphic_identity": "employee"}

    class Manager(Employee):
        __tablename__ = "manager"
        id = Column(ForeignKey("employee.id"), primary_key=True)
        budget = Column(Integer)
        papers = relationship("Paper", order_by="Paper.id")
        __mapper_args__ = {"polymorphic_identity": "manager"}

    class Chief(Manager):
        __tablename__ = "chief"
        id = Column(ForeignKey("manager.id"), primary_key=True)
        car = Column(String(10))
        __mapper_args__ = {"polymorphic_identity": "chief"}

    class Engineer(Employee):
        __tablename__ = "engineer"
        id = Column(ForeignKey("employee.id"), primary_key=True)
        lang = Column(String(10))
        boss_id = Column(ForeignKey("manager.id"))
        boss = relationship("Manager", foreign_keys=boss_id)
        tools = relationship("Tool", order_by="Tool.id")
        __mapper_args__ = {"polymorphic_identity": "engineer"}

    class Paper(Base):
        __tablename__ = "paper"
        id = Column(Integer, primary_key=True)
        manager_id = Column(ForeignKey("manager.id"))

    class Tool(Base):
        __tablename__ = "tool"
        id = Column(Integer, primary_key=True)
        engineer_id = Column(ForeignKey("engineer.id"))

    made = SimpleNamespace(
        engine=engine, Base=Base, Company=Company, Employee=Employee, Manager=Manager, Chief=Chief, Engineer=Engineer,
        Paper=Paper, Tool=Tool,
    )  # fmt: skip
    fill(made)
    return made


def fill(m: SimpleNamespace) -> None:
    """Create the tables and their rows."""
    m.Base.metadata.create_all(m.engine)
    with Session(m.engine) as session:
        session.add_all([m.Company(id=1, name="Acme"), m.Company(id=2, name="Best")])
        session.flush()
        session.add_all([
            m.Manager(id=1, name="m1", budget=10, company_id=1, papers=[m.Paper(id=1), m.Paper(id=2)]),
            m.Engineer(id=2, name="e1", lang="c", company_id=1, tools=[m.Tool(id=1)]),
            m.Employee(id=3, name="p1", company_id=1),
            m.Chief(id=4, name="c1", budget=20, car="red", company_id=2, papers=[m.Paper(id=3)]),
        ])
        session.flush()
        session.add_all([m.Engineer(id=5, name="e2", lang="py", boss_id=1, company_id=2),
                         m.Manager(id=6, name="m2", budget=30, company_id=2)])
        session.commit()


def loaded(entity: Any) -> str:
    """Return an instance's class, name and what is loaded of it beyond its parent's columns, as one text."""
    held = inspect(entity).dict
    parts = [type(entity).__name__, str(held.get("id")) if "id" in held else "-"]
    parts += [f"{key}={held[key]}" for key in ("name", "budget", "car", "lang") if key in held]
    parts += [f"{key}={[one.id for one in held[key]]}" for key in ("papers", "tools") if key in held]
    parts += [f"boss={loaded(held['boss']) if held['boss'] is not None else None}"] if "boss" in held else []
    return " ".join(parts)
