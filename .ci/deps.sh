#!/bin/sh
# SPDX-License-Identifier: MIT
# Installs the Debian or Ubuntu packages that are missing, and says so first.
# Usage: deps.sh run|test|interpreters ...   (SKIP_DEPS=1: does nothing)
#
# Without a needed package it ends with an error that names it; without an optional one it says
# what will be missing, and goes on.
set -eu

[ "${SKIP_DEPS:-}" ] && [ "${SKIP_DEPS}" != 0 ] && exit 0

needed='' optional=''
for set in "$@"; do
	case $set in
	run)
		# gcc only recommends libc6-dev; python3-dev builds the bindings of the system's Python.
		needed="$needed gcc libc6-dev make pkg-config libjansson-dev libunwind-dev"
		needed="$needed python3 python3-dev python3-venv"
		optional="$optional gnuplot-nox fonts-dejavu-core"
		;;
	test)
		needed="$needed libcmocka-dev"
		optional="$optional g++ clang-format mandoc librsvg2-bin qemu-user"
		optional="$optional clang libclang-rt-dev shellcheck poppler-utils zsh"
		# The compiler for the other processor that probe knows.
		if [ "$(uname -m)" = x86_64 ]; then
			optional="$optional gcc-aarch64-linux-gnu libc6-dev-arm64-cross"
		fi
		;;
	interpreters)
		# A recipe that misses one says so itself. Not here: a JDK, Maven and Go, for two of them.
		optional="$optional patchelf xz-utils unzip gcc make"
		optional="$optional libffi-dev libssl-dev zlib1g-dev libbz2-dev liblzma-dev libsqlite3-dev"
		;;
	*)
		echo "deps.sh: no such set of packages: $set" >&2
		exit 2
		;;
	esac
done

say() {
	echo "deps: $*" >&2
}

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
	say "no apt-get here, so nothing is installed; probe needs:$needed; and is better with:$optional"
	exit 0
fi

missing() {
	for package in "$@"; do
		status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || status=
		[ "$status" = installed ] || printf ' %s' "$package"
	done
}

# Lists of packages, to be split.
# shellcheck disable=SC2086
need=$(missing $needed)
# shellcheck disable=SC2086
like=$(missing $optional)
[ "$need$like" ] || exit 0

root=
if [ "$(id -u)" != 0 ]; then
	if ! command -v sudo >/dev/null; then
		say "not root and no sudo; as root: apt-get install$need$like"
		[ "$need" ] && exit 1
		exit 0
	fi
	root=sudo
fi
apt() {
	$root env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends "$@"
}

say "installing with ${root:+$root }apt-get:$need$like (SKIP_DEPS=1 leaves the system alone)"
apt update >/dev/null || say "apt-get update failed; trying with the package lists that are here"
# shellcheck disable=SC2086
apt install $need $like && exit 0

# All at once didn't go: what is needed by itself, then each of the rest.
# shellcheck disable=SC2086
if [ "$need" ] && ! apt install $need; then
	say "could not install:$need; install them by hand, then use SKIP_DEPS=1"
	exit 1
fi
for package in $like; do
	apt install "$package" || say "going on without $package"
done
