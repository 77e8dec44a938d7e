/*
 * node_type.c - the Python types over nodes: names for isinstance, attributes to look at.
 *
 * Place: one line per public name; what a node does lives elsewhere. All these types are
 *   final and var-sized over the one struct; their bases are the fixed-size public ones,
 *   whose fields nobody reads in a var-sized object (orm_node_of decides).
 * Attributes: read only views of cells; a cell shows as orm_node_wrap says.
 */
#include "sql_int.h"

/* ---- getters ------------------------------------------------------------------------------ */
static orm_state *
node_state(PyObject *self)
{
    return (orm_state *)PyType_GetModuleState(Py_TYPE(self));
}

static PyObject *
shown(PyObject *self, orm_node *n)
{
    return n == NULL ? Py_NewRef(Py_None) : orm_node_wrap(node_state(self), n);
}

/* args[closure]; None where it is NULL. */
static PyObject *
get_arg(PyObject *self, void *closure)
{
    Py_ssize_t i = (Py_ssize_t)(intptr_t)closure;
    orm_node *n = (orm_node *)self;

    return i < n->ob_base.ob_size ? shown(self, n->args[i]) : Py_NewRef(Py_None);
}

static PyObject *
get_payload(PyObject *self, void *closure)
{
    PyObject *payload = ((orm_node *)self)->payload;

    (void)closure;
    return Py_NewRef(payload == NULL ? Py_None : payload);
}

static PyObject *
get_type(PyObject *self, void *closure)
{
    orm_type *type = orm_node_type(node_state(self), (orm_node *)self);

    (void)closure;
    return type == NULL ? NULL : Py_NewRef(type->engine);
}

static PyObject *
get_key(PyObject *self, void *closure)
{
    PyObject *key = orm_node_key(node_state(self), (orm_node *)self);

    (void)closure;
    return key != NULL ? key : PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
}

static PyObject *
get_name(PyObject *self, void *closure)
{
    PyObject *name = orm_node_name(node_state(self), (orm_node *)self);

    (void)closure;
    return name != NULL ? name : PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
}

static PyObject *
get_operator(PyObject *self, void *closure)
{
    orm_node *n = (orm_node *)self;

    (void)closure;
    return orm_operator_object(node_state(self), (orm_op)n->op, n);
}

/* The nodes from args[from] on, as a tuple. */
static PyObject *
args_tuple(PyObject *self, orm_node *n, Py_ssize_t from)
{
    Py_ssize_t size = n == NULL ? 0 : n->ob_base.ob_size - from;
    PyObject *out = PyTuple_New(size);
    Py_ssize_t i;

    for (i = 0; out != NULL && i < size; i++) {
        PyObject *o = shown(self, n->args[from + i]);

        if (o == NULL) {
            Py_CLEAR(out);
            break;
        }
        PyTuple_SET_ITEM(out, i, o);
    }
    return out;
}

static PyObject *
get_args(PyObject *self, void *closure)
{
    return args_tuple(self, (orm_node *)self, (Py_ssize_t)(intptr_t)closure);
}

static PyObject *
get_aux_bit(PyObject *self, void *closure)
{
    return PyBool_FromLong(((orm_node *)self)->aux & (uint32_t)(uintptr_t)closure);
}

/* AND and OR chains show as they read: flat. */
static PyObject *
get_clauses(PyObject *self, void *closure)
{
    orm_node *n = (orm_node *)self;
    PyObject *list = PyList_New(0);
    PyObject *out = NULL;

    (void)closure;
    while (list != NULL && n != NULL) {
        Py_ssize_t i;
        orm_node *first = n->ob_base.ob_size > 0 ? n->args[0] : NULL;
        int chained = first != NULL && first->kind == ORM_N_LIST && first->op == n->op
                      && (n->op == ORM_OP_AND || n->op == ORM_OP_OR);

        for (i = n->ob_base.ob_size - 1; i >= chained; i--) {
            PyObject *o = shown(self, n->args[i]);

            if (o == NULL || PyList_Append(list, o) < 0) {
                Py_CLEAR(list);
                Py_XDECREF(o);
                break;
            }
            Py_DECREF(o);
        }
        n = chained ? first : NULL;
    }
    if (list != NULL && PyList_Reverse(list) == 0) {
        out = PyList_AsTuple(list);
    }
    Py_XDECREF(list);
    return out;
}

static PyObject *
get_modifiers(PyObject *self, void *closure)
{
    orm_node *n = (orm_node *)self;
    orm_state *st = node_state(self);
    PyObject *out = PyDict_New();

    (void)closure;
    if (out != NULL && n->payload != NULL && (orm_op_table[n->op].flags & ORM_OPF_LIKE)
        && PyDict_SetItem(out, st->s_escape, n->payload) < 0) {
        Py_CLEAR(out);
    }
    return out;
}

static PyObject *
get_columns(PyObject *self, void *closure)
{
    (void)closure;
    return orm_from_columns(node_state(self), (orm_node *)self);
}

static PyObject *
get_columns_tuple(PyObject *self, void *closure)
{
    PyObject *coll = get_columns(self, closure);
    PyObject *out = coll == NULL ? NULL : PySequence_Tuple(coll);

    Py_XDECREF(coll);
    return out;
}

/* Columns of `c` whose base column is in the base table's primary key. */
static PyObject *
get_primary_key(PyObject *self, void *closure)
{
    orm_state *st = node_state(self);
    PyObject *coll = get_columns(self, closure);
    PyObject *out = coll == NULL ? NULL : orm_collection_new(st);
    Py_ssize_t i;

    for (i = 0; out != NULL && i < orm_collection_size(coll); i++) {
        PyObject *c = orm_collection_item(coll, i);
        orm_node *n = orm_node_of(st, c);
        orm_node *base = n == NULL ? NULL : orm_base_column(n);
        PyObject *flag = NULL;
        PyObject *key = NULL;
        int rc = n == NULL ? -1 : 0;

        if (base != NULL && base->kind == ORM_N_COLUMN && base->payload != NULL) {
            rc = PyObject_GetOptionalAttrString(base->payload, "primary_key", &flag);
        }
        if (rc > 0 && flag == Py_True) {
            key = PyObject_GetAttr(c, st->s_key);
            rc = key == NULL ? -1 : orm_collection_add(st, out, key, c);
        }
        Py_XDECREF(key);
        Py_XDECREF(flag);
        if (rc < 0) {
            Py_CLEAR(out);
        }
    }
    Py_XDECREF(coll);
    return out;
}

static PyObject *
get_base_attr(PyObject *self, void *closure)
{
    orm_node *base = orm_base_column((orm_node *)self);
    PyObject *out = NULL;

    if (base->kind == ORM_N_COLUMN && base->payload != NULL) {
        if (PyObject_GetOptionalAttrString(base->payload, closure, &out) < 0) {
            return NULL;
        }
    }
    if (out == NULL) {
        return *(const char *)closure == 'p' ? Py_NewRef(Py_False) : PyFrozenSet_New(NULL);
    }
    return out;
}

static PyObject *
get_required(PyObject *self, void *closure)
{
    (void)closure;
    return PyBool_FromLong(((orm_node *)self)->aux & ORM_BIND_REQUIRED);
}

static PyObject *
get_bind_key(PyObject *self, void *closure)
{
    (void)closure;
    return Py_NewRef(orm_bind_name((orm_node *)self));
}

static PyObject *
get_bind_value(PyObject *self, void *closure)
{
    orm_node *n = (orm_node *)self;

    if (n->payload == NULL || (n->aux & ORM_BIND_CALLABLE)) {
        if (closure != NULL && n->payload != NULL) {
            return PyObject_CallNoArgs(n->payload);
        }
        Py_RETURN_NONE;
    }
    return Py_NewRef(n->payload);
}

static PyObject *
get_bind_callable(PyObject *self, void *closure)
{
    orm_node *n = (orm_node *)self;

    (void)closure;
    return Py_NewRef(n->aux & ORM_BIND_CALLABLE ? n->payload : Py_None);
}

static PyObject *
get_function_name(PyObject *self, void *closure)
{
    return get_name(self, closure);
}

static PyObject *
get_packagenames(PyObject *self, void *closure)
{
    PyObject *name = ((orm_node *)self)->payload;

    (void)closure;
    return name != NULL && PyTuple_Check(name)
               ? PyTuple_GetSlice(name, 0, PyTuple_GET_SIZE(name) - 1)
               : PyTuple_New(0);
}

static PyObject *
get_whens(PyObject *self, void *closure)
{
    orm_node *n = (orm_node *)self;
    PyObject *out = PyList_New(0);
    Py_ssize_t i;

    (void)closure;
    for (i = 2; out != NULL && i < n->ob_base.ob_size; i += 2) {
        PyObject *a = shown(self, n->args[i]);
        PyObject *b = a == NULL ? NULL : shown(self, n->args[i + 1]);
        PyObject *pair = b == NULL ? NULL : PyTuple_Pack(2, a, b);

        if (pair == NULL || PyList_Append(out, pair) < 0) {
            Py_CLEAR(out);
        }
        Py_XDECREF(a);
        Py_XDECREF(b);
        Py_XDECREF(pair);
    }
    return out;
}

/* ---- attribute tables ----------------------------------------------------------------------- */
#define ARG(i) ((void *)(intptr_t)(i))
#define COLUMN_ATTRS                                                                          \
    {"type", get_type, NULL, "The SQL type.", NULL}, {"key", get_key, NULL, "The name in a collection.", NULL}
#define END {NULL, NULL, NULL, NULL, NULL}

static PyGetSetDef plain_attrs[] = {COLUMN_ATTRS, END};
static PyGetSetDef named_attrs[] = {COLUMN_ATTRS, {"name", get_name, NULL, "The name.", NULL}, END};
static PyGetSetDef colref_attrs[] = {
    COLUMN_ATTRS,
    {"name", get_name, NULL, "The column's name.", NULL},
    {"table", get_arg, NULL, "The FROM element this is a column of.", ARG(0)},
    {"foreign_keys", get_base_attr, NULL, "The base column's foreign keys.", (void *)"foreign_keys"},
    {"primary_key", get_base_attr, NULL, "The base column's flag.", (void *)"primary_key"},
    END};
static PyGetSetDef bind_attrs[] = {
    {"type", get_type, NULL, "The SQL type.", NULL},
    {"key", get_bind_key, NULL, "The name, or what an anonymous name is made of.", NULL},
    {"value", get_bind_value, NULL, "The value, None if none was given.", NULL},
    {"effective_value", get_bind_value, NULL, "The value, callables called.", ARG(1)},
    {"callable", get_bind_callable, NULL, "What gives the value at execution, or None.", NULL},
    {"required", get_required, NULL, "True if each execution has to give a value.", NULL},
    {"unique", get_aux_bit, NULL, "True if the name is anonymous.", ARG(ORM_BIND_UNIQUE)},
    {"expanding", get_aux_bit, NULL, "True for the list of an IN.", ARG(ORM_BIND_EXPANDING)},
    {"literal_execute", get_aux_bit, NULL, "True if rendered inline at execution.", ARG(ORM_BIND_LITERAL_EXECUTE)},
    END};
static PyGetSetDef text_attrs[] = {COLUMN_ATTRS,
                                   {"name", get_payload, NULL, "The text.", NULL},
                                   {"text", get_payload, NULL, "The text.", NULL},
                                   END};
static PyGetSetDef element_attrs[] = {COLUMN_ATTRS, {"element", get_arg, NULL, "The inner element.", ARG(0)}, END};
static PyGetSetDef unary_attrs[] = {COLUMN_ATTRS,
                                    {"element", get_arg, NULL, "The operand.", ARG(0)},
                                    {"operator", get_operator, NULL, "The operator function.", NULL},
                                    {"modifier", get_operator, NULL, "The operator function.", NULL},
                                    END};
static PyGetSetDef binary_attrs[] = {COLUMN_ATTRS,
                                     {"left", get_arg, NULL, "The left operand.", ARG(0)},
                                     {"right", get_arg, NULL, "The right operand.", ARG(1)},
                                     {"operator", get_operator, NULL, "The operator function.", NULL},
                                     {"modifiers", get_modifiers, NULL, "ESCAPE and the like.", NULL},
                                     END};
static PyGetSetDef list_attrs[] = {COLUMN_ATTRS,
                                   {"clauses", get_clauses, NULL, "The items.", NULL},
                                   {"operator", get_operator, NULL, "The operator function.", NULL},
                                   END};
static PyGetSetDef function_attrs[] = {COLUMN_ATTRS,
                                       {"name", get_function_name, NULL, "The function's name.", NULL},
                                       {"packagenames", get_packagenames, NULL, "Schema and packages.", NULL},
                                       {"clauses", get_args, NULL, "The arguments.", ARG(0)},
                                       END};
static PyGetSetDef label_attrs[] = {COLUMN_ATTRS,
                                    {"name", get_payload, NULL, "The label; None: anonymous.", NULL},
                                    {"element", get_arg, NULL, "What is labelled.", ARG(0)},
                                    END};
static PyGetSetDef cast_attrs[] = {COLUMN_ATTRS,
                                   {"clause", get_arg, NULL, "What is cast.", ARG(0)},
                                   {"wrapped_column_expression", get_arg, NULL, "What is cast.", ARG(0)},
                                   END};
static PyGetSetDef case_attrs[] = {COLUMN_ATTRS,
                                   {"value", get_arg, NULL, "CASE value, or None.", ARG(0)},
                                   {"else_", get_arg, NULL, "ELSE, or None.", ARG(1)},
                                   {"whens", get_whens, NULL, "Pairs (when, then).", NULL},
                                   END};
static PyGetSetDef over_attrs[] = {COLUMN_ATTRS,
                                   {"element", get_arg, NULL, "The function.", ARG(0)},
                                   {"partition_by", get_arg, NULL, "PARTITION BY, or None.", ARG(1)},
                                   {"order_by", get_arg, NULL, "ORDER BY, or None.", ARG(2)},
                                   END};
static PyGetSetDef filter_attrs[] = {COLUMN_ATTRS,
                                     {"func", get_arg, NULL, "The aggregate.", ARG(0)},
                                     {"criterion", get_arg, NULL, "The criterion.", ARG(1)},
                                     END};
static PyGetSetDef extract_attrs[] = {COLUMN_ATTRS,
                                      {"field", get_payload, NULL, "The field.", NULL},
                                      {"expr", get_arg, NULL, "The operand.", ARG(0)},
                                      END};
static PyGetSetDef collate_attrs[] = {COLUMN_ATTRS,
                                      {"collation", get_payload, NULL, "The collation.", NULL},
                                      {"left", get_arg, NULL, "The operand.", ARG(0)},
                                      END};
static PyGetSetDef tuple_attrs[] = {COLUMN_ATTRS, {"clauses", get_args, NULL, "The items.", ARG(0)}, END};

#define FROM_ATTRS                                                                            \
    {"c", get_columns, NULL, "The columns by key.", NULL},                                    \
        {"columns", get_columns, NULL, "The columns by key.", NULL},                          \
        {"exported_columns", get_columns, NULL, "The columns by key.", NULL},                 \
        {"primary_key", get_primary_key, NULL, "The columns of the primary key.", NULL}
static PyGetSetDef alias_attrs[] = {FROM_ATTRS,
                                    {"element", get_arg, NULL, "What is aliased.", ARG(0)},
                                    {"original", get_arg, NULL, "What is aliased.", ARG(0)},
                                    {"name", get_payload, NULL, "The name; None: anonymous.", NULL},
                                    {"description", get_payload, NULL, "The name.", NULL},
                                    END};
static PyGetSetDef fromfunc_attrs[] = {FROM_ATTRS,
                                       {"element", get_arg, NULL, "The function.", ARG(0)},
                                       {"original", get_arg, NULL, "The function.", ARG(0)},
                                       {"name", get_payload, NULL, "The name; None: anonymous.", NULL},
                                       {"description", get_payload, NULL, "The name.", NULL},
                                       {"column", orm_fromfunc_column, NULL, "The element as one column.", NULL},
                                       END};
static PyGetSetDef join_attrs[] = {FROM_ATTRS,
                                   {"left", get_arg, NULL, "The left side.", ARG(0)},
                                   {"right", get_arg, NULL, "The right side.", ARG(1)},
                                   {"onclause", get_arg, NULL, "ON.", ARG(2)},
                                   {"isouter", get_aux_bit, NULL, "LEFT OUTER.", ARG(ORM_JOIN_OUTER)},
                                   {"full", get_aux_bit, NULL, "FULL OUTER.", ARG(ORM_JOIN_FULL)},
                                   END};
static PyGetSetDef values_attrs[] = {FROM_ATTRS,
                                     {"name", get_payload, NULL, "The name; None: anonymous.", NULL},
                                     {"_column_args", get_columns_tuple, NULL, "The columns.", NULL},
                                     END};
static PyGetSetDef lock_attrs[] = {{"read", get_aux_bit, NULL, "FOR SHARE.", ARG(ORM_LOCK_READ)},
                                   {"nowait", get_aux_bit, NULL, "NOWAIT.", ARG(ORM_LOCK_NOWAIT)},
                                   {"skip_locked", get_aux_bit, NULL, "SKIP LOCKED.", ARG(ORM_LOCK_SKIP)},
                                   {"key_share", get_aux_bit, NULL, "KEY.", ARG(ORM_LOCK_KEY_SHARE)},
                                   {"of", get_args, NULL, "OF.", ARG(0)},
                                   END};
static PyGetSetDef scalar_attrs[] = {COLUMN_ATTRS, {"element", get_arg, NULL, "The SELECT.", ARG(0)}, END};
static PyGetSetDef slice_attrs[] = {{"start", get_arg, NULL, "Start.", ARG(0)},
                                    {"stop", get_arg, NULL, "Stop.", ARG(1)},
                                    {"step", get_arg, NULL, "Step.", ARG(2)},
                                    END};

/* ---- the table of types ----------------------------------------------------------------------- */
#define AT(field) offsetof(orm_state, field)
static const struct final_type {
    const char *name;      /* pyorm._core.X */
    size_t at;             /* field of the state */
    size_t base, base2;    /* fields of the state; 0: none */
    PyGetSetDef *attrs;    /* NULL: none of its own */
    PyMethodDef *methods;  /* NULL: none of its own */
    const char *maker;     /* function of _core that calling the class means, or NULL */
    const char *visit;     /* __visit_name__ */
    const char *doc;       /* __doc__ */
} finals[] = {
#define COL(name, attrs, methods, maker, visit, doc)                                          \
    {"pyorm._core." #name, AT(name), AT(ColumnElement), 0, attrs, methods, maker, visit, doc}
#define FROM(name, attrs, methods, visit, doc)                                                \
    {"pyorm._core." #name, AT(name), AT(AliasedReturnsRows), 0, attrs, methods, NULL, visit, doc}
    COL(ColumnRef, colref_attrs, NULL, NULL, "column",
        "A column of an alias, subquery or join."),
    COL(BindParameter, bind_attrs, NULL, "bindparam", "bindparam",
        "A bound value; made by bindparam() and by every value beside an operator."),
    COL(Null, plain_attrs, NULL, "null", "null",
        "NULL; made by null()."),
    COL(True_, plain_attrs, NULL, "true", "true",
        "The constant true; made by true()."),
    COL(False_, plain_attrs, NULL, "false", "false",
        "The constant false; made by false()."),
    COL(LiteralColumn, text_attrs, NULL, "literal_column", "column",
        "SQL text that stands for a column; made by literal_column()."),
    COL(LabelReference, text_attrs, NULL, NULL, "label_reference",
        "The name of a label, in ORDER BY and GROUP BY."),
    COL(UnaryExpression, unary_attrs, NULL, NULL, "unary",
        "An operator and one operand: NOT x, -x, x DESC."),
    COL(BinaryExpression, binary_attrs, NULL, NULL, "binary",
        "An operator and two operands: a = b."),
    COL(BooleanClauseList, list_attrs, NULL, NULL, "clauselist",
        "Criteria joined by AND or OR; made by and_() and or_()."),
    {"pyorm._core.ClauseList", AT(ClauseList), AT(ClauseElement), 0, list_attrs, NULL, NULL, "clauselist",
     "Expressions with commas between them."},
    {"pyorm._core.Function", AT(Function), AT(FunctionElement), 0, function_attrs, orm_function_methods, NULL,
     "function",
     "A call of a SQL function; made by func.name(...)."},
    COL(Cast, cast_attrs, NULL, "cast", "cast",
        "CAST(x AS type); made by cast()."),
    COL(TypeCoerce, cast_attrs, NULL, "type_coerce", "type_coerce",
        "An expression taken for another type; made by type_coerce()."),
    COL(Case, case_attrs, NULL, "case", "case",
        "CASE WHEN ... END; made by case()."),
    COL(Label, label_attrs, NULL, "_label", "label",
        "expression AS name; made by label()."),
    COL(Over, over_attrs, NULL, "over", "over",
        "A window: f() OVER (...); made by over()."),
    {"pyorm._core.FrameClause", AT(FrameClause), AT(ClauseElement), 0, NULL, NULL, NULL, "frame_clause",
     "The ROWS, RANGE or GROUPS of a window."},
    COL(FunctionFilter, filter_attrs, orm_function_methods, "funcfilter", "funcfilter",
        "f() FILTER (WHERE ...); made by filter() of a function."),
    COL(WithinGroup, element_attrs, orm_function_methods, "within_group", "withingroup",
        "f() WITHIN GROUP (ORDER BY ...); made by within_group()."),
    COL(aggregate_order_by, element_attrs, NULL, "aggregate_order_by", "aggregate_order_by",
        "f(x ORDER BY y)."),
    COL(Extract, extract_attrs, NULL, "extract", "extract",
        "EXTRACT(field FROM x); made by extract()."),
    COL(CollationClause, collate_attrs, NULL, NULL, "collation",
        "The name behind COLLATE."),
    COL(Tuple, tuple_attrs, NULL, "tuple_", "tuple",
        "A row value: (a, b); made by tuple_()."),
    COL(array, tuple_attrs, NULL, "array_literal", "array",
        "PostgreSQL's ARRAY[...]."),
    COL(CollectionAggregate, unary_attrs, NULL, NULL, "unary",
        "ANY (...) or ALL (...); made by any_() and all_()."),
    COL(Exists, element_attrs, orm_exists_methods, "exists", "exists",
        "EXISTS (SELECT ...); made by exists()."),
    COL(ScalarSelect, scalar_attrs, orm_scalarselect_methods, NULL, "scalar_select",
        "A SELECT that stands for its one value; made by scalar_subquery()."),
    COL(Grouping, element_attrs, NULL, NULL, "grouping",
        "An expression in parentheses."),
    {"pyorm._core.Slice", AT(Slice), AT(ClauseElement), 0, slice_attrs, NULL, NULL, "slice",
     "The start, stop and step of a subscript."},
    COL(TableValuedColumn, named_attrs, NULL, NULL, "table_valued_column",
        "The one column of a function in FROM; made by column_valued()."),
    COL(DMLColumn, named_attrs, NULL, NULL, "dmltargetcopy",
        "A column as the statement writes it; made by from_dml_column()."),
    COL(Applied, element_attrs, NULL, NULL, "grouping",
        "An expression read through another FROM element."),
    FROM(Alias, alias_attrs, orm_alias_methods, "alias",
        "A table under another name; made by alias()."),
    FROM(Subquery, alias_attrs, orm_alias_methods, "subquery",
        "A SELECT in FROM; made by subquery()."),
    FROM(CTE, alias_attrs, orm_cte_methods, "cte",
        "A SELECT, INSERT, UPDATE or DELETE in WITH; made by cte()."),
    FROM(Lateral, alias_attrs, orm_alias_methods, "lateral",
        "A subquery that sees its neighbours; made by lateral()."),
    FROM(TableValuedAlias, fromfunc_attrs, orm_fromfunc_methods, "table_valued_alias",
        "A function in FROM; made by table_valued()."),
    FROM(TableSample, alias_attrs, orm_alias_methods, "tablesample",
        "TABLESAMPLE; made by tablesample()."),
    {"pyorm._core.Join", AT(Join), AT(FromClause), 0, join_attrs, orm_join_methods, NULL, "join",
     "a JOIN b ON ...; made by join() and outerjoin()."},
    FROM(Values, values_attrs, orm_values_methods, "values",
        "VALUES in FROM; made by values()."),
    {"pyorm._core.ForUpdateArg", AT(ForUpdateArg), AT(ClauseElement), 0, lock_attrs, NULL, NULL, "for_update_arg",
     "The FOR UPDATE of a SELECT; made by with_for_update()."},
    {"pyorm._core.Select", AT(Select), AT(SelectBase), 0, orm_select_getset, orm_select_methods, "select", "select",
     "A SELECT; made by select(). Every method returns a new one."},
    {"pyorm._core.CompoundSelect", AT(CompoundSelect), AT(SelectBase), 0, orm_select_getset, orm_select_methods, NULL,
     "compound_select",
     "UNION, INTERSECT, EXCEPT of SELECTs. Every method returns a new one."},
    {"pyorm._core.TextualSelect", AT(TextualSelect), AT(SelectBase), 0, orm_textual_getset, orm_textual_methods, NULL,
     "textual_select",
     "SQL text whose columns are known; made by text().columns()."},
    {"pyorm._core.FromStatement", AT(FromStatement), AT(ClauseElement), AT(Executable), orm_fromstmt_getset,
     orm_fromstmt_methods, NULL, "from_statement",
     "The rows of another statement as entities; made by Select.from_statement()."},
    {"pyorm._core.Insert", AT(Insert), AT(ValuesBase), 0, orm_dml_getset, orm_insert_methods, "insert", "insert",
     "An INSERT; made by insert(). Every method returns a new one."},
    {"pyorm._core.Update", AT(Update), AT(ValuesBase), 0, orm_dml_getset, orm_update_methods, "update", "update",
     "An UPDATE; made by update(). Every method returns a new one."},
    {"pyorm._core.Delete", AT(Delete), AT(UpdateBase), 0, orm_dml_getset, orm_delete_methods, "delete", "delete",
     "A DELETE; made by delete(). Every method returns a new one."},
    {"pyorm._core.TextClause", AT(TextClause), AT(ClauseElement), AT(Executable), orm_text_getset, orm_text_methods,
     "text", "textclause",
     "SQL text with :name parameters; made by text()."},
#undef COL
#undef FROM
};

/* Bases without objects of their own. */
static const struct {
    const char *name;
    size_t at, base, base2;
    const char *doc;
} abstracts[] = {
    {"pyorm._core.AliasedReturnsRows", AT(AliasedReturnsRows), AT(FromClause), 0,
     "Base of what stands in FROM under a name."},
    {"pyorm._core.SelectBase", AT(SelectBase), AT(ClauseElement), AT(Executable),
     "Base of what returns rows: Select, CompoundSelect, TextualSelect."},
    {"pyorm._core.UpdateBase", AT(UpdateBase), AT(ClauseElement), AT(Executable),
     "Base of Insert, Update and Delete."},
    {"pyorm._core.ValuesBase", AT(ValuesBase), AT(UpdateBase), 0,
     "Base of Insert and Update."},
};
#undef AT

/* lambda_stmt(...) + (lambda s: s.where(...)): the callable gets the statement. */
static PyObject *
statement_add(PyObject *statement, PyObject *change)
{
    if (!PyCallable_Check(change) || PyType_Check(change)) {
        Py_RETURN_NOTIMPLEMENTED;
    }
    return PyObject_CallOneArg(change, statement);
}

#define FIELD(st, at) (*(PyTypeObject **)((char *)(st) + (at)))

/* Calling a class means its function: Cast(x, t) is cast(x, t). */
static PyObject *
final_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    orm_state *st = orm_state_from_type(type);
    const char *maker = NULL;
    PyObject *fn = NULL;
    PyObject *out = NULL;
    size_t i;

    for (i = 0; st != NULL && i < sizeof(finals) / sizeof(finals[0]); i++) {
        if (FIELD(st, finals[i].at) == type) {
            maker = finals[i].maker;
        }
    }
    if (maker == NULL) {
        if (st != NULL) {
            PyErr_Format(PyExc_TypeError, "cannot create '%s' objects directly", type->tp_name);
        }
        return NULL;
    }
    fn = PyObject_GetAttrString(st->module, maker);
    if (fn != NULL) {
        out = PyObject_Call(fn, args, kwargs);
        Py_DECREF(fn);
    }
    return out;
}

static int
final_init(PyObject *self, PyObject *args, PyObject *kwargs)
{
    (void)self;
    (void)args;
    (void)kwargs;
    return 0;
}

static int
add_final(PyObject *module, orm_state *st, const struct final_type *f)
{
    destructor dealloc;
    traverseproc traverse;
    inquiry clear;
    PyType_Slot slots[10];
    PyType_Spec spec = {
        .name = f->name,
        .basicsize = sizeof(orm_node),
        .itemsize = sizeof(orm_node *),
        .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
        .slots = slots,
    };
    PyTypeObject *tp = NULL;
    PyMethodDef *m = NULL;
    PyObject *visit = NULL;
    int n = 0;
    int rc;

    orm_node_type_slots(&dealloc, &traverse, &clear);
    slots[n++] = (PyType_Slot){Py_tp_dealloc, (void *)dealloc};
    slots[n++] = (PyType_Slot){Py_tp_traverse, (void *)traverse};
    slots[n++] = (PyType_Slot){Py_tp_clear, (void *)clear};
    slots[n++] = (PyType_Slot){Py_tp_new, (void *)final_new};
    slots[n++] = (PyType_Slot){Py_tp_init, (void *)final_init};
    slots[n++] = (PyType_Slot){Py_tp_doc, (void *)f->doc};
    if (f->attrs != NULL) {
        slots[n++] = (PyType_Slot){Py_tp_getset, f->attrs};
    }
    if (f->methods != NULL) {
        slots[n++] = (PyType_Slot){Py_tp_methods, f->methods};
    }
    slots[n] = (PyType_Slot){0, NULL};
    if (orm_sql_type_add(module, st, &spec, f->base == 0 ? NULL : FIELD(st, f->base),
                         f->base2 == 0 ? NULL : FIELD(st, f->base2), &FIELD(st, f->at))
        < 0) {
        return -1;
    }
    tp = FIELD(st, f->at);
    for (m = orm_copy_methods; m->ml_name != NULL; m++) {
        PyObject *descr = PyDescr_NewMethod(tp, m);

        rc = descr == NULL ? -1 : PyObject_SetAttrString((PyObject *)tp, m->ml_name, descr);
        Py_XDECREF(descr);
        if (rc < 0) {
            return -1;
        }
    }
    visit = PyUnicode_InternFromString(f->visit);
    rc = visit == NULL ? -1 : PyObject_SetAttrString((PyObject *)tp, "__visit_name__", visit);
    Py_XDECREF(visit);
    return rc;
}

static int
add_node_type(PyObject *module, orm_state *st)
{
    static const struct final_type hidden = {
        .name = "pyorm._core.Node", .at = offsetof(orm_state, Node), .visit = "node",
        .doc = "What a column, table or custom element is to the compiler."};

    return add_final(module, st, &hidden);
}

int
orm_node_types_setup(PyObject *module, orm_state *st)
{
    size_t i;

    if (add_node_type(module, st) < 0) {
        return -1;
    }
    if (orm_elements_setup(module, st) < 0) {
        return -1;
    }
    for (i = 0; i < sizeof(abstracts) / sizeof(abstracts[0]); i++) {
        PyType_Slot slots[8] = {{0, NULL}};
        PyType_Spec spec = {
            .name = abstracts[i].name,
            .basicsize = sizeof(orm_element),
            .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE,
            .slots = slots,
        };

        orm_element_life(slots);
        slots[5] = (PyType_Slot){Py_tp_doc, (void *)abstracts[i].doc};
        slots[6] = abstracts[i].base2 == 0 ? (PyType_Slot){0, NULL}
                                           : (PyType_Slot){Py_nb_add, (void *)statement_add};
        slots[7] = (PyType_Slot){0, NULL};
        if (orm_sql_type_add(module, st, &spec, FIELD(st, abstracts[i].base),
                             abstracts[i].base2 == 0 ? NULL : FIELD(st, abstracts[i].base2),
                             &FIELD(st, abstracts[i].at))
            < 0) {
            return -1;
        }
    }
    for (i = 0; i < sizeof(finals) / sizeof(finals[0]); i++) {
        if (add_final(module, st, &finals[i]) < 0) {
            return -1;
        }
    }
    return 0;
}
