# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# CPython 3.13 with the GIL, from the source and with the options of cpython-3.13t: the build that
# the free-threaded one differs from in that one thing.
what="CPython 3.13 from source, the twin of cpython-3.13t with the GIL"
cost="3 min on two cores, 40 MB"
needs="apt-get:apt gcc:gcc make:make xz:xz-utils"

obtain() {
	source_build 3.13
}
