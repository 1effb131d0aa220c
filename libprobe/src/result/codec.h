/* SPDX-License-Identifier: MIT
 * From the model to JSON values and back, by the tables of schema.h.
 */
#ifndef PB_CODEC_H
#define PB_CODEC_H

#include <jansson.h>

#include "probe/error.h"
#include "result/schema.h"

/* Returns a new reference; NULL when out of memory. parent: the object that holds this one. */
json_t *pb_encode(const struct pb_schema *schema, const void *object, const void *parent);

/* Fills the zeroed object from json. where: how a message calls it, such as "run.json: probe".
 * On failure the object holds what was read so far; release it by pb_schema_fini().
 * Returns 0, -PROBE_EFORMAT, -PROBE_ENOMEM. */
int pb_decode(const struct pb_schema *schema, const json_t *json, void *object, const char *where,
	      struct probe_error *err);

/* A JSON string of any bytes: what is not UTF-8 is replaced by '?', as a child's words or a path
 * must never make a run unsaveable. NULL text becomes null. New reference; NULL: out of memory. */
json_t *pb_json_text(const char *text);
/* null when number is not finite. New reference; NULL: out of memory. */
json_t *pb_json_real(double number);
/* An integer, or a decimal string where it is past JSON's signed 64 bits. */
json_t *pb_json_u64(unsigned long long number);

#endif
