# SPDX-License-Identifier: MIT
#
# lib.sh - what ./demo and ./check share; sourced by bash, from the top

top=$(pwd)
log_dir=$top/build/log
jobs=$(nproc)

packages_build="build-essential cmake ninja-build pkg-config
	libunwind-dev libdw-dev libelf-dev zlib1g-dev libncurses-dev
	libcmocka-dev"

say() {
	printf '%s: %s\n' "${0##*/}" "$*"
}

die() {
	say "$*" >&2
	exit 2
}

# Root's rights, for the package manager and for reading another process.
as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	else
		command -v sudo >/dev/null || die "be root, or install sudo"
		sudo "$@"
	fi
}

installed() {
	[ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# install PACKAGE... - those that are missing, if any
install() {
	local package missing=()

	[ $# -gt 0 ] || return 0
	command -v dpkg-query >/dev/null || {
		say "no Debian: taking for granted that $* are there"
		return
	}
	for package in "$@"; do
		installed "$package" || missing+=("$package")
	done
	[ ${#missing[@]} -gt 0 ] || return 0

	say "installing ${missing[*]}"
	as_root true
	mkdir -p "$log_dir"
	# A list that cannot be renewed may still do.
	as_root apt-get -qq update >"$log_dir/apt" 2>&1 </dev/null || :
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y \
		--no-install-recommends install "${missing[@]}" \
		>>"$log_dir/apt" 2>&1 </dev/null || {
		tail -n 20 "$log_dir/apt" >&2
		die "apt-get failed; the whole of it is in $log_dir/apt"
	}
}

# quietly LOG COMMAND... - its output goes to a file, and is shown if it fails
quietly() {
	local log=$log_dir/$1
	shift
	mkdir -p "$log_dir"
	"$@" >"$log" 2>&1 </dev/null || {
		grep -vE ' Passed |^ +Start ' "$log" | tail -n 100 >&2
		say "failed: $*; the whole of it is in $log" >&2
		return 1
	}
}
