/* SPDX-License-Identifier: MIT
 * What the extension module has beyond the measuring core when it is part of the package `probe`:
 * the analysis and the run file, so that the package prints the figures that the command prints.
 *
 * analyse.c   samples -> figures -> the run file's JSON; loading and saving it
 * view.c      a run as figures in nanoseconds, ready to be laid out
 * view_summary.c its verdicts, in words and at a glance
 * doctor.c    the counter and the machine
 * watch.c     every call counted while a block runs; watch_slots.c, watch_rows.c
 *
 * A run passes between C and Python as the text of its run file's section: no object of its own
 * has to be kept alive, and every function here is pure but for the files that it names.
 */
#ifndef PB_PACKAGE_H
#define PB_PACKAGE_H

#include "py/py.h"

#include <jansson.h>

#include "probe/figures.h"
#include "probe/run.h"

/* Py_mod_exec: adds this folder's functions to the module. */
int pb_package_exec(PyObject *module);

/* Sets the exception of probe's own tree that stands for err's code; returns NULL. */
PyObject *pb_package_fail(const struct probe_error *err);

/* A run from the text of its section; NULL with an exception. Release with probe_run_free(). */
struct probe_run *pb_package_run(const char *text);
/* Its text; a new reference, or NULL with an exception. */
PyObject *pb_package_text(const struct probe_run *run);
/* A JSON value as a str; takes the reference. NULL (also for NULL) with an exception. */
PyObject *pb_package_json(json_t *value);
/* The verdicts of a run in words, those that no summary stands for (told), the rows of the summary
 * and what changed between builds; a new object. */
json_t *pb_view_answers(const struct probe_run *run, const struct probe_scale *scale);

PyObject *pb_py_analyse(PyObject *module, PyObject *args);
PyObject *pb_py_load(PyObject *module, PyObject *args);
PyObject *pb_py_save(PyObject *module, PyObject *args);
PyObject *pb_py_quiet_ratio(PyObject *module, PyObject *ignored);
PyObject *pb_py_view(PyObject *module, PyObject *args);
PyObject *pb_py_export(PyObject *module, PyObject *args);
PyObject *pb_py_doctor(PyObject *module, PyObject *args);
PyObject *pb_py_watch_begin(PyObject *module, PyObject *args);
PyObject *pb_py_watch_now(PyObject *module, PyObject *ignored);
PyObject *pb_py_watch_end(PyObject *module, PyObject *args);
PyObject *pb_py_claim(PyObject *module, PyObject *ignored);
PyObject *pb_py_release(PyObject *module, PyObject *ignored);

#endif
