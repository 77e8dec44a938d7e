/*
 * py/faults.c - `_core._fault_core(k)` and `_core._fault_python(k)`: allocations that fail.
 *
 * Place: built with ORM_FAULTS only; tests/faults walks through a piece of work with the first,
 *   the second, ... allocation failing, until none is left to fail. The one kind is the core's
 *   own (base/mem.h), the other CPython's: all three of its allocators, for the calling thread.
 * Both fail once: what is allocated to say so gets its memory.
 * State: static, as are the allocators that it stands between; not in a build for users.
 */
#include "py/py.h"

#ifdef ORM_FAULTS
#include "base/mem.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#define NDOMAINS 3

static PyMemAllocatorEx real[NDOMAINS]; /* the allocators behind the hooks */
static atomic_bool hooked;              /* the hooks are in place */
static _Atomic int64_t python_left;     /* 1: the next allocation fails; 0 or less: none */
static _Atomic int64_t python_seen;     /* allocations of this thread since _fault_python */
static pthread_t victim;                /* the thread whose allocations are counted */

/* Where a debugger stops to see which allocation fails: `break fail_here`. */
static bool __attribute__((noinline))
fail_here(void)
{
    __asm__ volatile("");
    return true;
}

static bool
refuse(void)
{
    if (!pthread_equal(pthread_self(), victim)) {
        return false;
    }
    atomic_fetch_add(&python_seen, 1);
    return atomic_fetch_sub(&python_left, 1) == 1 && fail_here();
}

static void *
hook_malloc(void *ctx, size_t size)
{
    PyMemAllocatorEx *behind = ctx;
    return refuse() ? NULL : behind->malloc(behind->ctx, size);
}

static void *
hook_calloc(void *ctx, size_t n, size_t size)
{
    PyMemAllocatorEx *behind = ctx;
    return refuse() ? NULL : behind->calloc(behind->ctx, n, size);
}

static void *
hook_realloc(void *ctx, void *old, size_t size)
{
    PyMemAllocatorEx *behind = ctx;
    return refuse() ? NULL : behind->realloc(behind->ctx, old, size);
}

static void
hook_free(void *ctx, void *block)
{
    PyMemAllocatorEx *behind = ctx;
    behind->free(behind->ctx, block);
}

static void
put_hooks(bool wanted)
{
    static const PyMemAllocatorDomain domains[NDOMAINS] = {PYMEM_DOMAIN_RAW, PYMEM_DOMAIN_MEM,
                                                           PYMEM_DOMAIN_OBJ};

    if (wanted == atomic_load(&hooked)) {
        return;
    }
    for (int i = 0; i < NDOMAINS; i++) {
        if (wanted) {
            PyMemAllocatorEx hook = {&real[i], hook_malloc, hook_calloc, hook_realloc, hook_free};

            PyMem_GetAllocator(domains[i], &real[i]);
            PyMem_SetAllocator(domains[i], &hook);
        }
        else {
            PyMem_SetAllocator(domains[i], &real[i]);
        }
    }
    atomic_store(&hooked, wanted);
}

PyDoc_STRVAR(fault_core_doc,
             "_fault_core($module, k, /)\n--\n\n"
             "Let the k-th allocation of the core from now on fail, once; 0: none.\n"
             "Return how many there were since the last call.");

static PyObject *
fault_core(PyObject *Py_UNUSED(module), PyObject *arg)
{
    long long k = PyLong_AsLongLong(arg);
    int64_t seen = orm_fault_seen();

    if (k == -1 && PyErr_Occurred()) {
        return NULL;
    }
    orm_fault_set(k);
    return PyLong_FromLongLong(seen);
}

PyDoc_STRVAR(fault_python_doc,
             "_fault_python($module, k, /)\n--\n\n"
             "Let this thread's k-th allocation by Python from now on fail, once; 0: none.\n"
             "Return how many there were since the last call.");

static PyObject *
fault_python(PyObject *Py_UNUSED(module), PyObject *arg)
{
    long long k = PyLong_AsLongLong(arg);
    int64_t seen = atomic_exchange(&python_seen, 0);

    atomic_store(&python_left, 0);
    if (k == -1 && PyErr_Occurred()) {
        return NULL;
    }
    PyObject *answer = PyLong_FromLongLong(seen);
    if (answer != NULL) {
        victim = pthread_self();
        atomic_store(&python_seen, 0);
        atomic_store(&python_left, k);
        put_hooks(k > 0);
    }
    return answer;
}

static PyMethodDef fault_methods[] = {
    {"_fault_core", fault_core, METH_O, fault_core_doc},
    {"_fault_python", fault_python, METH_O, fault_python_doc},
    {NULL, NULL, 0, NULL},
};
#else
static PyMethodDef fault_methods[] = {{NULL, NULL, 0, NULL}};
#endif

int orm_faults_setup(PyObject *module, orm_state *st); /* called by module.c alone */

int
orm_faults_setup(PyObject *module, orm_state *Py_UNUSED(st))
{
    return PyModule_AddFunctions(module, fault_methods);
}
