# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# CPython 3.13 as the newest suite of Debian builds it, unpacked.
what="CPython 3.13, Debian's newest build"
cost="10 s, 130 MB"
needs="apt-get:apt dpkg:dpkg patchelf:patchelf"

obtain() {
	debian_unpack sid python3.13-dev python3.13-venv
	debian_python 3.13
}
