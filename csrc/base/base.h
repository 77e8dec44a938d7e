/*
 * base.h - everything below the databases and below Python: the umbrella of csrc/base/.
 *
 * Place: included by every other folder. Nothing here knows Python.h, libpq or SQLite, so
 *   whatever uses only this compiles into a plain C harness and runs under any sanitizer.
 * Convention of all of it: int 0/-1 or pointer/NULL, tri-state 1/0/-1; what can fail for a
 *   reason worth telling fills an orm_err, what can fail only for memory does not.
 */
#ifndef ORM_BASE_H
#define ORM_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "base/mono.h"
#include "base/counters.h"
#include "base/err.h"
#include "base/list.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/ptrmap.h"
#include "base/tagmap.h"
#include "base/wire.h"
#include "base/numeric.h"
#include "base/lock.h"
#include "base/value.h"
#include "base/sqltext.h"

#endif /* ORM_BASE_H */
