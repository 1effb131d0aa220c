/* SPDX-License-Identifier: MIT
 * Where probe's own data lies (workloads, Python sources, libprobe.a) and where its cache goes.
 */
#ifndef PB_HOME_H
#define PB_HOME_H

#include "probe/error.h"

/* Finds the data folder: $PROBE_HOME, else ../share/probe beside the program's folder (installed),
 * else the program's parent folder (a checkout); and libprobe.a beside the program or in ../lib.
 * @home       absolute path; the caller frees it.
 * @library_a  absolute path, freed by the caller; NULL when only the home is wanted.
 * Returns 0, -PROBE_ENOENT (err names what was tried and $PROBE_HOME), -PROBE_ENOMEM. */
int pb_home_find(char **home, char **library_a, struct probe_error *err);

/* Where the cache folder is: $XDG_CACHE_HOME/probe, else ~/.cache/probe, there or not.
 * Returns as pb_cache_dir(). */
int pb_cache_path(char **out, struct probe_error *err);

/* The same; made when it is not there.
 * @out  absolute path; the caller frees it.
 * Returns 0, -PROBE_ESYS (it can't be made or written; err says what to set), -PROBE_ENOMEM. */
int pb_cache_dir(char **out, struct probe_error *err);

/* "base/name", newly allocated; NULL when memory is out. */
char *pb_path_join(const char *base, const char *name);

#endif
