/* SPDX-License-Identifier: MIT
 * The samples as the JSON that a cell's process answers with.
 */
#include <math.h>
#include <stdlib.h>

#include "base/buf.h"
#include "portable/portable.h"
#include "sys/reference.h"

/* Texts of libprobe are one line of printable characters. */
static void add_text(struct pb_buf *out, const char *key, const char *text)
{
	pb_buf_printf(out, "\"%s\":\"", key);
	for (const char *c = text; *c; c++) {
		if (*c == '"' || *c == '\\')
			pb_buf_puts(out, "\\");
		pb_buf_add(out, c, 1);
	}
	pb_buf_puts(out, "\",");
}

static void add_number(struct pb_buf *out, double value)
{
	if (isfinite(value))
		pb_buf_printf(out, "%.17g,", value);
	else
		pb_buf_puts(out, "null,");
}

/* The comma after the last item gives way to what ends the list. */
static void end(struct pb_buf *out, char bracket)
{
	if (out->data && out->data[out->len - 1] == ',')
		out->data[out->len - 1] = bracket;
	else
		pb_buf_add(out, &bracket, 1);
}

static void add_counter(struct pb_buf *out, struct probe_counter *counter)
{
	const struct probe_counter_facts *f = probe_counter_facts(counter);
	bool told = f->cycles_per_tick > 0;
	pb_buf_puts(out, "\"counter\":{");
	add_text(out, "kind", f->kind);
	add_text(out, "unit", f->unit);
	add_text(out, "why", f->why);
	pb_buf_puts(out, "\"hz\":");
	add_number(out, f->hz);
	pb_buf_puts(out, "\"granularity_ticks\":");
	add_number(out, f->granularity_ticks);
	pb_buf_puts(out, "\"cycles_per_tick\":");
	add_number(out, told ? f->cycles_per_tick : pb_reference_cycles_per_tick(counter));
	pb_buf_printf(out, "\"cycles_estimated\":%s},",
		      told && !f->cycles_estimated ? "false" : "true");
}

static void add_round(struct pb_buf *out, const struct probe_round *round, unsigned rungs)
{
	pb_buf_puts(out, "[");
	for (unsigned c = 0; c < PROBE_COLUMNS; c++)
		if (rungs & 1u << c)
			add_number(out, round->ticks[c]);
	for (unsigned c = 0; c < PROBE_COLUMNS; c++)
		if (rungs & 1u << c)
			add_number(out, round->variant[c]);
	add_number(out, round->chain_ticks);
	add_number(out, round->wide_ticks);
	add_number(out, round->discarded);
	end(out, ']');
	pb_buf_puts(out, ",");
}

/* As lists of one length. */
static void add_warmup(struct pb_buf *out, const struct probe_process_samples *s)
{
	pb_buf_puts(out, "\"warmup\":{\"calls\":[");
	for (size_t i = 0; i < s->warmup_count; i++)
		pb_buf_printf(out, "%llu,", (unsigned long long)s->warmup[i].calls);
	end(out, ']');
	pb_buf_puts(out, ",\"ticks\":[");
	for (size_t i = 0; i < s->warmup_count; i++)
		add_number(out, s->warmup[i].ticks);
	end(out, ']');
	pb_buf_puts(out, ",\"contended\":[");
	for (size_t i = 0; i < s->warmup_count; i++)
		pb_buf_puts(out, s->warmup[i].contended ? "true," : "false,");
	end(out, ']');
	pb_buf_puts(out, "}");
}

const char *pb_portable_answer(struct pb_portable *p)
{
	const struct probe_process_samples *s = &p->samples;
	struct pb_buf out = {0};
	pb_buf_puts(&out, "{");
	add_counter(&out, p->counter);
	pb_buf_puts(&out, "\"columns\":[");
	for (unsigned c = 0; c < PROBE_COLUMNS; c++)
		if (s->rungs & 1u << c)
			pb_buf_printf(&out, "%u,", c);
	end(&out, ']');
	pb_buf_puts(&out, ",\"rounds\":[");
	for (size_t i = 0; i < s->round_count; i++)
		add_round(&out, &s->rounds[i], s->rungs);
	end(&out, ']');
	pb_buf_puts(&out, ",");
	add_warmup(&out, s);
	pb_buf_printf(&out, ",\"subphases\":%u,\"calls\":%llu,\"compiling\":%s}", s->subphases,
		      (unsigned long long)s->calls_per_round, p->compiling ? "true" : "false");
	free(p->answer);
	p->answer = out.oom ? NULL : out.data;
	if (out.oom)
		pb_buf_fini(&out);
	return p->answer;
}
