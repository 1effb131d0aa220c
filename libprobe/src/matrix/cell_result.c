/* SPDX-License-Identifier: MIT
 * From a child's end and its JSON answer to samples, or to a status with a reason.
 */
#include "matrix/cell_result.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "matrix/clean.h"
#include "matrix/spawn.h"

__attribute__((format(printf, 3, 4))) static void set_status(struct pb_cell_result *out,
							     enum probe_cell_status status,
							     const char *fmt, ...)
{
	char text[1024];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	out->status = status;
	pb_clean_line(text, out->reason, sizeof out->reason);
}

static const char *string_at(const json_t *object, const char *key, const char *fallback)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text ? text : fallback;
}

static double number_at(const json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}

static void take_counter(const json_t *counter, struct probe_counter_facts *out)
{
	snprintf(out->kind, sizeof out->kind, "%s", string_at(counter, "kind", ""));
	snprintf(out->unit, sizeof out->unit, "%s", string_at(counter, "unit", "ticks"));
	pb_clean_line(string_at(counter, "why", ""), out->why, sizeof out->why);
	out->hz = number_at(counter, "hz");
	out->granularity_ticks = number_at(counter, "granularity_ticks");
	out->cycles_per_tick = number_at(counter, "cycles_per_tick");
	out->cycles_estimated = json_is_true(json_object_get(counter, "cycles_estimated"));
}

static double tick_at(const json_t *row, size_t i)
{
	const json_t *value = json_array_get(row, i);
	return json_is_number(value) ? json_number_value(value) : (double)NAN;
}

uint64_t pb_json_whole(const json_t *value, uint64_t most)
{
	double number = json_number_value(value);
	return number >= 0 && number <= (double)most ? (uint64_t)number : 0;
}

/* A row is: ticks of each column, stub copy of each column, chain, wide, discarded. */
static bool take_round(const json_t *row, const unsigned *columns, size_t n,
		       struct probe_round *out)
{
	if (json_array_size(row) != 2 * n + 3)
		return false;
	for (size_t i = 0; i < PROBE_COLUMNS; i++)
		out->ticks[i] = (double)NAN;
	for (size_t i = 0; i < n; i++) {
		out->ticks[columns[i]] = tick_at(row, i);
		out->variant[columns[i]] =
			(uint8_t)pb_json_whole(json_array_get(row, n + i), UINT8_MAX);
	}
	out->chain_ticks = tick_at(row, 2 * n);
	out->wide_ticks = tick_at(row, 2 * n + 1);
	out->discarded = json_number_value(json_array_get(row, 2 * n + 2)) != 0;
	return true;
}

/* NULL, or what is wrong with the answer. */
static const char *take_rounds(const json_t *answer, struct pb_cell_result *out)
{
	const json_t *numbers = json_object_get(answer, "columns");
	const json_t *rows = json_object_get(answer, "rounds");
	size_t n = json_array_size(numbers), count = json_array_size(rows);
	unsigned columns[PROBE_COLUMNS];
	if (!n || n > PROBE_COLUMNS || !count)
		return "it holds no rounds";
	for (size_t i = 0; i < n; i++) {
		json_int_t column = json_integer_value(json_array_get(numbers, i));
		if (column < 0 || column >= PROBE_COLUMNS || out->columns & 1u << column)
			return "it names an unknown column, or one twice";
		columns[i] = (unsigned)column;
		out->columns |= 1u << column;
	}
	out->rounds = calloc(count, sizeof *out->rounds);
	if (!out->rounds)
		return "out of memory";
	for (size_t i = 0; i < count; i++)
		if (!take_round(json_array_get(rows, i), columns, n, &out->rounds[i]))
			return "a round has the wrong length";
	out->round_count = count;
	return NULL;
}

/* The bursts before the rounds: lists of one length. NULL, or what is wrong with them. */
static const char *take_warmup(const json_t *warmup, struct pb_cell_result *out)
{
	const json_t *calls = json_object_get(warmup, "calls");
	const json_t *ticks = json_object_get(warmup, "ticks");
	const json_t *contended = json_object_get(warmup, "contended");
	size_t n = json_array_size(calls);
	if (n != json_array_size(ticks) || n != json_array_size(contended))
		return "its warm-up has lists of different lengths";
	if (!n)
		return NULL;
	out->warmup = calloc(n, sizeof *out->warmup);
	if (!out->warmup)
		return "out of memory";
	for (size_t i = 0; i < n; i++) {
		json_int_t made = json_integer_value(json_array_get(calls, i));
		if (made < 1)
			return "its warm-up has a burst of no calls";
		out->warmup[i] = (struct probe_burst){(uint64_t)made, tick_at(ticks, i),
						      json_is_true(json_array_get(contended, i))};
	}
	out->warmup_count = n;
	return NULL;
}

/* [waiting, free], or null. */
static struct probe_alone_samples take_alone(const json_t *pair)
{
	double waiting = tick_at(pair, 0), overlapping = tick_at(pair, 1);
	bool present = isfinite(waiting) && isfinite(overlapping);
	return (struct probe_alone_samples){present, waiting, overlapping};
}

static const char *take_answer(const json_t *answer, struct pb_cell_result *out)
{
	const char *status = string_at(answer, "status", "");
	if (!strcmp(status, "failed")) {
		set_status(out, PROBE_CELL_FAILED, "%s", string_at(answer, "reason", "no reason"));
		return NULL;
	}
	if (!strcmp(status, "inapplicable")) {
		set_status(out, PROBE_CELL_INAPPLICABLE, "%s",
			   string_at(answer, "reason", "no reason"));
		return NULL;
	}
	if (strcmp(status, "ok"))
		return "it has no status";
	take_counter(json_object_get(answer, "counter"), &out->counter);
	if (!(out->counter.hz > 0) || !out->counter.kind[0])
		return "it names no counter";
	json_t *threads = json_object_get(answer, "threads");
	out->threads = json_is_object(threads) ? json_incref(threads) : NULL;
	const char *wrong = out->threads ? NULL : take_rounds(answer, out);
	if (!wrong && !out->threads)
		wrong = take_warmup(json_object_get(answer, "warmup"), out);
	if (wrong)
		return wrong;
	json_t *timeline = json_object_get(answer, "timeline");
	out->timeline = json_is_object(timeline) ? json_incref(timeline) : NULL;
	out->subphases = (unsigned)pb_json_whole(json_object_get(answer, "subphases"), UINT_MAX) &
			 PROBE_MASK_EVERY;
	out->calls_per_round = pb_json_whole(json_object_get(answer, "calls"), 1ull << 53);
	out->alone = take_alone(json_object_get(answer, "alone"));
	out->warnings = json_incref(json_object_get(answer, "warnings"));
	const char *binding = string_at(answer, "binding", "");
	out->binding = *binding ? strdup(binding) : NULL;
	const char *prepared = string_at(answer, "prepared", "");
	out->prepared = *prepared ? strdup(prepared) : NULL;
	out->status = PROBE_CELL_OK;
	return NULL;
}

static void judge_exit(const struct pb_child_outcome *outcome, struct pb_cell_result *out)
{
	char said[300];
	json_error_t at;
	json_t *answer = json_loadb(outcome->result.bytes, outcome->result.length, 0, &at);
	const char *wrong = answer ? take_answer(answer, out) : "";
	json_decref(answer);
	pb_child_last_line(outcome, said, sizeof said);
	if (outcome->exit_code && (wrong || out->status == PROBE_CELL_OK))
		set_status(out, PROBE_CELL_FAILED, "its process ended with exit status %d%s%s",
			   outcome->exit_code, said[0] ? ": " : "", said);
	else if (!outcome->result.length)
		set_status(out, PROBE_CELL_FAILED, "its process ended without an answer%s%s",
			   said[0] ? ": " : "", said);
	else if (!answer)
		set_status(out, PROBE_CELL_FAILED, "its process gave no valid JSON: %s", at.text);
	else if (wrong)
		set_status(out, PROBE_CELL_FAILED,
			   "its process gave an answer that can't be used: "
			   "%s",
			   wrong);
}

void pb_cell_result_take(const struct pb_child_outcome *outcome, double timeout_s,
			 struct pb_cell_result *out)
{
	char why[160];
	*out = (struct pb_cell_result){.status = PROBE_CELL_FAILED};
	switch (outcome->end) {
	case PB_CHILD_EXITED:
		judge_exit(outcome, out);
		break;
	case PB_CHILD_SIGNALLED:
		set_status(out, PROBE_CELL_CRASHED, "killed by signal %d (%s)%s", outcome->signal,
			   strsignal(outcome->signal),
			   outcome->signal == SIGKILL ? "; perhaps memory ran out: see dmesg" : "");
		break;
	case PB_CHILD_TIMEOUT:
		set_status(out, PROBE_CELL_TIMEOUT,
			   "no answer within %g s; if the call is only slow, raise --timeout",
			   timeout_s);
		break;
	case PB_CHILD_NO_START:
		set_status(out, PROBE_CELL_FAILED, "its process can't be started: %s",
			   pb_start_error(outcome->start_errno, why, sizeof why));
		break;
	case PB_CHILD_NOT_RUN:
	case PB_CHILD_CANCELLED:
		set_status(out, PROBE_CELL_PENDING, "interrupted");
		break;
	}
	if (out->status != PROBE_CELL_OK) {
		struct pb_cell_result failed = {.status = out->status};
		memcpy(failed.reason, out->reason, sizeof failed.reason);
		pb_cell_result_fini(out);
		*out = failed;
	}
}

void pb_cell_result_fini(struct pb_cell_result *result)
{
	free(result->rounds);
	free(result->warmup);
	json_decref(result->warnings);
	json_decref(result->timeline);
	json_decref(result->threads);
	free(result->prepared);
	free(result->binding);
	*result = (struct pb_cell_result){.status = PROBE_CELL_PENDING};
}
