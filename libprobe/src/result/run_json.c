/* SPDX-License-Identifier: MIT
 * The run file: pyperf's JSON with one more key, "probe", that holds the whole model.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/atomic_file.h"
#include "base/buf.h"
#include "base/fail.h"
#include "base/read_file.h"
#include "probe/run.h"
#include "result/codec.h"
#include "result/doubles.h"
#include "result/pyperf.h"

int probe_run_save(const struct probe_run *run, const char *path, struct probe_error *err)
{
	struct pb_buf out = {0};
	json_t *model = pb_encode(&pb_schema_run, run, NULL);
	char *text = model ? json_dumps(model, JSON_INDENT(1)) : NULL;
	int rc;

	json_decref(model);
	pb_buf_puts(&out, "{");
	pb_pyperf_write(run, &out);
	pb_buf_puts(&out, ",\"probe\": ");
	pb_buf_puts(&out, text ? text : "");
	pb_buf_puts(&out, "}\n");
	if (!text || out.oom)
		rc = pb_fail(err, PROBE_ENOMEM, 0, "can't write %s: out of memory", path);
	else
		rc = pb_atomic_write(path, out.data, out.len, err);
	free(text);
	pb_buf_fini(&out);
	return rc;
}

static int not_json(const char *path, const struct pb_buf *text, const json_error_t *why,
		    struct probe_error *err)
{
	enum json_error_code code;
	bool cut;
	const char *start = text->data ? text->data + strspn(text->data, " \t\r\n") : "";

	if (!*start)
		return pb_fail(err, PROBE_EFORMAT, 0,
			       "%s is empty: give a run file that `probe run -o` wrote", path);
	/* The end may also fall within a word such as "true", or within a character. */
	code = json_error_code(why);
	cut = code == json_error_premature_end_of_input ||
	      ((code == json_error_invalid_syntax || code == json_error_invalid_utf8) &&
	       (size_t)why->position + 8 > text->len);
	if (*start == '{' && cut)
		return pb_fail(err, PROBE_EFORMAT, 0,
			       "%s is truncated: it ends in line %d within the JSON; copy it again "
			       "whole or measure again",
			       path, why->line);
	return pb_fail(err, PROBE_EFORMAT, 0,
		       "%s is not JSON (line %d: %s): give a run file that `probe run -o` wrote",
		       path, why->line, why->text);
}

/* The "probe" section, borrowed from root. */
static int find_section(const char *path, const json_t *root, const json_t **section,
			struct probe_error *err)
{
	const json_t *version;

	*section = json_object_get(root, "probe");
	if (!*section && json_is_array(json_object_get(root, "benchmarks")))
		return pb_fail(err, PROBE_EFORMAT, 0,
			       "%s is a pyperf file without a probe section: `python -m pyperf "
			       "show` reads it, probe only reads what `probe run -o` wrote",
			       path);
	if (!*section)
		return pb_fail(err, PROBE_EFORMAT, 0,
			       "%s is JSON, but no run file: it has no \"probe\" section; give a "
			       "file that `probe run -o` wrote",
			       path);
	version = json_object_get(*section, "schema_version");
	if (json_is_integer(version) && json_integer_value(version) > PROBE_SCHEMA_VERSION)
		return pb_fail(err, PROBE_EABI, 0,
			       "%s has schema %lld and this probe knows up to %d: update probe",
			       path, (long long)json_integer_value(version), PROBE_SCHEMA_VERSION);
	return 0;
}

int probe_run_load(const char *path, struct probe_run **out, struct probe_error *err)
{
	struct pb_buf text = {0};
	char where[256];
	json_error_t why;
	json_t *root = NULL;
	const json_t *section = NULL;
	struct probe_run *run = NULL;
	int rc = pb_read_file(path, &text, err);

	if (rc)
		goto out;
	root = json_loadb(text.data ? text.data : "", text.len, JSON_REJECT_DUPLICATES, &why);
	if (!root) {
		rc = not_json(path, &text, &why, err);
		goto out;
	}
	rc = find_section(path, root, &section, err);
	if (rc)
		goto out;
	run = probe_run_new();
	if (!run) {
		rc = pb_fail(err, PROBE_ENOMEM, 0, "can't load %s: out of memory", path);
		goto out;
	}
	snprintf(where, sizeof where, "%s: probe", path);
	rc = pb_decode(&pb_schema_run, section, run, where, err);
	if (!rc)
		rc = pb_refuse_doubles(run, where, err);
	if (rc)
		goto out;
	*out = run;
	run = NULL;
out:
	probe_run_free(run);
	json_decref(root);
	pb_buf_fini(&text);
	return rc;
}
