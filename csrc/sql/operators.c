/*
 * operators.c - operators as objects: the functions of pyorm.sql.operators, op("..."), and
 *   the way back from a comparator into the core.
 *
 * Place: expr_ops.c asks here for the function of an operator; `_core.operate(op, expr,
 *   *others)` is what the default comparator calls and what makes an expression from an
 *   operator function.
 * Custom operators: text in the node's payload, precedence and flags in aux, so that two
 *   `op("->")` are one shape.
 * State: st->operators maps names to functions, st->operator_index functions to numbers;
 *   both are filled from pyorm.sql.operators at first use.
 */
#include "sql_int.h"

#include <string.h>

/* ---- functions and numbers ---------------------------------------------------------------- */
static int
load_operators(orm_state *st)
{
    PyObject *module = NULL;
    PyObject *names = NULL;
    PyObject *index = NULL;
    int i;
    int rc = -1;

    if (st->operator_index != NULL) {
        return 0;
    }
    module = PyImport_ImportModule("pyorm.sql.operators");
    names = PyTuple_New(ORM_OP__COUNT);
    index = PyDict_New();
    if (module == NULL || names == NULL || index == NULL) {
        goto done;
    }
    for (i = 0; i < ORM_OP__COUNT; i++) {
        PyObject *fn = NULL;
        PyObject *number = NULL;
        int bad;

        if (orm_op_table[i].py[0] == '\0') {
            PyTuple_SET_ITEM(names, i, Py_NewRef(Py_None));
            continue;
        }
        if (PyObject_GetOptionalAttrString(module, orm_op_table[i].py, &fn) < 0) {
            goto done;
        }
        if (fn == NULL) {
            fn = Py_NewRef(Py_None);
        }
        PyTuple_SET_ITEM(names, i, fn);
        number = PyLong_FromLong(i);
        bad = number == NULL
              || (fn != Py_None && PyDict_Contains(index, fn) == 0
                  && PyDict_SetItem(index, fn, number) < 0);
        Py_XDECREF(number);
        if (bad) {
            goto done;
        }
    }
    if (st->operator_index == NULL) {
        st->operators = Py_NewRef(names);
        st->operator_index = Py_NewRef(index);
    }
    rc = 0;
done:
    Py_XDECREF(module);
    Py_XDECREF(names);
    Py_XDECREF(index);
    return rc;
}

PyObject *
orm_operator_object(orm_state *st, orm_op op, const orm_node *n)
{
    if (load_operators(st) < 0) {
        return NULL;
    }
    if (op == ORM_OP_CUSTOM && n != NULL) {
        PyObject *cls = orm_import_once(&st->custom_op_class, "pyorm.sql.operators", "custom_op");

        return cls == NULL ? NULL
                           : PyObject_CallFunction(cls, "OiN", n->payload,
                                                   (int)(int16_t)(n->aux >> 16),
                                                   PyBool_FromLong(n->aux & ORM_CUSTOMOP_COMPARISON));
    }
    return Py_NewRef(PyTuple_GET_ITEM(st->operators, op));
}

/* The number of an operator function; -1 without exception: not one of ours. */
static int
operator_number(orm_state *st, PyObject *fn)
{
    PyObject *number = NULL;

    if (load_operators(st) < 0) {
        return -1;
    }
    number = PyDict_GetItemWithError(st->operator_index, fn); /* borrow-ok: read at once */
    return number == NULL ? -1 : (int)PyLong_AsLong(number);
}

/* ---- custom operators ----------------------------------------------------------------------- */
orm_node *
orm_custom_op_new(orm_state *st, orm_node *l, PyObject *other, PyObject *text, long precedence,
                  unsigned flags, orm_type *type, int reverse)
{
    orm_node *pair[2] = {l, NULL};
    orm_type *result = type;
    orm_node *r = orm_coerce_operand(st, other, l,
                                     flags & ORM_CUSTOMOP_COMPARISON ? ORM_OP_EQ : ORM_OP_CUSTOM);
    orm_node *n = NULL;

    if (r == NULL) {
        return NULL;
    }
    if (result == NULL) {
        result = flags & ORM_CUSTOMOP_COMPARISON ? orm_type_builtin(st, ORM_T_BOOL)
                                                 : orm_node_type(st, l);
    }
    pair[0] = reverse ? r : l;
    pair[1] = reverse ? l : r;
    if (result != NULL) {
        n = orm_node_make(st, ORM_N_BINARY, ORM_OP_CUSTOM, result, text,
                          ((uint32_t)(uint16_t)precedence << 16) | flags, 2, pair);
    }
    Py_DECREF(r);
    return n;
}

/* What x.op("...") returns: a callable that waits for the other operand. */
typedef struct OpCallObject {
    PyObject_HEAD
    PyObject *expr;   /* owned: the left operand */
    PyObject *text;   /* owned: exact str */
    orm_type *type;   /* owned: result type, or NULL */
    long precedence;  /* binding strength, as in the table of operators */
    unsigned flags;   /* ORM_CUSTOMOP_* */
} OpCallObject;

static PyObject *
opcall_call(PyObject *self, PyObject *args, PyObject *kwargs)
{
    OpCallObject *o = (OpCallObject *)self;
    orm_state *st = orm_state_from_type(Py_TYPE(self));
    orm_node *l = st == NULL ? NULL : orm_node_of(st, o->expr);
    PyObject *other = NULL;

    if (l == NULL || (kwargs != NULL && PyDict_GET_SIZE(kwargs) > 0
                          ? (PyErr_SetString(PyExc_TypeError, "op() takes one operand"), 1)
                          : !PyArg_UnpackTuple(args, "op", 1, 1, &other))) {
        return NULL;
    }
    return (PyObject *)orm_custom_op_new(st, l, other, o->text, o->precedence, o->flags, o->type,
                                         0);
}

static int
opcall_traverse(PyObject *self, visitproc visit, void *arg)
{
    OpCallObject *o = (OpCallObject *)self;

    Py_VISIT(Py_TYPE(self));
    Py_VISIT(o->expr);
    Py_VISIT(o->type);
    return 0;
}

static int
opcall_clear(PyObject *self)
{
    OpCallObject *o = (OpCallObject *)self;

    Py_CLEAR(o->expr);
    Py_CLEAR(o->type);
    return 0;
}

static void
opcall_dealloc(PyObject *self)
{
    PyTypeObject *tp = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    (void)opcall_clear(self);
    Py_CLEAR(((OpCallObject *)self)->text);
    tp->tp_free(self);
    Py_DECREF(tp);
}

static PyType_Slot opcall_slots[] = {
    {Py_tp_call, opcall_call},
    {Py_tp_traverse, opcall_traverse},
    {Py_tp_clear, opcall_clear},
    {Py_tp_dealloc, opcall_dealloc},
    {0, NULL},
};

static PyType_Spec opcall_spec = {
    .name = "pyorm._core.OpCall",
    .basicsize = sizeof(OpCallObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE
             | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = opcall_slots,
};

static PyObject *
opcall_new(PyObject *self, PyObject *text, PyObject *precedence, unsigned flags, PyObject *type_obj)
{
    orm_state *st = orm_expr_state(self);
    OpCallObject *o = NULL;
    orm_type *type = NULL;
    long prec = 0;

    if (st == NULL) {
        return NULL;
    }
    if (!PyUnicode_Check(text)) {
        PyErr_Format(PyExc_TypeError, "op() takes the operator's text, got %R", text);
        return NULL;
    }
    if (precedence != NULL) {
        prec = PyLong_AsLong(precedence);
        if (prec == -1 && PyErr_Occurred()) {
            return NULL;
        }
        prec = prec > 1000 ? 1000 : prec < -1000 ? -1000 : prec;
    }
    if (type_obj != NULL && type_obj != Py_None) {
        type = orm_type_of(st, type_obj);
        if (type == NULL) {
            return NULL;
        }
    }
    o = (OpCallObject *)st->OpCall->tp_alloc(st->OpCall, 0);
    if (o == NULL) {
        Py_XDECREF(type);
        return NULL;
    }
    o->expr = Py_NewRef(self);
    o->type = type;
    o->precedence = prec;
    o->flags = flags;
    o->text = PyUnicode_FromObject(text);
    if (o->text == NULL) {
        Py_DECREF(o);
        return NULL;
    }
    return (PyObject *)o;
}

PyObject *
orm_method_op(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const orm_args_spec spec = {
        .fname = "op",
        .names = {"opstring", "precedence", "is_comparison", "return_type", "python_impl"},
        .count = 5,
        .npositional = 5,
        .nrequired = 1};
    PyObject *out[5];
    int comparison;

    if (orm_args_parse(&spec, args, nargs, kwnames, out) < 0) {
        return NULL;
    }
    comparison = orm_arg_bool(out[2], 0);
    return comparison < 0 ? NULL
                          : opcall_new(self, out[0], out[1],
                                       comparison ? ORM_CUSTOMOP_COMPARISON : 0, out[3]);
}

PyObject *
orm_method_bool_op(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const orm_args_spec spec = {.fname = "bool_op",
                                       .names = {"opstring", "precedence", "python_impl"},
                                       .count = 3,
                                       .npositional = 3,
                                       .nrequired = 1};
    PyObject *out[3];

    return orm_args_parse(&spec, args, nargs, kwnames, out) < 0
               ? NULL
               : opcall_new(self, out[0], out[1], ORM_CUSTOMOP_COMPARISON, NULL);
}

/* ---- _core.operate ---------------------------------------------------------------------------- */

/* An operator object of Python (custom_op) applied to operands. */
static PyObject *
operate_custom(orm_state *st, PyObject *op, orm_node *l, PyObject *other, int reverse)
{
    PyObject *text = NULL;
    PyObject *precedence = NULL;
    PyObject *comparison = NULL;
    PyObject *type_obj = NULL;
    orm_type *type = NULL;
    PyObject *out = NULL;
    int rc = PyObject_GetOptionalAttrString(op, "opstring", &text);

    if (rc == 0) {
        PyErr_Format(PyExc_TypeError, "%R is no SQL operator", op);
    }
    if (rc <= 0) {
        return NULL;
    }
    precedence = PyObject_GetAttrString(op, "precedence");
    comparison = PyObject_GetAttrString(op, "is_comparison");
    if (precedence == NULL || comparison == NULL
        || PyObject_GetOptionalAttrString(op, "return_type", &type_obj) < 0) {
        goto done;
    }
    if (type_obj != NULL && type_obj != Py_None) {
        type = orm_type_of(st, type_obj);
        if (type == NULL) {
            goto done;
        }
    }
    if (PyUnicode_CheckExact(text)) {
        long prec = PyLong_AsLong(precedence);
        int is_comparison = PyObject_IsTrue(comparison);

        if ((prec != -1 || !PyErr_Occurred()) && is_comparison >= 0) {
            out = (PyObject *)orm_custom_op_new(st, l, other, text, prec,
                                                is_comparison ? ORM_CUSTOMOP_COMPARISON : 0, type,
                                                reverse);
        }
    }
done:
    Py_XDECREF(text);
    Py_XDECREF(precedence);
    Py_XDECREF(comparison);
    Py_XDECREF(type_obj);
    Py_XDECREF(type);
    return out;
}

/* operate(op, expr, *others, escape=None, ..., reverse=False): `op` without asking comparators. */
static PyObject *
core_operate(PyObject *module, PyObject *args, PyObject *kwargs)
{
    orm_state *st = orm_state_from_module(module);
    PyObject *op_obj = NULL;
    PyObject *other = NULL;
    PyObject *escape = NULL;
    orm_node *l = NULL;
    orm_node *r = NULL;
    PyObject *out = NULL;
    int op;
    int reverse = 0;

    if (PyTuple_GET_SIZE(args) < 2) {
        PyErr_SetString(PyExc_TypeError, "operate() takes an operator and an expression");
        return NULL;
    }
    op_obj = PyTuple_GET_ITEM(args, 0);
    l = orm_node_of(st, PyTuple_GET_ITEM(args, 1));
    if (l == NULL) {
        return NULL;
    }
    other = PyTuple_GET_SIZE(args) > 2 ? PyTuple_GET_ITEM(args, 2) : NULL;
    if (kwargs != NULL) { /* borrow-ok: kwargs lives as long as the call */
        PyObject *rev = NULL;

        if (PyDict_GetItemStringRef(kwargs, "reverse", &rev) < 0) {
            return NULL;
        }
        reverse = rev == Py_True;
        Py_XDECREF(rev);
        escape = PyDict_GetItemWithError(kwargs, st->s_escape); /* borrow-ok: kwargs own it */
        if (escape == NULL && PyErr_Occurred()) {
            return NULL;
        }
        escape = escape == Py_None ? NULL : escape;
    }
    op = operator_number(st, op_obj);
    if (op < 0) {
        if (PyErr_Occurred()) {
            return NULL;
        }
        return other == NULL ? PyErr_Format(PyExc_TypeError, "%R takes two operands", op_obj)
                             : operate_custom(st, op_obj, l, other, reverse);
    }
    if (other == NULL) {
        return (PyObject *)(op == ORM_OP_NOT ? orm_negate(st, l)
                                             : orm_unary_new(st, (orm_op)op, l));
    }
    if (op == ORM_OP_IN || op == ORM_OP_NOT_IN) {
        return (PyObject *)orm_in_new(st, (orm_op)op, l, other);
    }
    if (op == ORM_OP_BETWEEN && PyTuple_GET_SIZE(args) > 3) {
        return (PyObject *)orm_between_new(st, l, other, PyTuple_GET_ITEM(args, 3), 0);
    }
    r = orm_coerce_operand(st, other, l, (orm_op)op);
    if (r != NULL) {
        out = (PyObject *)(reverse ? orm_operate_nodes(st, (orm_op)op, r, l, escape)
                                   : orm_operate_nodes(st, (orm_op)op, l, r, escape));
        Py_DECREF(r);
    }
    return out;
}

/* retype(expr, type, astext=False): the same expression with another result type (JSON's
 * as_string ...); astext: a JSON subscript that gives the text of what is there. */
static PyObject *
core_retype(PyObject *module, PyObject *args)
{
    orm_state *st = orm_state_from_module(module);
    PyObject *expr = NULL;
    PyObject *type_obj = NULL;
    PyObject *astext = Py_False;
    orm_node *n = NULL;
    orm_type *type = NULL;
    PyObject *out = NULL;

    if (!PyArg_UnpackTuple(args, "retype", 2, 3, &expr, &type_obj, &astext)) {
        return NULL;
    }
    n = orm_node_of(st, expr);
    if (n != NULL && n->kind != ORM_N_BINARY) {
        return PyErr_Format(PyExc_TypeError, "retype() is for operators, got %R", expr);
    }
    type = n == NULL ? NULL : orm_type_of(st, type_obj);
    if (type != NULL) {
        out = (PyObject *)orm_node_make(st, (orm_kind)n->kind, (orm_op)n->op, type, n->payload,
                                        n->aux | (astext == Py_True ? ORM_JSON_ASTEXT : 0), n->ob_base.ob_size, n->args);
        Py_DECREF(type);
    }
    return out;
}

static PyMethodDef operator_functions[] = {
    {"operate", ORM_METHOD(core_operate), METH_VARARGS | METH_KEYWORDS,
     "operate($module, op, expr, /, *others, escape=None, reverse=False)\n--\n\n"
     "Apply an operator of pyorm.sql.operators without asking comparators."},
    {"retype", core_retype, METH_VARARGS,
     "retype($module, expr, type_, astext=False, /)\n--\n\nThe same expression with another result type."},
    {NULL, NULL, 0, NULL},
};

int
orm_operators_setup(PyObject *module, orm_state *st)
{
    if (orm_type_add(module, st, &opcall_spec, NULL, &st->OpCall) < 0) {
        return -1;
    }
    return PyModule_AddFunctions(module, operator_functions);
}
