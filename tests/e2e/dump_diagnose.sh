#!/bin/sh
# SPDX-License-Identifier: MIT
#
# dump_diagnose.sh GORO_DUMP TROUBLE
#
# What docs/diagnosing.md promises is what the tool says.

. "$(dirname "$0")/lib.sh"
dump=$1
program=$2

# says PATTERN OPTION...: a line of the dump, sooner or later
says()
{
	wait_for said "$@"
}

said()
{
	pattern=$1
	shift
	"$dump" "$@" "$victim" | grep -qE -e "$pattern"
}

start "$tmp/pipeline" "$program" pipeline
says '^channel [0-9]+ "records": open, 4 of 4 elements of 4 bytes' --waits
says '^    sends +goroutine [0-9]+ \[chan send, .*\] parse trouble.c:' --waits

start "$tmp/deadlock" "$program" deadlock
says '^deadlock: 2 goroutines wait for each other' --waits
says 'waits for mutex checking, held by goroutine' --waits
says 'print_balance trouble.c:' --waits

start "$tmp/leak" "$program" leak
"$dump" --format json "$victim" >"$tmp/a.json"
more()
{
	"$dump" --format json "$victim" >"$tmp/b.json"
	"$dump" --diff "$tmp/a.json" "$tmp/b.json" >"$tmp/diff"
	sed -n 's/^+\([0-9]*\) \[chan send\]: .*; \1 came, 0 went$/\1/p' \
		"$tmp/diff" | awk '$1 >= 20 { ok = 1 } END { exit !ok }'
}
wait_for more
grep -q '^look_up(' "$tmp/diff" || fail "says $(cat "$tmp/diff")"

start "$tmp/busy" "$program" busy
says '^checksum\(' --state running
says '^thread [0-9]+ "[^"]*" \[.*\]: goroutine 2$' --threads
exit 0
