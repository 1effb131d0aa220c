# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# PyPy as Debian sid builds it, unpacked, with the cffi that belongs to it.
what="PyPy, Debian's newest"
cost="5 s, 110 MB"
needs="apt-get:apt dpkg:dpkg patchelf:patchelf"

obtain() {
	local program
	debian_unpack sid pypy3 pypy3-dev pypy3-venv
	program=$(readlink -f "$dest/root/usr/bin/pypy3")
	debian_detach "${program#"$dest"/root/}"
	offer "$program" pypy3
}
