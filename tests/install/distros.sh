#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# README's two commands on fresh Debian systems, made by debootstrap: `make run` and `make test` of the
# last commit, as root and as a user without sudo. Needs root, debootstrap and a network; takes hours.
#
# Usage: distros.sh     what of it, in the environment:
#   DISTROS="bookworm trixie sid"  USERS="root user"  STAGES="run test"
#   DISTROS_DIR=DIR  where the systems and the logs go ($TMPDIR/probe-distros; 2 GB each, the
#                    systems are deleted again unless KEEP=1)
#   LIMIT=7200       seconds for one stage
#
# The mirror, proxies, certificates and pip's index are those that this machine is set up for.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
dir=${DISTROS_DIR:-${TMPDIR:-/tmp}/probe-distros}
read -ra distros <<<"${DISTROS:-bookworm trixie sid}"
read -ra users <<<"${USERS:-root user}"
read -ra stages <<<"${STAGES:-run test}"

die() {
	echo "distros: $*" >&2
	exit 1
}
say() {
	echo "distros: $*" >&2
}

[ "$(id -u)" = 0 ] || die "only root can make a system and enter it"
for tool in debootstrap unshare git; do
	command -v "$tool" >/dev/null || die "needs $tool: apt-get install debootstrap util-linux git"
done
# shellcheck source=ext/interpreters/lib/debian.sh
. "$root/ext/interpreters/lib/debian.sh" # debian_mirror
mirror=$(debian_mirror)
mkdir -p "$dir"

# A system's own processes and mounts end with the command.
inside() { # SYSTEM USER COMMAND: in a clean environment
	local system=$1 user=$2 home=/home/$2 name settings=()
	[ "$user" != root ] || home=/root
	for name in PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_CERT PIP_TRUSTED_HOST PIP_PROXY \
		http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY; do
		[ -z "${!name:-}" ] || settings+=("$name=${!name}")
	done
	# shellcheck disable=SC2016 # the inner shell's own words
	unshare --mount --pid --fork --kill-child sh -euc '
		system=$1 user=$2
		shift 2
		mount -t proc proc "$system/proc"
		mount --rbind /dev "$system/dev"
		mount --rbind /sys "$system/sys"
		exec chroot --userspec="$user:$user" "$system" env -i "$@"
	' - "$system" "$user" "HOME=$home" "USER=$user" LANG=C.UTF-8 \
		PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "${settings[@]}" \
		sh -c "cd ~ && $3" </dev/null
}

# What this machine has to say about networks goes into the system too.
carry_settings() { # SYSTEM
	local system=$1 file
	cp -L /etc/resolv.conf /etc/hosts "$system/etc/"
	apt-config dump | grep -iE '^Acquire::[^ ]*(proxy|Check-)' >"$system/etc/apt/apt.conf.d/99host" ||
		rm -f "$system/etc/apt/apt.conf.d/99host"
	[ ! -f /etc/pip.conf ] || cp /etc/pip.conf "$system/etc/"
	for file in .config/pip/pip.conf .pip/pip.conf .cargo/config.toml; do
		[ -f "$HOME/$file" ] || continue
		install -D -m 644 "$HOME/$file" "$system/root/$file"
		install -D -m 644 "$HOME/$file" "$system/etc/skel/$file"
	done
	mkdir -p "$system/usr/local/share/ca-certificates"
	cp -r /usr/local/share/ca-certificates/. "$system/usr/local/share/ca-certificates/"
	inside "$system" root "update-ca-certificates" >/dev/null 2>&1
}

bootstrap() { # DISTRO SYSTEM
	rm -rf --one-file-system "$2"
	debootstrap --variant=minbase --include=ca-certificates,make,git "$1" "$2" "$mirror" \
		>"$dir/$1.log" 2>&1 || return
	carry_settings "$2"
}

table=() failed=0
stage() { # DISTRO USER SYSTEM STAGE
	local log=$dir/$1-$2-$4.log began=$SECONDS status=0 said
	say "$1: make $4 as $2 (log: $log)"
	timeout --kill-after=30 "${LIMIT:-7200}" bash -c "$(declare -f inside); inside \"\$@\"" - \
		"$3" "$2" "cd probe && make $4" >"$log" 2>&1 || status=$?
	case $4 in
	test) said=$(grep -E '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$log" | tail -n 1 || true) ;;
	*) said=$(grep -E '^wrote ' "$log" | tail -n 1 || true) ;;
	esac
	[ "$status" = 0 ] || failed=1
	table+=("$(printf '%-9s %-5s %-9s make %-5s %-9s %5d s  %s' "$1" "$2" "$commit" "$4" \
		"$([ "$status" = 0 ] && echo passed || echo "ended: $status")" $((SECONDS - began)) "${said:-}")")
	say "${table[-1]}"
}

try_as() { # DISTRO USER
	local system=$dir/$1-$2 home=root one commit
	say "$1: a new system for $2, from $mirror"
	if ! bootstrap "$1" "$system"; then
		failed=1
		table+=("$(printf '%-9s %-5s debootstrap failed: %s' "$1" "$2" "$(tail -n 1 "$dir/$1.log")")")
		return
	fi
	if [ "$2" != root ]; then
		inside "$system" root "useradd -m -s /bin/sh $2"
		home=home/$2
	fi
	git clone -q --no-hardlinks "$root" "$system/$home/probe"
	commit=$(git -C "$system/$home/probe" rev-parse --short HEAD) # other runs may see a later one
	[ "$2" = root ] || inside "$system" root "chown -R $2:$2 /$home/probe"
	if [ "$2" != root ]; then # who has no sudo has an administrator
		inside "$system" root "apt-get update -q && /$home/probe/.ci/deps.sh run test" \
			>"$dir/$1-$2-deps.log" 2>&1 || say "$1: some packages are missing: $dir/$1-$2-deps.log"
	fi
	for one in "${stages[@]}"; do
		stage "$1" "$2" "$system" "$one"
	done
	[ "${KEEP:-}" ] || rm -rf --one-file-system "$system"
}

for distro in "${distros[@]}"; do
	for user in "${users[@]}"; do
		try_as "$distro" "$user"
	done
done
echo "$(nproc) processors"
printf '%s\n' "${table[@]}"
exit "$failed"
