/* SPDX-License-Identifier: MIT
 * The quietest ratio known of each CPU model, remembered between runs in a small JSON file.
 */
#include "engine/noise_store.h"

#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/atomic_file.h"
#include "base/fail.h"
#include "engine/noise.h"
#include "probe/machine.h"
#include "sys/cache_place.h"

#define SCHEMA 1

/* Loads the file; *root stays NULL unless it is a table of this schema. */
static int load(const char *path, json_t **root, struct probe_error *err)
{
	json_error_t where;

	*root = NULL;
	if (access(path, F_OK))
		return pb_fail(err, PROBE_ENOENT, 0, "no noise memory at %s yet", path);
	json_t *loaded = json_load_file(path, 0, &where);
	if (!loaded && json_error_code(&where) == json_error_cannot_open_file)
		return pb_fail(err, PROBE_ESYS, errno, "can't read the noise memory %s", path);
	if (!json_is_object(json_object_get(loaded, "cpus")) ||
	    json_integer_value(json_object_get(loaded, "schema")) != SCHEMA) {
		json_decref(loaded);
		return pb_fail(err, PROBE_EFORMAT, 0,
			       "%s isn't a noise memory of schema %d: remove it", path, SCHEMA);
	}
	*root = loaded;
	return 0;
}

/* NaN when there is no number. */
static double ratio_of(const json_t *root, const char *cpu_key)
{
	const json_t *cpu = json_object_get(json_object_get(root, "cpus"), cpu_key);
	const json_t *ratio = json_object_get(cpu, "ratio");
	return json_is_number(ratio) ? json_number_value(ratio) : (double)NAN;
}

int pb_noise_store_load(const char *path, const char *cpu_key, double *ratio,
			struct probe_error *err)
{
	json_t *root;
	int status = load(path, &root, err);
	if (status)
		return status;
	bool there = json_object_get(json_object_get(root, "cpus"), cpu_key) != NULL;
	double remembered = ratio_of(root, cpu_key);
	json_decref(root);
	if (!there)
		return pb_fail(err, PROBE_ENOENT, 0, "no quiet ratio remembered for '%s' in %s",
			       cpu_key, path);
	if (!pb_noise_plausible(remembered))
		return pb_fail(err, PROBE_EFORMAT, 0,
			       "%s holds an impossible quiet ratio for '%s': remove it", path,
			       cpu_key);
	*ratio = remembered;
	return 0;
}

/* mkdir -p of the folder that path lies in; 0 or -1 with errno. */
static int make_folders(const char *path)
{
	char folder[PATH_MAX];

	if ((size_t)snprintf(folder, sizeof folder, "%s", path) >= sizeof folder) {
		errno = ENAMETOOLONG;
		return -1;
	}
	for (char *slash = strchr(folder + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(folder, 0700) && errno != EEXIST)
			return -1;
		*slash = '/';
	}
	return 0;
}

static int save(const char *path, const json_t *root, struct probe_error *err)
{
	if (make_folders(path))
		return pb_fail(err, PROBE_ESYS, errno, "can't make the folder of %s", path);
	char *text = json_dumps(root, JSON_INDENT(1) | JSON_SORT_KEYS);
	if (!text)
		return pb_fail(err, PROBE_ENOMEM, 0, "no memory for the noise memory");
	int status = pb_atomic_write(path, text, strlen(text), err);
	free(text);
	return status;
}

int pb_noise_store_update(const char *path, const char *cpu_key, double found, size_t support,
			  struct probe_error *err)
{
	json_t *root;
	char updated[32];
	time_t now = time(NULL);
	struct tm utc;

	int status = load(path, &root, err);
	if (status == -PROBE_ESYS)
		return status;
	double remembered = ratio_of(root, cpu_key);
	double merged = pb_noise_merge(remembered, found, support);
	if (merged <= 0 || merged == remembered) {
		json_decref(root);
		return 0;
	}
	if (!root)
		root = json_pack("{s:i, s:{}}", "schema", SCHEMA, "cpus");
	strftime(updated, sizeof updated, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
	json_t *cpu = json_pack("{s:f, s:I, s:s}", "ratio", merged, "readings", (json_int_t)support,
				"updated", updated);
	/* Takes cpu over also where it fails. */
	if (json_object_set_new(json_object_get(root, "cpus"), cpu_key, cpu))
		status = pb_fail(err, PROBE_ENOMEM, 0, "no memory for the noise memory");
	else
		status = save(path, root, err);
	json_decref(root);
	return status;
}

int probe_noise_store_path(char *buf, size_t size)
{
	struct pb_cache_place place;
	int rc = pb_cache_place(&place, NULL);
	if (rc)
		return rc;
	int n = snprintf(buf, size, "%s/quiet.json", place.path);
	return n < 0 || (size_t)n >= size ? -PROBE_EINVAL : 0;
}
