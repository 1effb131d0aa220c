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

/* The cache folder (sys/cache_place.h), made when it is not there.
 * @out   absolute path; the caller frees it.
 * @note  one line that says why it is not the folder that was asked for, else ""; freed likewise.
 *        NULL = not wanted.
 * Returns 0, -PROBE_ESYS (it can't be made, written or trusted; err says what to set),
 * -PROBE_ENOMEM, or as pb_cache_place(). */
int pb_cache_dir(char **out, char **note, struct probe_error *err);

/* "base/name", newly allocated; NULL when out of memory. */
char *pb_path_join(const char *base, const char *name);

#endif
