"""What stands beside tables: schemas, enum types and sequences (PostgreSQL)."""

from __future__ import annotations

from pyorm.migrations.autogenerate import pgtypes
from pyorm.migrations.autogenerate.compare.run import Run, full_name, log, may_drop
from pyorm.migrations.autogenerate.facts import EnumFacts, SequenceFacts, TableKey
from pyorm.migrations.autogenerate.objects import enum_object, sequence_object
from pyorm.migrations.operations import ops


def compare_schemas(run: Run) -> None:
    """Plan the schemas that the model uses and the database lacks; none is dropped."""
    if not run.is_pg:
        return
    for schema in sorted(run.declared.schemas - run.found.schemas):
        log.info("Detected added schema %r", schema)
        run.plan.first.append(ops.CreateSchemaOp(schema))


# ---- enum types ------------------------------------------------------------------------------------------------
def compare_enums(run: Run) -> None:
    """Plan new, changed and unused enum types."""
    made: list[ops.MigrateOperation] = []
    for key, enum in sorted(run.declared.enums.items(), key=_sorted):
        found = run.found.enums.get(key)
        if found is None:
            if run.accepts(lambda e=enum: e.source, enum.name, "enum", False, None):  # type: ignore[misc]
                log.info("Detected added enum %r", full_name(key))
                made.append(ops.CreateEnumOp(enum.name, enum.labels, schema=enum.schema))
        elif found.labels != enum.labels:
            existing = enum_object(found)
            if run.accepts(lambda e=enum: e.source, enum.name, "enum", False, lambda o=existing: o):  # type: ignore[misc]
                made += _changed(run, enum, found)
    run.plan.first += made
    for key, found in sorted(run.found.enums.items(), key=_sorted):
        if key in run.declared.enums or not _is_left_over(run, found):
            continue
        if run.accepts(lambda f=found: enum_object(f), found.name, "enum", True, None):  # type: ignore[misc]
            log.info("Detected removed enum %r", full_name(key))
            run.plan.last.append(ops.CreateEnumOp(found.name, found.labels, schema=found.schema).reverse())


def _sorted(item: tuple[TableKey, object]) -> tuple[str, str]:
    return (item[0][0] or "", item[0][1])


def _changed(run: Run, model: EnumFacts, found: EnumFacts) -> list[ops.MigrateOperation]:
    """Return renames, positional additions, and one replacement where a value goes or the order changes."""
    old, new = list(found.labels), list(model.labels)
    made: list[ops.MigrateOperation] = []
    for value, value_now in run.value_renames.get((model.schema, model.name), {}).items():
        made.append(ops.RenameEnumValueOp(model.name, value, value_now, schema=model.schema))
        old[old.index(value)] = value_now
    if [value for value in new if value in old] != old:
        log.info("Detected enum values of %r changed from %r to %r", model.name, old, new)
        return [*made, ops.ReplaceEnumOp(model.name, new, schema=model.schema, existing_values=old)]
    known = list(old)
    for place, value in enumerate(new):
        if value in old:
            continue
        log.info("Detected value %r added to enum %r", value, model.name)
        after = new[place - 1] if place else None
        before = known[0] if place == 0 and known else None
        made.append(
            ops.AddEnumValueOp(
                model.name, value, before=before, after=after, schema=model.schema, existing_values=list(known)
            )
        )
        known.insert(place, value)
    return made


def _is_left_over(run: Run, enum: EnumFacts) -> bool:
    """Return whether a column used the type, and none will: a type that nobody used is somebody else's."""
    tables = run.found.tables.items()
    used = {key for key, table in tables for c in table.columns.values() if _has_type(run, c.type, enum)}
    if not used:
        return False
    gone = {op.table_name for op in run.plan.dropped if isinstance(op, ops.DropTableOp)}
    return all(key in run.declared.tables or key[1] in gone for key in used)


def _has_type(run: Run, text: str, enum: EnumFacts) -> bool:
    name = pgtypes.without_visible_schema(pgtypes.base_type(text), run.found.visible).replace('"', "")
    return name == (enum.name if enum.schema is None else f"{enum.schema}.{enum.name}") or (
        enum.schema in run.found.visible and name == enum.name
    )


# ---- sequences -------------------------------------------------------------------------------------------------
def compare_sequences(run: Run) -> None:
    """Plan new, changed and removed sequences that no column owns."""
    for key, model in sorted(run.declared.sequences.items(), key=_sorted):
        found = run.found.sequences.get(key)
        if found is None:
            if run.accepts(lambda m=model: m.source, model.name, "sequence", False, None):  # type: ignore[misc]
                log.info("Detected added sequence %r", full_name(key))
                run.plan.first.append(ops.CreateSequenceOp(model.name, schema=model.schema, **_given(model)))
        elif found.options != model.options:
            _change_sequence(run, model, found)
    for key, found in sorted(run.found.sequences.items(), key=_sorted):
        if key in run.declared.sequences or found.owned or not _may_drop(run, found):
            continue
        if run.accepts(lambda f=found: sequence_object(f), found.name, "sequence", True, None):  # type: ignore[misc]
            log.info("Detected removed sequence %r", full_name(key))
            options = _not_default(found)
            made = ops.CreateSequenceOp(found.name, schema=found.schema, **options)
            run.plan.last.append(made.reverse())


def _given(model: SequenceFacts) -> dict[str, object]:
    """Return the options that the model names."""
    names = ("data_type", "start", "increment", "minvalue", "maxvalue", "cache", "cycle")
    return {name: value for name in names if (value := getattr(model.source, name, None)) is not None}


def _not_default(found: SequenceFacts) -> dict[str, object]:
    """Return the options in which a sequence differs from one that was created without any."""
    from pyorm.migrations.autogenerate.declared import _BOUNDS, sequence_options
    from pyorm.schema import Sequence

    plain = sequence_options(Sequence(found.name, increment=found.increment), _BOUNDS.get(found.type, 2**63 - 1))
    names = ("start", "increment", "minvalue", "maxvalue", "cache", "cycle")
    options = {n: getattr(found, n) for n, value in zip(names, plain, strict=True) if getattr(found, n) != value}
    if found.increment != 1:
        options["increment"] = found.increment
    if found.type != "bigint":
        options["data_type"] = found.type
    return options


def _change_sequence(run: Run, model: SequenceFacts, found: SequenceFacts) -> None:
    old, new = found.options, model.options
    names = [name for name in new if new[name] != old[name]]
    if run.accepts(lambda: model.source, model.name, "sequence", False, lambda: sequence_object(found)):
        log.info("Detected sequence options %s changed on %r", names, model.name)
        run.plan.first.append(
            ops.AlterSequenceOp(
                model.name, schema=model.schema, existing={name: old[name] for name in names},
                **{name: new[name] for name in names},
            )
        )  # fmt: skip


def _may_drop(run: Run, found: SequenceFacts) -> bool:
    """Return whether a sequence that no model has is dropped: as tables, only one that a migration made."""
    if may_drop(run, (found.schema, found.name), "sequences"):
        return True
    log.info("Sequence %r is in no model, and no migration made it: it is left alone", found.name)
    return False
