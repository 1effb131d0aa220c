#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Compiles everything with every compiler that is installed, and counts the warnings.
#
# Usage: compilers.sh [--quick] FOLDER
#
# FOLDER is where to build; it is emptied. By default the library, the command, what interpreters get,
# the C tests, the benchmarks and the fuzz targets, at each level and with LTO; --quick: without the
# tests, gcc at -O3 and one clang. Others than the versions that Debian packages:
# COMPILERS="gcc-9 clang-12"; with fewer jobs than processors: JOBS=1. A minute or two for each compiler.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
quick=
if [ "${1:-}" = --quick ]; then
	quick=1
	shift
fi
[ $# = 1 ] || { echo "usage: compilers.sh [--quick] FOLDER" >&2; exit 2; }
out=$1
levels=("-O0" "-Og" "-O2" "-O3" "-O2 -flto")
# clang's warnings come from its front end, whatever the level: two levels stand for all.
clang_skips="-Og -O2"
read -ra compilers <<<"${COMPILERS:-gcc-11 gcc-12 gcc-13 gcc-14 gcc-15 gcc-16 $(echo clang-{13..23})}"
passed=0 failed=0 skipped=0
unset MAKEFLAGS MFLAGS MAKELEVEL

# What LTO takes beside the compiler: for clang a linker and an archiver of its version.
lto_options() { # COMPILER
	local version=${1#clang}
	case $1 in
	clang*)
		command -v "ld.lld$version" "llvm-ar$version" >/dev/null || return
		printf '%s\n' "LDFLAGS=-fuse-ld=lld$version" "AR=llvm-ar$version"
		;;
	*) printf '%s\n' "LDFLAGS=-flto=auto" "AR=gcc-ar${1#gcc}" ;;
	esac
}

# One compiler with one level; leaves its word for the table in $word.
compile() { # COMPILER FLAGS
	local compiler=$1 flags=$2 more=() log warnings all=1
	log=$out/$compiler${flags// /}.log
	if [[ $flags = *-flto* ]]; then
		readarray -t more < <(lto_options "$compiler")
		if [ "${#more[@]}" = 0 ]; then
			skipped=$((skipped + 1)) word="no lld"
			echo "skipped: $compiler $flags: lld${compiler#clang} or llvm${compiler#clang} is missing"
			return
		fi
	fi
	[ -z "$quick" ] || all=
	if ! make -s -k -j"${JOBS:-$(nproc)}" SAN='' B="$out/build" CC="$compiler" CFLAGS="$flags" WERROR='' \
		ALL=$all "${more[@]}" objects >"$log" 2>&1; then
		failed=$((failed + 1)) word="fails"
		tail -n 5 "$log"
	else
		warnings=$(grep -c 'warning:' "$log" || true)
		if [ "$warnings" = 0 ]; then
			passed=$((passed + 1)) word="ok"
		else
			failed=$((failed + 1)) word="$warnings warned"
			grep 'warning:' "$log" | sort -u | head -n 5
		fi
	fi
	rm -rf "$out/build"
}

one_clang() {
	local found
	found=$(compgen -c clang | grep -E '^clang(-[0-9]+)?$' | sort -V | tail -n 1)
	echo "${found:-clang}"
}

rm -rf "$out"
mkdir -p "$out"
if [ -n "$quick" ]; then
	compilers=(gcc "$(one_clang)") levels=("-O3")
fi
table=()
for compiler in "${compilers[@]}"; do
	row=$(printf '%-10s' "$compiler")
	if ! command -v "$compiler" >/dev/null; then
		skipped=$((skipped + 1))
		echo "skipped: $compiler is not installed"
		continue
	fi
	for flags in "${levels[@]}"; do
		word="-"
		case "$compiler $clang_skips " in
		clang*" $flags "*) ;;
		*) compile "$compiler" "$flags" ;;
		esac
		row+=$(printf ' %-10s' "$word")
	done
	table+=("$row")
done
if [ "${#table[@]}" -gt 0 ]; then
	printf '%-10s' compiler
	printf ' %-10s' "${levels[@]}"
	printf '\n'
	printf '%s\n' "${table[@]}"
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
