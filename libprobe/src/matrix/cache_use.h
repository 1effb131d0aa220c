/* SPDX-License-Identifier: MIT
 * Who uses the cache just now: runs share it, cleaning wants it alone.
 */
#ifndef PB_CACHE_USE_H
#define PB_CACHE_USE_H

#include "probe/error.h"

enum pb_cache_use {
	PB_CACHE_SHARED, /* waits while it is cleaned: seconds */
	PB_CACHE_ALONE,  /* fails when it is in use */
};

/* @fd  to be closed when done with the cache; -1 where the file system knows no locks.
 * Returns 0, -PROBE_ESYS (in use; or the folder can't be written), -PROBE_ENOMEM, -PROBE_EINTR. */
int pb_cache_use(const char *folder, enum pb_cache_use how, int *fd, struct probe_error *err);

#endif
