# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# CPython 3.14 built with Py_DEBUG, as the newest suite of Debian has it, unpacked.
what="CPython 3.14 with Py_DEBUG, Debian's newest build"
cost="15 s, 310 MB"
needs="apt-get:apt dpkg:dpkg patchelf:patchelf"

obtain() {
	debian_unpack sid python3.14-dbg python3.14-dev python3.14-venv
	debian_python 3.14d
}
