/* SPDX-License-Identifier: MIT
 * An extension with a callable of every kind that bindings make, for the tests of watch().
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <csetjmp>
#include <cstddef>
#include <stdexcept>

#if PY_VERSION_HEX < 0x03090000
#define Py_TPFLAGS_HAVE_VECTORCALL _Py_TPFLAGS_HAVE_VECTORCALL
#endif

static PyObject *none()
{
	Py_INCREF(Py_None);
	return Py_None;
}

static PyObject *noargs(PyObject *, PyObject *)
{
	return none();
}
static PyObject *varargs(PyObject *, PyObject *args)
{
	return PyLong_FromSsize_t(PyTuple_GET_SIZE(args));
}
static PyObject *keywords(PyObject *, PyObject *args, PyObject *kwargs)
{
	return PyLong_FromSsize_t(PyTuple_GET_SIZE(args) + (kwargs ? PyDict_Size(kwargs) : 0));
}
static PyObject *fastcall(PyObject *, PyObject *const *, Py_ssize_t n)
{
	return PyLong_FromSsize_t(n);
}
static PyObject *fastcall_keywords(PyObject *, PyObject *const *, Py_ssize_t n, PyObject *names)
{
	return PyLong_FromSsize_t(n + (names ? PyTuple_GET_SIZE(names) : 0));
}
static PyObject *raises(PyObject *, PyObject *)
{
	PyErr_SetString(PyExc_LookupError, "its own");
	return NULL;
}

/* Gives up the thread state around its work, as many do. */
static PyObject *detaches(PyObject *, PyObject *)
{
	Py_BEGIN_ALLOW_THREADS;
	Py_END_ALLOW_THREADS;
	return none();
}

/* repeats(f): calls it ten thousand times. */
static PyObject *repeats(PyObject *, PyObject *f)
{
	for (int i = 0; i < 10000; i++) {
		PyObject *result = PyObject_CallFunctionObjArgs(f, NULL);
		if (!result)
			return NULL;
		Py_DECREF(result);
	}
	return none();
}

static PyObject *throws(PyObject *, PyObject *)
{
	throw std::runtime_error("through the interpreter");
}

/* catches(f): whether f() threw. */
static PyObject *catches(PyObject *, PyObject *f)
{
	try {
		PyObject *result = PyObject_CallFunctionObjArgs(f, NULL);
		Py_XDECREF(result);
		return result ? PyBool_FromLong(0) : NULL;
	} catch (const std::exception &) {
		return PyBool_FromLong(1);
	}
}

static std::jmp_buf landing;

static PyObject *leaps(PyObject *, PyObject *)
{
	std::longjmp(landing, 1);
}

/* lands(f): whether f() leapt. */
static PyObject *lands(PyObject *, PyObject *f)
{
	if (setjmp(landing))
		return PyBool_FromLong(1);
	PyObject *result = PyObject_CallFunctionObjArgs(f, NULL);
	Py_XDECREF(result);
	return result ? PyBool_FromLong(0) : NULL;
}

/* An object with a vectorcall pointer of its own, as nanobind's and Cython's functions are. */
struct Function {
	PyObject_HEAD vectorcallfunc vectorcall;
};

static PyObject *function_vectorcall(PyObject *, PyObject *const *, size_t n, PyObject *)
{
	return PyLong_FromSsize_t(PyVectorcall_NARGS(n));
}

static PyTypeObject function_type = {PyVarObject_HEAD_INIT(NULL, 0)};
static PyTypeObject called_type = {PyVarObject_HEAD_INIT(NULL, 0)};
static PyTypeObject made_type = {PyVarObject_HEAD_INIT(NULL, 0)};
static PyTypeObject nameless_type = {PyVarObject_HEAD_INIT(NULL, 0)};

static PyObject *called_call(PyObject *, PyObject *args, PyObject *)
{
	return PyLong_FromSsize_t(PyTuple_GET_SIZE(args));
}

static PyObject *made_new(PyTypeObject *type, PyObject *, PyObject *)
{
	return type->tp_alloc(type, 0);
}
static PyObject *made_method(PyObject *self, PyObject *)
{
	Py_INCREF(self);
	return self;
}
static PyMethodDef made_methods[] = {
	{"method", made_method, METH_NOARGS, NULL},
	{"of_class", made_method, METH_NOARGS | METH_CLASS, NULL},
	{NULL, NULL, 0, NULL},
};

static PyMethodDef nameless_methods[] = {
	{"method", made_method, METH_NOARGS, NULL},
	{NULL, NULL, 0, NULL},
};

#define WITH_KEYWORDS(f) ((PyCFunction)(void (*)(void))(f))

static PyMethodDef methods[] = {
	{"noargs", noargs, METH_NOARGS, NULL},
	{"o", noargs, METH_O, NULL},
	{"varargs", varargs, METH_VARARGS, NULL},
	{"keywords", WITH_KEYWORDS(keywords), METH_VARARGS | METH_KEYWORDS, NULL},
	{"fastcall", WITH_KEYWORDS(fastcall), METH_FASTCALL, NULL},
	{"fastcall_keywords", WITH_KEYWORDS(fastcall_keywords), METH_FASTCALL | METH_KEYWORDS,
	 NULL},
	{"raises", raises, METH_NOARGS, NULL},
	{"detaches", detaches, METH_NOARGS, NULL},
	{"repeats", repeats, METH_O, NULL},
	{"throws", throws, METH_NOARGS, NULL},
	{"catches", catches, METH_O, NULL},
	{"leaps", leaps, METH_NOARGS, NULL},
	{"lands", lands, METH_O, NULL},
	{NULL, NULL, 0, NULL},
};

static int add_object(PyObject *module, const char *name, PyTypeObject *type)
{
	PyObject *object = type->tp_alloc(type, 0);
	if (object && type == &function_type)
		reinterpret_cast<Function *>(object)->vectorcall = function_vectorcall;
	return object ? PyModule_AddObject(module, name, object) : -1;
}

static struct PyModuleDef definition;

PyMODINIT_FUNC PyInit_watched(void)
{
	definition.m_name = "watched";
	definition.m_size = -1;
	definition.m_methods = methods;
	function_type.tp_name = "watched.Function";
	function_type.tp_basicsize = sizeof(Function);
	function_type.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL;
	function_type.tp_vectorcall_offset = offsetof(Function, vectorcall);
	function_type.tp_call = PyVectorcall_Call;
	called_type.tp_name = "watched.Called";
	called_type.tp_basicsize = sizeof(PyObject);
	called_type.tp_flags = Py_TPFLAGS_DEFAULT;
	called_type.tp_call = called_call;
	made_type.tp_name = "watched.Made";
	made_type.tp_basicsize = sizeof(PyObject);
	made_type.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE;
	made_type.tp_new = made_new;
	made_type.tp_methods = made_methods;
	nameless_type.tp_name = "Nameless"; /* no module: Python shows it as one of builtins */
	nameless_type.tp_basicsize = sizeof(PyObject);
	nameless_type.tp_flags = Py_TPFLAGS_DEFAULT;
	nameless_type.tp_new = made_new;
	nameless_type.tp_methods = nameless_methods;
	if (PyType_Ready(&function_type) || PyType_Ready(&called_type) ||
	    PyType_Ready(&made_type) || PyType_Ready(&nameless_type))
		return NULL;
	PyObject *module = PyModule_Create(&definition);
	if (!module)
		return NULL;
#ifdef Py_GIL_DISABLED
	PyUnstable_Module_SetGIL(module, Py_MOD_GIL_NOT_USED);
#endif
	Py_INCREF(&made_type);
	Py_INCREF(&nameless_type);
	if (PyModule_AddObject(module, "Made", reinterpret_cast<PyObject *>(&made_type)) ||
	    PyModule_AddObject(module, "Nameless", reinterpret_cast<PyObject *>(&nameless_type)) ||
	    add_object(module, "function", &function_type) ||
	    add_object(module, "called", &called_type) || add_object(module, "other", &called_type))
		return NULL;
	return module;
}
