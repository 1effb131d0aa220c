/* SPDX-License-Identifier: MIT
 * Timelines as speedscope's JSON: one evented profile for a cell's median and one for its 99th
 * percentile, frames coloured by phase.
 */
#include <string.h>

#include "export/export.h"
#include "export/trace.h"

#define SCHEMA "https://www.speedscope.app/file-format-schema.json"

/* The index of a frame, added where it is new. speedscope colours by "file", here the phase. */
static json_int_t frame_of(struct pb_trace *trace, json_t *frames, const char *name,
			   const char *phase)
{
	size_t i;
	json_t *frame;

	json_array_foreach(frames, i, frame)
	{
		const char *known = json_string_value(json_object_get(frame, "name"));
		const char *file = json_string_value(json_object_get(frame, "file"));

		if (known && file && !strcmp(known, name) && !strcmp(file, phase))
			return (json_int_t)i;
	}
	pb_trace_append(trace, frames, json_pack("{s:s, s:s}", "name", name, "file", phase));
	return (json_int_t)json_array_size(frames) - 1;
}

static void add_event(struct pb_trace *trace, json_t *events, const char *type, json_int_t frame,
		      double at_ns)
{
	pb_trace_append(
		trace, events,
		json_pack("{s:s, s:I, s:o}", "type", type, "frame", frame, "at", json_real(at_ns)));
}

static json_t *profile(struct pb_trace *trace, const struct pb_trace_call *call, json_t *frames)
{
	const struct probe_cell *cell = call->cell;
	const json_int_t whole = frame_of(trace, frames, cell->path, "call");
	json_t *events = json_array();
	char name[96];

	add_event(trace, events, "O", whole, 0);
	for (size_t i = 0; i < call->slice_count; i++) {
		const struct pb_trace_slice *s = &call->slices[i];
		json_int_t frame;

		probe_part_name(s->dist->mask & ~PROBE_MASK_CALLBACK, name, sizeof name);
		frame = frame_of(trace, frames, name, pb_trace_phase(s));
		add_event(trace, events, "O", frame, s->start_ns);
		/* To the bit where the next one begins: readers reject what runs backwards. */
		add_event(trace, events, "C", frame,
			  i + 1 < call->slice_count ? s[1].start_ns : call->length_ns);
	}
	add_event(trace, events, "C", whole, call->length_ns);
	return json_pack("{s:s, s:o, s:s, s:o, s:o, s:o}", "type", "evented", "name",
			 json_sprintf("%s/%s/%s: %s of each stretch (no raw events)",
				      cell->workload, cell->path, cell->interpreter,
				      call->quantile),
			 "unit", "nanoseconds", "startValue", json_real(0), "endValue",
			 json_real(call->length_ns), "events", events);
}

int pb_export_speedscope(const struct probe_run *run, const struct probe_sink *sink,
			 struct probe_error *err)
{
	struct pb_trace trace;
	int rc = pb_trace_make(run, &trace, err);
	json_t *frames, *profiles, *root;

	if (rc)
		return rc;
	frames = json_array();
	profiles = json_array();
	for (size_t i = 0; i < trace.count; i++)
		pb_trace_append(&trace, profiles, profile(&trace, &trace.calls[i], frames));
	root = json_pack("{s:s, s:o, s:o, s:i, s:{s:o}, s:o}", "$schema", SCHEMA, "exporter",
			 json_sprintf("probe %s", run->probe_version), "name",
			 json_sprintf("probe run of %s. %s", run->started, PB_TRACE_NOTE),
			 "activeProfileIndex", 0, "shared", "frames", frames, "profiles", profiles);
	return pb_trace_finish(&trace, root, sink, err);
}
