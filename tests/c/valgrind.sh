#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs C tests under valgrind: no error of memory, and nothing lost.
# Usage: valgrind.sh PROGRAM...
set -eu

command -v valgrind >/dev/null || {
	echo "skipped: there is no valgrind: apt-get install valgrind"
	exit 77
}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
passed=0 failed=0

# Why a test's own verdict, and what a test that ended early did not free, say nothing here.
unlike() { # NAME
	case $1 in
	test_hook) echo "valgrind keeps x87 registers, rdpmc, malloc and mappings otherwise than the processor" ;;
	test_backtrace) echo "it crashes on purpose, on stacks that valgrind has a size of its own for" ;;
	test_threads | test_timeline) echo "they compare durations, and valgrind slows each part differently" ;;
	esac
}

for program; do
	name=$(basename "$program") status=0
	why=$(unlike "$name")
	valgrind -q --error-exitcode=9 --leak-check="$([ "$why" ] && echo no || echo full)" \
		--num-callers=20 "$program" >"$log" 2>&1 </dev/null || status=$?
	if [ "$status" = 0 ] || { [ "$why" ] && [ "$status" != 9 ] && [ "$status" -lt 128 ]; }; then
		passed=$((passed + 1))
		echo "$name: no error${why:+ of memory; results are not looked at: $why}"
	else
		failed=$((failed + 1))
		cat "$log"
		echo "FAIL $name: exit status $status"
	fi
done
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
