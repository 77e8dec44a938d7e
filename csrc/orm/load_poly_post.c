/*
 * orm/load_poly_post.c - columns of subclasses that come by a SELECT of their own, once the rows of
 * the parent class are there.
 *
 * Place: load_poly.c makes the plan's posts; load_rows.c runs them when a batch is complete.
 * Statements: Python makes one per post, at its first execution: an entity's SELECT of the missing
 *   columns by primary keys, 500 at a time. Its rows meet instances that are known, and fill what
 *   they lack (load_rows.c): nothing else is needed.
 * Locking: the GIL. Nothing runs Python per row.
 */
#include "orm/load_keyed.h"
#include "orm/load_poly.h"
#include "orm/session_ops.h"

enum { KEYS_PER_SELECT = 500 };

/* --- plan ----------------------------------------------------------------------------------- */

/* The loader options of the statement. New reference: a tuple. */
static PyObject *
loads_among(const orm_state *st, const orm_node *options)
{
    PyObject *list = PyList_New(0);
    PyObject *tuple = NULL;

    for (Py_ssize_t i = 0; list != NULL && options != NULL && i < Py_SIZE(options); i++) {
        PyObject *one = options->args[i]->payload;

        if (PyObject_TypeCheck(one, st->LoaderOption) && PyList_Append(list, one) < 0) {
            Py_CLEAR(list);
        }
    }
    tuple = list == NULL ? NULL : PyList_AsTuple(list);
    Py_XDECREF(list);
    return tuple;
}

/* The post of a class, added if it is new: its index, or -1. */
static int32_t
post_of(orm_poly *poly, orm_mapper *m, bool by_option, const orm_node *options)
{
    orm_polypost *posts = NULL;
    PyObject *loads = NULL;

    for (uint32_t i = 0; i < poly->nposts; i++) {
        if (poly->posts[i].mapper == m) {
            return (int32_t)i;
        }
    }
    loads = loads_among(m->state, options);
    if (loads == NULL) {
        return -1;
    }
    posts = PyMem_Realloc(poly->posts, (poly->nposts + 1) * sizeof(*posts));
    if (posts == NULL) {
        PyErr_NoMemory();
        Py_DECREF(loads);
        return -1;
    }
    poly->posts = posts;
    posts[poly->nposts] = (orm_polypost){.mapper = (orm_mapper *)Py_NewRef(m),
                                         .by_option = by_option, .options = loads};
    return (int32_t)poly->nposts++;
}

int
orm_poly_posts_make(const orm_node *options, const orm_node *entity, orm_poly *poly)
{
    const orm_mapper *top = (const orm_mapper *)entity->payload;

    for (uint32_t i = 0; i < poly->n; i++) {
        orm_variant *v = &poly->variants[i];
        orm_mapper *m = v->mapper;
        bool by_option = false;

        v->post = -1;
        for (; m != NULL && m != top; m = m->base) {
            by_option = orm_option_selects(options, entity, m);
            if ((by_option || m->selectin) && !orm_entity_loads(entity, m)) {
                break;
            }
        }
        if (m == NULL || m == top) {
            continue;
        }
        v->post = post_of(poly, m, by_option, options);
        if (v->post < 0) {
            return -1;
        }
    }
    return 0;
}

/* --- rows ----------------------------------------------------------------------------------- */

/* The identity as the statement takes it. New reference. */
static PyObject *
key_object(const orm_head *h)
{
    return h->flags & ORM_H_KEY_INT ? PyLong_FromLongLong(h->ident.i) : Py_NewRef(h->ident.obj);
}

/* Keys of the instances of this batch that a post is about, each once. New list. */
static PyObject *
keys_of(orm_loader *l, const orm_entplan *p, int32_t number)
{
    PyObject *keys = PyDict_New();
    PyObject *list = NULL;

    for (uint32_t i = 0; keys != NULL && i < l->nfresh; i++) {
        orm_head *h = l->fresh[i];
        const orm_variant *v = NULL;
        PyObject *key = NULL;

        if (h->session != l->s || !(h->flags & (ORM_H_KEY_INT | ORM_H_KEY_OBJ))
            || !orm_mapper_isa(h->mapper, p->mapper)) {
            continue;
        }
        v = orm_poly_of(p->poly, h->mapper);
        if (v == NULL || v->post != number) {
            continue;
        }
        key = key_object(h);
        if (key == NULL || PyDict_SetItem(keys, key, Py_None) < 0) {
            Py_CLEAR(keys);
        }
        Py_XDECREF(key);
    }
    list = keys == NULL ? NULL : PyDict_Keys(keys);
    Py_XDECREF(keys);
    return list;
}

/* Run the SELECT for some keys; its rows fill what their instances lack. 0 / -1. */
static int
run_select(orm_loader *l, orm_mapper *m, orm_node *select, PyObject *keys)
{
    PyObject *conn = l->s->ops->connection(l->s, m);
    PyObject *params = conn == NULL ? NULL : Py_BuildValue("{sO}", "primary_keys", keys);
    PyObject *engine = params == NULL ? NULL : orm_connection_engine(conn);
    orm_compile_opts how = {0};
    orm_conn_facts facts = {0};
    orm_compiled *c = NULL;
    orm_values vals;
    PyObject *options = NULL;
    PyObject *result = NULL;
    PyObject *all = NULL;

    if (engine == NULL || orm_connection_facts(conn, &facts) < 0) {
        goto done;
    }
    if (l->s->ops->listened(l->s)) {
        result = l->s->ops->run_along(l->s, m, (PyObject *)select, params, NULL, l->options,
                                      l->statement);
        all = result == NULL ? NULL : PyObject_CallMethod(result, "all", NULL);
        goto done;
    }
    how.dialect = orm_engine_driver(engine)->dialect;
    how.schema_map = facts.schemas;
    how.flags = facts.schemas != NULL ? ORM_COMPILE_SCHEMA_MAP : 0;
    options = l->token == NULL ? NULL : Py_BuildValue("{OO}", l->st->s_identity_token, l->token);
    if ((l->token == NULL || options != NULL)
        && orm_compile_cached(l->st, orm_engine_cache(engine), select, &how, &c, &vals) == 0) {
        result = orm_load_result(l->s, conn, c, vals.v, vals.n, (PyObject *)select, params,
                                 options);
        orm_values_fini(&vals);
    }
    if (result != NULL && c->load != NULL && ((orm_load_plan *)c->load)->repeats) {
        Py_SETREF(result, PyObject_CallMethod(result, "unique", NULL));
    }
    all = result == NULL ? NULL : PyObject_CallMethod(result, "all", NULL);
done:
    Py_XDECREF(all);
    Py_XDECREF(result);
    Py_XDECREF(c);
    Py_XDECREF(options);
    Py_XDECREF(params);
    Py_XDECREF(conn);
    return all == NULL ? -1 : 0;
}

/* The statement of a post: borrowed from it; None: nothing to load. NULL: exception. */
static PyObject *
select_of(orm_polypost *post, const orm_mapper *top)
{
    if (post->select == NULL) {
        PyObject *made = PyObject_CallMethod(post->mapper->py, "_select_own", "OOO", top->py,
                                             post->by_option ? Py_True : Py_False,
                                             post->options);

        Py_XSETREF(post->select, made); /* another thread may have been faster */
    }
    return post->select;
}

static int
run_post(orm_loader *l, const orm_entplan *p, uint32_t number)
{
    orm_polypost *post = &p->poly->posts[number];
    PyObject *keys = keys_of(l, p, (int32_t)number);
    PyObject *select = NULL;
    int rc = keys == NULL ? -1 : 0;

    if (rc == 0 && PyList_GET_SIZE(keys) > 0) {
        select = Py_XNewRef(select_of(post, p->mapper));
        rc = select == NULL ? -1 : 0;
    }
    for (Py_ssize_t from = 0; rc == 0 && select != NULL && select != Py_None
                              && from < PyList_GET_SIZE(keys);
         from += KEYS_PER_SELECT) {
        PyObject *some = PyList_GetSlice(keys, from, from + KEYS_PER_SELECT);
        orm_node *node = some == NULL ? NULL : orm_node_of(l->st, select);

        rc = node == NULL ? -1 : run_select(l, post->mapper, node, some);
        Py_XDECREF(some);
    }
    Py_XDECREF(select);
    Py_XDECREF(keys);
    return rc;
}

int
orm_poly_posts_run(orm_loader *l)
{
    int rc = 0;

    for (uint32_t i = 0; rc == 0 && l->nfresh > 0 && i < l->plan->nents; i++) {
        const orm_entplan *p = &l->plan->ents[i];

        for (uint32_t k = 0; rc == 0 && p->poly != NULL && k < p->poly->nposts; k++) {
            rc = run_post(l, p, k);
        }
    }
    return rc;
}
