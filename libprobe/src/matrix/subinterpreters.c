/* SPDX-License-Identifier: MIT
 * Adding to each interpreter of a run its sub-interpreters.
 */
#include "matrix/subinterpreters.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/fail.h"

enum { FIRST_MAJOR = 3, FIRST_MINOR = 12 };

static int out_of_memory(struct probe_error *err)
{
	return pb_fail(err, PROBE_ENOMEM, 0, "out of memory");
}

static bool has_own_gils(const struct probe_interpreter *p)
{
	int major = 0, minor = 0;
	sscanf(p->version, "%d.%d", &major, &minor);
	return !strcmp(p->implementation, "cpython") && !p->missing &&
	       (major > FIRST_MAJOR || (major == FIRST_MAJOR && minor >= FIRST_MINOR));
}

static int copy_text(char **to, const char *from)
{
	*to = from ? strdup(from) : NULL;
	return from && !*to ? -PROBE_ENOMEM : 0;
}

static int copy_texts(char ***to, char *const *from)
{
	size_t n = 0;
	*to = NULL;
	while (from && from[n])
		n++;
	if (!from)
		return 0;
	*to = calloc(n + 1, sizeof **to);
	if (!*to)
		return -PROBE_ENOMEM;
	for (size_t i = 0; i < n; i++)
		if (copy_text(&(*to)[i], from[i]))
			return -PROBE_ENOMEM;
	return 0;
}

/* The last interpreter of the run becomes a copy of another: what a failure leaves is the run's. */
static int add_copy(struct probe_run *run, size_t of, unsigned n, struct probe_error *err)
{
	struct probe_interpreter *copy = probe_run_add_interpreter(run);
	if (!copy)
		return out_of_memory(err);
	const struct probe_interpreter *base = &run->interpreters[of];
	*copy = *base;
	copy->executable = copy->program = copy->config_args = copy->missing = NULL;
	copy->environment = copy->options = NULL;
	copy->subinterpreters = n;
	if (copy_text(&copy->executable, base->executable) ||
	    copy_text(&copy->program, base->program) ||
	    copy_text(&copy->config_args, base->config_args) ||
	    copy_texts(&copy->environment, base->environment) ||
	    copy_texts(&copy->options, base->options))
		return out_of_memory(err);
	size_t length = strlen(copy->label), size = sizeof copy->label - length;
	if (snprintf(copy->label + length, size, "-sub%u", n) >= (int)size)
		return pb_fail(err, PROBE_EINVAL, 0,
			       "%s-sub%u is too long for a name: it has at most %zu characters",
			       base->label, n, sizeof base->label - 1);
	return 0;
}

static int warn_without(struct probe_run *run, size_t n)
{
	struct pb_buf text = {0};
	size_t found = 0;
	for (size_t i = 0; i < n; i++) {
		const struct probe_interpreter *p = &run->interpreters[i];
		if (!has_own_gils(p))
			pb_buf_printf(&text, "%s%s", found++ ? ", " : "", p->label);
	}
	pb_buf_printf(&text, ": no sub-interpreter there has a GIL of its own; CPython's have, "
			     "from 3.12");
	int rc = text.oom || (found && probe_run_add_warning(run, text.data)) ? -PROBE_ENOMEM : 0;
	pb_buf_fini(&text);
	return rc;
}

int pb_subinterpreters_add(struct probe_run *run, unsigned n, struct probe_error *err)
{
	size_t before = run->interpreter_count;
	if (warn_without(run, before))
		return out_of_memory(err);
	for (size_t i = 0; i < before; i++) {
		if (!has_own_gils(&run->interpreters[i]))
			continue;
		int rc = add_copy(run, i, n, err);
		if (rc)
			return rc;
	}
	if (run->interpreter_count == before)
		return pb_fail(err, PROBE_EINVAL, 0,
			       "--subinterpreters: none of the chosen interpreters has any with a "
			       "GIL of their own; CPython's have, from 3.12");
	/* Each behind its own: in a table they are read against each other. */
	struct probe_interpreter *sorted = calloc(run->interpreter_count, sizeof *sorted);
	if (!sorted)
		return out_of_memory(err);
	for (size_t i = 0, k = 0, added = before; i < before; i++) {
		bool has = has_own_gils(&run->interpreters[i]);
		sorted[k++] = run->interpreters[i];
		if (has)
			sorted[k++] = run->interpreters[added++];
	}
	memcpy(run->interpreters, sorted, run->interpreter_count * sizeof *sorted);
	free(sorted);
	return 0;
}
