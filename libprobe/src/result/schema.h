/* SPDX-License-Identifier: MIT
 * The run model as tables: one row a field, from which writing, reading and releasing all follow,
 * so that a field can't be saved and then forgotten by the loader.
 */
#ifndef PB_SCHEMA_H
#define PB_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>

enum pb_kind {
	PB_CHARS,      /* char[size]; "" = absent */
	PB_TEXT,       /* char *, owned; NULL = absent */
	PB_TEXTS,      /* char **, owned, NULL-terminated; NULL = absent */
	PB_BOOL,       /* bool */
	PB_INT,        /* int */
	PB_UNSIGNED,   /* unsigned */
	PB_U64,        /* uint64_t */
	PB_REAL,       /* double; not finite = absent */
	PB_REAL_0,     /* double; 0 = absent too */
	PB_NAME,       /* an enum, written as its name */
	PB_MASK,       /* unsigned set of sub-phases, written as their names */
	PB_OBJECT,     /* a struct inside the struct */
	PB_OBJECTS,    /* an array of structs inside the struct, its count at count_offset */
	PB_LIST,       /* an owned pointer to structs, its count at count_offset */
	PB_REALS,      /* double[size], their number at count_offset; not finite = absent */
	PB_PART_REALS, /* double[], one for each part of the engine that holds this pass */
};

/* What a real may be: a difference and a phase can come out below nothing, a width can't. */
enum pb_range { PB_ANY, PB_NOT_NEGATIVE };

struct pb_schema;

struct pb_field {
	const char *key; /* NULL ends the table */
	enum pb_kind kind;
	bool required; /* an error when the file has it not */
	size_t offset;
	size_t size; /* PB_CHARS: bytes; PB_OBJECTS, PB_REALS, PB_PART_REALS: elements that fit */
	size_t count_offset;
	const struct pb_schema *of;
	const char *const *names; /* PB_NAME: index = value; NULL ends */
	enum pb_range range;      /* of reals */
	bool lines;               /* PB_TEXT: may have line breaks */
};

/* No figure of a run is greater, and none that is refused for it was measured. */
#define PB_REAL_MOST 1e18

struct pb_schema {
	size_t size; /* of the struct */
	const struct pb_field *fields;
	/* Absent objects are null in the file and all zero in memory; NULL = never absent. */
	bool (*absent)(const void *object);
	void (*loaded)(void *object); /* sets what the file does not hold; may be NULL */
	/* The key of a value that was read and can't be a time, being below nothing; NULL = none.
	 * The parent is what holds the object. May be NULL. */
	const char *(*wrong)(const void *object, const void *parent);
};

extern const struct pb_schema pb_schema_run;
extern const char *const pb_cell_status_names[];
extern const char *const pb_state_names[];

/* Releases what the object owns; not the object. */
void pb_schema_fini(const struct pb_schema *schema, void *object);

#endif
