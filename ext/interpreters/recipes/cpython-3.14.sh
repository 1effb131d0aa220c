# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# CPython 3.14 as the newest suite of Debian builds it, unpacked.
what="CPython 3.14, Debian's newest build; its JIT is off until PYTHON_JIT=1"
cost="10 s, 130 MB"
needs="apt-get:apt dpkg:dpkg patchelf:patchelf"

obtain() {
	debian_unpack sid python3.14-dev python3.14-venv
	debian_python 3.14
}
