/* SPDX-License-Identifier: MIT
 * Writing a run in other formats. One exporter a file under src/export/, one row a registry.
 */
#ifndef PROBE_EXPORT_H
#define PROBE_EXPORT_H

#include "probe/run.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Where an exporter writes: returns 0, or -1 when the bytes could not be taken. */
struct probe_sink {
	int (*write)(void *ctx, const char *bytes, size_t n);
	void *ctx;
};

struct probe_exporter {
	const char *name;    /* "csv" */
	const char *suffix;  /* ".csv" */
	const char *summary; /* one line */
	int (*export_run)(const struct probe_run *run, const struct probe_sink *sink,
			  struct probe_error *err);
};

/* The registry, NULL-name terminated. Threads: safe (constant). */
PROBE_API const struct probe_exporter *probe_exporters(void);
/* NULL when there is none of that name. */
PROBE_API const struct probe_exporter *probe_exporter_find(const char *name);
/* Exports to a file, atomically. Returns 0, -PROBE_ENOENT (no such exporter), -PROBE_ESYS. */
PROBE_API int probe_export_file(const struct probe_run *run, const char *exporter, const char *path,
				struct probe_error *err);

#ifdef __cplusplus
}
#endif
#endif
