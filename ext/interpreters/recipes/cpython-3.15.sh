# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# CPython 3.15 as the newest suite of Debian builds it, unpacked.
what="CPython 3.15, Debian's newest build; its JIT is off until PYTHON_JIT=1"
cost="10 s, 130 MB"
needs="apt-get:apt dpkg:dpkg patchelf:patchelf"

obtain() {
	debian_unpack sid python3.15-dev python3.15-venv
	debian_python 3.15
}
