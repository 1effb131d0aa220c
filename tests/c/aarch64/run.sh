#!/bin/sh
# SPDX-License-Identifier: MIT
# Cross-compiles for arm64 all parts that need libc alone, and runs their tests under qemu-user.
# Usage: tests/c/aarch64/run.sh BUILD_DIR   Ends with 0 (all hold), 1, or 77 (skipped, with reason).
# CC, QEMU and SYSROOT in AARCH64_CC, AARCH64_QEMU and AARCH64_SYSROOT name others than the usual.
set -eu

if [ $# -ne 1 ]; then
	echo "usage: $0 BUILD_DIR" >&2
	exit 2
fi
mkdir -p "$1/aarch64"
out=$(cd "$1/aarch64" && pwd)
cd "$(dirname "$0")/../../.."

cc=${AARCH64_CC:-aarch64-linux-gnu-gcc}
qemu=${AARCH64_QEMU:-qemu-aarch64}
sysroot=${AARCH64_SYSROOT:-/usr/aarch64-linux-gnu}
if [ "$(uname -m)" = aarch64 ]; then # on such a machine, as it is
	cc=${AARCH64_CC:-cc}
	run=
else
	run="$qemu -L $sysroot"
fi
for tool in "$cc" ${run:+"$qemu"}; do
	if ! command -v "$tool" >/dev/null; then
		echo "skipped: $tool is missing (packages gcc-aarch64-linux-gnu, qemu-user)"
		exit 77
	fi
done
if ! echo 'int main(void) { return 0; }' | "$cc" -pthread -x c -o "$out/empty" - 2>/dev/null; then
	echo "skipped: $cc links no program (package libc6-dev-arm64-cross)"
	exit 77
fi
if ! $run "$out/empty"; then
	echo "skipped: ${run:-this machine} runs no program of $cc"
	exit 77
fi

# The Makefile's flags; see there.
flags="-D_GNU_SOURCE -Ilibprobe/include -Ilibprobe/src -Itests/c/aarch64
	-std=gnu11 -O2 -g -fPIC -fvisibility=hidden -pthread -Wall -Wextra -Wshadow
	-Wstrict-prototypes -Wmissing-prototypes -Wwrite-strings -Wvla -Wconversion
	-Wsign-conversion -Wpointer-arith -Wundef"
[ "${WERROR:-}" != 1 ] || flags="$flags -Werror"

# Everything but what needs jansson or libunwind, which have no cross packages.
sources=$(grep -L '<jansson.h>' libprobe/src/base/*.c libprobe/src/sys/*.c libprobe/src/hook/*.c \
	libprobe/src/stats/*.c libprobe/src/engine/*.c)
for source in libprobe/src/*/arch/aarch64/*.S; do
	case $source in
	*/veneer.S) ;; # a library of its own, below
	*) sources="$sources $source" ;;
	esac
done

compile() { # SOURCE: one object
	object=$out/$1.o
	mkdir -p "$(dirname "$object")"
	# shellcheck disable=SC2086
	"$cc" $flags -c -o "$object" "$1"
}
objects=
for source in $sources; do
	compile "$source" || exit 1
	objects="$objects $out/$source.o"
done
rm -f "$out/libprobe.a"
ar=$("$cc" -print-prog-name=ar)
# shellcheck disable=SC2086
"$ar" rcs "$out/libprobe.a" $objects

passed=0 failed=0 skipped=0
count() { # OUTPUT STATUS NAME: adds up a program's closing line, or the program as one test
	line=$(sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed, \([0-9]*\) skipped$/\1 \2 \3/p' "$1")
	if [ "$2" -eq 0 ]; then
		# shellcheck disable=SC2086
		set -- ${line:-1 0 0}
	elif [ -n "$line" ] && [ "${line#* 0 }" = "$line" ]; then
		# shellcheck disable=SC2086
		set -- $line
	else
		echo "FAIL $3: exit status $2"
		set -- 0 1 0
	fi
	passed=$((passed + $1)) failed=$((failed + $2)) skipped=$((skipped + $3))
}
check() { # NAME ARGUMENT...: runs a program
	name=$1
	shift
	echo "== $name"
	status=0
	# shellcheck disable=SC2086
	$run "$out/$name" "$@" >"$out/$name.log" 2>&1 || status=$?
	grep -v '^[0-9]* passed, ' "$out/$name.log" || true
	count "$out/$name.log" "$status" "$name"
}

# shellcheck disable=SC2086
"$cc" $flags -o "$out/sys_check" tests/c/aarch64/sys_check.c "$out/libprobe.a" -lm -ldl
check sys_check

"$cc" -shared -fPIC -DPROBE_VENEER_NAME=target -Wl,-soname,libprobe_target_target.so \
	-o "$out/libprobe_target_target.so" libprobe/src/hook/arch/aarch64/veneer.S
# shellcheck disable=SC2086
"$cc" $flags -o "$out/veneer_check" tests/c/aarch64/veneer_check.c -ldl
check veneer_check "$out/libprobe_target_target.so"

# The unit tests of these parts, as they are; cmocka.h stands in for the library.
tests="hook places watch page phase quantities rounds stats counter"
if [ -z "$run" ]; then # an emulated core adds one number at a time, and takes its time
	tests="$tests reference ladder"
fi
for test in $tests; do
	# shellcheck disable=SC2086
	"$cc" $flags -o "$out/test_$test" "tests/c/test_$test.c" "$out/libprobe.a" -lm -ldl
	check "test_$test"
done

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
