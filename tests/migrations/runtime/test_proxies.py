"""The modules op and context: whom they mean, where, and what type checkers are told."""

from __future__ import annotations

import ast
import asyncio
import importlib
import inspect
import threading
from typing import Any

import pytest

from pyorm import Engine, create_engine
from pyorm.migrations import context, op
from pyorm.migrations.operations import MigrateOperation, Operations
from pyorm.migrations.runtime.environment import EnvironmentContext
from pyorm.migrations.runtime.migration import MigrationContext
from tools.proxy_stubs import PROXIES, missing, path_of

OUTSIDE = r"Can't invoke function '{}', as the proxy object has not yet been established for the Alembic '{}' class\."


def test_a_function_outside_of_a_migration_says_why_and_what_to_do() -> None:
    create_table = op.create_table
    with pytest.raises(NameError, match=OUTSIDE.format("create_table", "Operations")):
        create_table("x")
    with pytest.raises(NameError, match=OUTSIDE.format("configure", "EnvironmentContext")):
        context.configure()
    with pytest.raises(AttributeError, match="has a value only while a migration command runs"):
        context.config  # noqa: B018
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        op.nonsense  # type: ignore[attr-defined]  # noqa: B018
    assert not hasattr(context, "_private_thing")
    assert not hasattr(context, "config")


def test_every_public_name_of_the_class_is_one_of_the_module() -> None:
    for module, cls in ((op, Operations), (context, EnvironmentContext)):
        public = {name for name in dir(cls) if not name.startswith("_")}
        assert public | {cls.__name__} == set(dir(module))
        assert getattr(module, cls.__name__) is cls
        for name in public - {"config", "script"}:
            assert getattr(module, name).__doc__ == getattr(cls, name).__doc__


@pytest.mark.feature("AL-OTHER03")
def test_stubs_have_every_function_with_its_parameters() -> None:
    assert not missing(), "run: make stubs"
    for name, (home, class_name, attributes) in PROXIES.items():
        cls = getattr(importlib.import_module(home), class_name)
        tree = ast.parse(path_of(name).read_text())
        functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
        declared = {node.target.id for node in tree.body if isinstance(node, ast.AnnAssign)}  # type: ignore[union-attr]
        assert declared == set(attributes)
        assert set(functions) | declared == {n for n in dir(cls) if not n.startswith("_")}
        for function, node in functions.items():
            wanted = [p for p in inspect.signature(getattr(cls, function)).parameters if p not in ("self", "cls")]
            arguments = node.args
            listed = [*arguments.posonlyargs, *arguments.args, *filter(None, [arguments.vararg])]
            listed += [*arguments.kwonlyargs, *filter(None, [arguments.kwarg])]
            assert [argument.arg for argument in listed] == wanted, function
            assert all(argument.annotation for argument in listed), function
            assert node.returns is not None, function
    package = path_of("pyorm.migrations.op").parents[1]
    assert (package / "py.typed").exists()


def test_operations_that_users_register_are_functions_of_the_module(engine: Engine) -> None:
    @Operations.register_operation("shout_loud")
    class ShoutOp(MigrateOperation):
        """Return a word in capitals."""

        def __init__(self, word: str) -> None:
            self.word = word

        @classmethod
        def shout_loud(cls, operations: Any, word: str) -> Any:
            """Return a word in capitals."""
            return operations.invoke(cls(word))

    @Operations.implementation_for(ShoutOp)
    def shout(operations: Any, operation: ShoutOp) -> str:
        return operation.word.upper()

    try:
        with engine.connect() as connection, Operations.context(MigrationContext.configure(connection)):
            assert op.shout_loud("hey") == "HEY"  # type: ignore[attr-defined]
        assert "shout_loud" in dir(op)
    finally:
        del Operations.shout_loud  # type: ignore[attr-defined]
        del Operations._implementations[ShoutOp]
    assert not hasattr(op, "shout_loud")


@pytest.mark.thread
def test_two_threads_mean_their_own_databases() -> None:
    barrier = threading.Barrier(2, timeout=30)
    seen: dict[str, Any] = {}

    def work(name: str) -> None:
        engine = create_engine("sqlite://")
        with engine.connect() as connection, EnvironmentContext(name, None):
            context.configure(connection=connection)
            with Operations.context(context.get_context()):
                barrier.wait()
                op.execute(f"CREATE TABLE {name} (id INTEGER)")
                barrier.wait()
                query = "SELECT name FROM sqlite_schema"
                seen[name] = [context.config, op.get_bind().exec_driver_sql(query).scalars().all()]
        engine.dispose()

    threads = [threading.Thread(target=work, args=(name,)) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert seen == {"one": ["one", ["one"]], "two": ["two", ["two"]]}


def test_a_task_sees_what_was_current_where_it_was_made() -> None:
    async def inside() -> list[Any]:
        return [context.config, context.is_offline_mode()]

    with EnvironmentContext("outer", None):
        assert asyncio.run(inside()) == ["outer", False]
        with EnvironmentContext("inner", None, as_sql=True):
            assert asyncio.run(inside()) == ["inner", True]
        assert context.config == "outer"
    assert not hasattr(context, "config")
