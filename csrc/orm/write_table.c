/*
 * orm/write_table.c - attribute writes: a table from the name's address to the attribute.
 *
 * Place: tp_setattro of Entity. Writing needs a hook of its own because the collector must see
 *   a dict or a container arrive; the table makes that hook cheap.
 * Invariant: the table holds only names for which the class's lookup finds our attribute, and
 *   is used only under the version tag it was built with: whatever is set on the class or a base
 *   later (property, mock, hybrid) changes the tag and the table is built again at the next
 *   miss. A class without a tag after its lookups (changed too often for 3.13) keeps no table:
 *   slower, still right.
 */
#include "orm/orm_int.h"

#include <string.h>

/* The class's current version tag, 0 when it has none. */
static inline unsigned int
version_tag(const PyTypeObject *cls)
{
    /* Modifying a class or a base of it sets the tag to 0; 3.13 has no flag beside it. */
    return cls->tp_version_tag;
}

static inline uint32_t
name_hash(const PyObject *name)
{
    return (uint32_t)(((uintptr_t)name >> 4) * UINT64_C(0x9E3779B97F4A7C15) >> 32);
}

void
orm_write_drop(orm_mapper *m)
{
    PyMem_Free(m->writes);
    m->writes = NULL;
    m->write_mask = 0;
    m->write_tag = 0;
}

int
orm_write_refresh(orm_mapper *m)
{
    orm_write_entry *table = NULL;
    uint32_t size = 8;

    if (m->writes_off || m->cls == NULL) {
        return 0;
    }
    while (size < m->nslots * 2 + 2) {
        size *= 2;
    }
    table = PyMem_Calloc(size, sizeof(*table));
    if (table == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (uint32_t i = 0; i < m->nslots; i++) {
        orm_attribute *a = m->attrs[i];
        if (a == NULL || _PyType_Lookup(m->cls, a->n.key) != (PyObject *)a) {
            continue;
        }
        uint32_t at = name_hash(a->n.key) & (size - 1);
        while (table[at].name != NULL) {
            at = (at + 1) & (size - 1);
        }
        table[at] = (orm_write_entry){a->n.key, a};
    }
    orm_write_drop(m);
    m->writes = table;
    m->write_mask = size - 1;
    if (m->nslots == 0) {
        (void)_PyType_Lookup(m->cls, m->state->s_sa_instance_state);
    }
    m->write_tag = version_tag(m->cls);
    if (m->write_tag == 0) {
        m->writes_off = true;
        orm_write_drop(m);
        return 0;
    }
    return 1;
}

/* fast path: same answer as _PyType_Lookup on the class, for the names of mapped attributes. */
orm_attribute *
orm_write_find(orm_mapper *m, PyObject *name)
{
    if (m->writes == NULL) {
        return NULL;
    }
    for (uint32_t at = name_hash(name) & m->write_mask;; at = (at + 1) & m->write_mask) {
        const orm_write_entry *entry = &m->writes[at];
        if (entry->name == name) {
            return entry->attr;
        }
        if (entry->name == NULL) {
            return NULL;
        }
    }
}

int
orm_entity_setattro(PyObject *self, PyObject *name, PyObject *value)
{
    orm_entity *e = (orm_entity *)self;
    orm_mapper *m = e->head.mapper;
    int rc;

    if (m != NULL && m->cls == Py_TYPE(self) && value != NULL) {
        bool usable = m->write_tag != 0 && m->write_tag == version_tag(m->cls);
        if (!usable && !m->writes_off) {
            int built = orm_write_refresh(m);
            if (built < 0) {
                return -1;
            }
            usable = built > 0;
        }
        orm_attribute *a = usable ? orm_write_find(m, name) : NULL;
        if (a != NULL) {
            if (orm_attribute_is_quiet(a, &e->head)) {
                return orm_val_store_again(&e->head, a->slot, value);
            }
            return orm_attribute_write(&e->head, a, value);
        }
    }
    rc = PyObject_GenericSetAttr(self, name, value);
    if (e->dict != NULL) {
        orm_entity_track(e);
    }
    return rc;
}
