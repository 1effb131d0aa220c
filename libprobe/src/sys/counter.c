/* SPDX-License-Identifier: MIT
 * Opening the best counter there is, and reading it.
 */
#include "sys/counter.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "sys/arch.h"
#include "sys/reference.h"

enum kind { KIND_RDPMC, KIND_READ, KIND_TSC };

static const struct {
	const char *name, *unit, *summary;
} kinds[PROBE_COUNTER_KINDS] = {
	[KIND_RDPMC] = {"cycles-rdpmc", "core cycles", "core cycles, read in user space"},
	[KIND_READ] = {"cycles-read", "core cycles", "core cycles, by a system call per reading"},
	[KIND_TSC] = {"tsc", PB_ARCH_TICKS_UNIT, "reference cycles at a constant rate"},
};

struct probe_counter {
	struct pb_pmu_ops ops;
	enum kind kind;
	struct pb_pmu_event cycles, instructions; /* fd -1 where not open */
	struct probe_counter_facts facts;
	double overhead_ticks;
	uint64_t fallbacks;
};

/* Opens the events for the best kind at or below `best`. Returns the kind; *reason says why not a
 * better one ("" when it's the best). */
static enum kind open_events(struct probe_counter *c, enum kind best, struct pb_pmu_reason *reason)
{
	*reason = (struct pb_pmu_reason){0};
	if (best == KIND_TSC || pb_pmu_open(&c->ops, &c->cycles, &c->instructions, reason))
		return KIND_TSC;
	/* With the event on the PMU, index 0 means that user space may not read it. */
	if (pb_pmu_page_readable(c->cycles.page) && c->cycles.page->index)
		return KIND_RDPMC;
	pb_pmu_explain_page(&c->ops, &c->cycles, reason);
	return KIND_READ;
}

static int kind_of(const char *want)
{
	for (int i = 0; i < PROBE_COUNTER_KINDS; i++)
		if (!strcmp(want, kinds[i].name))
			return i;
	return -1;
}

static void fill_facts(struct probe_counter *c, bool asked, const struct pb_pmu_reason *reason)
{
	struct probe_counter_facts *f = &c->facts;
	struct pb_counter_measured measured;

	snprintf(f->kind, sizeof f->kind, "%s", kinds[c->kind].name);
	snprintf(f->unit, sizeof f->unit, "%s", kinds[c->kind].unit);
	if (c->kind == KIND_RDPMC)
		snprintf(f->why, sizeof f->why, "the best there is: %s", kinds[c->kind].summary);
	else if (asked)
		snprintf(f->why, sizeof f->why, "asked for: %s", kinds[c->kind].summary);
	else
		snprintf(f->why, sizeof f->why, "%s", reason->why);

	pb_counter_measure(c, c->kind != KIND_TSC, &measured);
	f->hz = measured.hz;
	f->granularity_ticks = measured.granularity_ticks;
	c->overhead_ticks = measured.overhead_ticks;
	f->cycles_estimated = c->kind == KIND_TSC;
	f->cycles_per_tick = c->kind == KIND_TSC ? pb_reference_cycles_per_tick(c) : 1;
}

int pb_counter_open_with(struct probe_counter **out, const char *want, const struct pb_pmu_ops *ops,
			 struct probe_error *err)
{
	struct pb_pmu_reason reason;
	int wanted = want ? kind_of(want) : KIND_RDPMC;
	if (wanted < 0)
		return pb_fail(err, PROBE_EINVAL, 0,
			       "unknown counter '%s': choose cycles-rdpmc, cycles-read or tsc",
			       want);
	struct probe_counter *c = calloc(1, sizeof *c);
	if (!c)
		return pb_fail(err, PROBE_ENOMEM, 0, "no memory for a counter");
	c->ops = *ops;
	c->cycles.fd = c->instructions.fd = -1;

	enum kind got = open_events(c, (enum kind)wanted, &reason);
	if (want && got > (enum kind)wanted) {
		probe_counter_close(c);
		return pb_fail(err, reason.code, 0, "counter %s is unavailable: %s%s%s", want,
			       reason.why, reason.fix[0] ? "; " : "", reason.fix);
	}
	/* cycles-read can be asked for where user-space reads would do. */
	c->kind = want ? (enum kind)wanted : got;
	fill_facts(c, want != NULL, &reason);
	*out = c;
	return 0;
}

int probe_counter_open(struct probe_counter **out, const char *want, struct probe_error *err)
{
	return pb_counter_open_with(out, want, &pb_pmu_linux, err);
}

void probe_counter_close(struct probe_counter *c)
{
	if (!c)
		return;
	pb_pmu_close(&c->ops, &c->instructions);
	pb_pmu_close(&c->ops, &c->cycles);
	free(c);
}

static int read_event(struct probe_counter *c, const struct pb_pmu_event *event,
		      struct probe_reading *out)
{
	if (c->kind == KIND_RDPMC && event->page) {
		if (pb_pmu_page_read(&c->ops, event->page, out))
			return 0;
		c->fallbacks++;
	}
	return pb_pmu_fd_read(&c->ops, event->fd, out);
}

int probe_counter_read(struct probe_counter *c, struct probe_reading *out)
{
	if (c->kind != KIND_TSC)
		return read_event(c, &c->cycles, out);
	*out = (struct probe_reading){.value = c->ops.ticks(c->ops.ctx), .state = PROBE_EXACT};
	return 0;
}

int probe_counter_read_instructions(struct probe_counter *c, struct probe_reading *out)
{
	if (c->instructions.fd >= 0)
		return read_event(c, &c->instructions, out);
	*out = (struct probe_reading){.state = PROBE_ABSENT};
	return -PROBE_ENOEVENT;
}

struct probe_delta probe_reading_delta(const struct probe_reading *begin,
				       const struct probe_reading *end)
{
	struct probe_delta d = {.ticks = NAN, .state = PROBE_ABSENT};
	if (begin->state == PROBE_ABSENT || end->state == PROBE_ABSENT)
		return d;
	d.enabled_ns = end->enabled_ns - begin->enabled_ns;
	d.running_ns = end->running_ns - begin->running_ns;
	double raw = (double)(int64_t)(end->value - begin->value);
	if (d.enabled_ns == d.running_ns) {
		d.state = PROBE_EXACT;
		d.ticks = raw;
	} else if (d.running_ns) {
		d.state = PROBE_SCALED;
		d.ticks = raw * ((double)d.enabled_ns / (double)d.running_ns);
	}
	return d;
}

const struct probe_counter_facts *probe_counter_facts(const struct probe_counter *c)
{
	return &c->facts;
}

double pb_counter_overhead_ticks(const struct probe_counter *c)
{
	return c->overhead_ticks;
}

uint64_t pb_counter_fallbacks(const struct probe_counter *c)
{
	return c->fallbacks;
}

enum pb_thunk_source pb_counter_thunk_kind(const struct probe_counter *c,
					   struct pb_thunk_counter *out)
{
	*out = (struct pb_thunk_counter){.source = PB_THUNK_TSC, .width_bits = 64};
	if (c->kind != KIND_RDPMC)
		return out->source;
	const volatile struct perf_event_mmap_page *page = c->cycles.page;
	uint32_t seq = page->lock, index = page->index;
	if (!pb_pmu_page_readable(page) || !index || seq & 1u || page->lock != seq)
		return out->source;
	*out = (struct pb_thunk_counter){
		.source = PB_THUNK_RDPMC,
		.rdpmc_index = index - 1,
		.width_bits = page->pmc_width,
		.lock = &page->lock,
		.lock_value = seq,
	};
	return out->source;
}

int pb_counter_list_with(const struct pb_pmu_ops *ops, struct probe_counter_option *out,
			 int capacity)
{
	struct probe_counter c = {.ops = *ops, .cycles.fd = -1, .instructions.fd = -1};
	struct pb_pmu_reason reason;
	enum kind got = open_events(&c, KIND_RDPMC, &reason);
	int n = capacity < PROBE_COUNTER_KINDS ? capacity : PROBE_COUNTER_KINDS;

	for (int i = 0; i < n; i++) {
		struct probe_counter_option *o = &out[i];
		memset(o, 0, sizeof *o);
		o->available = i >= (int)got;
		snprintf(o->kind, sizeof o->kind, "%s", kinds[i].name);
		snprintf(o->unit, sizeof o->unit, "%s", kinds[i].unit);
		snprintf(o->why, sizeof o->why, "%s", o->available ? kinds[i].summary : reason.why);
		snprintf(o->fix, sizeof o->fix, "%s", o->available ? "" : reason.fix);
	}
	pb_pmu_close(ops, &c.instructions);
	pb_pmu_close(ops, &c.cycles);
	return n < 0 ? 0 : n;
}

int probe_counter_list(struct probe_counter_option *out, int capacity)
{
	return pb_counter_list_with(&pb_pmu_linux, out, capacity);
}
