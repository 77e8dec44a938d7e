/*
 * py/own.h - ownership and error annotations: words for readers and for tools/clint.
 *
 * They expand to nothing, or to an attribute that only warns. Written in front of a
 * function's declaration:
 *   ORM_OWNED      the returned pointer is a new reference, or NULL with an exception
 *   ORM_BORROWED   the returned pointer is borrowed: take a reference before anything
 *                  that can run Python
 *   ORM_STEALS(n)  the n-th argument's reference is consumed in every case
 *   ORM_RAISES     -1 or NULL is returned if and only if an exception is set
 *   ORM_MUSTCHECK  ignoring the result is a compiler warning
 */
#ifndef ORM_PY_OWN_H
#define ORM_PY_OWN_H

#define ORM_OWNED
#define ORM_BORROWED
#define ORM_STEALS(n)
#define ORM_RAISES
#define ORM_MUSTCHECK __attribute__((warn_unused_result))

/* A method table wants PyCFunction: the detour through void(*)(void) is the one that
 * -Wcast-function-type accepts. */
#define ORM_METHOD(function) ((PyCFunction)(void (*)(void))(function))

/* METH_FASTCALL with keywords, as every method with named arguments is declared. */
#define ORM_METH_KW (METH_FASTCALL | METH_KEYWORDS)

/* Act without the GIL. The block must not touch a Python object. */
#define ORM_NOGIL_BEGIN                                                                       \
    {                                                                                         \
        PyThreadState *orm_saved_thread = PyEval_SaveThread();
#define ORM_NOGIL_END                                                                         \
        PyEval_RestoreThread(orm_saved_thread);                                               \
    }

#endif /* ORM_PY_OWN_H */
