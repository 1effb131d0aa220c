/* SPDX-License-Identifier: MIT
 * Which operands describe a function of the user's, and running _function.py for it.
 */
#include "matrix/function.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/visible.h"
#include "matrix/catalog_load.h"
#include "matrix/clean.h"
#include "matrix/switches.h"

/* Beyond what the function itself may take: packages on the first run, and compiling. */
enum { MAKE_TIMEOUT_S = 900 };

static int no_memory(struct probe_error *err)
{
	return pb_fail(err, PROBE_ENOMEM, 0, "out of memory");
}

/* --- which operand is what ------------------------------------------------------------------- */

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);
	return n > m && !strcmp(text + n - m, end);
}

static bool is_workload(const char *word, const struct pb_workload *all, size_t n)
{
	size_t length = strcspn(word, ":");
	for (size_t i = 0; i < n; i++)
		if (strlen(all[i].group) == length && !strncmp(all[i].group, word, length))
			return true;
	return !strcmp(word, "all");
}

/* An identifier, or several with dots between: up to end. */
static bool is_dotted_name(const char *from, const char *end)
{
	bool begin = true;
	for (const char *c = from; c < end; c++) {
		if (*c == '.' ? begin
			      : !isalpha((unsigned char)*c) && *c != '_' &&
					!(*c & 0x80) && /* Python allows letters of any script */
					(begin || !isdigit((unsigned char)*c)))
			return false;
		begin = *c == '.';
	}
	return !begin;
}

static bool is_callable(const char *word)
{
	const char *colon = strchr(word, ':');
	return colon && is_dotted_name(word, colon) &&
	       is_dotted_name(colon + 1, colon + strlen(colon));
}

/* "libm.so.6", "./foo.so", "foo.c", or any file that is there. A folder is a workload's. */
static bool is_library(const char *word)
{
	struct stat st;
	if (!stat(word, &st))
		return !S_ISDIR(st.st_mode);
	if (is_callable(word))
		return false;
	const char *so = strstr(word, ".so");
	bool named = so && (so[3] == '\0' || (so[3] == '.' && isdigit((unsigned char)so[4])));
	return named || strchr(word, '/') || ends_with(word, ".c");
}

static int take_library(const char *const **at, struct pb_operands *out, struct probe_error *err)
{
	const char *library = **at, *prototype = (*at)[1];
	if (!prototype || !strchr(prototype, '('))
		return pb_fail(err, PROBE_EINVAL, 0,
			       "%s is taken for a library: the prototype of one of its functions "
			       "must follow, like 'double hypot(double x, double y)'",
			       library);
	out->library = library;
	out->prototype = prototype;
	(*at)++;
	return 0;
}

/* unknown: a word that is no workload, or NULL. */
static int check_function(const struct pb_operands *out, size_t functions, size_t names,
			  const char *unknown, struct probe_error *err)
{
	if (functions > 1)
		return pb_fail(err, PROBE_EINVAL, 0,
			       "one function of your own a run, as --args belongs to it: measure "
			       "them one after another");
	if (!functions && (out->args || out->target) && unknown)
		return pb_fail(
			err, PROBE_EINVAL, 0,
			"there is no workload '%s', and it is no function of your own either: "
			"that is a library and a prototype (libm.so.6 'double hypot(double x, "
			"double y)') or MODULE:CALLABLE",
			unknown);
	if (!functions && (out->args || out->target))
		return pb_fail(err, PROBE_EINVAL, 0,
			       "%s is for a function of your own (a library and a prototype, or "
			       "MODULE:CALLABLE); a workload has its arguments",
			       out->args ? "--args" : "--target");
	if (out->target && !out->callable)
		return pb_fail(err, PROBE_EINVAL, 0,
			       "--target is for MODULE:CALLABLE; a library's function is its own "
			       "target");
	/* Probe's packages would take the place of the user's. */
	if (out->callable && names > 1)
		return pb_fail(err, PROBE_EINVAL, 0,
			       "%s is measured in its own interpreter's environment: in a run "
			       "without other workloads",
			       out->callable);
	return 0;
}

int pb_operands_split(const char *home, const char *const *operands, const char *args,
		      const char *target, struct pb_operands *out, struct probe_error *err)
{
	struct pb_workload *all = NULL;
	const char *unknown = NULL;
	size_t count = 0, n = 0, functions = 0, names = 0;
	*out = (struct pb_operands){.args = args, .target = target};
	while (operands[n])
		n++;
	out->names = calloc(n + 1, sizeof *out->names);
	int rc = out->names ? 0 : no_memory(err);
	if (!rc)
		rc = pb_load_workloads(home, getenv("PROBE_WORKLOADS"), &all, &count, err);
	for (const char *const *at = operands; *at && !rc; at++) {
		bool known = is_workload(*at, all, count);
		/* Only a library stands before a prototype, whatever it is called. */
		bool library = !known && (is_library(*at) || (at[1] && strchr(at[1], '(')));
		unknown = known || library || is_callable(*at) ? unknown : *at;
		if (library || (!known && is_callable(*at))) {
			out->at = names;
			functions++;
		}
		out->names[names++] = *at; /* the function's place is taken by its folder */
		if (library)
			rc = take_library(&at, out, err);
		else if (!known && is_callable(*at))
			out->callable = *at;
	}
	pb_workloads_free(all, count);
	if (!rc)
		rc = check_function(out, functions, names, unknown, err);
	if (rc)
		pb_operands_fini(out);
	return rc;
}

bool pb_operands_have_function(const struct pb_operands *operands)
{
	return operands->library || operands->callable;
}

void pb_operands_fini(struct pb_operands *operands)
{
	free(operands->names);
	*operands = (struct pb_operands){0};
}

/* --- making its workload --------------------------------------------------------------------- */

/* $PYTHONPATH, which children don't see, and the current folder: as where `python -m` would look,
 * for modules that the user names. */
static json_t *import_folders(void)
{
	json_t *list = json_array();
	const char *path = getenv("PYTHONPATH");
	while (path && *path) {
		size_t n = strcspn(path, ":");
		if (n && json_array_append_new(list, json_stringn(path, n)))
			break; /* not UTF-8 */
		path += n + (path[n] == ':');
	}
	json_array_append_new(list, json_string("."));
	return list;
}

static int check_texts(const struct pb_operands *o, struct probe_error *err)
{
	const struct {
		const char *what, *text, *cure;
	} texts[] = {
		{"the path of the library", o->library, "rename it"},
		{"the prototype", o->prototype, "write it in UTF-8"},
		{"MODULE:CALLABLE", o->callable, "write it in UTF-8"},
		{"--args", o->args, "write it in UTF-8"},
		{"--target", o->target, "write it in UTF-8"},
	};
	int rc = 0;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0] && !rc; i++)
		if (texts[i].text)
			rc = pb_check_utf8(texts[i].what, texts[i].text, texts[i].cure, err);
	return rc;
}

static json_t *make_spec(const struct pb_operands *o, const struct pb_places *places,
			 const char *label, double timeout_s)
{
	const char *cc = getenv("CC");
	return json_pack("{s:s, s:s, s:s, s:s, s:b, s:s?, s:s?, s:s?, s:s?, s:s?, s:o, s:f}",
			 "home", places->home, "cache", places->cache, "cc", cc && *cc ? cc : "cc",
			 "interpreter_label", label, "offline", 0, "library", o->library,
			 "prototype", o->prototype, "callable", o->callable, "args", o->args,
			 "target", o->target, "import_from", import_folders(), "timeout_s",
			 timeout_s);
}

/* "step: text" of the driver goes to the progress line. */
struct listener {
	const struct pb_prepare_options *options;
	size_t interpreter;
};

static void on_line(void *ctx, const char *line)
{
	const struct listener *listener = ctx;
	char text[200];
	if (!strncmp(line, "step: ", 6) && listener->options->on_step)
		listener->options->on_step(listener->options->ctx, listener->interpreter,
					   pb_clean_line(line + 6, text, sizeof text));
}

static void on_tick(void *ctx)
{
	const struct listener *listener = ctx;
	listener->options->on_step(listener->options->ctx, listener->interpreter, NULL);
}

static int fail_end(const struct pb_child_outcome *outcome, const char *label,
		    struct probe_error *err)
{
	char said[400], line[400];
	pb_clean_line(pb_child_last_line(outcome, said, sizeof said), line, sizeof line);
	if (outcome->end == PB_CHILD_SIGNALLED)
		return pb_fail(err, PROBE_ECHILD, 0,
			       "looking at the function with %s ended by signal %d", label,
			       outcome->signal);
	if (outcome->end == PB_CHILD_TIMEOUT)
		return pb_fail(err, PROBE_ETIMEOUT, 0,
			       "looking at the function with %s did not end in time", label);
	return pb_fail(err, PROBE_ECHILD, 0, "looking at the function with %s failed%s%s", label,
		       line[0] ? ": " : "", line);
}

static int add_facts(const json_t *facts, struct probe_run *run)
{
	const char *name;
	json_t *value;
	json_object_foreach((json_t *)(uintptr_t)facts, name, value)
	{
		char key[64];
		snprintf(key, sizeof key, "function.%s", name);
		if (json_is_string(value) && probe_run_add_fact(run, key, json_string_value(value)))
			return -PROBE_ENOMEM;
	}
	return 0;
}

static int take_answer(const struct pb_child_outcome *outcome, const char *label,
		       struct probe_run *run, char **folder, struct probe_error *err)
{
	if (outcome->end != PB_CHILD_EXITED || outcome->exit_code)
		return fail_end(outcome, label, err);
	json_t *answer = json_loadb(outcome->result.bytes, outcome->result.length, 0, NULL);
	const char *made = json_string_value(json_object_get(answer, "folder"));
	const char *error = json_string_value(json_object_get(answer, "error"));
	char line[sizeof err->msg];
	int rc;
	if (made && *made == '/') {
		*folder = strdup(made);
		rc = *folder && !add_facts(json_object_get(answer, "facts"), run) ? 0
										  : no_memory(err);
	} else if (error) {
		rc = pb_fail(err, PROBE_EINVAL, 0, "%s", pb_clean_line(error, line, sizeof line));
	} else {
		rc = fail_end(outcome, label, err);
	}
	json_decref(answer);
	return rc;
}

static int make_with(const struct pb_operands *operands, const struct pb_places *places,
		     size_t index, double timeout_s, const struct pb_prepare_options *options,
		     struct probe_run *run, char **folder, struct probe_error *err)
{
	const struct probe_interpreter *interpreter = &run->interpreters[index];
	struct listener listener = {options, index};
	struct pb_child_outcome outcome;
	char *script = NULL, *spec_path = NULL;
	json_t *spec = NULL;
	int rc = check_texts(operands, err);
	if (rc)
		return rc;
	spec = make_spec(operands, places, interpreter->label, timeout_s);
	if (!spec)
		rc = no_memory(err);
	else if (asprintf(&script, "%s/ext/probe/_function.py", places->home) < 0)
		script = NULL, rc = no_memory(err);
	if (!rc)
		rc = pb_write_spec(places->scratch, "function.json", spec, &spec_path, err);
	json_decref(spec);
	if (!rc) {
		const char *const rest[] = {script, spec_path, NULL};
		/* What is installed is installed into an environment. */
		bool there = operands->callable && interpreter->program;
		const char **argv = pb_interpreter_argv(
			there ? interpreter->program : interpreter->executable, interpreter, rest);
		const char **env = pb_interpreter_env(interpreter, NULL);
		const struct pb_child_spec child = {
			.argv = argv,
			.env = env,
			.result_on_stdout = true,
			.timeout_s = timeout_s + (double)MAKE_TIMEOUT_S,
			.on_stderr_line = on_line,
			.ctx = &listener,
		};
		const struct pb_children_options children = {
			.at_once = 1,
			.cancel = options->cancel,
			.on_tick = options->on_step ? on_tick : NULL,
			.ctx = &listener,
		};
		outcome = (struct pb_child_outcome){0};
		rc = argv && env ? pb_children_run(&child, 1, &children, &outcome, err)
				 : no_memory(err);
		if (!rc)
			rc = take_answer(&outcome, interpreter->label, run, folder, err);
		pb_child_outcome_fini(&outcome);
		free(argv);
		free(env);
		unlink(spec_path);
	}
	free(spec_path);
	free(script);
	return rc;
}

/* Two rows of one name could not be told apart. */
static int check_name(const struct pb_operands *operands, const char *folder,
		      struct probe_error *err)
{
	const char *name = strrchr(folder, '/') + 1;
	for (size_t i = 0; operands->names[i]; i++) {
		size_t length = strcspn(operands->names[i], ":");
		if (i != operands->at && strlen(name) == length &&
		    !strncmp(operands->names[i], name, length))
			return pb_fail(err, PROBE_EINVAL, 0,
				       "%s is a workload of probe's as well as your function: "
				       "measure them one after another",
				       name);
	}
	return 0;
}

int pb_function_make(const struct pb_operands *operands, const struct pb_places *places,
		     double timeout_s, const struct pb_prepare_options *options,
		     struct probe_run *run, char **folder, struct probe_error *err)
{
	int first = 0;
	*folder = NULL;
	for (size_t i = run->interpreter_count; i-- > 0;) {
		struct probe_error here = {0};
		if (run->interpreters[i].missing)
			continue;
		int rc = make_with(operands, places, i, timeout_s, options, run, folder, &here);
		if (!rc)
			rc = check_name(operands, *folder, &here);
		if (rc && !first && err)
			*err = here;
		if (!rc || rc == -PROBE_EINTR || rc == -PROBE_ENOMEM)
			return rc;
		if (!first)
			first = rc;
		/* A module may be installed for one interpreter and not for another. */
		if (!operands->callable || rc != -PROBE_EINVAL)
			break;
	}
	if (first)
		return first;
	for (size_t i = 0; i < run->interpreter_count; i++)
		if (run->interpreters[i].missing)
			return pb_fail(err, PROBE_ENOENT, 0, "%s", run->interpreters[i].missing);
	return pb_fail(err, PROBE_ENOENT, 0,
		       "there is no interpreter to look at the function with");
}
