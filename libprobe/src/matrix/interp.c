/* SPDX-License-Identifier: MIT
 * Choosing among the interpreters that were found: order, labels, variants, and what the user asked
 * for.
 */
#include "matrix/interp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/fail.h"
#include "matrix/interp_facts.h"
#include "matrix/interp_wish.h"
#include "matrix/spawn.h"

/* GraalPy takes 8 s to start on an idle core, and all are asked at once. */
#define ANSWER_TIMEOUT_S 30.0

/* Everything that was asked; candidates are borrowed by the others. */
struct search {
	struct pb_candidates candidates;
	struct pb_wishes wishes;
	struct pb_asked *asked;
	size_t n;
	double timeout_s;
};

static int out_of_memory(struct probe_error *err)
{
	return pb_fail(err, PROBE_ENOMEM, 0, "out of memory");
}

/* --- order and labels --------------------------------------------------------------------------
 */

static size_t switch_count(const struct probe_interpreter *p)
{
	size_t n = 0;
	for (char *const *e = p->environment; e && *e; e++)
		n++;
	for (char *const *o = p->options; o && *o; o++)
		n++;
	return n;
}

static int by_version_then_path(const void *a, const void *b)
{
	const struct pb_asked *x = a, *y = b;
	const struct probe_interpreter *p = &x->facts, *q = &y->facts;
	int m[3] = {0}, k[3] = {0};
	int order = strcmp(p->implementation, q->implementation);
	if (order)
		return order;
	sscanf(p->version, "%d.%d.%d", &m[0], &m[1], &m[2]);
	sscanf(q->version, "%d.%d.%d", &k[0], &k[1], &k[2]);
	for (int i = 0; i < 3; i++)
		if (m[i] != k[i])
			return m[i] < k[i] ? -1 : 1;
	size_t n = strcspn(p->label, "#"), other = strcspn(q->label, "#");
	order = strncmp(p->label, q->label, n > other ? n : other);
	/* Builds before their variants, so that no variant takes a build's number. */
	if (!order && switch_count(p) != switch_count(q))
		order = switch_count(p) < switch_count(q) ? -1 : 1;
	if (!order)
		order = strcmp(p->executable ? p->executable : "",
			       q->executable ? q->executable : "");
	return order ? order : strcmp(x->candidate->path, y->candidate->path);
}

/* The second of the same label becomes "cpython-3.11.2#2". */
static void sort_and_number(struct search *search)
{
	char previous[sizeof search->asked->facts.label] = "";
	unsigned same = 1;
	for (size_t i = 0; i < search->n; i++)
		*strchrnul(search->asked[i].facts.label, '#') = '\0';
	qsort(search->asked, search->n, sizeof *search->asked, by_version_then_path);
	for (size_t i = 0; i < search->n; i++) {
		char *label = search->asked[i].facts.label;
		if (search->asked[i].state != PB_ASKED_USABLE)
			continue;
		same = strcmp(previous, label) ? 1 : same + 1;
		snprintf(previous, sizeof previous, "%s", label);
		size_t length = strlen(label);
		if (same > 1)
			snprintf(label + length, sizeof previous - length, "#%u", same);
	}
}

/* --- variants: the same build with switches ----------------------------------------------------
 */

/* Appends a question; the switches move into it. */
static int add_variant(struct search *search, const struct pb_candidate *candidate,
		       struct pb_switches *switches, bool chosen)
{
	struct pb_asked *grown = reallocarray(search->asked, search->n + 1, sizeof *search->asked);
	if (!grown)
		return -PROBE_ENOMEM;
	search->asked = grown;
	grown[search->n++] = (struct pb_asked){
		.candidate = candidate,
		.chosen = chosen,
		.facts = {.environment = switches->environment, .options = switches->options},
	};
	*switches = (struct pb_switches){0};
	return 0;
}

/* A JIT that is off and a GIL that is off can be switched on: interpreters of their own. Not in
 * debug builds, whose own cost hides what the switch does. */
static int add_automatic(struct search *search, size_t bases)
{
	for (size_t i = 0; i < bases; i++) {
		const struct pb_candidate *candidate = search->asked[i].candidate;
		const struct probe_interpreter p = search->asked[i].facts;
		const char *const wanted[] = {
			p.jit_built && !p.jit ? "+PYTHON_JIT=1" : NULL,
			p.free_threaded && p.gil_off ? "+PYTHON_GIL=1" : NULL,
		};
		if (search->asked[i].state != PB_ASKED_USABLE || p.debug ||
		    strcmp(p.implementation, "cpython"))
			continue;
		for (size_t k = 0; k < sizeof wanted / sizeof wanted[0]; k++) {
			struct pb_switches switches = {0};
			if (wanted[k] && (pb_switches_parse(wanted[k], &switches, NULL) ||
					  add_variant(search, candidate, &switches, false))) {
				pb_switches_fini(&switches);
				return -PROBE_ENOMEM;
			}
		}
	}
	return 0;
}

/* A program without switches; of several doubles, the one that answers for all. */
static const struct pb_asked *find_asked(const struct search *search, size_t n, int candidate)
{
	const struct pb_asked *found = NULL;
	for (size_t i = 0; i < n && !found; i++)
		if (search->asked[i].candidate == &search->candidates.items[candidate] &&
		    !switch_count(&search->asked[i].facts))
			found = &search->asked[i];
	for (size_t i = 0; found && found->state == PB_ASKED_DOUBLE && i < n; i++)
		if (search->asked[i].state != PB_ASKED_DOUBLE &&
		    !switch_count(&search->asked[i].facts) &&
		    pb_asked_same(&search->asked[i], found))
			found = &search->asked[i];
	return found;
}

static bool wish_means(const struct search *search, size_t n, const struct pb_wish *wish,
		       const struct pb_asked *asked)
{
	if (wish->candidate >= 0)
		return asked == find_asked(search, n, wish->candidate);
	return pb_wish_means(wish->base, asked->facts.label);
}

/* "3.14+PYTHON_JIT=1": a variant of every 3.14. */
static int add_wished(struct search *search, size_t bases)
{
	for (size_t w = 0; w < search->wishes.n; w++) {
		const struct pb_wish *wish = &search->wishes.items[w];
		const char *text = wish->text + strlen(wish->base);
		for (size_t i = 0; i < bases && pb_wish_has_switches(wish); i++) {
			const struct pb_asked *base = &search->asked[i];
			struct pb_switches switches = {0};
			if (base->state != PB_ASKED_USABLE ||
			    !wish_means(search, bases, wish, base))
				continue;
			int rc = pb_switches_parse(text, &switches, NULL);
			if (!rc)
				rc = add_variant(search, base->candidate, &switches, true);
			pb_switches_fini(&switches);
			if (rc)
				return rc;
		}
	}
	return 0;
}

/* What the label does not tell yet is added to it: "cpython-3.14.10+-Xfrozen_modules=off". */
static int name_variant(struct pb_asked *variant, const struct search *search, size_t bases,
			struct probe_error *err)
{
	struct probe_interpreter *p = &variant->facts;
	char added[sizeof p->label];
	bool told = true;
	for (size_t i = 0; i < bases; i++)
		if (search->asked[i].candidate == variant->candidate)
			told = strncmp(p->label, search->asked[i].facts.label,
				       strcspn(search->asked[i].facts.label, "#")) ||
			       p->label[strcspn(search->asked[i].facts.label, "#")];
	if (!told && !variant->chosen) { /* it was tried, and changed nothing */
		variant->state = PB_ASKED_DOUBLE;
		return 0;
	}
	size_t length = strlen(p->label);
	if (!pb_switches_label(p->environment, p->options, told, added, sizeof added) &&
	    length + strlen(added) < sizeof p->label) {
		memcpy(p->label + length, added, strlen(added) + 1);
		return 0;
	}
	return pb_fail(err, PROBE_EINVAL, 0,
		       "the switches of %s are too long for its name: a name has at most %zu "
		       "characters",
		       p->label, sizeof p->label - 1);
}

static int ask_variants(struct search *search, bool automatic, struct probe_error *err)
{
	size_t bases = search->n;
	if ((automatic && add_automatic(search, bases)) || add_wished(search, bases))
		return out_of_memory(err);
	int rc = pb_interp_ask(search->asked + bases, search->n - bases, search->timeout_s, err);
	for (size_t i = bases; i < search->n && !rc; i++)
		if (search->asked[i].state == PB_ASKED_USABLE)
			rc = name_variant(&search->asked[i], search, bases, err);
	if (rc)
		return rc;
	pb_asked_mark_doubles(search->asked, search->n);
	sort_and_number(search);
	return 0;
}

/* --- what was asked for ------------------------------------------------------------------------
 */

static int fail_unusable(const struct pb_asked *asked, struct probe_error *err)
{
	return pb_fail(err, asked->state == PB_ASKED_TIMEOUT ? PROBE_ETIMEOUT : PROBE_EINVAL, 0,
		       "%s", asked->problem);
}

static int fail_unknown(const struct pb_wish *wish, const struct search *search,
			struct probe_error *err)
{
	struct pb_buf known = {0};
	for (size_t i = 0; i < search->n; i++) {
		const struct pb_asked *asked = &search->asked[i];
		/* There is one, but it can't be used: say why. */
		if (asked->state != PB_ASKED_USABLE && asked->state != PB_ASKED_DOUBLE &&
		    pb_wish_means(wish->base, asked->facts.label)) {
			pb_buf_fini(&known);
			return pb_fail(err, PROBE_EINVAL, 0, "no interpreter '%s': %s", wish->base,
				       asked->problem);
		}
		if (asked->state == PB_ASKED_USABLE)
			pb_buf_printf(&known, "%s%s", known.len ? ", " : "", asked->facts.label);
	}
	int rc = pb_fail(err, PROBE_ENOENT, 0, "no interpreter '%s' (found: %s; or give a path)",
			 wish->base, known.len ? known.data : "none");
	pb_buf_fini(&known);
	return rc;
}

/* Marks what the wishes without switches mean; fails for any wish that nothing meets. */
static int apply_wishes(struct search *search, struct probe_error *err)
{
	for (size_t w = 0; w < search->wishes.n; w++) {
		const struct pb_wish *wish = &search->wishes.items[w];
		bool met = false;
		for (size_t i = 0; i < search->n; i++) {
			struct pb_asked *asked = &search->asked[i];
			if (!wish_means(search, search->n, wish, asked))
				continue;
			if (wish->candidate >= 0 && asked->state != PB_ASKED_USABLE)
				return fail_unusable(asked, err);
			if (asked->state != PB_ASKED_USABLE)
				continue;
			met = true;
			asked->chosen |= !pb_wish_has_switches(wish);
		}
		if (!met)
			return fail_unknown(wish, search, err);
	}
	/* A variant that its own switches keep from starting. */
	for (size_t i = 0; i < search->n; i++)
		if (search->asked[i].chosen && search->asked[i].state != PB_ASKED_USABLE &&
		    search->asked[i].state != PB_ASKED_DOUBLE)
			return fail_unusable(&search->asked[i], err);
	return 0;
}

/* A version manager's wrapper with nothing behind it is no interpreter that was found. */
static bool is_empty_wrapper(const struct pb_asked *asked)
{
	const char *name = strrchr(asked->candidate->path, '/');
	return asked->state == PB_ASKED_NOT_PYTHON && asked->candidate->script && name &&
	       !strcmp(name, "/python3");
}

static int warn_left_out(struct probe_run *run, const struct search *search)
{
	for (size_t i = 0; i < search->n; i++) {
		const struct pb_asked *asked = &search->asked[i];
		char text[600];
		if (asked->state == PB_ASKED_USABLE || asked->state == PB_ASKED_TOO_OLD ||
		    asked->state == PB_ASKED_DOUBLE || is_empty_wrapper(asked))
			continue;
		snprintf(text, sizeof text, "left out: %s", asked->problem);
		if (probe_run_add_warning(run, text))
			return -PROBE_ENOMEM;
	}
	return 0;
}

/* Moves the chosen ones into the run. */
static int hand_over(struct probe_run *run, struct search *search)
{
	for (size_t i = 0; i < search->n; i++) {
		struct pb_asked *asked = &search->asked[i];
		if (asked->state != PB_ASKED_USABLE || !asked->chosen)
			continue;
		struct probe_interpreter *added = probe_run_add_interpreter(run);
		if (!added)
			return -PROBE_ENOMEM;
		*added = asked->facts;
		asked->facts = (struct probe_interpreter){0};
	}
	return 0;
}

/* Asks every candidate as it is, without switches. */
static int ask_candidates(struct search *search, struct probe_error *err)
{
	search->n = search->candidates.n;
	search->asked = calloc(search->n + 1, sizeof *search->asked);
	if (!search->asked)
		return out_of_memory(err);
	for (size_t i = 0; i < search->n; i++)
		search->asked[i].candidate = &search->candidates.items[i];
	int rc = pb_interp_ask(search->asked, search->n, search->timeout_s, err);
	if (rc)
		return rc;
	pb_asked_mark_doubles(search->asked, search->n);
	sort_and_number(search);
	return 0;
}

/* Without -i it is every CPython; with "all" also others, and every variant. */
static int search_for(const char *choice, struct search *search, struct probe_error *err)
{
	bool all = choice && !strcmp(choice, "all");
	unsigned kinds = all ? PB_EVERY_PYTHON : PB_CPYTHON;
	int rc = 0;
	if (choice && !all) {
		rc = pb_wishes_parse(choice, &search->wishes, &search->candidates, err);
		kinds = search->wishes.kinds;
	}
	if (!rc && kinds && pb_locate_all(&search->candidates, kinds))
		rc = out_of_memory(err);
	if (!rc)
		rc = ask_candidates(search, err);
	if (!rc)
		rc = ask_variants(search, all || search->wishes.variants, err);
	if (rc)
		return rc;
	if (choice && !all)
		return apply_wishes(search, err);
	for (size_t i = 0; i < search->n; i++)
		search->asked[i].chosen = true;
	return 0;
}

int pb_interp_discover_within(const char *choice, double timeout_s, struct probe_run *run,
			      struct probe_error *err)
{
	struct search search = {.timeout_s = timeout_s};
	size_t before = run->interpreter_count;
	bool named = choice && strcmp(choice, "all");
	int rc = pb_descriptors_check(err);
	if (!rc)
		rc = search_for(choice, &search, err);
	if (!rc && ((!named && warn_left_out(run, &search)) || hand_over(run, &search)))
		rc = out_of_memory(err);
	else if (!rc && run->interpreter_count == before)
		rc = pb_fail(err, PROBE_ENOENT, 0,
			     "no CPython from 3.8 found on PATH, in /usr/bin or in the folders of "
			     "pyenv, uv and conda: name one with -i /path/to/python");
	pb_asked_free(search.asked, search.n);
	pb_wishes_fini(&search.wishes);
	pb_candidates_fini(&search.candidates);
	return rc;
}

int pb_interp_discover(const char *choice, struct probe_run *run, struct probe_error *err)
{
	return pb_interp_discover_within(choice, ANSWER_TIMEOUT_S, run, err);
}
