/* SPDX-License-Identifier: MIT
 * Running ext/probe/facts.py in each candidate and judging what comes back.
 */
#include "matrix/interp_facts.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "base/fail.h"
#include "matrix/child.h"
#include "matrix/clean.h"
#include "matrix/home.h"
#include "matrix/implementation.h"
#include "matrix/spawn.h"

enum { OLDEST_MAJOR = 3, OLDEST_MINOR = 8, MOST_AT_ONCE = 4 };

static const char *text_of(const json_t *facts, const char *key)
{
	const char *text = json_string_value(json_object_get(facts, key));
	return text ? text : "";
}

static bool flag_of(const json_t *facts, const char *key)
{
	return json_is_true(json_object_get(facts, key));
}

static int fill(struct probe_interpreter *out, const json_t *facts)
{
	snprintf(out->label, sizeof out->label, "%s", text_of(facts, "label"));
	snprintf(out->version, sizeof out->version, "%s", text_of(facts, "version"));
	snprintf(out->implementation, sizeof out->implementation, "%s",
		 text_of(facts, "implementation"));
	snprintf(out->optimisation, sizeof out->optimisation, "%s", text_of(facts, "optimisation"));
	snprintf(out->compiler, sizeof out->compiler, "%s", text_of(facts, "compiler"));
	snprintf(out->libc, sizeof out->libc, "%s", text_of(facts, "libc"));
	out->free_threaded = flag_of(facts, "free_threaded");
	out->gil_off = flag_of(facts, "gil_off");
	out->jit = flag_of(facts, "jit");
	out->jit_built = flag_of(facts, "jit_built");
	out->debug = flag_of(facts, "debug");
	out->tail_call = flag_of(facts, "tail_call");
	out->static_libpython = flag_of(facts, "static_libpython");
	out->headers = flag_of(facts, "headers");
	out->executable = strdup(text_of(facts, "executable"));
	out->config_args = strdup(text_of(facts, "config_args"));
	const char *missing = text_of(facts, "missing"), *program = text_of(facts, "program");
	out->missing = *missing ? strdup(missing) : NULL;
	out->program = *program ? strdup(program) : NULL;
	return out->executable && out->config_args && (out->missing || !*missing) &&
			       (out->program || !*program)
		       ? 0
		       : -PROBE_ENOMEM;
}

/* The facts are on the last line: start-up files may have printed before them. */
static json_t *parse_last_line(const char *text)
{
	const char *end = text + strlen(text);
	while (end > text && (end[-1] == '\n' || end[-1] == '\r'))
		end--;
	const char *line = end;
	while (line > text && line[-1] != '\n')
		line--;
	json_t *facts = json_loadb(line, (size_t)(end - line), 0, NULL);
	/* An interpreter says what, which and where it is; anything else is some other program. */
	if (facts && *text_of(facts, "implementation") && *text_of(facts, "version") &&
	    *text_of(facts, "label") && *text_of(facts, "executable"))
		return facts;
	json_decref(facts);
	return NULL;
}

/* What it said about its end: CPython's own words when it gave up at start, else the last line. */
static const char *said_at_end(const struct pb_child_outcome *outcome, char *buf, size_t size)
{
	const char *text = outcome->stderr_tail.bytes;
	const char *fatal = text ? strstr(text, "Fatal Python error: ") : NULL;
	if (!fatal)
		return pb_child_last_line(outcome, buf, size);
	char line[256];
	snprintf(line, sizeof line, "%.*s", (int)strcspn(fatal, "\r\n"), fatal);
	return pb_clean_line(line, buf, size);
}

static void explain(struct pb_asked *asked, const struct pb_child_outcome *outcome,
		    double timeout_s)
{
	char said[160], with[96], name[sizeof asked->problem / 2];
	const struct probe_interpreter *facts = &asked->facts;
	const char *tail = said_at_end(outcome, said, sizeof said);
	char *problem = asked->problem;
	size_t size = sizeof asked->problem;
	if (pb_switches_label(facts->environment, facts->options, false, with, sizeof with))
		snprintf(with, sizeof with, "+...");
	snprintf(name, sizeof name, "%s%s", asked->candidate->path, with);
	asked->state = PB_ASKED_NOT_PYTHON;
	switch (outcome->end) {
	case PB_CHILD_TIMEOUT:
		asked->state = PB_ASKED_TIMEOUT;
		snprintf(problem, size, "%s gave no answer in %g s, so it can't be used", name,
			 timeout_s);
		return;
	case PB_CHILD_SIGNALLED:
		asked->state = PB_ASKED_DIED;
		snprintf(problem, size, "%s is not a working Python interpreter (it died: %s%s%s)",
			 name, strsignal(outcome->signal), *tail ? "; " : "", tail);
		return;
	case PB_CHILD_NO_START:
		snprintf(problem, size, "%s can't be started: %s", name,
			 pb_start_error(outcome->start_errno, said, sizeof said));
		return;
	case PB_CHILD_EXITED:
		if (outcome->exit_code) {
			snprintf(problem, size,
				 "%s is not a%s Python interpreter (it exited %d%s%s)", name,
				 *with ? " working" : "", outcome->exit_code, *tail ? ": " : "",
				 tail);
			return;
		}
		pb_clean_line(outcome->result.bytes, said, 60);
		snprintf(problem, size,
			 *said ? "%s is not a Python interpreter (it printed \"%s\")"
			       : "%s is not a Python interpreter (it printed nothing%s)",
			 name, said);
		return;
	case PB_CHILD_NOT_RUN:
	case PB_CHILD_CANCELLED:
		snprintf(problem, size, "%s was not asked", name);
		return;
	}
}

int pb_asked_judge(struct pb_asked *asked, const struct pb_child_outcome *outcome, double timeout_s)
{
	bool answered = outcome->end == PB_CHILD_EXITED && outcome->exit_code == 0;
	json_t *facts = answered ? parse_last_line(outcome->result.bytes) : NULL;
	if (!facts) {
		explain(asked, outcome, timeout_s);
		return 0;
	}
	int rc = fill(&asked->facts, facts), major = 0, minor = 0;
	json_decref(facts);
	sscanf(asked->facts.version, "%d.%d", &major, &minor);
	if (!pb_kind_of(asked->facts.implementation)) {
		asked->state = PB_ASKED_OTHER_PYTHON;
		snprintf(asked->problem, sizeof asked->problem,
			 "%s is %s %s: only CPython, PyPy and GraalPy can be used",
			 asked->candidate->path, asked->facts.implementation, asked->facts.version);
	} else if (major < OLDEST_MAJOR || (major == OLDEST_MAJOR && minor < OLDEST_MINOR)) {
		asked->state = PB_ASKED_TOO_OLD;
		snprintf(asked->problem, sizeof asked->problem,
			 "%s is Python %s: probe needs %d.%d or later", asked->candidate->path,
			 asked->facts.version, OLDEST_MAJOR, OLDEST_MINOR);
	} else {
		asked->state = PB_ASKED_USABLE;
	}
	return rc;
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

/* An environment is an interpreter of its own only where its user named it. */
bool pb_asked_same(const struct pb_asked *a, const struct pb_asked *b)
{
	const struct probe_interpreter *p = &a->facts, *q = &b->facts;
	bool both_named = a->candidate->named && b->candidate->named;
	return p->executable && q->executable && !strcmp(p->executable, q->executable) &&
	       (!both_named || same_text(p->program, q->program));
}

/* Wrappers and links lead to the same interpreter: the first of each is kept. */
void pb_asked_mark_doubles(struct pb_asked *asked, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < i; k++) {
			const struct probe_interpreter *a = &asked[i].facts, *b = &asked[k].facts;
			if (asked[k].state == PB_ASKED_DOUBLE ||
			    !pb_asked_same(&asked[i], &asked[k]) ||
			    !pb_switches_equal(a->environment, b->environment) ||
			    !pb_switches_equal(a->options, b->options))
				continue;
			asked[i].state = PB_ASKED_DOUBLE;
			asked[k].chosen |= asked[i].chosen;
			break;
		}
}

/* The question as a child process. Its argv and env are the caller's to free. */
static int question(const struct pb_asked *asked, const char *script, double timeout_s,
		    struct pb_child_spec *out)
{
	/* -s: what a user installed for himself is none of our business. */
	const char *const rest[] = {"-s", script, NULL};
	/* All that is known of it is its file's name. */
	const char *name = asked->candidate->kind == PB_GRAALPY ? "graalpy" : "cpython";
	*out = (struct pb_child_spec){
		.argv = pb_interpreter_argv(asked->candidate->path, &asked->facts, rest),
		.env = pb_interpreter_env(&asked->facts, NULL),
		.result_on_stdout = true,
		.timeout_s = pb_implementation_of(name)->patience * timeout_s,
	};
	return out->argv && out->env ? 0 : -PROBE_ENOMEM;
}

static void refuse_machine(struct pb_asked *asked)
{
	asked->state = PB_ASKED_OTHER_MACHINE;
	snprintf(asked->problem, sizeof asked->problem,
		 "%s is a program for another kind of processor (%s): what probe builds does not "
		 "fit into it",
		 asked->candidate->path, asked->candidate->other);
}

/* A limit keeps every interpreter from starting: it isn't that this one is none. */
static int check_limit(const char *path, const struct pb_child_outcome *outcome,
		       struct probe_error *err)
{
	char why[160];
	if (outcome->end != PB_CHILD_NO_START || !pb_is_limit(outcome->start_errno))
		return 0;
	return pb_fail(err, PROBE_ESYS, 0, "can't start %s: %s", path,
		       pb_start_error(outcome->start_errno, why, sizeof why));
}

int pb_interp_ask(struct pb_asked *asked, size_t n, double timeout_s, struct probe_error *err)
{
	char *home = NULL;
	size_t asking = 0;
	int rc = pb_home_find(&home, NULL, err);
	if (rc)
		return rc;
	char *script = pb_path_join(home, "ext/probe/facts.py");
	struct pb_child_spec *specs = calloc(n + 1, sizeof *specs);
	struct pb_child_outcome *outcomes = calloc(n + 1, sizeof *outcomes);
	size_t *whose = calloc(n + 1, sizeof *whose);
	bool ok = script && specs && outcomes && whose;
	for (size_t i = 0; i < n && ok; i++) {
		if (asked[i].candidate->other[0]) {
			refuse_machine(&asked[i]);
			continue;
		}
		whose[asking] = i;
		ok = !question(&asked[i], script, timeout_s, &specs[asking++]);
	}
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	const struct pb_children_options options = {
		.at_once = cpus < 1 || cpus > MOST_AT_ONCE ? MOST_AT_ONCE : (size_t)cpus};
	rc = !ok      ? pb_fail(err, PROBE_ENOMEM, 0, "out of memory")
	     : asking ? pb_children_run(specs, asking, &options, outcomes, err)
		      : 0;
	for (size_t i = 0; i < asking && !rc; i++)
		rc = check_limit(asked[whose[i]].candidate->path, &outcomes[i], err);
	for (size_t i = 0; i < asking && !rc; i++)
		if (pb_asked_judge(&asked[whose[i]], &outcomes[i], specs[i].timeout_s))
			rc = pb_fail(err, PROBE_ENOMEM, 0, "out of memory");
	for (size_t i = 0; i < asking; i++) {
		pb_child_outcome_fini(&outcomes[i]);
		free((void *)(uintptr_t)specs[i].argv);
		free((void *)(uintptr_t)specs[i].env);
	}
	free(whose);
	free(outcomes);
	free(specs);
	free(script);
	free(home);
	return rc;
}

void pb_asked_free(struct pb_asked *asked, size_t n)
{
	for (size_t i = 0; asked && i < n; i++) {
		struct probe_interpreter *facts = &asked[i].facts;
		struct pb_switches switches = {facts->environment, facts->options};
		pb_switches_fini(&switches);
		free(facts->executable);
		free(facts->program);
		free(facts->config_args);
		free(facts->missing);
	}
	free(asked);
}
