/*
 * orm/load_fate.c - what a statement's options say of the attributes of its entities.
 *
 * Place: asked while an entity is expanded (load_plan.c, load_poly.c), slot by slot.
 * Rules: the primary key is always loaded; an item about one attribute wins over one about its
 *   group, and that over one about all of them; every option must be about an entity of the list.
 */
#include "orm/load_poly.h"

/* An alias of a class and of its subclasses, or one of those. */
static bool
is_of_several(const orm_node *entity)
{
    const orm_alias *al = (const orm_alias *)orm_entity_owner(entity);

    return al->part || al->subs != NULL;
}

/* Both are of the same rows: one class derives from the other, or they are of one alias. */
static bool
is_of_rows(const orm_node *one, const orm_node *other)
{
    bool aliased = one->aux & ORM_ENTITY_ALIASED;

    if (one == other || aliased != !!(other->aux & ORM_ENTITY_ALIASED)) {
        return one == other;
    }
    if (aliased) {
        return one->args[0] == other->args[0] && is_of_several(one) && is_of_several(other);
    }
    return orm_mapper_isa((const orm_mapper *)one->payload, (const orm_mapper *)other->payload)
           || orm_mapper_isa((const orm_mapper *)other->payload, (const orm_mapper *)one->payload);
}

/* The item is about the entity, or, where it speaks of all columns, about the same rows. An
   attribute's slot is the same in all classes that have it. */
static bool
item_is_for(const orm_option *o, const orm_optitem *item, const orm_node *entity,
            const orm_attribute *a)
{
    const orm_node *about = item->entity == ORM_OPT_ANY ? NULL : o->entities[item->entity];

    if (about == NULL || about == entity) {
        return true;
    }
    if (!is_of_rows(about, entity)) {
        return false;
    }
    return item->what != ORM_OPT_SLOT
           || orm_mapper_isa((const orm_mapper *)about->payload, a->mapper)
           || orm_mapper_isa(a->mapper, (const orm_mapper *)about->payload);
}

/* The attribute belongs to the group that the item names. 1 / 0 / -1. */
static int
in_group(const orm_attribute *a, const orm_optitem *item)
{
    PyObject *group = NULL;
    int rc = 0;

    if (a->prop != NULL
        && (rc = PyObject_GetOptionalAttr(a->prop, a->mapper->state->s_group, &group)) > 0) {
        rc = group == Py_None ? 0 : PyObject_RichCompareBool(group, item->group, Py_EQ);
        Py_DECREF(group);
    }
    return rc;
}

static int
refuse_conflict(const orm_attribute *a, int had, int wanted)
{
    static const char *const names[] = {"undefer", "defer", "defer"};

    return orm_raise_exc(a->mapper->state, ORM_EXC_InvalidRequestError,
                         "Loader strategy replacement %s(%s.%U) is in conflict with existing "
                         "strategy %s(%s.%U)", names[wanted], a->mapper->cls->tp_name, a->n.key,
                         names[had], a->mapper->cls->tp_name, a->n.key);
}

/* What the options say of a slot: ORM_OPT_*, or -1: nothing, -2: exception. */
static int
option_for(const orm_node *options, const orm_node *entity, const orm_attribute *a)
{
    orm_state *st = a->mapper->state;
    bool kept = (a->flags & (ORM_A_PK | ORM_A_DISCRIMINATOR)) != 0;
    int exact = -1;
    int all = -1;
    int group = -1;

    for (Py_ssize_t i = 0; options != NULL && i < Py_SIZE(options); i++) {
        const orm_option *o = (const orm_option *)options->args[i]->payload;

        if (!PyObject_TypeCheck((PyObject *)o, st->LoaderOption)) {
            continue;
        }
        for (uint32_t k = 0; k < o->nitems; k++) {
            const orm_optitem *item = &o->items[k];

            if (!item_is_for(o, item, entity, a)) {
                continue;
            }
            if (item->what == ORM_OPT_ALL) {
                all = kept ? ORM_OPT_LOAD : item->strategy;
            }
            else if (item->what == ORM_OPT_GROUP) {
                int rc = in_group(a, item);
                if (rc < 0) {
                    return -2;
                }
                group = rc > 0 ? item->strategy : group;
            }
            else if (item->what == ORM_OPT_SLOT && item->slot == a->slot) {
                if (exact >= 0 && exact != item->strategy) {
                    return refuse_conflict(a, exact, item->strategy) - 1;
                }
                exact = item->strategy;
            }
        }
    }
    return exact >= 0 ? exact : group >= 0 ? group : all;
}

int
orm_slot_fate(const orm_node *options, const orm_node *entity, const orm_attribute *a)
{
    int said = options == NULL ? -1 : option_for(options, entity, a);

    if (said == -2) {
        return -1;
    }
    if (a->flags & ORM_A_PK || said == ORM_OPT_LOAD) {
        return ORM_FATE_LOAD;
    }
    if (said == -1) {
        return a->flags & ORM_A_DEFERRED ? ORM_FATE_OWN : ORM_FATE_LOAD;
    }
    if (said == ORM_OPT_RAISE) {
        return ORM_FATE_RAISE;
    }
    /* Its own loader, without a mark, is the same as deferred; unless the class says raise. */
    return a->flags & ORM_A_DEFERRED && !(a->flags & ORM_A_RAISE) ? ORM_FATE_OWN : ORM_FATE_DEFER;
}

bool
orm_option_selects(const orm_node *options, const orm_node *entity, const orm_mapper *m)
{
    for (Py_ssize_t i = 0; options != NULL && i < Py_SIZE(options); i++) {
        const orm_option *o = (const orm_option *)options->args[i]->payload;

        if (!PyObject_TypeCheck((PyObject *)o, m->state->LoaderOption)) {
            continue;
        }
        for (uint32_t k = 0; k < o->nitems; k++) {
            const orm_optitem *item = &o->items[k];

            if (item->what == ORM_OPT_SUBCLASS && item->entity != ORM_OPT_ANY
                && (const orm_mapper *)o->entities[item->entity]->payload == m
                && orm_mapper_isa(m, (const orm_mapper *)entity->payload)) {
                return true;
            }
        }
    }
    return false;
}

/* What is selected may hold what the option is about: itself, or one of its subclasses. */
static bool
covers(const orm_node *selected, const orm_node *about)
{
    bool aliased = selected->aux & ORM_ENTITY_ALIASED;

    if (selected == about) {
        return true;
    }
    if (aliased != !!(about->aux & ORM_ENTITY_ALIASED)
        || (aliased && selected->args[0] != about->args[0])) {
        return false;
    }
    return orm_mapper_isa((const orm_mapper *)about->payload,
                          (const orm_mapper *)selected->payload);
}

/* Every option must be about an entity of the list. 0 / -1. */
int
orm_options_check(orm_state *st, const orm_node *options, const orm_node *cols)
{
    for (Py_ssize_t i = 0; options != NULL && i < Py_SIZE(options); i++) {
        const orm_option *o = (const orm_option *)options->args[i]->payload;
        uint32_t known = 0;
        const orm_node *first = NULL;

        if (!PyObject_TypeCheck((PyObject *)o, st->LoaderOption)) {
            continue;
        }
        for (uint32_t e = 0; e < o->nentities; e++) {
            bool found = false;
            for (Py_ssize_t c = 0; c < Py_SIZE(cols); c++) {
                if (cols->args[c]->kind == ORM_N_ENTITY) {
                    first = first == NULL ? cols->args[c] : first;
                    found |= covers(cols->args[c], o->entities[e]);
                }
            }
            known += found;
        }
        if (known < o->nentities || (o->nentities == 0 && o->nitems > 0 && first == NULL)) {
            PyObject *shown = first == NULL ? Py_NewRef(Py_None)
                                            : orm_node_wrap(st, (orm_node *)first);
            PyObject *answer = shown == NULL ? NULL
                                             : PyObject_CallMethod((PyObject *)o, "_refuse", "O",
                                                                   shown);
            Py_XDECREF(shown);
            Py_XDECREF(answer);
            if (answer == NULL) {
                return -1;
            }
        }
    }
    return 0;
}
