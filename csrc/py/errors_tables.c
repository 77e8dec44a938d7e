/*
 * py/errors_tables.c - what an error of a database is, as data.
 *
 * PostgreSQL: class of a SQLSTATE by its first two characters, and single codes that have
 *   a class of their own; codes are those of PostgreSQL's appendix "Error Codes". A code that
 *   is not here (an extension's, a newer server's) is a DatabaseError.
 * SQLite: every result code of the library with its name; an extended code that is not here
 *   is looked up by its low byte, the primary code.
 * Both tables are sorted, for bsearch.
 */
#include "py/errors_int.h"

#include <stdlib.h>
#include <string.h>

typedef struct state_row {
    char code[6]; /* SQLSTATE, or its first two characters */
    orm_exc exc;  /* its class */
} state_row;

static const state_row state_classes[] = {
    {"02", ORM_EXC_DatabaseError}, /* no data */
    {"03", ORM_EXC_DatabaseError}, /* statement not yet complete */
    {"08", ORM_EXC_Disconnected}, /* connection */
    {"09", ORM_EXC_DatabaseError}, /* triggered action */
    {"0A", ORM_EXC_NotSupportedError}, /* feature not supported */
    {"0B", ORM_EXC_DatabaseError}, /* transaction initiation */
    {"0F", ORM_EXC_DatabaseError}, /* locator */
    {"0L", ORM_EXC_DatabaseError}, /* grantor */
    {"0P", ORM_EXC_DatabaseError}, /* role */
    {"0Z", ORM_EXC_DatabaseError}, /* diagnostics */
    {"10", ORM_EXC_ProgrammingError}, /* XQuery */
    {"20", ORM_EXC_ProgrammingError}, /* case not found */
    {"21", ORM_EXC_ProgrammingError}, /* cardinality */
    {"22", ORM_EXC_DataError}, /* data */
    {"23", ORM_EXC_IntegrityError}, /* integrity constraint */
    {"24", ORM_EXC_InternalError}, /* cursor state */
    {"25", ORM_EXC_InternalError}, /* transaction state */
    {"26", ORM_EXC_ProgrammingError}, /* statement name */
    {"27", ORM_EXC_OperationalError}, /* triggered data change */
    {"28", ORM_EXC_OperationalError}, /* authorization */
    {"2B", ORM_EXC_InternalError}, /* dependent privileges */
    {"2D", ORM_EXC_InternalError}, /* transaction termination */
    {"2F", ORM_EXC_OperationalError}, /* SQL routine */
    {"34", ORM_EXC_ProgrammingError}, /* cursor name */
    {"38", ORM_EXC_OperationalError}, /* external routine */
    {"39", ORM_EXC_OperationalError}, /* external routine invocation */
    {"3B", ORM_EXC_OperationalError}, /* savepoint */
    {"3D", ORM_EXC_ProgrammingError}, /* catalog name */
    {"3F", ORM_EXC_ProgrammingError}, /* schema name */
    {"40", ORM_EXC_OperationalError}, /* transaction rollback */
    {"42", ORM_EXC_ProgrammingError}, /* syntax or access rule */
    {"44", ORM_EXC_ProgrammingError}, /* WITH CHECK OPTION */
    {"53", ORM_EXC_OperationalError}, /* resources */
    {"54", ORM_EXC_OperationalError}, /* program limit */
    {"55", ORM_EXC_OperationalError}, /* object state */
    {"57", ORM_EXC_OperationalError}, /* operator intervention */
    {"58", ORM_EXC_OperationalError}, /* system error */
    {"72", ORM_EXC_DatabaseError}, /* snapshot */
    {"F0", ORM_EXC_OperationalError}, /* configuration file */
    {"HV", ORM_EXC_OperationalError}, /* foreign data wrapper */
    {"P0", ORM_EXC_ProgrammingError}, /* PL/pgSQL */
    {"XX", ORM_EXC_InternalError}, /* internal error */
};

static const state_row states[] = {
    {"23502", ORM_EXC_NotNullViolation},
    {"23503", ORM_EXC_ForeignKeyViolation},
    {"23505", ORM_EXC_UniqueViolation},
    {"23514", ORM_EXC_CheckViolation},
    {"23P01", ORM_EXC_ExclusionViolation},
    {"25006", ORM_EXC_RoleChanged},
    {"25P02", ORM_EXC_InFailedTransaction},
    {"25P03", ORM_EXC_IdleTimeout},
    {"25P04", ORM_EXC_IdleTimeout},
    {"26000", ORM_EXC_StatementCacheStale},
    {"40001", ORM_EXC_SerializationError},
    {"40003", ORM_EXC_CommitOutcomeUnknown},
    {"40P01", ORM_EXC_DeadlockError},
    {"42P05", ORM_EXC_StatementCacheStale},
    {"53300", ORM_EXC_NotAvailable},
    {"55P03", ORM_EXC_LockTimeout},
    {"57014", ORM_EXC_QueryCanceled},
    {"57P01", ORM_EXC_Disconnected},
    {"57P02", ORM_EXC_Disconnected},
    {"57P03", ORM_EXC_NotAvailable},
    {"57P04", ORM_EXC_RoleChanged},
    {"57P05", ORM_EXC_IdleTimeout},
    {"72000", ORM_EXC_SerializationError},
};

typedef struct native_row {
    int code;         /* extended result code */
    orm_exc exc;      /* its class */
    const char *name; /* as in sqlite3.h */
} native_row;

static const native_row natives[] = {
    {1, ORM_EXC_OperationalError, "SQLITE_ERROR"},
    {2, ORM_EXC_InternalError, "SQLITE_INTERNAL"},
    {3, ORM_EXC_OperationalError, "SQLITE_PERM"},
    {4, ORM_EXC_OperationalError, "SQLITE_ABORT"},
    {5, ORM_EXC_DatabaseBusy, "SQLITE_BUSY"},
    {6, ORM_EXC_DatabaseLocked, "SQLITE_LOCKED"},
    {7, ORM_EXC_OperationalError, "SQLITE_NOMEM"},
    {8, ORM_EXC_DatabaseReadOnly, "SQLITE_READONLY"},
    {9, ORM_EXC_QueryCanceled, "SQLITE_INTERRUPT"},
    {10, ORM_EXC_DatabaseIOError, "SQLITE_IOERR"},
    {11, ORM_EXC_DatabaseCorrupt, "SQLITE_CORRUPT"},
    {12, ORM_EXC_InternalError, "SQLITE_NOTFOUND"},
    {13, ORM_EXC_DatabaseFull, "SQLITE_FULL"},
    {14, ORM_EXC_CannotOpenDatabase, "SQLITE_CANTOPEN"},
    {15, ORM_EXC_OperationalError, "SQLITE_PROTOCOL"},
    {16, ORM_EXC_OperationalError, "SQLITE_EMPTY"},
    {17, ORM_EXC_OperationalError, "SQLITE_SCHEMA"},
    {18, ORM_EXC_DataError, "SQLITE_TOOBIG"},
    {19, ORM_EXC_IntegrityError, "SQLITE_CONSTRAINT"},
    {20, ORM_EXC_IntegrityError, "SQLITE_MISMATCH"},
    {21, ORM_EXC_InterfaceError, "SQLITE_MISUSE"},
    {22, ORM_EXC_DatabaseError, "SQLITE_NOLFS"},
    {23, ORM_EXC_DatabaseError, "SQLITE_AUTH"},
    {24, ORM_EXC_DatabaseError, "SQLITE_FORMAT"},
    {25, ORM_EXC_InterfaceError, "SQLITE_RANGE"},
    {26, ORM_EXC_NotADatabase, "SQLITE_NOTADB"},
    {27, ORM_EXC_DatabaseError, "SQLITE_NOTICE"},
    {28, ORM_EXC_DatabaseError, "SQLITE_WARNING"},
    {257, ORM_EXC_OperationalError, "SQLITE_ERROR_MISSING_COLLSEQ"},
    {261, ORM_EXC_DatabaseBusy, "SQLITE_BUSY_RECOVERY"},
    {262, ORM_EXC_DatabaseLocked, "SQLITE_LOCKED_SHAREDCACHE"},
    {264, ORM_EXC_DatabaseReadOnly, "SQLITE_READONLY_RECOVERY"},
    {266, ORM_EXC_DatabaseIOError, "SQLITE_IOERR_READ"},
    {267, ORM_EXC_DatabaseCorrupt, "SQLITE_CORRUPT_VTAB"},
    {270, ORM_EXC_CannotOpenDatabase, "SQLITE_CANTOPEN_NOTEMPDIR"},
    {275, ORM_EXC_CheckViolation, "SQLITE_CONSTRAINT_CHECK"},
    {279, ORM_EXC_DatabaseError, "SQLITE_AUTH_USER"},
    {283, ORM_EXC_DatabaseError, "SQLITE_NOTICE_RECOVER_WAL"},
    {284, ORM_EXC_DatabaseError, "SQLITE_WARNING_AUTOINDEX"},
    {513, ORM_EXC_OperationalError, "SQLITE_ERROR_RETRY"},
    {516, ORM_EXC_OperationalError, "SQLITE_ABORT_ROLLBACK"},
    {517, ORM_EXC_SnapshotTooOld, "SQLITE_BUSY_SNAPSHOT"},
    {518, ORM_EXC_DatabaseLocked, "SQLITE_LOCKED_VTAB"},
    {520, ORM_EXC_DatabaseReadOnly, "SQLITE_READONLY_CANTLOCK"},
    {522, ORM_EXC_DatabaseIOError, "SQLITE_IOERR_SHORT_READ"},
    {523, ORM_EXC_DatabaseCorrupt, "SQLITE_CORRUPT_SEQUENCE"},
    {526, ORM_EXC_CannotOpenDatabase, "SQLITE_CANTOPEN_ISDIR"},
    {531, ORM_EXC_IntegrityError, "SQLITE_CONSTRAINT_COMMITHOOK"},
    {539, ORM_EXC_DatabaseError, "SQLITE_NOTICE_RECOVER_ROLLBACK"},
    {769, ORM_EXC_OperationalError, "SQLITE_ERROR_SNAPSHOT"},
    {773, ORM_EXC_DatabaseBusy, "SQLITE_BUSY_TIMEOUT"},
    {776, ORM_EXC_DatabaseReadOnly, "SQLITE_READONLY_ROLLBACK"},
    {778, ORM_EXC_DatabaseIOError, "SQLITE_IOERR_WRITE"},
    {779, ORM_EXC_DatabaseCorrupt, "SQLITE_CORRUPT_INDEX"},
    {782, ORM_EXC_CannotOpenDatabase, "SQLITE_CANTOPEN_FULLPATH"},
    {787, ORM_EXC_ForeignKeyViolation, "SQLITE_CONSTRAINT_FOREIGNKEY"},
    {1032, ORM_EXC_DatabaseReadOnly, "SQLITE_READONLY_DBMOVED"},
    {1034, ORM_EXC_DatabaseIOError, "SQLITE_IOERR_FSYNC"},
    {1038, ORM_EXC_CannotOpenDatabase, "SQLITE_CANTOPEN_CONVPATH"},
    {1043, ORM_EXC_IntegrityError, "SQLITE_CONSTRAINT_FUNCTION"},
    {1288, ORM_EXC_DatabaseReadOnly, "SQLITE_READONLY_CANTINIT"},
    {1290, ORM_EXC_DatabaseIOError, "SQLITE_IOERR_DIR_FSYNC"},
    {1294, ORM_EXC_CannotOpenDatabase, "SQLITE_CANTOPEN_DIRTYWAL"},
    {1299, ORM_EXC_NotNullViolation, "SQLITE_CONSTRAINT_NOTNULL"},
    {1544, ORM_EXC_DatabaseReadOnly, "SQLITE_READONLY_DIRECTORY"},
    {1546, ORM_EXC_DatabaseIOError, "SQLITE_IOERR_TRUNCATE"},
    {1550, ORM_EXC_CannotOpenDatabase, "SQLITE_CANTOPEN_SYMLINK"},
    {1555, ORM_EXC_UniqueViolation, "SQLITE_CONSTRAINT_PRIMARYKEY"},
    {1802, ORM_EXC_DatabaseIOError, "SQLITE_IOERR_FSTAT"},
    {1811, ORM_EXC_IntegrityError, "SQLITE_CONSTRAINT_TRIGGER"},
    {2058, ORM_EXC_DatabaseIOError, "SQLITE_IOERR_UNLOCK"},
    {2067, ORM_EXC_UniqueViolation, "SQLITE_CONSTRAINT_UNIQUE"},
    {2314, ORM_EXC_DatabaseIOError, "SQLITE_IOERR_RDLOCK"},
    {2323, ORM_EXC_IntegrityError, "SQLITE_CONSTRAINT_VTAB"},
    {2570, ORM_EXC_DatabaseIOError, "SQLITE_IOERR_DELETE"},
    {2579, ORM_EXC_UniqueViolation, "SQLITE_CONSTRAINT_ROWID"},
    {2826, ORM_EXC_DatabaseIOError, "SQLITE_IOERR_BLOCKED"},
    {2835, ORM_EXC_IntegrityError, "SQLITE_CONSTRAINT_PINNED"},
    {3082, ORM_EXC_DatabaseIOError, "SQLITE_IOERR_NOMEM"},
    {3091, ORM_EXC_IntegrityError, "SQLITE_CONSTRAINT_DATATYPE"},
    {3338, ORM_EXC_DatabaseIOError, "SQLITE_IOERR_ACCESS"},
    {3594, ORM_EXC_DatabaseIOError, "SQLITE_IOERR_CHECKRESERVEDLOCK"},
    {3850, ORM_EXC_DatabaseIOError, "SQLITE_IOERR_LOCK"},
    {4106, ORM_EXC_DatabaseIOError, "SQLITE_IOERR_CLOSE"},
    {4362, ORM_EXC_DatabaseIOError, "SQLITE_IOERR_DIR_CLOSE"},
    {4618, ORM_EXC_DatabaseIOError, "SQLITE_IOERR_SHMOPEN"},
    {4874, ORM_EXC_DatabaseIOError, "SQLITE_IOERR_SHMSIZE"},
    {5130, ORM_EXC_DatabaseIOError, "SQLITE_IOERR_SHMLOCK"},
    {5386, ORM_EXC_DatabaseIOError, "SQLITE_IOERR_SHMMAP"},
    {5642, ORM_EXC_DatabaseIOError, "SQLITE_IOERR_SEEK"},
    {5898, ORM_EXC_DatabaseIOError, "SQLITE_IOERR_DELETE_NOENT"},
    {6154, ORM_EXC_DatabaseIOError, "SQLITE_IOERR_MMAP"},
    {6410, ORM_EXC_DatabaseIOError, "SQLITE_IOERR_GETTEMPPATH"},
    {6666, ORM_EXC_DatabaseIOError, "SQLITE_IOERR_CONVPATH"},
    {6922, ORM_EXC_DatabaseIOError, "SQLITE_IOERR_VNODE"},
    {7178, ORM_EXC_DatabaseIOError, "SQLITE_IOERR_AUTH"},
    {7434, ORM_EXC_DatabaseIOError, "SQLITE_IOERR_BEGIN_ATOMIC"},
    {7690, ORM_EXC_DatabaseIOError, "SQLITE_IOERR_COMMIT_ATOMIC"},
    {7946, ORM_EXC_DatabaseIOError, "SQLITE_IOERR_ROLLBACK_ATOMIC"},
    {8202, ORM_EXC_DatabaseIOError, "SQLITE_IOERR_DATA"},
    {8458, ORM_EXC_DatabaseIOError, "SQLITE_IOERR_CORRUPTFS"},
    {8714, ORM_EXC_DatabaseIOError, "SQLITE_IOERR_IN_PAGE"},
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static int
compare_state(const void *key, const void *row)
{
    return strcmp(key, ((const state_row *)row)->code);
}

static int
compare_native(const void *key, const void *row)
{
    int a = *(const int *)key;
    int b = ((const native_row *)row)->code;

    return (a > b) - (a < b);
}

orm_exc
orm_class_of_sqlstate(const char *sqlstate)
{
    char class[3] = {sqlstate[0], sqlstate[0] != 0 ? sqlstate[1] : 0, 0};
    const state_row *row;

    row = bsearch(sqlstate, states, COUNT(states), sizeof(states[0]), compare_state);
    if (row == NULL) {
        row = bsearch(class, state_classes, COUNT(state_classes), sizeof(state_classes[0]),
                      compare_state);
    }
    return row == NULL ? ORM_EXC_DatabaseError : row->exc;
}

static const native_row *
find_native(int code)
{
    const native_row *row;
    int primary = code & 0xff;

    row = bsearch(&code, natives, COUNT(natives), sizeof(natives[0]), compare_native);
    if (row == NULL) {
        row = bsearch(&primary, natives, COUNT(natives), sizeof(natives[0]), compare_native);
    }
    return row;
}

orm_exc
orm_class_of_native(int code)
{
    const native_row *row = find_native(code);

    return row == NULL ? ORM_EXC_DatabaseError : row->exc;
}

const char *
orm_name_of_native(int code)
{
    const native_row *row = find_native(code);

    return row == NULL ? NULL : row->name;
}
