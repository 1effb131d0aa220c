/* SPDX-License-Identifier: MIT
 * Finding the data folder and the cache folder.
 */
#include "matrix/home.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "sys/cache_place.h"

char *pb_path_join(const char *base, const char *name)
{
	size_t n = strlen(base);
	const char *slash = n && base[n - 1] == '/' ? "" : "/";
	char *joined;
	return asprintf(&joined, "%s%s%s", base, slash, name) < 0 ? NULL : joined;
}

static bool exists_below(const char *base, const char *name)
{
	char *path = pb_path_join(base, name);
	bool found = path && access(path, R_OK) == 0;
	free(path);
	return found;
}

static bool is_home(const char *dir)
{
	return exists_below(dir, "workloads") && exists_below(dir, "ext/probe");
}

/* The absolute form of "base/name" when accept() likes it, else NULL. */
static char *accepted(const char *base, const char *name, bool (*accept)(const char *))
{
	char *joined = pb_path_join(base, name);
	char *real = joined ? realpath(joined, NULL) : NULL;
	free(joined);
	if (real && accept(real))
		return real;
	free(real);
	return NULL;
}

static bool is_readable(const char *path)
{
	return access(path, R_OK) == 0;
}

/* The folder of the running program. */
static int program_dir(char dir[PATH_MAX], struct probe_error *err)
{
	ssize_t n = readlink("/proc/self/exe", dir, PATH_MAX - 1);
	if (n <= 0)
		return pb_fail(err, PROBE_ESYS, errno,
			       "can't tell where this program lies (/proc/self/exe)");
	dir[n] = '\0';
	char *slash = strrchr(dir, '/');
	if (slash && slash != dir)
		*slash = '\0';
	return 0;
}

static int find_library(const char *exe_dir, char **out, struct probe_error *err)
{
	*out = accepted(exe_dir, "libprobe.a", is_readable);
	if (!*out)
		*out = accepted(exe_dir, "../lib/libprobe.a", is_readable);
	if (*out)
		return 0;
	return pb_fail(
		err, PROBE_ENOENT, 0,
		"libprobe.a is neither in %s nor in its ../lib: run `make`, or install probe "
		"again",
		exe_dir);
}

int pb_home_find(char **home, char **library_a, struct probe_error *err)
{
	char exe_dir[PATH_MAX], *found = NULL, *library = NULL;
	const char *wanted = getenv("PROBE_HOME");
	int rc = program_dir(exe_dir, err);
	if (rc)
		return rc;
	if (wanted && *wanted) {
		found = accepted(wanted, ".", is_home);
		if (!found)
			return pb_fail(err, PROBE_ENOENT, 0,
				       "PROBE_HOME=%s holds no workloads/ and ext/probe/: point it "
				       "at probe's data folder or unset it",
				       wanted);
	}
	if (!found)
		found = accepted(exe_dir, "../share/probe", is_home);
	if (!found)
		found = accepted(exe_dir, "..", is_home);
	if (!found)
		return pb_fail(err, PROBE_ENOENT, 0,
			       "probe's data (workloads/, ext/probe/) is neither in "
			       "%s/../share/probe nor in %s/..: set PROBE_HOME, or install again",
			       exe_dir, exe_dir);
	if (library_a) {
		rc = find_library(exe_dir, &library, err);
		if (rc) {
			free(found);
			return rc;
		}
		*library_a = library;
	}
	*home = found;
	return 0;
}

/* mkdir -p. Folders are private to the user, as the XDG specification asks. Returns 0 or errno. */
static int make_folders(char *path)
{
	for (char *c = path + 1;; c++) {
		if (*c != '/' && *c != '\0')
			continue;
		char kept = *c;
		*c = '\0';
		int code = mkdir(path, 0700) ? errno : 0;
		struct stat st;
		/* A read-only file system answers EROFS for a folder that is there. */
		bool there = stat(path, &st) == 0 && S_ISDIR(st.st_mode);
		*c = kept;
		if (!there)
			return code && code != EEXIST ? code : ENOTDIR;
		if (!kept)
			return 0;
	}
}

int pb_cache_dir(char **out, char **note, struct probe_error *err)
{
	struct pb_cache_place place;
	char why[PATH_MAX];
	int rc = pb_cache_place(&place, err);
	if (rc)
		return rc;
	int code = make_folders(place.path);
	if (!code && access(place.path, R_OK | W_OK | X_OK))
		code = errno;
	if (code)
		return pb_fail(err, PROBE_ESYS, code,
			       "can't write the cache folder %s (set XDG_CACHE_HOME to a "
			       "writable one)",
			       place.path);
	/* Someone may have been quicker to make it, in /tmp say. */
	if (!pb_is_private(place.path, why, sizeof why))
		return pb_fail(err, PROBE_ESYS, 0,
			       "the cache folder %s can't be trusted, as %s: set XDG_CACHE_HOME to "
			       "a folder of your own",
			       place.path, why);
	char *path = strdup(place.path), *told = note ? strdup(place.note) : NULL;
	if (!path || (note && !told)) {
		free(path);
		free(told);
		return pb_fail(err, PROBE_ENOMEM, 0, "out of memory");
	}
	*out = path;
	if (note)
		*note = told;
	return 0;
}
