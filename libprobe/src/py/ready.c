/* SPDX-License-Identifier: MIT
 * What a stub of the entry returns. The result of a real call won't do: while it lives, its
 * function may find no free cursor, proxy or buffer to use again, and every other call costs more.
 */
#include "py/py.h"

#include <marshal.h>

#define DEEPEST       4
#define MOST_ITEMS    1000
#define MOST_BYTES    (1 << 20)
#define PLAIN_VERSION 2 /* of marshal: floats as bytes, nothing shared */

static bool is_plain(PyObject *value, unsigned depth)
{
	PyTypeObject *const plain[] = {&PyLong_Type,    &PyFloat_Type, &PyComplex_Type,
				       &PyUnicode_Type, &PyBytes_Type, &PyBool_Type};
	if (value == Py_None)
		return true;
	for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++)
		if (Py_TYPE(value) == plain[i])
			return true;
	if (Py_TYPE(value) != &PyTuple_Type || depth == 0 || PyTuple_GET_SIZE(value) > MOST_ITEMS)
		return false;
	for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(value); i++)
		if (!is_plain(PyTuple_GET_ITEM(value, i), depth - 1))
			return false;
	return true;
}

PyObject *pb_ready_of(PyObject *result)
{
	PyObject *bytes = is_plain(result, DEEPEST)
				  ? PyMarshal_WriteObjectToString(result, PLAIN_VERSION)
				  : NULL;
	PyObject *copy = NULL;
	if (bytes && PyBytes_GET_SIZE(bytes) <= MOST_BYTES)
		copy = PyMarshal_ReadObjectFromString(PyBytes_AS_STRING(bytes),
						      PyBytes_GET_SIZE(bytes));
	Py_XDECREF(bytes);
	if (!copy) {
		PyErr_Clear(); /* text with lone surrogates, say */
		copy = Py_None;
		Py_INCREF(copy);
	}
	return copy;
}
