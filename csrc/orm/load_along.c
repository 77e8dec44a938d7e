/*
 * orm/load_along.c - refreshing an instance together with what is loaded along with it.
 *
 * Place: load_slots.c comes here first, when an instance is expired or refresh() is called: where
 *   the mapping loads a relationship eagerly, or the instance remembers options of its load, the
 *   whole entity is selected by its key, with them; what the row does not bring is left to
 *   load_slots.c. Relationships that refresh() names are loaded at once by their own loaders.
 */
#include "orm/load_keyed.h"
#include "orm/lazy.h"

/* SELECT entity WHERE key, with the remembered options. New reference. */
static orm_node *
select_whole(orm_head *h, const orm_key_room *key, const orm_load_opts *opts)
{
    PyObject *said = orm_remembered(h);
    orm_load_opts more = opts == NULL ? (orm_load_opts){0} : *opts;
    orm_node *select = orm_select_by_key(h->mapper, &h->mapper->entity, 1, key->v);

    PyObject *module = orm_import_once(&h->mapper->state->criteria_module, "pyorm.orm._criteria", NULL);
    PyObject *options = said == NULL || module == NULL
                            ? NULL
                            : PyObject_CallMethod(module, "for_refresh", "(O)",
                                                  PyTuple_GET_ITEM(said, 0));

    more.options = options;
    if (PyErr_Occurred() || (select != NULL && orm_select_add(&select, &more) < 0)) {
        Py_CLEAR(select);
    }
    Py_XDECREF(options);
    return select;
}

/* The rows into h, which has been expired: what holds a value keeps it. 1 there was one, 0, -1. */
static int
read_whole(orm_loader *l, orm_head *h)
{
    const orm_cell *cells = NULL;
    int found = 0;
    int rc;

    while ((rc = orm_result_next(l->r, &cells)) > 0) {
        PyObject *obj = NULL;

        l->row++;
        obj = orm_loader_entity(l, &l->plan->ents[0], cells);
        if (obj == NULL) {
            rc = -1;
            break;
        }
        found |= obj != Py_None && orm_head_find(l->st, obj) == h;
        Py_DECREF(obj); /* the caller holds h's own */
    }
    if (rc < 0) {
        orm_loader_failed(l);
        return -1;
    }
    return orm_loader_batch_done(l) < 0 ? -1 : found;
}

int
orm_load_along(orm_session *s, PyObject *conn, orm_head *h, const orm_load_opts *opts)
{
    orm_mapper *m = h->mapper;
    orm_loader l = {0};
    orm_key k = {0};
    orm_key_room key = {0};
    orm_node *select = NULL;
    orm_compiled *c = NULL;
    orm_result *r = NULL;
    int rc = -1;

    if (orm_key_of(&k, h) > 0 && orm_key_room_fill(&key, m, &k) == 0) {
        select = select_whole(h, &key, opts);
    }
    l.token = Py_XNewRef(k.token);
    l.streams = true; /* it comes alone */
    if (select != NULL && orm_load_run_built(conn, m, select, opts, &c, &r) == 0
        && orm_loader_init(&l, s, c, r) == 0) {
        l.statement = Py_NewRef((PyObject *)select);
        rc = read_whole(&l, h);
    }
    orm_loader_fini(&l);
    orm_key_room_fini(&key);
    orm_key_fini(&k);
    Py_XDECREF(c);
    Py_XDECREF(select);
    return rc;
}

bool
orm_loads_along(orm_head *h)
{
    uint32_t n = 0;
    const uint32_t *slots = NULL;

    if (h->mapper->entity == NULL) {
        return false;
    }
    if (orm_remembered(h) != NULL) {
        return true;
    }
    slots = orm_mapper_relations(h->mapper, &n);
    for (uint32_t i = 0; slots != NULL && i < n; i++) {
        if (orm_relation_is_eager(h->mapper->attrs[slots[i]]->relation)) {
            return true;
        }
    }
    PyErr_Clear();
    return false;
}

int
orm_load_relations(orm_session *s, orm_head *h, const uint32_t *slots, uint32_t n)
{
    int rc = 0;

    for (uint32_t i = 0; rc >= 0 && i < n; i++) {
        orm_attribute *a = h->mapper->attrs[slots[i]];
        PyObject *v = NULL;

        if (a == NULL || !ORM_SLOT_IS_RELATION(a->kind)) {
            continue;
        }
        v = orm_val_peek(h, slots[i], NULL);
        Py_XDECREF(v);
        if (v == NULL) {
            rc = orm_lazy_load(s, h, slots[i], ORM_PASSIVE_OFF | ORM_P_NO_AUTOFLUSH);
        }
    }
    return rc < 0 ? -1 : 0;
}
