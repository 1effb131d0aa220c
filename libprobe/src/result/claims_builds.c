/* SPDX-License-Identifier: MIT
 * What a claim asks of an interpreter's build, and in what two builds differ besides.
 */
#include <stdio.h>
#include <string.h>

#include "probe/builds.h"
#include "result/claims_parts.h"

/* One fact a row: text at an offset, or a bool. */
static const struct fact {
	const char *name;
	size_t offset;
	bool is_bool;
} facts[] = {
	{"implementation", offsetof(struct probe_interpreter, implementation), false},
	{"version", offsetof(struct probe_interpreter, version), false},
	{"free_threaded", offsetof(struct probe_interpreter, free_threaded), true},
	{"gil_off", offsetof(struct probe_interpreter, gil_off), true},
	{"jit", offsetof(struct probe_interpreter, jit), true},
	{"tail_call", offsetof(struct probe_interpreter, tail_call), true},
	{"debug", offsetof(struct probe_interpreter, debug), true},
};
enum { FACTS = sizeof facts / sizeof facts[0] };

static const struct fact *find(const char *name)
{
	for (size_t i = 0; i < FACTS; i++)
		if (!strcmp(facts[i].name, name))
			return &facts[i];
	return NULL;
}

static const char *text_of(const struct probe_interpreter *py, const struct fact *fact)
{
	const char *at = (const char *)py + fact->offset;

	if (!fact->is_bool)
		return at;
	return *(const bool *)(const void *)at ? "yes" : "no";
}

bool pb_build_fact_known(const char *fact)
{
	return find(fact) != NULL;
}

static bool is(const struct probe_interpreter *py, const struct probe_build_fact *wanted)
{
	const struct fact *fact = find(wanted->fact);
	const char *text = fact ? text_of(py, fact) : "";
	size_t n = strlen(wanted->value);

	if (!fact || strcmp(wanted->fact, "version"))
		return fact && !strcmp(text, wanted->value);
	return !strncmp(text, wanted->value, n) && (!text[n] || text[n] == '.');
}

bool pb_build_is(const struct probe_interpreter *py, const struct probe_build_fact *wanted,
		 size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!is(py, &wanted[i]))
			return false;
	return true;
}

static bool is_listed(char *const *names, const char *name)
{
	for (; names && *names; names++)
		if (!strcmp(*names, name))
			return true;
	return false;
}

size_t pb_builds_differ_beyond(const struct probe_interpreter *a, const struct probe_interpreter *b,
			       char *const *listed, char *names, size_t size)
{
	struct probe_build_difference differences[PROBE_MAX_BUILD_DIFFERENCES];
	size_t n = probe_builds_differ(a, b, differences), used = 0, count = 0;

	if (size)
		names[0] = '\0';
	for (size_t i = 0; i < n; i++) {
		if (is_listed(listed, differences[i].what))
			continue;
		count++;
		if (used < size)
			used += (size_t)snprintf(names + used, size - used, "%s%s",
						 used ? ", " : "", differences[i].what);
	}
	return count;
}
