#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Obtains interpreters that this machine lacks, each by a recipe of its own, where probe finds them.
#
# Usage: obtain.sh [--list|--dry-run] [NAME...]     NAME: a file of recipes/, without .sh
#
# Each goes to $XDG_DATA_HOME/probe/interpreters/NAME (~/.local/share/... by default); delete that
# folder to have it obtained again. A recipe that fails says why and stops no other. Exit codes: 0;
# 1 a NAME was not had, or none at all; 2 usage; 130 interrupted.
# Environment: JOBS (of a compilation), LANE_TIMEOUT_S, PROBE_DEBIAN_MIRROR.
set -uo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
data=${XDG_DATA_HOME:-}
case $data in /*) ;; *) data=${HOME:?}/.local/share ;; esac
root=$data/probe/interpreters
mode=obtain names=() results=() child='' lane_work='' lane_dest=''

say() {
	printf 'interpreters: %s\n' "$*" >&2
}

usage() {
	say "$1; the recipes: $(cd "$here/recipes" && echo *.sh | sed 's/\.sh//g')"
	exit 2
}

parse() {
	local all
	for word in "$@"; do
		case $word in
		--list) mode=list ;;
		--dry-run) mode=dry-run ;;
		-*) usage "unknown option $word" ;;
		*)
			[ -f "$here/recipes/$word.sh" ] || usage "no recipe '$word'"
			names+=("$word")
			;;
		esac
	done
	chosen=${#names[@]}
	if [ "$chosen" = 0 ]; then
		all=("$here"/recipes/*.sh)
		all=("${all[@]##*/}")
		names=("${all[@]%.sh}")
	fi
}

# What a recipe says of itself: $what, $cost, $needs.
describe() {
	what='' cost='' needs=''
	source "$here/recipes/$1.sh"
}

# The first tool that a recipe needs and this machine has not, as one line.
lacking() {
	local tool
	for tool in $needs; do
		command -v "${tool%%:*}" >/dev/null && continue
		echo "needs ${tool%%:*}: apt install ${tool#*:}"
		return
	done
}

is_there() {
	[ -f "$root/$1/obtained" ]
}

# One line on what was obtained: "Python 3.14.10; 131 MB; 9 s".
noted() {
	head -n 1 "$root/$1/obtained"
}

note() { # NAME STATE TEXT
	results+=("$(printf '%-22s %-8s %s' "$1" "$2" "$3")")
}

stop() {
	[ -z "$child" ] || { kill -- "$child" && wait "$child"; } 2>/dev/null
	[ -z "$lane_work" ] || rm -rf -- "$lane_work" "$lane_dest"
	say "interrupted"
	exit 130
}

# Runs one recipe in a process of its own; leaves no half of anything behind.
run_lane() { # NAME
	local name=$1 began=$SECONDS log reason
	lane_work=$root/.work-$name lane_dest=$root/$name log=$root/$name.log
	rm -rf -- "$lane_work" "$lane_dest"
	if ! mkdir -p "$lane_work"; then
		note "$name" "not had" "$root can't be written: set XDG_DATA_HOME"
		return 1
	fi
	say "$name: $what; about $cost"
	# A process group of its own, so that stop() and the limit reach what it started.
	# shellcheck disable=SC2094 # the lane appends nothing to its log by name
	timeout --kill-after=10 "${LANE_TIMEOUT_S:-3600}" \
		bash "$here/lib/lane.sh" "$here/recipes/$name.sh" "$lane_dest" "$lane_work" "$log" \
		>"$log" 2>&1 </dev/null &
	child=$!
	wait "$child"
	case $? in
	0) reason='' ;;
	124 | 137) reason="took longer than ${LANE_TIMEOUT_S:-3600} s" ;;
	*) reason=$(cat "$lane_work/reason" 2>/dev/null || grep . "$log" | tail -n 1) ;;
	esac
	child=''
	rm -rf -- "$lane_work"
	lane_work=''
	if [ -n "$reason" ]; then
		rm -rf -- "$lane_dest"
		say "$name: NOT had: $reason (log: $log)"
		note "$name" "not had" "$reason"
		return 1
	fi
	rm -f "$log"
	printf '%s; %s MB; %s s\n' "$(cat "$lane_dest/version")" \
		"$(du -sm "$lane_dest" | cut -f 1)" "$((SECONDS - began))" >"$lane_dest/obtained"
	rm -f "$lane_dest/version"
	say "$name: $(noted "$name")"
	note "$name" new "$(noted "$name")"
}

one() { # NAME; 0 = it is there now
	local lack
	describe "$1"
	lack=$(lacking)
	if is_there "$1"; then
		note "$1" there "$(noted "$1")"
	elif [ $mode = list ]; then
		note "$1" absent "$what; about $cost"
	elif [ -n "$lack" ]; then
		say "$1: NOT had: $lack"
		note "$1" "not had" "$lack"
		return 1
	elif [ $mode = dry-run ]; then
		note "$1" "would be" "$what; about $cost"
	else
		run_lane "$1"
	fi
}

parse "$@"
if [ $mode = obtain ]; then
	mkdir -p "$root" 2>/dev/null || { say "$root can't be made: set XDG_DATA_HOME"; exit 1; }
	exec 9>"$root/.lock"
	flock -n 9 || { say "another one is at work in $root"; exit 1; }
	trap stop INT TERM HUP
fi
had=0 missed=0
for name in "${names[@]}"; do
	if one "$name"; then had=$((had + 1)); else missed=$((missed + 1)); fi
done
printf '%s\n' "${results[@]}"
if [ $mode = obtain ]; then
	echo "in $root: $(du -sm "$root" | cut -f 1) MB; probe list interpreters shows them"
fi
[ $missed = 0 ] || { [ "$chosen" = 0 ] && [ $had -gt 0 ]; }
