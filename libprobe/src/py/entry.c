/* SPDX-License-Identifier: MIT */
#include "py/py.h"

#if PY_VERSION_HEX < 0x03090000
#define Py_TPFLAGS_HAVE_VECTORCALL _Py_TPFLAGS_HAVE_VECTORCALL
#endif

enum pb_entry_kind pb_entry_find(PyObject *callable, void ***slot)
{
	*slot = NULL;
	/* A bound method hands over to its function, which bindings with types of their own for
	 * functions make, too (Cython, pybind11). */
	if (PyMethod_Check(callable))
		callable = PyMethod_GET_FUNCTION(callable);
	PyTypeObject *type = Py_TYPE(callable);
	if (PyFunction_Check(callable) || PyMethod_Check(callable))
		return PB_ENTRY_NONE;
	/* Specialised and plain calls of a built-in both read ml_meth each time; its vectorcall
	 * pointer only leads there. */
	if (PyCFunction_Check(callable)) {
		*slot = (void **)(void *)&((PyCFunctionObject *)(void *)callable)->m_ml->ml_meth;
		return PB_ENTRY_METHOD;
	}
	if (type == &PyMethodDescr_Type) {
		*slot = (void **)(void *)&((PyMethodDescrObject *)(void *)callable)
				->d_method->ml_meth;
		return PB_ENTRY_METHOD;
	}
	if (PyType_HasFeature(type, Py_TPFLAGS_HAVE_VECTORCALL) && type->tp_vectorcall_offset > 0) {
		void **pointer = (void **)(void *)((char *)callable + type->tp_vectorcall_offset);
		if (*pointer) {
			*slot = pointer;
			return PB_ENTRY_VECTORCALL;
		}
	}
	if (type->tp_call) {
		*slot = (void **)(void *)&type->tp_call;
		return PB_ENTRY_TP_CALL;
	}
	return PB_ENTRY_NONE;
}

const char *pb_entry_name(enum pb_entry_kind kind)
{
	switch (kind) {
	case PB_ENTRY_METHOD:
		return "ml_meth";
	case PB_ENTRY_VECTORCALL:
		return "vectorcall";
	case PB_ENTRY_TP_CALL:
		return "tp_call";
	case PB_ENTRY_NONE:
		break;
	}
	return "none";
}
