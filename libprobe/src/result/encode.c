/* SPDX-License-Identifier: MIT
 * From the model to JSON values, by the tables of schema.h.
 */
#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "probe/phase.h"
#include "result/codec.h"

/* Bytes of the UTF-8 sequence that begins at s, 0 where s is not one. */
static size_t utf8_length(const unsigned char *s)
{
	unsigned code;
	size_t n;

	if (s[0] < 0x80)
		return 1;
	if (s[0] >= 0xc2 && s[0] < 0xe0) {
		n = 2;
		code = s[0] & 0x1fu;
	} else if (s[0] >= 0xe0 && s[0] < 0xf0) {
		n = 3;
		code = s[0] & 0x0fu;
	} else if (s[0] >= 0xf0 && s[0] < 0xf5) {
		n = 4;
		code = s[0] & 0x07u;
	} else {
		return 0;
	}
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (s[i] & 0x3fu);
	}
	if ((n == 3 && code < 0x800) || (n == 4 && code < 0x10000) || code > 0x10ffff ||
	    (code >= 0xd800 && code < 0xe000))
		return 0;
	return n;
}

json_t *pb_json_text(const char *text)
{
	json_t *string = NULL;
	char *copy;

	if (!text)
		return json_null();
	copy = strdup(text);
	if (!copy)
		return NULL;
	for (unsigned char *s = (unsigned char *)copy; *s;) {
		size_t n = utf8_length(s);

		if (!n)
			*s = '?';
		s += n ? n : 1;
	}
	string = json_string(copy);
	free(copy);
	return string;
}

json_t *pb_json_real(double number)
{
	return isfinite(number) ? json_real(number) : json_null();
}

json_t *pb_json_u64(unsigned long long number)
{
	char digits[24];

	if (number <= INT64_MAX)
		return json_integer((json_int_t)number);
	snprintf(digits, sizeof digits, "%llu", number);
	return json_string(digits);
}

static json_t *encode_texts(char *const *texts)
{
	json_t *list;

	if (!texts)
		return json_null();
	list = json_array();
	for (; list && *texts; texts++) {
		if (json_array_append_new(list, pb_json_text(*texts))) {
			json_decref(list);
			list = NULL;
		}
	}
	return list;
}

static json_t *encode_mask(unsigned mask)
{
	json_t *list = json_array();

	for (unsigned sub = 0; list && sub < PROBE_SUB_COUNT; sub++) {
		if (!(mask & PROBE_BIT(sub)))
			continue;
		if (json_array_append_new(list, json_string(probe_subphase_name(sub)))) {
			json_decref(list);
			list = NULL;
		}
	}
	return list;
}

static json_t *encode_objects(const struct pb_schema *of, const char *first, size_t count,
			      const void *parent)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < count; i++) {
		if (json_array_append_new(list, pb_encode(of, first + i * of->size, parent))) {
			json_decref(list);
			list = NULL;
		}
	}
	return list;
}

static json_t *encode_reals(const double *reals, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < count; i++) {
		if (json_array_append_new(list, pb_json_real(reals[i]))) {
			json_decref(list);
			list = NULL;
		}
	}
	return list;
}

static json_t *encode_field(const struct pb_field *f, const void *object, const void *parent)
{
	const char *at = (const char *)object + f->offset;
	size_t count = 0;
	double real;

	if (f->kind == PB_OBJECTS || f->kind == PB_LIST || f->kind == PB_REALS)
		count = *(const size_t *)((const char *)object + f->count_offset);
	else if (f->kind == PB_PART_REALS)
		count = *(const size_t *)((const char *)parent + f->count_offset);

	switch (f->kind) {
	case PB_CHARS:
		return *at ? pb_json_text(at) : json_null();
	case PB_TEXT:
		return pb_json_text(*(char *const *)at);
	case PB_TEXTS:
		return encode_texts(*(char *const *const *)at);
	case PB_BOOL:
		return json_boolean(*(const bool *)at);
	case PB_INT:
		return json_integer(*(const int *)at);
	case PB_UNSIGNED:
		return json_integer(*(const unsigned *)at);
	case PB_U64:
		return pb_json_u64(*(const uint64_t *)at);
	case PB_REAL:
		return pb_json_real(*(const double *)at);
	case PB_REAL_0:
		real = *(const double *)at;
		return real < 0 || real > 0 ? pb_json_real(real) : json_null();
	case PB_NAME:
		return json_string(f->names[*(const unsigned *)at]);
	case PB_MASK:
		return encode_mask(*(const unsigned *)at);
	case PB_OBJECT:
		return pb_encode(f->of, at, object);
	case PB_OBJECTS:
		return encode_objects(f->of, at, count, object);
	case PB_LIST:
		return encode_objects(f->of, *(char *const *)at, count, object);
	case PB_REALS:
	case PB_PART_REALS:
		return encode_reals((const double *)at, count);
	}
	return NULL;
}

json_t *pb_encode(const struct pb_schema *schema, const void *object, const void *parent)
{
	json_t *json;

	if (schema->absent && schema->absent(object))
		return json_null();
	json = json_object();
	for (const struct pb_field *f = schema->fields; json && f->key; f++) {
		if (json_object_set_new(json, f->key, encode_field(f, object, parent))) {
			json_decref(json);
			json = NULL;
		}
	}
	return json;
}
