/* SPDX-License-Identifier: MIT
 * Parsing the list of interpreters that a user asks for.
 */
#include "matrix/interp_wish.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"

/* The parts of "cpython-3.15.0rc1t-jit": "cpython", "3.15.0", "rc1", "t-jit". */
struct parts {
	char name[16], numbers[32], stage[8], flavour[64];
};

/* False for what is no version, label or implementation. */
static bool split(const char *text, struct parts *out)
{
	size_t name = strspn(text, "abcdefghijklmnopqrstuvwxyz");
	*out = (struct parts){.name = "cpython"};
	if (name) {
		if (!pb_kind_of(text) || name >= sizeof out->name ||
		    (text[name] && text[name] != '-'))
			return false;
		memcpy(out->name, text, name);
		out->name[name] = '\0';
		text += name + (text[name] == '-');
	}
	if (!isdigit((unsigned char)*text))
		return name && !*text;
	size_t numbers = strspn(text, "0123456789.");
	const char *stage = text + numbers;
	size_t letters = strspn(stage, "abrc"), digits = strspn(stage + letters, "0123456789");
	size_t n = letters && digits ? letters + digits : 0;
	snprintf(out->numbers, sizeof out->numbers, "%.*s", (int)numbers, text);
	snprintf(out->stage, sizeof out->stage, "%.*s", (int)n, stage);
	snprintf(out->flavour, sizeof out->flavour, "%.*s", (int)strcspn(stage + n, "#"),
		 stage + n);
	return true;
}

bool pb_wish_means(const char *wish, const char *label)
{
	struct parts w, l;
	if (!strcmp(wish, label))
		return true;
	if (!split(wish, &w) || strchr(wish, '#') || !split(label, &l) || strcmp(w.name, l.name))
		return false;
	size_t n = strlen(w.numbers);
	return !strncmp(w.numbers, l.numbers, n) &&
	       (!n || l.numbers[n] == '\0' || l.numbers[n] == '.') &&
	       (!*w.stage || !strcmp(w.stage, l.stage)) && !strcmp(w.flavour, l.flavour);
}

bool pb_wish_has_switches(const struct pb_wish *wish)
{
	return wish->switches.environment || wish->switches.options;
}

/* A whole file name stays one, '+' and all; else the switches begin at the first that there is. */
static int split_switches(struct pb_wish *wish, struct probe_error *err)
{
	bool whole = strchr(wish->text, '/') && !access(wish->text, F_OK);
	const char *plus = whole ? NULL : pb_switches_find(wish->text);
	size_t length = plus ? (size_t)(plus - wish->text) : strlen(wish->text);
	snprintf(wish->base, sizeof wish->base, "%.*s", (int)length, wish->text);
	if (!length)
		return pb_fail(err, PROBE_EINVAL, 0,
			       "'%s' names switches and no interpreter: write 3.14%s, say",
			       wish->text, wish->text);
	return plus ? pb_switches_parse(plus, &wish->switches, err) : 0;
}

/* Finds the program that a wish names, if it names one. */
static int find_program(struct pb_wish *wish, struct pb_candidates *candidates,
			struct probe_error *err)
{
	struct parts parts;
	bool path = strchr(wish->base, '/');
	wish->candidate = -1;
	if (!path && split(wish->base, &parts) && *parts.numbers)
		return 0;
	char *program = path ? strdup(wish->base) : pb_locate_program(wish->base);
	int found = program ? pb_locate_add(candidates, program) : -PROBE_ENOENT;
	free(program);
	if (found == -PROBE_ENOENT && path)
		return pb_fail(err, PROBE_ENOENT, 0,
			       "no interpreter '%s': there is no such program", wish->base);
	if (found == -PROBE_ENOMEM)
		return pb_fail(err, PROBE_ENOMEM, 0, "out of memory");
	/* A word that is neither is answered later, with what there is. */
	wish->candidate = found >= 0 ? found : -1;
	return 0;
}

static void look_for(struct pb_wishes *wishes, const struct pb_wish *wish)
{
	struct parts parts;
	if (wish->candidate >= 0)
		return;
	wishes->kinds |= split(wish->base, &parts) ? pb_kind_of(parts.name) : PB_EVERY_PYTHON;
	wishes->variants |= strstr(wish->base, "-jit") || strstr(wish->base, "-gil");
}

int pb_wishes_parse(const char *choice, struct pb_wishes *out, struct pb_candidates *candidates,
		    struct probe_error *err)
{
	size_t most = 1;
	for (const char *c = choice; *c; c++)
		most += *c == ',';
	out->items = calloc(most, sizeof *out->items);
	if (!out->items)
		return pb_fail(err, PROBE_ENOMEM, 0, "out of memory");
	for (const char *c = choice; c; c = strchr(c, ',') ? strchr(c, ',') + 1 : NULL) {
		size_t length = strcspn(c, ",");
		struct pb_wish *wish = &out->items[out->n];
		if (!length)
			return pb_fail(err, PROBE_EINVAL, 0,
				       "an empty name in the list of interpreters '%s'", choice);
		if (length >= sizeof wish->text)
			return pb_fail(err, PROBE_EINVAL, 0,
				       "'%.60s...' is too long for an interpreter's name", c);
		out->n++;
		memcpy(wish->text, c, length);
		int rc = split_switches(wish, err);
		if (!rc)
			rc = find_program(wish, candidates, err);
		if (rc)
			return rc;
		look_for(out, wish);
	}
	return 0;
}

void pb_wishes_fini(struct pb_wishes *wishes)
{
	for (size_t i = 0; i < wishes->n; i++)
		pb_switches_fini(&wishes->items[i].switches);
	free(wishes->items);
	*wishes = (struct pb_wishes){0};
}
