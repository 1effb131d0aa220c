/* SPDX-License-Identifier: MIT
 * Run-time switches of interpreters, from what was typed to a child's environment and arguments.
 */
#include "matrix/switches.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/fail.h"
#include "matrix/prepare.h"

/* Length of "NAME" in "NAME=..."; 0 when it is no assignment. */
static size_t assignment_length(const char *text)
{
	size_t n = 0;
	if (isdigit((unsigned char)*text))
		return 0;
	while (isalnum((unsigned char)text[n]) || text[n] == '_')
		n++;
	return text[n] == '=' ? n : 0;
}

static bool looks_like_switch(const char *text)
{
	return *text == '-' || assignment_length(text);
}

const char *pb_switches_find(const char *text)
{
	for (const char *plus = strchr(text, '+'); plus; plus = strchr(plus + 1, '+'))
		if (looks_like_switch(plus + 1))
			return plus;
	return NULL;
}

static int append(char ***texts, const char *text, size_t length)
{
	size_t n = 0;
	while (*texts && (*texts)[n])
		n++;
	char **grown = reallocarray(*texts, n + 2, sizeof *grown);
	if (!grown)
		return -PROBE_ENOMEM;
	*texts = grown;
	grown[n] = strndup(text, length);
	grown[n + 1] = NULL;
	return grown[n] ? 0 : -PROBE_ENOMEM;
}

/* Only what changes how Python runs: others (-c, -h, -i) would keep probe's scripts from it. */
static int append_option(char ***options, const char *text, size_t length, struct probe_error *err)
{
	size_t value = length > 2 ? 2 + strspn(text + 2, " ") : 2;
	int rc;
	if (!strncmp(text, "-X", 2) && value < length)
		rc = append(options, "-X", 2) || append(options, text + value, length - value);
	else if (!strncmp(text, "-OO", length) && length > 1)
		rc = append(options, text, length);
	else
		return pb_fail(err, PROBE_EINVAL, 0,
			       "'%.*s' is no switch of an interpreter: NAME=VALUE, -X OPTION, -O "
			       "and -OO are",
			       (int)length, text);
	return rc ? pb_fail(err, PROBE_ENOMEM, 0, "out of memory") : 0;
}

int pb_switches_parse(const char *text, struct pb_switches *out, struct probe_error *err)
{
	struct pb_switches made = {0};
	int rc = 0;
	for (const char *at = *text ? text : NULL; at && !rc;) {
		const char *one = at + 1, *next = pb_switches_find(one);
		size_t length = next ? (size_t)(next - one) : strlen(one);
		if (*one == '-')
			rc = append_option(&made.options, one, length, err);
		else if (append(&made.environment, one, length))
			rc = pb_fail(err, PROBE_ENOMEM, 0, "out of memory");
		at = next;
	}
	if (rc)
		pb_switches_fini(&made);
	else
		*out = made;
	return rc;
}

static void texts_free(char **texts)
{
	for (char **t = texts; t && *t; t++)
		free(*t);
	free(texts);
}

void pb_switches_fini(struct pb_switches *switches)
{
	texts_free(switches->environment);
	texts_free(switches->options);
	*switches = (struct pb_switches){0};
}

static size_t count(char *const *texts)
{
	size_t n = 0;
	while (texts && texts[n])
		n++;
	return n;
}

bool pb_switches_equal(char *const *a, char *const *b)
{
	size_t n = count(a);
	if (n != count(b))
		return false;
	for (size_t i = 0; i < n; i++)
		if (strcmp(a[i], b[i]))
			return false;
	return true;
}

static bool is_told_by_facts(const char *assignment)
{
	return !strncmp(assignment, "PYTHON_JIT=", 11) || !strncmp(assignment, "PYTHON_GIL=", 11);
}

int pb_switches_label(char *const *environment, char *const *options, bool skip_told, char *out,
		      size_t size)
{
	struct pb_buf text = {0};
	for (size_t i = 0; environment && environment[i]; i++)
		if (!skip_told || !is_told_by_facts(environment[i]))
			pb_buf_printf(&text, "+%s", environment[i]);
	for (size_t i = 0; options && options[i]; i++) {
		bool value = i && !strcmp(options[i - 1], "-X");
		pb_buf_printf(&text, "%s%s", value ? "" : "+", options[i]);
	}
	int rc = text.oom || text.len >= size ? -PROBE_EINVAL : 0;
	for (size_t i = 0; !rc && i < text.len; i++) {
		char c = text.data[i];
		out[i] = isspace((unsigned char)c) || strchr("/,#", c) ? '_' : c;
	}
	if (!rc)
		out[text.len] = '\0';
	pb_buf_fini(&text);
	return rc;
}

const char **pb_interpreter_env(const struct probe_interpreter *interpreter,
				const char *const *extra)
{
	char *const *switches = interpreter ? interpreter->environment : NULL;
	size_t n = 0, extras = 0, cleaned = 0;
	while (pb_clean_python_env[cleaned])
		cleaned++;
	while (extra && extra[extras])
		extras++;
	const char **env = calloc(cleaned + count(switches) + extras + 1, sizeof *env);
	if (!env)
		return NULL;
	for (size_t i = 0; i < cleaned; i++) {
		bool switched = false;
		size_t key = strcspn(pb_clean_python_env[i], "=");
		for (size_t k = 0; switches && switches[k] && !switched; k++)
			switched = !strncmp(switches[k], pb_clean_python_env[i], key) &&
				   switches[k][key] == '=';
		if (!switched)
			env[n++] = pb_clean_python_env[i];
	}
	for (size_t k = 0; switches && switches[k]; k++)
		env[n++] = switches[k];
	for (size_t k = 0; k < extras; k++)
		env[n++] = extra[k];
	return env;
}

const char **pb_interpreter_argv(const char *program, const struct probe_interpreter *interpreter,
				 const char *const *rest)
{
	char *const *options = interpreter ? interpreter->options : NULL;
	size_t n = 0, options_count = count(options), rest_count = 0;
	while (rest[rest_count])
		rest_count++;
	const char **argv = calloc(2 + options_count + rest_count + 1, sizeof *argv);
	if (!argv)
		return NULL;
	argv[n++] = program;
	argv[n++] = "-B"; /* what is installed stays as it is; holds under -I too */
	for (size_t i = 0; i < options_count; i++)
		argv[n++] = options[i];
	for (size_t i = 0; i < rest_count; i++)
		argv[n++] = rest[i];
	return argv;
}
