/*
 * compiler_type.c - SQLCompiler: `stmt.compile()`, `str(stmt)`, and the module's functions.
 *
 * Place: the Python surface of the renderer. The text for people is made here, on demand;
 *   executions never come this way.
 * Ownership: a CompilerObject owns its strings; while a run is under way it borrows the run
 *   (cc), and the run clears that at its end.
 */
#include "compiler_type.h"

/* --- making the text for people --------------------------------------------------------- */

static PyObject *
name_object(orm_str name)
{
    return PyUnicode_DecodeUTF8(name.p, (Py_ssize_t)name.n, "strict");
}

static PyObject *get_params(PyObject *self, void *closure);

/* The value a bind has by itself; None where there is none; a callable as it is. New reference. */
static PyObject *
own_value(const orm_bindrec *rec)
{
    PyObject *value = rec->node == NULL ? NULL : rec->node->payload;

    if (value == NULL) {
        return Py_NewRef(Py_None);
    }
    if ((rec->flags & ORM_BIND_EXPANDING) && PyTuple_Check(value)) {
        return PySequence_List(value); /* what the user gave to in_() */
    }
    return Py_NewRef(value);
}

/* What a buffer holds as a new str. */
static PyObject *
str_of_buf(const orm_buf *buf)
{
    return buf->failed ? PyErr_NoMemory()
                       : PyUnicode_DecodeUTF8(buf->p == NULL ? "" : buf->p, (Py_ssize_t)buf->len,
                                              "strict");
}

/* The key of a bind in `params`: a new str. */
static PyObject *
escaped_name(orm_str name)
{
    orm_buf escaped = {0};
    PyObject *text = NULL;

    orm_escape_bind_name(&escaped, name);
    text = str_of_buf(&escaped);
    orm_buf_fini(&escaped);
    return text;
}

static PyObject *
make_params(orm_cctx *cc, const orm_finished *f, PyObject *required, PyObject *asked)
{
    PyObject *params = PyDict_New(), *late = NULL; /* params() values are laid over the binds' own */

    if (params != NULL && orm_stmt_late_params(cc->st, (orm_node *)cc->stmt, &late) < 0) {
        Py_CLEAR(params);
    }
    for (uint32_t i = 0; params != NULL && i < f->nnames; i++) {
        const orm_bindrec *rec = cc->recs[f->names[i]];
        PyObject *name = escaped_name(rec->name), *value = NULL;
        int is_late = name == NULL || late == NULL ? 0 : PyDict_GetItemRef(late, name, &value);

        if (name != NULL && is_late == 0) {
            value = own_value(rec);
        }
        if (value == NULL || PyDict_SetItem(params, name, value) < 0
            || ((rec->flags & ORM_BIND_REQUIRED) && PySet_Add(required, name) < 0)
            || (is_late == 0 && rec->node != NULL && rec->node->payload != NULL
                && (rec->flags & ORM_BIND_CALLABLE) && PyList_Append(asked, name) < 0)) {
            Py_CLEAR(params);
        }
        Py_XDECREF(name);
        Py_XDECREF(value);
    }
    return params;
}

/* Names in the order of the placeholders, POSTCOMPILE tokens included. */
static PyObject *
make_positions(orm_cctx *cc, const orm_finished *f)
{
    bool dollar = cc->d->style == ORM_STYLE_DOLLAR;
    uint32_t n = dollar ? f->nnames : f->norder;
    PyObject *list = NULL;

    if (cc->d->style == ORM_STYLE_NAMED) {
        return Py_NewRef(Py_None);
    }
    list = PyList_New(0);
    for (uint32_t i = 0; list != NULL && i < n; i++) {
        uint32_t rec = dollar ? f->names[i] : cc->occs[f->order[i]].rec;
        PyObject *name = name_object(cc->recs[rec]->name);

        if (name == NULL || PyList_Append(list, name) < 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(name);
    }
    return list;
}

static CompilerObject *
compiler_alloc(orm_state *st, PyObject *statement, PyObject *dialect)
{
    CompilerObject *o = (CompilerObject *)st->SQLCompiler->tp_alloc(st->SQLCompiler, 0);

    if (o != NULL) {
        o->statement = Py_NewRef(statement);
        o->dialect = Py_NewRef(dialect == NULL ? Py_None : dialect);
    }
    return o;
}

PyObject *
orm_compiler_of(orm_cctx *cc)
{
    if (cc->compiler == NULL) {
        PyObject *dialect = orm_dialect_object(cc), *statement;
        CompilerObject *o;

        statement = dialect == NULL ? NULL : orm_node_wrap(cc->st, (orm_node *)cc->stmt);
        if (statement == NULL) {
            return NULL;
        }
        o = compiler_alloc(cc->st, statement, dialect);
        Py_DECREF(statement);
        if (o != NULL) {
            o->cc = cc;
        }
        cc->compiler = (PyObject *)o;
    }
    return cc->compiler;
}

/* Compile for people into `o`. */
static int
compile_into(CompilerObject *o, orm_state *st, orm_node *stmt, const orm_compile_opts *opts,
             unsigned flags)
{
    orm_cctx cc;
    orm_buf text = {0};
    orm_finished f;
    int rc = -1;

    if (orm_cctx_init(&cc, st, stmt, opts, NULL, flags) < 0) {
        goto done;
    }
    cc.dialect_obj = o->dialect == Py_None ? NULL : Py_NewRef(o->dialect);
    if (orm_cctx_run(&cc) < 0 || orm_text_finish(&cc, &text, &f) < 0) {
        goto done;
    }
    o->string = str_of_buf(&text);
    o->required = o->string == NULL ? NULL : PySet_New(NULL);
    o->asked = PyList_New(0);
    o->params = o->required == NULL || o->asked == NULL
                    ? NULL : make_params(&cc, &f, o->required, o->asked);
    o->positiontup = o->params == NULL ? NULL : make_positions(&cc, &f);
    rc = o->string == NULL || o->params == NULL || o->positiontup == NULL ? -1 : 0;
done:
    orm_buf_fini(&text);
    orm_cctx_fini(&cc);
    return rc;
}

int
orm_compile_string(orm_state *st, orm_node *stmt, uint8_t dialect, unsigned flags,
                   PyObject **text, PyObject **params, PyObject **positiontup)
{
    orm_compile_opts opts = {.dialect = dialect};
    PyObject *statement = orm_node_wrap(st, stmt);
    CompilerObject *o = statement == NULL ? NULL : compiler_alloc(st, statement, NULL);
    int rc = o == NULL ? -1
                       : compile_into(o, st, stmt, &opts, flags & ORM_STRING_LITERAL_BINDS
                                      ? ORM_R_LITERALS : 0);

    Py_XDECREF(statement);
    if (rc == 0 && params != NULL) {
        *params = get_params((PyObject *)o, NULL);
        rc = *params == NULL ? -1 : 0;
    }
    if (rc == 0) {
        *text = Py_NewRef(o->string);
        if (positiontup != NULL) {
            *positiontup = Py_NewRef(o->positiontup);
        }
    }
    Py_XDECREF((PyObject *)o);
    return rc;
}

/* --- compile(bind=None, dialect=None, *, column_keys=None, compile_kwargs=None, ...) ---- */

/* The dialect object that `bind` or `dialect` name: new reference, None for the default. */
static PyObject *
choose_dialect(PyObject *bind, PyObject *dialect)
{
    if (dialect != NULL && dialect != Py_None) {
        return PyType_Check(dialect) ? PyObject_CallNoArgs(dialect) : Py_NewRef(dialect);
    }
    if (bind != NULL && bind != Py_None) {
        return PyObject_GetAttrString(bind, "dialect");
    }
    return Py_NewRef(Py_None);
}

/* ORM_PG ... of a dialect object; a foreign one is compiled as the default. -1. */
static int
dialect_number(PyObject *dialect)
{
    PyObject *name;
    int id;

    if (dialect == Py_None) {
        return ORM_DEFAULT;
    }
    name = PyObject_GetAttrString(dialect, "name");
    if (name == NULL) {
        return -1;
    }
    id = PyUnicode_Check(name) ? orm_dialect_id(PyUnicode_AsUTF8(name)) : -1;
    Py_DECREF(name);
    return PyErr_Occurred() ? -1 : id < 0 ? ORM_DEFAULT : id;
}

/* 1: `kwargs[name]` is true; `dflt` when it is not there; -1. */
static int
kwarg_true(PyObject *kwargs, const char *name, int dflt)
{
    PyObject *value = NULL;
    int rc = kwargs == NULL || kwargs == Py_None
                 ? 0
                 : PyDict_GetItemStringRef(kwargs, name, &value);

    if (rc <= 0) {
        return rc < 0 ? -1 : dflt;
    }
    rc = PyObject_IsTrue(value);
    Py_DECREF(value);
    return rc;
}

static PyObject *
compile_element(orm_state *st, PyObject *element, PyObject *dialect, PyObject *column_keys,
                PyObject *schema_map, PyObject *kwargs)
{
    orm_node *node = orm_node_of(st, element);
    int id = node == NULL ? -1 : dialect_number(dialect);
    int literals = id < 0 ? -1 : kwarg_true(kwargs, "literal_binds", 0);
    int table = literals < 0 ? -1 : kwarg_true(kwargs, "include_table", 1);
    PyObject *keys = NULL;
    orm_compile_opts opts = {0};
    CompilerObject *o = NULL;

    if (id < 0 || literals < 0 || table < 0) {
        return NULL;
    }
    if (column_keys != NULL && column_keys != Py_None) {
        keys = PySequence_Tuple(column_keys);
        if (keys == NULL) {
            return NULL;
        }
    }
    opts.dialect = (uint8_t)id;
    opts.column_keys = keys;
    opts.schema_map = schema_map == Py_None ? NULL : schema_map;
    o = compiler_alloc(st, element, dialect);
    if (o != NULL && compile_into(o, st, node, &opts, (literals ? ORM_R_LITERALS : 0)
                                                          | (table ? 0 : ORM_R_NOTABLE)) < 0) {
        Py_CLEAR(o);
    }
    Py_XDECREF(keys);
    return (PyObject *)o;
}

PyObject *
orm_element_compile(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *kwnames)
{
    static const orm_args_spec spec = {
        .fname = "compile",
        .names = {"bind", "dialect", "column_keys", "compile_kwargs", "for_executemany",
                  "schema_translate_map", "render_schema_translate", "cache_key"},
        .count = 8, .npositional = 2, .nrequired = 0};
    PyObject *out[8], *dialect, *made;
    orm_state *st;

    if (orm_args_parse(&spec, args, n, kwnames, out) < 0 || (st = orm_expr_state(self)) == NULL) {
        return NULL;
    }
    dialect = choose_dialect(out[0], out[1]);
    if (dialect == NULL) {
        return NULL;
    }
    made = compile_element(st, self, dialect, out[2], out[5], out[3]);
    Py_DECREF(dialect);
    return made;
}

/* --- the type --------------------------------------------------------------------------- */

static PyObject *
compiler_str(PyObject *self)
{
    CompilerObject *o = (CompilerObject *)self;

    return Py_NewRef(o->string != NULL ? o->string : Py_None);
}

static PyObject *
get_string(PyObject *self, void *closure)
{
    (void)closure;
    return compiler_str(self);
}

static PyObject *
get_statement(PyObject *self, void *closure)
{
    (void)closure;
    return Py_NewRef(((CompilerObject *)self)->statement);
}

static PyObject *
get_dialect(PyObject *self, void *closure)
{
    (void)closure;
    return Py_NewRef(((CompilerObject *)self)->dialect);
}

static PyObject *
get_params(PyObject *self, void *closure)
{
    CompilerObject *o = (CompilerObject *)self;

    (void)closure;
    PyObject *params = o->params == NULL ? PyDict_New() : PyDict_Copy(o->params);

    for (Py_ssize_t i = 0; params != NULL && o->asked != NULL && i < PyList_GET_SIZE(o->asked); i++) {
        PyObject *name = PyList_GET_ITEM(o->asked, i);
        PyObject *callable = PyDict_GetItemWithError(params, name); /* borrow-ok: o->params owns it */
        PyObject *value = callable == NULL ? NULL : PyObject_CallNoArgs(callable);

        if (value == NULL || PyDict_SetItem(params, name, value) < 0) {
            Py_CLEAR(params);
        }
        Py_XDECREF(value);
    }
    return params;
}

static PyObject *
get_positiontup(PyObject *self, void *closure)
{
    CompilerObject *o = (CompilerObject *)self;

    (void)closure;
    return Py_NewRef(o->positiontup == NULL ? Py_None : o->positiontup);
}

static PyObject *
get_preparer(PyObject *self, void *closure)
{
    (void)closure;
    return PyObject_GetAttrString(((CompilerObject *)self)->dialect, "identifier_preparer");
}

static PyObject *
get_self(PyObject *self, void *closure)
{
    (void)closure;
    return Py_NewRef(self);
}

static PyObject *
construct_params(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *kwnames)
{
    static const orm_args_spec spec = {.fname = "construct_params", .names = {"params"},
                                       .count = 1, .npositional = 1};
    CompilerObject *o = (CompilerObject *)self;
    PyObject *out[1], *made, *name, *value;
    Py_ssize_t pos = 0;
    orm_state *st = orm_state_from_type(Py_TYPE(self));

    if (st == NULL || orm_args_parse(&spec, args, n, kwnames, out) < 0) {
        return NULL;
    }
    made = get_params(self, NULL);
    if (made == NULL || (out[0] != NULL && out[0] != Py_None && PyDict_Update(made, out[0]) < 0)) {
        Py_XDECREF(made);
        return NULL;
    }
    while (PyDict_Next(made, &pos, &name, &value)) {
        int missing = o->required == NULL ? 0 : PySet_Contains(o->required, name);

        if (missing > 0 && value == Py_None
            && (out[0] == NULL || out[0] == Py_None || !PyDict_Contains(out[0], name))) {
            orm_raise_exc_code(st, ORM_EXC_InvalidRequestError, "cd3x",
                               "A value is required for bind parameter %R", name);
            missing = -1;
        }
        if (missing < 0) {
            Py_DECREF(made);
            return NULL;
        }
    }
    return made;
}

/* process(element, **kw): its text, with our markers in it. */
static PyObject *
render_inner(PyObject *self, PyObject *element, bool plain, PyObject *kwargs)
{
    CompilerObject *o = (CompilerObject *)self;
    orm_cctx *cc = o->cc;
    orm_buf buf = {0}, *before;
    orm_node *node = NULL;
    PyObject *text = NULL;
    unsigned flags;
    int rc, literals = kwarg_true(kwargs, "literal_binds", 0),
        table = literals < 0 ? -1 : kwarg_true(kwargs, "include_table", 1);
    bool bare;

    if (cc == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "This compiler's run is over; process() works inside "
                                            "a @compiles function only.");
        return NULL;
    }
    rc = literals < 0 || table < 0 ? -1 : orm_coerce_element(cc->st, element, &node);
    if (rc <= 0) {
        if (rc == 0) {
            PyErr_Format(PyExc_TypeError, "process() takes a SQL expression, not %R", element);
        }
        return NULL;
    }
    if (orm_keep(cc, (PyObject *)node) < 0) {
        return NULL;
    }
    before = cc->out;
    flags = cc->flags;
    bare = cc->bare;
    cc->out = &buf;
    cc->flags |= literals ? ORM_R_LITERALS : 0;
    cc->bare = bare || !table;
    cc->plain_node = plain ? node : NULL;
    rc = orm_kind_is_from(node->kind) ? orm_render_from(cc, node)
         : orm_kind_is_stmt(node->kind) ? orm_render_statement(cc, node, 0) : orm_render(cc, node);
    cc->out = before;
    cc->flags = flags;
    cc->bare = bare;
    cc->plain_node = NULL;
    if (rc == 0) {
        text = str_of_buf(&buf);
    }
    orm_buf_fini(&buf);
    return text;
}

static PyObject *
process(PyObject *self, PyObject *args, PyObject *kwargs)
{
    PyObject *element;

    if (!PyArg_UnpackTuple(args, "process", 1, 1, &element)) {
        return NULL;
    }
    return render_inner(self, element, false, kwargs);
}

/* visit_<kind>(element, **kw): the usual text, also inside the hook of that very element. */
static PyObject *
visit_plain(PyObject *self, PyObject *args, PyObject *kwargs)
{
    PyObject *element;

    if (!PyArg_UnpackTuple(args, "visit", 1, 1, &element)) {
        return NULL;
    }
    return render_inner(self, element, true, kwargs);
}

static PyMethodDef visit_def = {"visit", (PyCFunction)(void (*)(void))visit_plain,
                                METH_VARARGS | METH_KEYWORDS, NULL};

static PyObject *
compiler_getattro(PyObject *self, PyObject *name)
{
    PyObject *v = PyObject_GenericGetAttr(self, name);
    orm_str s;

    if (v != NULL || !PyErr_ExceptionMatches(PyExc_AttributeError)
        || orm_str_of(name, &s) < 0 || s.n < 6 || memcmp(s.p, "visit_", 6) != 0) {
        return v;
    }
    PyErr_Clear();
    return PyCFunction_New(&visit_def, self);
}

static PyObject *
render_literal_value(PyObject *self, PyObject *args)
{
    CompilerObject *o = (CompilerObject *)self;
    PyObject *value, *type_obj, *text = NULL;
    orm_buf buf = {0}, *before;
    orm_type *type;

    if (!PyArg_UnpackTuple(args, "render_literal_value", 2, 2, &value, &type_obj)) {
        return NULL;
    }
    if (o->cc == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "This compiler's run is over.");
        return NULL;
    }
    type = orm_type_of(o->cc->st, type_obj);
    if (type == NULL) {
        return NULL;
    }
    before = o->cc->out;
    o->cc->out = &buf;
    if (orm_put_literal(o->cc, type, value) == 0) {
        text = str_of_buf(&buf);
    }
    o->cc->out = before;
    orm_buf_fini(&buf);
    Py_DECREF((PyObject *)type);
    return text;
}

static int
compiler_traverse(PyObject *self, visitproc visit, void *arg)
{
    CompilerObject *o = (CompilerObject *)self;

    Py_VISIT(Py_TYPE(self));
    Py_VISIT(o->statement);
    Py_VISIT(o->dialect);
    Py_VISIT(o->params);
    Py_VISIT(o->asked);
    Py_VISIT(o->positiontup);
    Py_VISIT(o->required);
    return 0;
}

static int
compiler_clear(PyObject *self)
{
    CompilerObject *o = (CompilerObject *)self;

    Py_CLEAR(o->statement);
    Py_CLEAR(o->dialect);
    Py_CLEAR(o->string);
    Py_CLEAR(o->params);
    Py_CLEAR(o->asked);
    Py_CLEAR(o->positiontup);
    Py_CLEAR(o->required);
    return 0;
}

static void
compiler_dealloc(PyObject *self)
{
    PyTypeObject *tp = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    (void)compiler_clear(self);
    tp->tp_free(self);
    Py_DECREF(tp);
}

static PyMethodDef compiler_methods[] = {
    {"construct_params", (PyCFunction)(void (*)(void))construct_params,
     METH_FASTCALL | METH_KEYWORDS,
     "construct_params($self, params=None)\n--\n\nValues by bind name, `params` laid over them."},
    {"process", (PyCFunction)(void (*)(void))process, METH_VARARGS | METH_KEYWORDS,
     "process($self, element, /, **kw)\n--\n\nThe text of an element inside this statement."},
    {"render_literal_value", render_literal_value, METH_VARARGS,
     "render_literal_value($self, value, type_, /)\n--\n\nA value as SQL text."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef compiler_getset[] = {
    {"string", get_string, NULL, "The text.", NULL},
    {"statement", get_statement, NULL, "What was compiled.", NULL},
    {"dialect", get_dialect, NULL, "The dialect object, None for the default.", NULL},
    {"params", get_params, NULL, "Values by bind name.", NULL},
    {"positiontup", get_positiontup, NULL, "Names in the order of the placeholders.", NULL},
    {"preparer", get_preparer, NULL, "Quotes identifiers.", NULL},
    {"sql_compiler", get_self, NULL, "This object.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot compiler_slots[] = {
    {Py_tp_doc, "SQL text of one statement, and what its placeholders stand for."},
    {Py_tp_str, compiler_str},
    {Py_tp_getattro, compiler_getattro},
    {Py_tp_traverse, compiler_traverse},
    {Py_tp_clear, compiler_clear},
    {Py_tp_dealloc, compiler_dealloc},
    {Py_tp_methods, compiler_methods},
    {Py_tp_getset, compiler_getset},
    {0, NULL},
};

PyType_Spec orm_compiler_spec = {
    .name = "pyorm._core.SQLCompiler",
    .basicsize = sizeof(CompilerObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE
             | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = compiler_slots,
};

/* --- functions of the module ------------------------------------------------------------ */

/* compile_string(element, dialect=None, **kw): the text alone. */
static PyObject *
core_compile_string(PyObject *module, PyObject *args, PyObject *kwargs)
{
    orm_state *st = orm_state_from_module(module);
    PyObject *element, *given = NULL, *dialect, *made, *text = NULL;

    if (!PyArg_UnpackTuple(args, "compile_string", 1, 2, &element, &given)) {
        return NULL;
    }
    dialect = choose_dialect(NULL, given);
    made = dialect == NULL ? NULL : compile_element(st, element, dialect, NULL, NULL, kwargs);
    if (made != NULL) {
        text = compiler_str(made);
        Py_DECREF(made);
    }
    Py_XDECREF(dialect);
    return text;
}

/* quote_identifier(name, dialect_name): quoted where it has to be. */
static PyObject *
core_quote_identifier(PyObject *module, PyObject *args)
{
    PyObject *name, *dialect, *quote = NULL, *text;
    orm_buf buf = {0};
    orm_str s;
    int id, how = 0;

    (void)module;
    if (!PyArg_UnpackTuple(args, "quote_identifier", 2, 2, &name, &dialect)) {
        return NULL;
    }
    if (!PyUnicode_Check(name) || !PyUnicode_Check(dialect)) {
        PyErr_SetString(PyExc_TypeError, "quote_identifier() takes two str");
        return NULL;
    }
    if (!PyUnicode_CheckExact(name) && PyObject_GetOptionalAttrString(name, "quote", &quote) < 0) {
        return NULL;
    }
    if (quote != NULL) {
        how = quote == Py_True ? 1 : quote == Py_False ? 2 : 0;
        Py_DECREF(quote);
    }
    if (orm_str_of(name, &s) < 0) {
        return NULL;
    }
    id = orm_dialect_id(PyUnicode_AsUTF8(dialect));
    orm_quote_into(&buf, orm_dialect_of((uint8_t)(id < 0 ? ORM_DEFAULT : id)), s, how);
    text = buf.failed ? PyErr_NoMemory() : PyUnicode_DecodeUTF8(buf.p == NULL ? "" : buf.p,
                                                                (Py_ssize_t)buf.len, "strict");
    orm_buf_fini(&buf);
    return text;
}

/* distinct_on(*expressions): an extension for Select.ext(). */
static PyObject *
core_distinct_on(PyObject *module, PyObject *const *args, Py_ssize_t n)
{
    orm_state *st = orm_state_from_module(module);
    PyObject *list = PyList_New(0), *made = NULL;

    for (Py_ssize_t i = 0; list != NULL && i < n; i++) {
        orm_node *item = orm_coerce_order(st, args[i]);

        if (item == NULL || PyList_Append(list, (PyObject *)item) < 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF((PyObject *)item);
    }
    if (list != NULL) {
        made = (PyObject *)orm_list_node(st, ORM_OP_DISTINCT, NULL, 0, list);
        Py_DECREF(list);
    }
    return made;
}

/* get_final_froms(): what FROM will list, as a list of FROM elements. */
PyObject *
orm_m_final_froms(PyObject *self, PyObject *none)
{
    orm_state *st = orm_expr_state(self);
    orm_compile_opts opts = {.dialect = ORM_DEFAULT};
    orm_fromset froms = {0};
    orm_cctx cc;
    PyObject *list = NULL;

    (void)none;
    if (st == NULL || orm_node_check_limits(st, (orm_node *)self) < 0) {
        return NULL;
    }
    if (orm_cctx_init(&cc, st, (orm_node *)self, &opts, NULL, 0) == 0
        && orm_froms_select(&cc, (orm_node *)self, ORM_RF_TOP, &froms) == 0) {
        list = PyList_New(0);
    }
    for (size_t i = 0; list != NULL && i < froms.n; i++) {
        PyObject *from = orm_node_wrap(st, (orm_node *)froms.v[i]);

        if (from == NULL || PyList_Append(list, from) < 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(from);
    }
    orm_cctx_fini(&cc);
    return list;
}

/* register_compiles(cls, function, dialects): what @compiles leaves; None takes all away. */
static PyObject *
core_register_compiles(PyObject *module, PyObject *args)
{
    orm_state *st = orm_state_from_module(module);
    PyObject *cls, *fn, *dialects, *by_dialect = NULL, *fast = NULL;

    if (!PyArg_UnpackTuple(args, "register_compiles", 3, 3, &cls, &fn, &dialects)) {
        return NULL;
    }
    if (st->compiles_hooks == NULL && (st->compiles_hooks = PyDict_New()) == NULL) {
        return NULL;
    }
    if (fn == Py_None) {
        if (PyDict_Contains(st->compiles_hooks, cls) == 1
            && PyDict_DelItem(st->compiles_hooks, cls) < 0) {
            return NULL;
        }
        sql_room(st)->hook_epoch++;
        Py_RETURN_NONE;
    }
    fast = PySequence_Tuple(dialects);
    if (fast == NULL || PyDict_GetItemRef(st->compiles_hooks, cls, &by_dialect) < 0) {
        goto done;
    }
    if (by_dialect == NULL) {
        by_dialect = PyDict_New();
        if (by_dialect == NULL || PyDict_SetItem(st->compiles_hooks, cls, by_dialect) < 0) {
            goto done;
        }
    }
    if (PyTuple_GET_SIZE(fast) == 0 && PyDict_SetItemString(by_dialect, "default", fn) < 0) {
        goto done;
    }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(fast); i++) {
        if (PyDict_SetItem(by_dialect, PyTuple_GET_ITEM(fast, i), fn) < 0) {
            goto done;
        }
    }
    sql_room(st)->hook_epoch++;
done:
    Py_XDECREF(by_dialect);
    Py_XDECREF(fast);
    if (PyErr_Occurred()) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyMethodDef module_functions[] = {
    {"compile_string", (PyCFunction)(void (*)(void))core_compile_string,
     METH_VARARGS | METH_KEYWORDS,
     "compile_string($module, element, dialect=None, /, **kw)\n--\n\nThe text of an element."},
    {"distinct_on", (PyCFunction)(void (*)(void))core_distinct_on, METH_FASTCALL,
     "distinct_on($module, /, *expressions)\n--\n\nDISTINCT ON for select().ext()."},
    {"quote_identifier", core_quote_identifier, METH_VARARGS,
     "quote_identifier($module, name, dialect_name, /)\n--\n\n"
     "The name, quoted where it has to be."},
    {"register_compiles", core_register_compiles, METH_VARARGS,
     "register_compiles($module, cls, function, dialects, /)\n--\n\n"
     "Let a function render a class."},
    {NULL, NULL, 0, NULL},
};

int
orm_render_setup(PyObject *module, orm_state *st)
{
    if (orm_type_add(module, st, &orm_compiled_spec, NULL, &st->CompiledStatement) < 0
        || orm_type_add(module, st, &orm_compiler_spec, NULL, &st->SQLCompiler) < 0) {
        return -1;
    }
    return PyModule_AddFunctions(module, module_functions);
}
