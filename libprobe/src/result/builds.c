/* SPDX-License-Identifier: MIT
 * What tells two interpreter builds apart.
 */
#include "probe/builds.h"

#include <stdio.h>
#include <string.h>

/* What a build says of itself on one matter; "" = it does not tell. */
typedef void aspect(const struct probe_interpreter *py, char *buf, size_t size);

static void copy(char *buf, size_t size, const char *text)
{
	snprintf(buf, size, "%s", text);
}

static void implementation_of(const struct probe_interpreter *py, char *buf, size_t size)
{
	copy(buf, size, py->implementation);
}

/* PyPy's and GraalPy's own versions are in their labels alone. */
static void version_of(const struct probe_interpreter *py, char *buf, size_t size)
{
	size_t n = strlen(py->implementation);

	if (n && strcmp(py->implementation, "cpython") &&
	    !strncmp(py->label, py->implementation, n) && py->label[n] == '-')
		snprintf(buf, size, "%s, Python %s", py->label + n + 1, py->version);
	else
		copy(buf, size, py->version);
}

static void gil_of(const struct probe_interpreter *py, char *buf, size_t size)
{
	copy(buf, size,
	     !py->free_threaded ? "built in"
	     : py->gil_off      ? "free-threaded"
				: "free-threaded, the GIL on");
}

static void jit_of(const struct probe_interpreter *py, char *buf, size_t size)
{
	copy(buf, size, py->jit ? "on" : "off");
}

static void debug_of(const struct probe_interpreter *py, char *buf, size_t size)
{
	copy(buf, size, py->debug ? "yes" : "no");
}

static void tail_call_of(const struct probe_interpreter *py, char *buf, size_t size)
{
	copy(buf, size, py->tail_call ? "yes" : "no");
}

/* PYTHON_JIT and PYTHON_GIL show in what they do. */
static void switches_of(const struct probe_interpreter *py, char *buf, size_t size)
{
	size_t used = 0;

	copy(buf, size, "none");
	for (char **e = py->environment; e && *e && used < size; e++)
		if (strncmp(*e, "PYTHON_JIT=", 11) && strncmp(*e, "PYTHON_GIL=", 11))
			used += (size_t)snprintf(buf + used, size - used, "%s%s", used ? " " : "",
						 *e);
	for (char **o = py->options; o && *o && used < size; o++)
		used += (size_t)snprintf(buf + used, size - used, "%s%s", used ? " " : "", *o);
}

static void subinterpreters_of(const struct probe_interpreter *py, char *buf, size_t size)
{
	copy(buf, size, "none");
	if (py->subinterpreters)
		snprintf(buf, size, "%u", py->subinterpreters);
}

static void compiler_of(const struct probe_interpreter *py, char *buf, size_t size)
{
	copy(buf, size, py->compiler);
}

/* The part of "-O3, PGO, LTO" that begins with a text, up to the comma. */
static const char *part_of(const struct probe_interpreter *py, const char *begins, size_t *length)
{
	const char *at = py->optimisation;

	while (*at) {
		*length = strcspn(at, ",");
		if (!strncmp(at, begins, strlen(begins)))
			return at;
		at += *length;
		at += strspn(at, ", ");
	}
	return NULL;
}

static void level_of(const struct probe_interpreter *py, char *buf, size_t size)
{
	size_t length;
	const char *level = part_of(py, "-O", &length);

	snprintf(buf, size, "%.*s", level ? (int)length : 0, level ? level : "");
}

/* Some builders leave no trace of how they optimised: untold is not no. */
static void optimised(const struct probe_interpreter *py, const char *how, char *buf, size_t size)
{
	size_t length;
	bool untold = strstr(py->optimisation, "untold") != NULL;

	copy(buf, size, "");
	if (!py->optimisation[0] || (untold && strcmp(how, "BOLT")))
		return;
	copy(buf, size, part_of(py, how, &length) ? "yes" : "no");
}

static void pgo_of(const struct probe_interpreter *py, char *buf, size_t size)
{
	optimised(py, "PGO", buf, size);
}

static void lto_of(const struct probe_interpreter *py, char *buf, size_t size)
{
	optimised(py, "LTO", buf, size);
}

static void bolt_of(const struct probe_interpreter *py, char *buf, size_t size)
{
	optimised(py, "BOLT", buf, size);
}

static void libc_of(const struct probe_interpreter *py, char *buf, size_t size)
{
	copy(buf, size, py->libc);
}

static void libpython_of(const struct probe_interpreter *py, char *buf, size_t size)
{
	copy(buf, size, py->static_libpython ? "in the program" : "a shared library");
}

static void jit_built_of(const struct probe_interpreter *py, char *buf, size_t size)
{
	copy(buf, size, py->jit_built ? "yes" : "no");
}

static const struct {
	const char *what;
	aspect *of;
	bool chosen;
} aspects[] = {
	{"implementation", implementation_of, true},
	{"version", version_of, true},
	{"GIL", gil_of, true},
	{"JIT", jit_of, true},
	{"debug build", debug_of, true},
	{"tail-calling interpreter", tail_call_of, true},
	{"switches", switches_of, true},
	{"sub-interpreters", subinterpreters_of, true},
	{"compiler", compiler_of, false},
	{"optimisation level", level_of, false},
	{"PGO", pgo_of, false},
	{"LTO", lto_of, false},
	{"BOLT", bolt_of, false},
	{"C library", libc_of, false},
	{"libpython", libpython_of, false},
	{"JIT built in", jit_built_of, false},
};
_Static_assert(sizeof aspects / sizeof aspects[0] <= PROBE_MAX_BUILD_DIFFERENCES,
	       "room for all of them");

size_t probe_builds_differ(const struct probe_interpreter *a, const struct probe_interpreter *b,
			   struct probe_build_difference *out)
{
	size_t n = 0;

	for (size_t i = 0; i < sizeof aspects / sizeof aspects[0]; i++) {
		struct probe_build_difference d = {.what = aspects[i].what,
						   .chosen = aspects[i].chosen};

		aspects[i].of(a, d.a, sizeof d.a);
		aspects[i].of(b, d.b, sizeof d.b);
		/* Whether it could compile says nothing new where one of them does. */
		if (!strcmp(d.a, d.b) || (aspects[i].of == jit_built_of && a->jit != b->jit))
			continue;
		if (!d.a[0])
			copy(d.a, sizeof d.a, "unknown");
		if (!d.b[0])
			copy(d.b, sizeof d.b, "unknown");
		out[n++] = d;
	}
	return n;
}

const char *probe_builds_text(const struct probe_interpreter *a, const struct probe_interpreter *b,
			      char *buf, size_t size)
{
	struct probe_build_difference d[PROBE_MAX_BUILD_DIFFERENCES];
	size_t n = probe_builds_differ(a, b, d), used = 0;

	if (size)
		buf[0] = '\0';
	if (!n)
		copy(buf, size, "nothing that is known");
	for (size_t i = 0; i < n && used < size; i++) {
		bool first_other = !d[i].chosen && (i == 0 || d[i - 1].chosen);
		const char *joint = i == 0 ? "" : first_other ? "; also " : ", ";

		used += (size_t)snprintf(buf + used, size - used, "%s%s", joint, d[i].what);
		/* The labels say the chosen things. */
		if (!d[i].chosen && used < size)
			used += (size_t)snprintf(buf + used, size - used, " (%s, then %s)", d[i].a,
						 d[i].b);
	}
	if (n == 1 && used < size)
		snprintf(buf + used, size - used, " only");
	return buf;
}
