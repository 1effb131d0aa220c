# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# CPython 3.13 without the GIL, from source: no one packages it.
what="CPython 3.13 without the GIL, from source"
cost="3 min on two cores, 40 MB"
needs="apt-get:apt gcc:gcc make:make xz:xz-utils"

obtain() {
	source_build 3.13 --disable-gil
}
