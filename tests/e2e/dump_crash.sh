#!/bin/sh
# SPDX-License-Identifier: MIT
#
# dump_crash.sh GORO_DUMP VICTIM
#
# The core of a program that ended badly shows what the goroutine was doing
# that ended it, on whatever stack its thread was then.

. "$(dirname "$0")/lib.sh"
dump=$1
export GOROMAXPROCS=2 GOROTRACEBACK=crash
mkdir "$tmp/cores"
cd "$tmp/cores" || exit 1

# shows FUNCTION: inside goroutine 1, with the others as they were
shows()
{
	awk -v want="$1" '
		/^goroutine / { main = /^goroutine 1 \[running\]/; n++ }
		main && index($0, want "(") == 1 { inside = 1 }
		main && /^end_badly\(/ { below = inside }
		/^waiter\(/ { waiters++ }
		END { exit !(inside && below && n == 4 && waiters == 3) }' \
		"$tmp/dump" || fail "$1: $(cat "$tmp/err" "$tmp/dump")"
}

start "$tmp/said" "$2" handler
"$dump" "$victim" >"$tmp/dump" 2>"$tmp/err" || fail "$(cat "$tmp/err")"
shows raise
unharmed

case $(cat /proc/sys/kernel/core_pattern) in
*[!a-zA-Z0-9_.%-]* | '') skip "cores do not go to the directory" ;;
esac
ulimit -c unlimited 2>/dev/null || skip "no cores are allowed"

for how in panic:goro_panic abort:abort segv:end_badly overflow:without_end; do
	"$2" ${how%:*} >/dev/null 2>&1
	[ $? -gt 128 ] || fail "${how%:*} ends without a signal"
	for core in "$tmp"/cores/*; do
		[ -e "$core" ] || skip "the kernel wrote no core"
		"$dump" --core "$core" >"$tmp/dump" 2>"$tmp/err" ||
			fail "${how%:*}: $(cat "$tmp/err")"
		# Of an overflow the middle is left out, and the end is there.
		shows ${how#*:}
		rm "$core"
	done
done
exit 0
