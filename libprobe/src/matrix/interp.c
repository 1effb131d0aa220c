/* SPDX-License-Identifier: MIT
 * Choosing among the interpreters that were found: order, labels, and what the user asked for.
 */
#include "matrix/interp.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/fail.h"
#include "matrix/interp_facts.h"

#define ANSWER_TIMEOUT_S 10.0

/* One part of the user's list. */
struct wish {
	char text[256];
	bool by_version; /* a version or label; else a program, which is a candidate by now */
	bool met;
};

struct wishes {
	struct wish *items;
	size_t n;
};

static bool is_version_or_label(const char *text)
{
	static const char prefix[] = "cpython-";
	if (!strncmp(text, prefix, sizeof prefix - 1))
		text += sizeof prefix - 1;
	return isdigit((unsigned char)*text);
}

/* A version's parts: "3.15.0" "rc1" "t-jit". */
struct version {
	char numbers[32], stage[8], flavour[24];
};

static void split_version(const char *text, struct version *out)
{
	size_t numbers = strspn(text, "0123456789.");
	const char *stage = text + numbers;
	size_t letters = strspn(stage, "abrc");
	size_t digits = strspn(stage + letters, "0123456789");
	size_t n = letters && digits ? letters + digits : 0;
	snprintf(out->numbers, sizeof out->numbers, "%.*s", (int)numbers, text);
	snprintf(out->stage, sizeof out->stage, "%.*s", (int)n, stage);
	snprintf(out->flavour, sizeof out->flavour, "%s", stage + n);
}

/* "3.13" means every 3.13.N of the default kind; "3.13t" the free-threaded ones. */
static bool version_matches(const char *wish, const char *label)
{
	const char *dash = strchr(label, '-');
	if (!strcmp(wish, label))
		return true;
	if (!strncmp(wish, "cpython-", 8))
		wish += 8;
	if (!dash)
		return false;
	char plain[64];
	snprintf(plain, sizeof plain, "%.*s", (int)strcspn(dash + 1, "#"), dash + 1);
	struct version w, l;
	split_version(wish, &w);
	split_version(plain, &l);
	size_t n = strlen(w.numbers);
	return !strncmp(w.numbers, l.numbers, n) && (l.numbers[n] == '\0' || l.numbers[n] == '.') &&
	       (!*w.stage || !strcmp(w.stage, l.stage)) && !strcmp(w.flavour, l.flavour);
}

static int by_version_then_path(const void *a, const void *b)
{
	const struct pb_asked *x = a, *y = b;
	int m[3] = {0}, k[3] = {0};
	sscanf(x->facts.version, "%d.%d.%d", &m[0], &m[1], &m[2]);
	sscanf(y->facts.version, "%d.%d.%d", &k[0], &k[1], &k[2]);
	for (int i = 0; i < 3; i++)
		if (m[i] != k[i])
			return m[i] < k[i] ? -1 : 1;
	int order = strcmp(x->facts.label, y->facts.label);
	if (!order)
		order = strcmp(x->facts.executable ? x->facts.executable : "",
			       y->facts.executable ? y->facts.executable : "");
	return order ? order : strcmp(x->candidate->path, y->candidate->path);
}

/* The second build of the same label becomes "cpython-3.11.2#2". Sorted input. */
static void number_labels(struct pb_asked *asked, size_t n)
{
	char previous[sizeof asked->facts.label] = "";
	unsigned same = 1;
	for (size_t i = 0; i < n; i++) {
		char *label = asked[i].facts.label;
		if (asked[i].state != PB_ASKED_USABLE)
			continue;
		same = strcmp(previous, label) ? 1 : same + 1;
		snprintf(previous, sizeof previous, "%s", label);
		size_t length = strlen(label);
		if (same > 1)
			snprintf(label + length, sizeof asked->facts.label - length, "#%u", same);
	}
}

static int parse_wishes(const char *choice, struct wishes *out, struct pb_candidates *candidates,
			bool *look_around, struct probe_error *err)
{
	size_t most = 1;
	for (const char *c = choice; *c; c++)
		most += *c == ',';
	out->items = calloc(most, sizeof *out->items);
	if (!out->items)
		return pb_fail(err, PROBE_ENOMEM, 0, "memory is out");
	for (const char *c = choice; c; c = strchr(c, ',') ? strchr(c, ',') + 1 : NULL) {
		size_t length = strcspn(c, ",");
		struct wish wish = {0};
		if (!length)
			return pb_fail(err, PROBE_EINVAL, 0,
				       "an empty name in the list of interpreters '%s'", choice);
		if (length >= sizeof wish.text)
			return pb_fail(err, PROBE_EINVAL, 0,
				       "'%.60s...' is too long for an "
				       "interpreter's name",
				       c);
		memcpy(wish.text, c, length);
		bool path = strchr(wish.text, '/');
		wish.by_version = !path && is_version_or_label(wish.text);
		if (wish.by_version) {
			*look_around = true;
		} else {
			char *program = path ? strdup(wish.text) : pb_locate_program(wish.text);
			int rc = program ? pb_locate_add(candidates, program, true) : -PROBE_ENOENT;
			free(program);
			if (rc == -PROBE_ENOENT && path)
				return pb_fail(err, PROBE_ENOENT, 0,
					       "no interpreter '%s': there is no such program",
					       wish.text);
			if (rc == -PROBE_ENOMEM)
				return pb_fail(err, PROBE_ENOMEM, 0, "memory is out");
			/* A word that is neither: answered below, with what there is. */
			wish.by_version = rc == -PROBE_ENOENT;
			*look_around |= wish.by_version;
		}
		out->items[out->n++] = wish;
	}
	return 0;
}

static int fail_unknown(const struct wish *wish, const struct pb_asked *asked, size_t n,
			struct probe_error *err)
{
	struct pb_buf known = {0};
	for (size_t i = 0; i < n; i++) {
		/* There is one, but it can't be used: say why. */
		if (asked[i].state != PB_ASKED_USABLE && asked[i].state != PB_ASKED_DOUBLE &&
		    version_matches(wish->text, asked[i].facts.label)) {
			pb_buf_fini(&known);
			return pb_fail(err, PROBE_EINVAL, 0, "no interpreter '%s': %s", wish->text,
				       asked[i].problem);
		}
		if (asked[i].state == PB_ASKED_USABLE)
			pb_buf_printf(&known, "%s%s", known.len ? ", " : "", asked[i].facts.label);
	}
	int rc = pb_fail(err, PROBE_ENOENT, 0, "no interpreter '%s' (found: %s; or give a path)",
			 wish->text, known.len ? known.data : "none");
	pb_buf_fini(&known);
	return rc;
}

/* Marks what the wishes mean as named; fails for a wish that nothing meets. */
static int apply_wishes(struct wishes *wishes, struct pb_asked *asked, size_t n,
			struct probe_error *err)
{
	for (size_t i = 0; i < n; i++) {
		if (asked[i].named && asked[i].state != PB_ASKED_USABLE &&
		    asked[i].state != PB_ASKED_DOUBLE)
			return pb_fail(err,
				       asked[i].state == PB_ASKED_TIMEOUT ? PROBE_ETIMEOUT
									  : PROBE_EINVAL,
				       0, "%s", asked[i].problem);
	}
	for (size_t w = 0; w < wishes->n; w++) {
		struct wish *wish = &wishes->items[w];
		for (size_t i = 0; i < n && wish->by_version; i++)
			if (asked[i].state == PB_ASKED_USABLE &&
			    version_matches(wish->text, asked[i].facts.label))
				wish->met = asked[i].named = true;
		if (wish->by_version && !wish->met)
			return fail_unknown(wish, asked, n, err);
	}
	return 0;
}

static int warn_left_out(struct probe_run *run, const struct pb_asked *asked, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		enum pb_asked_state state = asked[i].state;
		if (state == PB_ASKED_USABLE || state == PB_ASKED_TOO_OLD ||
		    state == PB_ASKED_DOUBLE ||
		    (state == PB_ASKED_NOT_PYTHON && asked[i].candidate->script))
			continue;
		char text[600];
		snprintf(text, sizeof text, "left out: %s", asked[i].problem);
		if (probe_run_add_warning(run, text))
			return -PROBE_ENOMEM;
	}
	return 0;
}

/* Moves the chosen ones into the run. */
static int hand_over(struct probe_run *run, struct pb_asked *asked, size_t n, bool all)
{
	for (size_t i = 0; i < n; i++) {
		if (asked[i].state != PB_ASKED_USABLE || !(all || asked[i].named))
			continue;
		struct probe_interpreter *added = probe_run_add_interpreter(run);
		if (!added)
			return -PROBE_ENOMEM;
		*added = asked[i].facts;
		asked[i].facts = (struct probe_interpreter){0};
	}
	return 0;
}

int pb_interp_discover_within(const char *choice, double timeout_s, struct probe_run *run,
			      struct probe_error *err)
{
	struct pb_candidates candidates = {0};
	struct wishes wishes = {0};
	struct pb_asked *asked = NULL;
	bool all = !choice || !strcmp(choice, "all"), look_around = all;
	size_t before = run->interpreter_count;
	int rc = all ? 0 : parse_wishes(choice, &wishes, &candidates, &look_around, err);
	if (!rc && look_around && pb_locate_all(&candidates))
		rc = pb_fail(err, PROBE_ENOMEM, 0, "memory is out");
	if (!rc)
		rc = pb_interp_ask(&candidates, timeout_s, &asked, err);
	if (rc)
		goto out;
	qsort(asked, candidates.n, sizeof *asked, by_version_then_path);
	number_labels(asked, candidates.n);
	rc = apply_wishes(&wishes, asked, candidates.n, err);
	if (rc)
		goto out;
	if ((all && warn_left_out(run, asked, candidates.n)) ||
	    hand_over(run, asked, candidates.n, all))
		rc = pb_fail(err, PROBE_ENOMEM, 0, "memory is out");
	else if (run->interpreter_count == before)
		rc = pb_fail(err, PROBE_ENOENT, 0,
			     "no CPython from 3.8 found on PATH, in /usr/bin or in the folders of "
			     "pyenv, uv and conda: name one with -i /path/to/python");
out:
	pb_asked_free(asked, candidates.n);
	free(wishes.items);
	pb_candidates_fini(&candidates);
	return rc;
}

int pb_interp_discover(const char *choice, struct probe_run *run, struct probe_error *err)
{
	return pb_interp_discover_within(choice, ANSWER_TIMEOUT_S, run, err);
}
