/* SPDX-License-Identifier: MIT
 * From JSON values to the model, by the tables of schema.h; a message names the place.
 */
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/visible.h"
#include "probe/phase.h"
#include "result/codec.h"

/* The way to a value, for messages: "probe", then .cells, then [3], ... */
struct place {
	const struct place *up;
	const char *name; /* NULL: an element of a list */
	size_t index;
};

static int object_from(const struct pb_schema *schema, const json_t *json, void *object,
		       const void *parent, const struct place *place, struct probe_error *err);

static void spell(const struct place *place, char *buf, size_t size)
{
	size_t len;

	if (place->up)
		spell(place->up, buf, size);
	len = strlen(buf);
	if (!place->name)
		snprintf(buf + len, size - len, "[%zu]", place->index);
	else
		snprintf(buf + len, size - len, "%s%s", place->up ? "." : "", place->name);
}

static int wrong(const struct place *place, const char *wanted, struct probe_error *err)
{
	char name[300] = "";

	spell(place, name, sizeof name);
	return pb_fail(err, PROBE_EFORMAT, 0,
		       "%s should be %s: the file was damaged or edited; measure again", name,
		       wanted);
}

static int nomem(struct probe_error *err)
{
	return pb_fail(err, PROBE_ENOMEM, 0, "can't load the run: out of memory");
}

/* Text is made harmless here, where it comes in, so that no writer has to think of it. What is one
 * line has blanks for its breaks, as tables would have them. */
static int text_from(const json_t *json, bool keep_lines, char **out, const struct place *place,
		     struct probe_error *err)
{
	struct pb_buf text = {0};

	if (!json_is_string(json))
		return wrong(place, "a string", err);
	pb_buf_add(&text, "", 0);
	pb_buf_visible(&text, json_string_value(json), true);
	for (char *c = text.data; !keep_lines && c && *c; c++)
		if (*c == '\n' || *c == '\t')
			*c = ' ';
	if (text.oom) {
		pb_buf_fini(&text);
		return nomem(err);
	}
	*out = text.data;
	return 0;
}

static int texts_from(const json_t *json, char ***out, const struct place *place,
		      struct probe_error *err)
{
	size_t count = json_array_size(json);
	int rc = 0;

	if (!json_is_array(json))
		return wrong(place, "a list of strings", err);
	*out = calloc(count + 1, sizeof **out);
	if (!*out)
		return nomem(err);
	for (size_t i = 0; i < count && !rc; i++) {
		struct place here = {place, NULL, i};

		rc = text_from(json_array_get(json, i), false, &(*out)[i], &here, err);
	}
	return rc;
}

static int chars_from(const json_t *json, char *out, size_t size, const struct place *place,
		      struct probe_error *err)
{
	char *text = NULL;
	int rc = text_from(json, false, &text, place, err);

	if (!rc && strlen(text) >= size)
		rc = wrong(place, "a short string", err);
	if (!rc)
		strcpy(out, text);
	free(text);
	return rc;
}

static int u64_from(const json_t *json, uint64_t *out, const struct place *place,
		    struct probe_error *err)
{
	const char *digits = json_string_value(json);
	char *end;

	if (json_is_integer(json) && json_integer_value(json) >= 0) {
		*out = (uint64_t)json_integer_value(json);
		return 0;
	}
	if (!digits || *digits < '0' || *digits > '9')
		return wrong(place, "a whole number, not negative", err);
	errno = 0;
	*out = strtoull(digits, &end, 10);
	return errno || *end ? wrong(place, "a whole number, not negative", err) : 0;
}

static int whole_from(const json_t *json, long long min, long long max, long long *out,
		      const struct place *place, struct probe_error *err)
{
	*out = json_integer_value(json);
	if (!json_is_integer(json) || *out < min || *out > max)
		return wrong(place, min ? "a whole number" : "a whole number, not negative", err);
	return 0;
}

static int name_from(const json_t *json, const char *const *names, unsigned *out,
		     const struct place *place, struct probe_error *err)
{
	const char *name = json_string_value(json);

	for (unsigned i = 0; name && names[i]; i++) {
		if (!strcmp(names[i], name)) {
			*out = i;
			return 0;
		}
	}
	return wrong(place, "one of its known names", err);
}

static int mask_from(const json_t *json, unsigned *out, const struct place *place,
		     struct probe_error *err)
{
	unsigned mask = 0;

	for (size_t i = 0; i < json_array_size(json); i++) {
		const char *name = json_string_value(json_array_get(json, i));
		unsigned sub = 0;

		while (name && sub < PROBE_SUB_COUNT && strcmp(probe_subphase_name(sub), name))
			sub++;
		if (!name || sub == PROBE_SUB_COUNT)
			return wrong(place, "a list of sub-phases", err);
		mask |= PROBE_BIT(sub);
	}
	if (!mask)
		return wrong(place, "a list of sub-phases", err);
	*out = mask;
	return 0;
}

/* Array elements that can be absent must not shift their neighbours: null leaves zeroes. */
static int objects_from(const struct pb_schema *of, const json_t *json, char *first, size_t fit,
			size_t *count, const void *parent, const struct place *place,
			struct probe_error *err)
{
	size_t n = json_array_size(json);
	int rc = 0;

	if (!json_is_array(json) || n > fit)
		return wrong(place, "a list", err);
	for (size_t i = 0; i < n && !rc; i++) {
		struct place here = {place, NULL, i};

		*count = i + 1;
		rc = object_from(of, json_array_get(json, i), first + i * of->size, parent, &here,
				 err);
	}
	return rc;
}

static int list_from(const struct pb_field *f, const json_t *json, void **out, size_t *count,
		     const void *parent, const struct place *place, struct probe_error *err)
{
	size_t n = json_array_size(json);

	if (!json_is_array(json))
		return wrong(place, "a list", err);
	if (!n)
		return 0;
	*out = calloc(n, f->of->size);
	if (!*out)
		return nomem(err);
	return objects_from(f->of, json, *out, n, count, parent, place, err);
}

/* jansson lets no infinity and no NaN through; what is left to refuse is out of any range. */
static int real_from(const struct pb_field *f, const json_t *json, double *out,
		     const struct place *place, struct probe_error *err)
{
	double number = json_number_value(json);

	if (!json_is_number(json))
		return wrong(place, "a number or null", err);
	if (f->range == PB_NOT_NEGATIVE && number < 0)
		return wrong(place, "a number, not negative", err);
	if (!(fabs(number) <= PB_REAL_MOST))
		return wrong(place, "a number that can have been measured", err);
	*out = number;
	return 0;
}

static int reals_from(const struct pb_field *f, const json_t *json, double *out, size_t count,
		      const struct place *place, struct probe_error *err)
{
	int rc = 0;

	if (json_array_size(json) != count || count > f->size)
		return wrong(place, "a list of one number for each part", err);
	for (size_t i = 0; i < f->size && !rc; i++) {
		const json_t *item = json_array_get(json, i);
		struct place here = {place, NULL, i};

		out[i] = NAN;
		if (item && !json_is_null(item))
			rc = real_from(f, item, &out[i], &here, err);
	}
	return rc;
}

static int field_from(const struct pb_field *f, const json_t *json, void *object,
		      const void *parent, const struct place *place, struct probe_error *err)
{
	char *at = (char *)object + f->offset;
	size_t *count = (size_t *)(void *)((char *)object + f->count_offset);
	long long whole = 0;
	int rc = 0;

	if (!json || json_is_null(json)) {
		if (f->required)
			return wrong(place, "there", err);
		if (f->kind == PB_REAL)
			*(double *)(void *)at = NAN;
		if (f->kind == PB_PART_REALS)
			return reals_from(f, json, (double *)(void *)at, 0, place, err);
		return 0;
	}
	switch (f->kind) {
	case PB_CHARS:
		return chars_from(json, at, f->size, place, err);
	case PB_TEXT:
		return text_from(json, f->lines, (char **)(void *)at, place, err);
	case PB_TEXTS:
		return texts_from(json, (char ***)(void *)at, place, err);
	case PB_BOOL:
		if (!json_is_boolean(json))
			return wrong(place, "true or false", err);
		*(bool *)at = json_is_true(json);
		return 0;
	case PB_INT:
		rc = whole_from(json, INT_MIN, INT_MAX, &whole, place, err);
		if (!rc)
			*(int *)(void *)at = (int)whole;
		return rc;
	case PB_UNSIGNED:
		rc = whole_from(json, 0, UINT_MAX, &whole, place, err);
		if (!rc)
			*(unsigned *)(void *)at = (unsigned)whole;
		return rc;
	case PB_U64:
		return u64_from(json, (uint64_t *)(void *)at, place, err);
	case PB_REAL:
	case PB_REAL_0:
		return real_from(f, json, (double *)(void *)at, place, err);
	case PB_NAME:
		return name_from(json, f->names, (unsigned *)(void *)at, place, err);
	case PB_MASK:
		return mask_from(json, (unsigned *)(void *)at, place, err);
	case PB_OBJECT:
		return object_from(f->of, json, at, object, place, err);
	case PB_OBJECTS:
		return objects_from(f->of, json, at, f->size, count, object, place, err);
	case PB_LIST:
		return list_from(f, json, (void **)(void *)at, count, object, place, err);
	case PB_REALS:
		/* Lists that share a count are as long as each other. */
		if (!json_is_array(json) || (*count && *count != json_array_size(json)))
			return wrong(place, "a list of numbers as long as those beside it", err);
		*count = json_array_size(json);
		return reals_from(f, json, (double *)(void *)at, *count, place, err);
	case PB_PART_REALS:
		return reals_from(
			f, json, (double *)(void *)at,
			*(const size_t *)(const void *)((const char *)parent + f->count_offset),
			place, err);
	}
	return 0;
}

static int object_from(const struct pb_schema *schema, const json_t *json, void *object,
		       const void *parent, const struct place *place, struct probe_error *err)
{
	int rc = 0;

	if (json_is_null(json) && schema->absent)
		return 0;
	if (!json_is_object(json))
		return wrong(place, "an object", err);
	for (const struct pb_field *f = schema->fields; f->key && !rc; f++) {
		struct place here = {place, f->key, 0};

		rc = field_from(f, json_object_get(json, f->key), object, parent, &here, err);
	}
	if (!rc && schema->loaded)
		schema->loaded(object);
	const char *key = !rc && schema->wrong ? schema->wrong(object, parent) : NULL;
	if (key) {
		struct place here = {place, key, 0};

		rc = wrong(&here, "a number, not negative", err);
	}
	return rc;
}

int pb_decode(const struct pb_schema *schema, const json_t *json, void *object, const char *where,
	      struct probe_error *err)
{
	struct place place = {NULL, where, 0};

	return object_from(schema, json, object, NULL, &place, err);
}
