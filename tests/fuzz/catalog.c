/* SPDX-License-Identifier: MIT
 * workload.json and path.json: the same bytes are read as both.
 */
#include "fuzz.h"

#include <sys/stat.h>

#include "matrix/catalog.h"
#include "matrix/catalog_load.h"

static char root[64];

static void remove_all(void)
{
	static const char *const files[] = {"/fuzz/workload.json", "/fuzz/path.json",
					    "/fuzz/fuzz.c", "/fuzz/fuzz.py"};
	char path[128];

	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		snprintf(path, sizeof path, "%s%s", root, files[i]);
		unlink(path);
	}
	snprintf(path, sizeof path, "%s/fuzz", root);
	rmdir(path);
	rmdir(root);
}

static void put(const char *name, const uint8_t *bytes, size_t n)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof path, "%s/fuzz/%s", root, name);
	file = fopen(path, "wb");
	FUZZ_CHECK(file && fwrite(bytes, 1, n, file) == n && !fclose(file));
}

static void set_up(void)
{
	char path[128];

	snprintf(root, sizeof root, "%s/probe-fuzz-XXXXXX",
		 access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
	FUZZ_CHECK(mkdtemp(root));
	snprintf(path, sizeof path, "%s/fuzz", root);
	FUZZ_CHECK(!mkdir(path, 0700));
	put("fuzz.c", (const uint8_t *)"", 0);
	put("fuzz.py", (const uint8_t *)"", 0);
	atexit(remove_all);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct pb_workload *workloads = NULL;
	struct pb_path *paths = NULL;
	struct probe_error err = {0};
	char folder[96], reason[200];
	size_t workload_count = 0, path_count = 0;

	if (!root[0])
		set_up();
	put("workload.json", bytes, n);
	put("path.json", bytes, n);
	snprintf(folder, sizeof folder, "%s/fuzz", root);
	if (pb_load_workload(folder, &workloads, &workload_count, &err))
		fuzz_check_message(err.msg);
	if (pb_load_paths("/nonexistent", root, &paths, &path_count, &err))
		fuzz_check_message(err.msg);
	for (size_t w = 0; w < workload_count; w++)
		for (size_t p = 0; p < path_count; p++)
			pb_path_applies(&paths[p], &workloads[w], reason, sizeof reason);
	pb_workloads_free(workloads, workload_count);
	pb_paths_free(paths, path_count);
	return 0;
}
