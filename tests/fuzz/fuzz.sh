#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs the fuzz targets.
# Usage: fuzz.sh replay BUILD          the corpus, and each of its inputs damaged, once
#        fuzz.sh fuzz BUILD SECONDS    libFuzzer, for SECONDS each; finds are kept in BUILD/finds
#        fuzz.sh compiler              prints the first clang that has libFuzzer; nothing: none
# PYTHON runs the target that is Python's. ONLY="NAME..." runs some of the targets.
set -eu

if [ "$1" = compiler ]; then
	for cc in clang clang-22 clang-21 clang-20 clang-19 clang-18 clang-17 clang-16 clang-15 clang-14; do
		for arch in "" "-$(uname -m)"; do
			library=$("$cc" -print-file-name="libclang_rt.fuzzer$arch.a" 2>/dev/null) || continue
			[ -e "$library" ] || continue
			echo "$cc"
			exit
		done
	done
	exit
fi
what=$1 build=$2 seconds=${3:-60}
here=$(dirname "$0")
passed=0 failed=0 skipped=0

run_one() { # NAME
	if [ "$1" = prototype ]; then
		set -- "$1" "${PYTHON:-python3}" "$here/prototype.py"
		[ "$what" = replay ] && "$2" "$3" "$here/corpus/$1"
		[ "$what" = replay ] || "$2" "$3" --seconds "$seconds" "$here/corpus/$1"
	elif [ "$what" = replay ]; then
		"$build/fuzz/$1" "$here/corpus/$1"
	else
		mkdir -p "$build/finds" "$build/corpus/$1"
		# What it finds of use goes into the first folder; the tree's own is only read.
		"$build/fuzz/$1" -max_total_time="$seconds" -timeout=25 -rss_limit_mb=3072 -max_len=16384 \
			-print_final_stats=1 -artifact_prefix="$build/finds/$1-" \
			"$build/corpus/$1" "$here/corpus/$1"
	fi
}

log=$build/fuzz.log
for name in ${ONLY:-run cell catalog claims facts prototype}; do
	status=0
	run_one "$name" >"$log" 2>&1 || status=$?
	if [ "$status" -eq 0 ]; then
		passed=$((passed + 1))
		echo "$name: $(grep -aE 'inputs$|number_of_executed_units' "$log" | tail -n 1)"
	elif [ "$status" -eq 77 ]; then
		skipped=$((skipped + 1))
		echo "$name: $(tail -n 1 "$log")"
	else
		failed=$((failed + 1))
		cat "$log"
		echo "FAIL $name: exit status $status"
	fi
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
