# SPDX-License-Identifier: MIT
#
# lib.sh - what the end-to-end tests share; sourced, not run
#
# Every wait is bounded by wait_for; every process that a test starts is killed
# when it ends. A test that cannot run here says why and exits with 77.

set -u
tmp=$(mktemp -d)
pids=
trap 'cleanup' EXIT
trap 'exit 1' HUP INT TERM

cleanup()
{
	for pid in $pids; do
		kill -KILL "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null
	done
	rm -rf "$tmp"
}

fail()
{
	echo "FAILED: $*" >&2
	exit 1
}

skip()
{
	echo "skipped: $*"
	exit 77
}

# wait_for COMMAND...: until it succeeds, for a minute at most
wait_for()
{
	tries=0
	until "$@" 2>/dev/null; do
		tries=$((tries + 1))
		[ $tries -lt 600 ] || fail "waited in vain: $*"
		sleep 0.1
	done
}

# start OUTPUT COMMAND...: in the background, until it has said "ready"; its
# process is $victim
start()
{
	output=$1
	shift
	"$@" >"$output" &
	victim=$!
	pids="$pids $victim"
	wait_for grep -qx ready "$output"
}

# Does nobody trace it, and is none of its threads stopped?
unharmed()
{
	for status in /proc/"$victim"/task/*/status; do
		grep -q '^TracerPid:[[:space:]]*0$' "$status" ||
			fail "$status: still traced"
		grep -q '^State:[[:space:]]*[tT]' "$status" &&
			fail "$status: still stopped"
	done
	:
}

# A dump without what differs from build to build: offsets, and the lines of
# libgoro and libc.
normal()
{
	sed -e 's/ +0x[0-9a-f]*$//' \
		-e 's,^	.*/libgoro/src/.*:[0-9]*$,	-,' \
		-e 's/^	??:0$/	-/' "$@"
}
