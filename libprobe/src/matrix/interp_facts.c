/* SPDX-License-Identifier: MIT
 * Running ext/probe/facts.py in each candidate and judging what comes back.
 */
#include "matrix/interp_facts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "base/fail.h"
#include "matrix/child.h"
#include "matrix/clean.h"
#include "matrix/home.h"
#include "matrix/prepare.h"

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
	out->jit = flag_of(facts, "jit");
	out->debug = flag_of(facts, "debug");
	out->headers = flag_of(facts, "headers");
	out->executable = strdup(text_of(facts, "executable"));
	out->config_args = strdup(text_of(facts, "config_args"));
	const char *missing = text_of(facts, "missing");
	out->missing = *missing ? strdup(missing) : NULL;
	return out->executable && out->config_args && (out->missing || !*missing) ? 0
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

static void explain(struct pb_asked *asked, const struct pb_child_outcome *outcome,
		    double timeout_s)
{
	char said[160];
	const char *path = asked->candidate->path;
	const char *tail = pb_child_last_line(outcome, said, sizeof said);
	char *problem = asked->problem;
	size_t size = sizeof asked->problem;
	asked->state = PB_ASKED_NOT_PYTHON;
	switch (outcome->end) {
	case PB_CHILD_TIMEOUT:
		asked->state = PB_ASKED_TIMEOUT;
		snprintf(problem, size, "%s gave no answer in %g s, so it can't be used", path,
			 timeout_s);
		return;
	case PB_CHILD_SIGNALLED:
		snprintf(problem, size, "%s is not a working Python interpreter (it died: %s)",
			 path, strsignal(outcome->signal));
		return;
	case PB_CHILD_NO_START:
		snprintf(problem, size, "%s can't be started: %s", path,
			 strerror(outcome->start_errno));
		return;
	case PB_CHILD_EXITED:
		if (outcome->exit_code) {
			snprintf(problem, size, "%s is not a Python interpreter (it exited %d%s%s)",
				 path, outcome->exit_code, *tail ? ": " : "", tail);
			return;
		}
		pb_clean_line(outcome->result.bytes, said, 60);
		snprintf(problem, size,
			 *said ? "%s is not a Python interpreter (it printed \"%s\")"
			       : "%s is not a Python interpreter (it printed nothing%s)",
			 path, said);
		return;
	case PB_CHILD_NOT_RUN:
	case PB_CHILD_CANCELLED:
		snprintf(problem, size, "%s was not asked", path);
		return;
	}
}

static int judge(struct pb_asked *asked, const struct pb_child_outcome *outcome, double timeout_s)
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
	if (strcmp(asked->facts.implementation, "cpython")) {
		asked->state = PB_ASKED_NOT_CPYTHON;
		snprintf(asked->problem, sizeof asked->problem,
			 "%s is %s %s: only CPython can be measured so far", asked->candidate->path,
			 asked->facts.implementation, asked->facts.version);
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

/* Wrappers and links lead to the same interpreter: the first of each is kept. */
static void mark_doubles(struct pb_asked *asked, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < i; k++) {
			if (!asked[i].facts.executable || !asked[k].facts.executable ||
			    asked[k].state == PB_ASKED_DOUBLE ||
			    strcmp(asked[i].facts.executable, asked[k].facts.executable))
				continue;
			asked[i].state = PB_ASKED_DOUBLE;
			asked[k].named |= asked[i].named;
			break;
		}
}

int pb_interp_ask(const struct pb_candidates *candidates, double timeout_s, struct pb_asked **out,
		  struct probe_error *err)
{
	size_t n = candidates->n;
	char *home = NULL;
	int rc = pb_home_find(&home, NULL, err);
	if (rc)
		return rc;
	char *script = pb_path_join(home, "ext/probe/facts.py");
	struct pb_asked *asked = calloc(n + 1, sizeof *asked);
	struct pb_child_spec *specs = calloc(n + 1, sizeof *specs);
	struct pb_child_outcome *outcomes = calloc(n + 1, sizeof *outcomes);
	const char *(*argv)[4] = calloc(n + 1, sizeof *argv);
	if (!script || !asked || !specs || !outcomes || !argv) {
		rc = pb_fail(err, PROBE_ENOMEM, 0, "memory is out");
		goto out;
	}
	for (size_t i = 0; i < n; i++) {
		argv[i][0] = candidates->items[i].path;
		argv[i][1] = "-s"; /* what a user installed for himself is none of our business */
		argv[i][2] = script;
		specs[i] = (struct pb_child_spec){.argv = argv[i],
						  .env = pb_clean_python_env,
						  .result_on_stdout = true,
						  .timeout_s = timeout_s};
		asked[i].candidate = &candidates->items[i];
		asked[i].named = candidates->items[i].named;
	}
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	const struct pb_children_options options = {
		.at_once = cpus < 1 || cpus > MOST_AT_ONCE ? MOST_AT_ONCE : (size_t)cpus};
	rc = n ? pb_children_run(specs, n, &options, outcomes, err) : 0;
	for (size_t i = 0; i < n && !rc; i++)
		if (judge(&asked[i], &outcomes[i], timeout_s))
			rc = pb_fail(err, PROBE_ENOMEM, 0, "memory is out");
	for (size_t i = 0; i < n; i++)
		pb_child_outcome_fini(&outcomes[i]);
out:
	if (rc) {
		pb_asked_free(asked, n);
	} else {
		mark_doubles(asked, n);
		*out = asked;
	}
	free(argv);
	free(outcomes);
	free(specs);
	free(script);
	free(home);
	return rc;
}

void pb_asked_free(struct pb_asked *asked, size_t n)
{
	for (size_t i = 0; asked && i < n; i++) {
		free(asked[i].facts.executable);
		free(asked[i].facts.config_args);
		free(asked[i].facts.missing);
	}
	free(asked);
}
