/*
 * py/errors.h - the only way from C to an exception of pyorm.exc.
 *
 * Two kinds of errors: those of the core itself (orm_raise_exc, by name of the class) and
 * those a driver reported in an orm_err (orm_raise), which become a PEP 249 error (.orig)
 * inside the pyorm.exc class that SQLAlchemy's users catch.
 * pyorm.exc is imported at the first error of a process and kept in the state.
 */
#ifndef ORM_PY_ERRORS_H
#define ORM_PY_ERRORS_H

#include "base/base.h"
#include "py/own.h"
#include "py/state.h"

/* Classes of pyorm.exc that C raises. ORM_EXC_<name> is the index of pyorm.exc.<name>. */
#define ORM_EXC_CLASSES(X)                                                                    \
    X(SQLAlchemyError)                                                                        \
    X(AmbiguousColumnError)                                                                   \
    X(AmbiguousForeignKeysError)                                                              \
    X(ArgumentError)                                                                          \
    X(AwaitRequired)                                                                          \
    X(CircularDependencyError)                                                                \
    X(CompileError)                                                                           \
    X(ConstraintColumnNotFoundError)                                                          \
    X(DisconnectionError)                                                                     \
    X(DuplicateColumnError)                                                                   \
    X(IdentifierError)                                                                        \
    X(IllegalStateChangeError)                                                                \
    X(InvalidRequestError)                                                                    \
    X(MissingGreenlet)                                                                        \
    X(MultipleResultsFound)                                                                   \
    X(NoForeignKeysError)                                                                     \
    X(NoInspectionAvailable)                                                                  \
    X(NoReferenceError)                                                                       \
    X(NoReferencedColumnError)                                                                \
    X(NoReferencedTableError)                                                                 \
    X(NoResultFound)                                                                          \
    X(NoSuchColumnError)                                                                      \
    X(NoSuchModuleError)                                                                      \
    X(NoSuchTableError)                                                                       \
    X(ObjectNotExecutableError)                                                               \
    X(PendingRollbackError)                                                                   \
    X(ResourceClosedError)                                                                    \
    X(TimeoutError)                                                                           \
    X(UnboundExecutionError)                                                                  \
    X(UnsupportedCompilationError)                                                            \
    X(ConcurrentSessionUse)                                                                   \
    X(PoolTimeout)                                                                            \
    X(StatementError)                                                                         \
    X(DBAPIError)                                                                             \
    X(InterfaceError)                                                                         \
    X(DatabaseError)                                                                          \
    X(DataError)                                                                              \
    X(OperationalError)                                                                       \
    X(IntegrityError)                                                                         \
    X(InternalError)                                                                          \
    X(ProgrammingError)                                                                       \
    X(NotSupportedError)                                                                      \
    X(UniqueViolation)                                                                        \
    X(ForeignKeyViolation)                                                                    \
    X(NotNullViolation)                                                                       \
    X(CheckViolation)                                                                         \
    X(ExclusionViolation)                                                                     \
    X(SerializationError)                                                                     \
    X(SnapshotTooOld)                                                                         \
    X(DeadlockError)                                                                          \
    X(LockTimeout)                                                                            \
    X(QueryCanceled)                                                                          \
    X(StatementTimeout)                                                                       \
    X(Disconnected)                                                                           \
    X(IdleTimeout)                                                                            \
    X(NotAvailable)                                                                           \
    X(RoleChanged)                                                                            \
    X(CommitOutcomeUnknown)                                                                   \
    X(InFailedTransaction)                                                                    \
    X(StatementCacheStale)                                                                    \
    X(DatabaseBusy)                                                                           \
    X(DatabaseLocked)                                                                         \
    X(DatabaseFull)                                                                           \
    X(DatabaseIOError)                                                                        \
    X(DatabaseCorrupt)                                                                        \
    X(NotADatabase)                                                                           \
    X(DatabaseReadOnly)                                                                       \
    X(CannotOpenDatabase)                                                                     \
    X(SAWarning)                                                                              \
    X(SADeprecationWarning)                                                                   \
    X(SAPendingDeprecationWarning)                                                            \
    X(LegacyAPIWarning)                                                                       \
    X(MovedIn20Warning)

typedef enum orm_exc {
#define ORM_EXC_NAME(name) ORM_EXC_##name,
    ORM_EXC_CLASSES(ORM_EXC_NAME)
#undef ORM_EXC_NAME
        ORM_EXC_COUNT
} orm_exc;

/* The class, borrowed from the state; NULL with an exception if pyorm.exc cannot be had. */
ORM_BORROWED PyObject *orm_exc_class(orm_state *st, orm_exc which);

/* Raise pyorm.exc.<which> with a text in PyUnicode_FromFormat's syntax. Always -1. */
ORM_RAISES int orm_raise_exc(orm_state *st, orm_exc which, const char *format, ...);

/* The same with SQLAlchemy's short code of the message ("xd2s"), printed as background. */
ORM_RAISES int orm_raise_exc_code(orm_state *st, orm_exc which, const char *code,
                                  const char *format, ...);

/* Emit a warning of class `which`; stacklevel as in warnings.warn. 0, -1 if it is an error. */
ORM_RAISES int orm_warn(orm_state *st, orm_exc which, int stacklevel, const char *format, ...);

/* What the class of an orm_err is: pure, the table of SQLSTATEs and SQLite codes. */
orm_exc orm_err_class(const orm_err *err);

#define ORM_RAISE_HIDE_PARAMETERS 1u /* the message says that parameters are hidden */
#define ORM_RAISE_MULTI 2u           /* params is a list of parameter sets */
#define ORM_RAISE_INVALIDATED 4u     /* the connection was thrown away: connection_invalidated */

/* Make the exception of a failed statement, without raising it. statement and params: what
 * was sent, NULL or None where none was. New reference, NULL with another exception. */
ORM_OWNED PyObject *orm_error_new(orm_state *st, const orm_err *err, PyObject *statement,
                                  PyObject *params, unsigned flags);

/* Make and raise it. Always -1. ORM_E_SIGNAL and ORM_E_NOMEM keep Python's own exception;
 * a live exception becomes the new one's __context__. */
ORM_RAISES int orm_raise_statement(orm_state *st, const orm_err *err, PyObject *statement,
                                   PyObject *params, unsigned flags);

/* The same for errors without a statement (connect, commit, pool). Always -1. */
ORM_RAISES int orm_raise(orm_state *st, const orm_err *err);

/* What is live while values were bound (an encoder's DataError, anything a user's bind
 * processor raised) becomes what execute() raises: a StatementError around it, unless it is
 * one already or asks not to be wrapped. Always -1. */
ORM_RAISES int orm_raise_in_statement(orm_state *st, PyObject *statement, PyObject *params,
                                      unsigned flags);

/* The PEP 249 error alone (pyorm.dbapi raises it as it is). New reference or NULL. */
ORM_OWNED PyObject *orm_dberror_new(orm_state *st, const orm_err *err);

#endif /* ORM_PY_ERRORS_H */
