#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Runs one recipe: obtain.sh starts it in a process group of its own, with output to a log.
# Usage: lane.sh RECIPE DEST WORK LOG    WORK is deleted afterwards; DEST too, if this fails
set -euo pipefail

lib=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
recipe=$1 dest=$2 work=$3 log=$4
jobs=${JOBS:-$(nproc)}
export LC_ALL=C
umask 022

# The one line that the user is told.
die() {
	printf '%s\n' "$*" >"$work/reason"
	exit 1
}

# Makes DEST/bin/NAME lead to a program, last of all: this is where probe looks.
offer() { # PROGRAM [NAME]
	local program=$1 name=${2:-${1##*/}}
	"$program" -c "$introduction" >"$dest/version" 2>"$work/said" ||
		die "it was made but doesn't work: $(grep . "$work/said" | tail -n 1)"
	mkdir -p "$dest/bin"
	case $program in
	"$dest/bin/$name") ;; # a wrapper that lies there already
	*) ln -s "../${program#"$dest"/}" "$dest/bin/$name" ;;
	esac
}
introduction='
import ctypes, sys, sysconfig
own = sys.implementation
t = "t" if sysconfig.get_config_var("Py_GIL_DISABLED") == 1 else ""
print("%s %d.%d.%d%s" % ((own.name,) + tuple(own.version[:3]) + (t,)))'

source "$lib/debian.sh"
source "$lib/source.sh"
source "$recipe"
mkdir -p "$dest"
obtain
