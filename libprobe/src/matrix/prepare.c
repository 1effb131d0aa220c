/* SPDX-License-Identifier: MIT
 * Running _build.py for each interpreter and reading its answer.
 */
#include "matrix/prepare.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "matrix/clean.h"
#include "matrix/spawn.h"
#include "matrix/switches.h"
#include "sys/cache_place.h"

enum { MOST_AT_ONCE = 4, BUILD_TIMEOUT_S = 1800 };

const char *const pb_clean_python_env[] = {
	/* Another interpreter's modules or library would be loaded. */
	"PYTHONPATH", "PYTHONHOME", "PYTHONEXECUTABLE", "__PYVENV_LAUNCHER__",
	/* These change what runs at start, or keep the process from ending. */
	"PYTHONSTARTUP", "PYTHONINSPECT", "PYTHONBREAKPOINT", "PYTHONWARNINGS", "PYTHONUTF8=1",
	/* Nothing is to be left beside modules, which may be another user's or checked by content.
	 */
	"PYTHONDONTWRITEBYTECODE=1",
	/* These make another interpreter of it: see switches.h. */
	"PYTHON_JIT", "PYTHON_GIL", NULL};

/* One driver process, and what its callback needs. */
struct driver {
	struct pb_child_spec child;
	const char **argv, **env;
	char *script, *spec_path, *home, *rustup;
	const struct pb_prepare_options *options;
	size_t interpreter;
};

int pb_write_spec(const char *scratch, const char *name, const json_t *value, char **path,
		  struct probe_error *err)
{
	char *file;
	if (asprintf(&file, "%s/%s", scratch, name) < 0)
		return pb_fail(err, PROBE_ENOMEM, 0, "out of memory");
	if (json_dump_file(value, file, JSON_COMPACT)) {
		int saved = errno;
		pb_fail(err, PROBE_ESYS, saved, "can't write %s (is the disk full?)", file);
		free(file);
		return -PROBE_ESYS;
	}
	*path = file;
	return 0;
}

static json_t *build_spec(const struct pb_places *places, const char *label, int jobs,
			  const struct pb_prepare_options *options)
{
	const char *cc = getenv("CC");
	return json_pack("{s:s, s:s, s:s, s:[s+, s+], s:s, s:s, s:O, s:O, s:i, s:b}", "home",
			 places->home, "cache", places->cache, "library", places->library,
			 "include", places->home, "/libprobe/include", places->home,
			 "/libprobe/src", "cc", cc && *cc ? cc : "cc", "interpreter_label", label,
			 "paths", options->paths, "workloads", options->workloads, "jobs", jobs,
			 "offline", 0);
}

/* The driver says "step: text" on stderr. */
static void on_line(void *ctx, const char *line)
{
	const struct driver *driver = ctx;
	char text[200];
	if (!strncmp(line, "step: ", 6) && driver->options->on_step)
		driver->options->on_step(driver->options->ctx, driver->interpreter,
					 pb_clean_line(line + 6, text, sizeof text));
}

static void on_tick(void *ctx)
{
	const struct pb_prepare_options *options = ctx;
	options->on_step(options->ctx, 0, NULL);
}

/* With another user's HOME (sudo without -H) cargo, pip and ccache would leave files of ours there.
 * rustup's toolchains, which are only read, stay where they are. */
static const char **build_environment(struct driver *driver,
				      const struct probe_interpreter *interpreter)
{
	char home[PATH_MAX];
	const char *extra[] = {NULL, NULL, "XDG_CACHE_HOME", "CARGO_HOME", NULL};
	if (!pb_home_instead(home, sizeof home))
		return pb_interpreter_env(interpreter, NULL);
	if (asprintf(&driver->home, "HOME=%s", home) < 0)
		driver->home = NULL;
	const char *rustup = getenv("RUSTUP_HOME");
	if (asprintf(&driver->rustup, "RUSTUP_HOME=%s%s", rustup ? rustup : getenv("HOME"),
		     rustup ? "" : "/.rustup") < 0)
		driver->rustup = NULL;
	extra[0] = driver->home;
	extra[1] = driver->rustup;
	return driver->home && driver->rustup ? pb_interpreter_env(interpreter, extra) : NULL;
}

/* A Python callable is measured in the environment that it is installed into. */
static const char *program_for(const struct probe_interpreter *interpreter, const json_t *workloads)
{
	bool callable = json_object_get(json_array_get(workloads, 0), "callable");
	return callable && interpreter->program ? interpreter->program : interpreter->executable;
}

static int init_driver(struct driver *driver, const struct pb_places *places,
		       const struct probe_interpreter *interpreter, size_t index,
		       const struct pb_prepare_options *options, int jobs, struct probe_error *err)
{
	char name[64];
	snprintf(name, sizeof name, "build-%zu.json", index);
	json_t *spec = build_spec(places, interpreter->label, jobs, options);
	if (!spec || asprintf(&driver->script, "%s/ext/probe/_build.py", places->home) < 0) {
		json_decref(spec);
		driver->script = NULL;
		return pb_fail(err, PROBE_ENOMEM, 0, "out of memory");
	}
	int rc = pb_write_spec(places->scratch, name, spec, &driver->spec_path, err);
	json_decref(spec);
	if (rc)
		return rc;
	const char *const rest[] = {driver->script, driver->spec_path, NULL};
	driver->argv = pb_interpreter_argv(program_for(interpreter, options->workloads),
					   interpreter, rest);
	driver->env = build_environment(driver, interpreter);
	driver->options = options;
	driver->interpreter = index;
	driver->child = (struct pb_child_spec){
		.argv = driver->argv,
		.env = driver->env,
		.result_on_stdout = true,
		.timeout_s = BUILD_TIMEOUT_S,
		.on_stderr_line = on_line,
		.ctx = driver,
	};
	return driver->argv && driver->env ? 0 : pb_fail(err, PROBE_ENOMEM, 0, "out of memory");
}

static char *error_line(const char *label, const char *what, const char *said)
{
	char *text = NULL, clean[400];
	pb_clean_line(said, clean, sizeof clean);
	if (asprintf(&text, "can't prepare %s: %s%s%s", label, what, clean[0] ? ": " : "", clean) <
	    0)
		return NULL;
	return text;
}

static char *end_error(const struct pb_child_outcome *o, const char *label)
{
	char what[80] = "", said[400];
	switch (o->end) {
	case PB_CHILD_EXITED:
		if (o->exit_code)
			snprintf(what, sizeof what, "_build.py ended with %d", o->exit_code);
		break;
	case PB_CHILD_SIGNALLED:
		snprintf(what, sizeof what, "_build.py was killed by signal %d", o->signal);
		break;
	case PB_CHILD_TIMEOUT:
		snprintf(what, sizeof what, "_build.py did not end within %d s", BUILD_TIMEOUT_S);
		break;
	case PB_CHILD_NO_START:
		return error_line(label, "it can't be started",
				  pb_start_error(o->start_errno, said, sizeof said));
	case PB_CHILD_NOT_RUN:
	case PB_CHILD_CANCELLED:
		return strdup("interrupted");
	}
	return what[0] ? error_line(label, what, pb_child_last_line(o, said, sizeof said)) : NULL;
}

/* Progress lines may precede the answer on a stdout that pip writes to: the last line counts. */
static json_t *parse_answer(const struct pb_bytes *result)
{
	size_t end = result->length;
	while (end && (result->bytes[end - 1] == '\n' || result->bytes[end - 1] == ' '))
		end--;
	size_t begin = end;
	while (begin && result->bytes[begin - 1] != '\n')
		begin--;
	json_t *answer = json_loadb(result->bytes, result->length, 0, NULL);
	if (!answer)
		answer = json_loadb(result->bytes + begin, end - begin, 0, NULL);
	return answer;
}

static char *copy_string(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text ? strdup(text) : NULL;
}

/* Takes one ended driver's answer; -PROBE_ENOMEM is the only failure. */
static int take_answer(const struct pb_child_outcome *outcome, const char *label,
		       struct pb_prepared *out)
{
	char said[400];
	json_t *answer = NULL;
	out->error = end_error(outcome, label);
	if (out->error)
		return 0;
	answer = parse_answer(&outcome->result);
	out->python = copy_string(answer, "python");
	out->ext = copy_string(answer, "ext");
	out->kernels = json_incref(json_object_get(answer, "kernels"));
	out->bindings = json_incref(json_object_get(answer, "bindings"));
	out->packages = json_incref(json_object_get(answer, "packages"));
	out->notes = json_incref(json_object_get(answer, "notes"));
	if (!out->python)
		out->error = error_line(label, "_build.py gave no usable answer",
					pb_child_last_line(outcome, said, sizeof said));
	else if (!out->ext)
		out->error = copy_string(answer, "ext_error");
	bool unexplained = !out->ext && !out->error;
	if (unexplained)
		out->error =
			error_line(label, "_build.py built no extension and said no reason", "");
	json_decref(answer);
	return out->error || out->ext ? 0 : -PROBE_ENOMEM;
}

/* The main interpreter that a sub-interpreter shares its builds with: the one before it. */
static size_t builder_of(const struct probe_run *run, size_t i)
{
	return i && run->interpreters[i].subinterpreters ? i - 1 : i;
}

int pb_prepare(const struct pb_places *places, const struct probe_run *run,
	       const struct pb_prepare_options *options, struct pb_prepared *out,
	       struct probe_error *err)
{
	size_t n = run->interpreter_count, wanted = 0;
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	size_t at_once = cores < 1 ? 1 : cores > MOST_AT_ONCE ? MOST_AT_ONCE : (size_t)cores;
	int rc = 0;
	memset(out, 0, n * sizeof *out);
	struct driver *drivers = calloc(n + 1, sizeof *drivers);
	struct pb_child_spec *specs = calloc(n + 1, sizeof *specs);
	struct pb_child_outcome *outcomes = calloc(n + 1, sizeof *outcomes);
	if (!drivers || !specs || !outcomes) {
		rc = pb_fail(err, PROBE_ENOMEM, 0, "out of memory");
		goto out;
	}
	for (size_t i = 0; i < n; i++) {
		const struct probe_interpreter *interpreter = &run->interpreters[i];
		out[i].interpreter = interpreter;
		if (interpreter->missing) {
			out[i].error = strdup(interpreter->missing);
			continue;
		}
		if (builder_of(run, i) != i)
			continue;
		/* One interpreter alone builds its bindings on all cores. */
		rc = init_driver(&drivers[wanted], places, interpreter, i, options,
				 n < at_once ? (int)(at_once / n) : 1, err);
		specs[wanted] = drivers[wanted].child;
		wanted++;
		if (rc)
			goto out;
	}
	const struct pb_children_options children = {
		.at_once = at_once,
		.cancel = options->cancel,
		.on_tick = options->on_step ? on_tick : NULL,
		.ctx = (void *)(uintptr_t)options,
	};
	rc = pb_children_run(specs, wanted, &children, outcomes, err);
	for (size_t i = 0; i < wanted; i++)
		for (size_t k = drivers[i].interpreter; k < n; k++)
			if (builder_of(run, k) == drivers[i].interpreter &&
			    take_answer(&outcomes[i], run->interpreters[k].label, &out[k]) && !rc)
				rc = pb_fail(err, PROBE_ENOMEM, 0, "out of memory");
out:
	for (size_t i = 0; drivers && i < wanted; i++) {
		if (drivers[i].spec_path)
			unlink(drivers[i].spec_path);
		free(drivers[i].spec_path);
		free(drivers[i].script);
		free(drivers[i].home);
		free(drivers[i].rustup);
		free(drivers[i].argv);
		free(drivers[i].env);
		pb_child_outcome_fini(&outcomes[i]);
	}
	free(drivers);
	free(specs);
	free(outcomes);
	return rc;
}

void pb_prepared_fini(struct pb_prepared *prepared)
{
	free(prepared->error);
	free(prepared->python);
	free(prepared->ext);
	json_decref(prepared->kernels);
	json_decref(prepared->bindings);
	json_decref(prepared->packages);
	json_decref(prepared->notes);
	*prepared = (struct pb_prepared){0};
}
