#!/bin/sh
# SPDX-License-Identifier: MIT
#
# dump_ends.sh GORO_DUMP BLOCKED ENDS
#
# A process that ends at any moment of a dump: what had been read is shown, that
# there is no more is said, and the status tells.

. "$(dirname "$0")/lib.sh"
dump=$1
blocked=$2
ends=$3

# ending NUMBER ARGUMENT...: of the process that ends at that read
ending()
{
	at=$1
	shift
	LD_PRELOAD=$ends GORO_TEST_ENDS_AT=$at GORO_TEST_ENDS_SAY=$tmp/reads \
		"$dump" "$@" "$victim" >"$tmp/out" 2>"$tmp/err"
	status=$?
}

# judge ARGUMENT...: what it said and how it ended, when it did not see all
judge()
{
	case $status in
	1)
		grep -q 'nobody known' "$tmp/out" &&
			fail "$* at $at: claims to have searched"
		[ -s "$tmp/out" ] || fail "$* at $at: shows nothing"
		shown=$((shown + 1))
		;;
	2) [ -s "$tmp/out" ] && fail "$* at $at: status 2, and a dump" ;;
	*) fail "$* at $at: status $status" ;;
	esac
	grep -q "process $victim ended" "$tmp/err" ||
		fail "$* at $at: says $(cat "$tmp/err")"
}

# Every read in turn, until it takes fewer.
each()
{
	shown=0
	ending 1 "$@"
	until [ $status = 0 ]; do
		judge "$@"
		[ $at -lt 2000 ] || fail "$*: reads without an end"
		ending $((at + 1)) "$@"
	done
	[ "$at" -gt "$(cat "$tmp/reads")" ] || fail "$*: no end was met"
}

start "$tmp/said" "$blocked"
each
each --waits
[ $shown -ge 3 ] || fail "--waits is shown at $shown of $at reads"
each --threads --format json
[ $shown -ge 3 ] || fail "json is shown at $shown of $at reads"
kill -KILL "$victim"
rm "$tmp/said"

# And really: its files in /proc have gone as well.
GORO_TEST_ENDS_BY=kill
export GORO_TEST_ENDS_BY
shown=0
at=-1
status=2
until [ $status = 0 ]; do
	start "$tmp/said" "$blocked"
	rm "$tmp/said"
	ending $((at + 6)) --waits
	[ $status = 0 ] || judge --waits
	kill -KILL "$victim" 2>/dev/null
done
[ $shown -ge 1 ] || fail "no dump is shown of one that ended"
exit 0
