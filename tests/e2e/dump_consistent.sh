#!/bin/sh
# SPDX-License-Identifier: MIT
#
# dump_consistent.sh GORO_DUMP VICTIM [DUMPS]
#
# Among goroutines that pass mutexes on all the time, a mutex has one owner at
# one moment.

. "$(dirname "$0")/lib.sh"
dump=$1
dumps=${3:-20}
workers=4000

GOROMAXPROCS=3 start "$tmp/said" "$2" $workers
n=0
while [ $n -lt "$dumps" ]; do
	n=$((n + 1))
	"$dump" --consistent "$victim" >"$tmp/dump" 2>"$tmp/err" ||
		fail "status $?: $(cat "$tmp/err")"
	grep -qx "goro-dump: process $victim was stopped for [0-9.]* ms.*" \
		"$tmp/err" || fail "says $(cat "$tmp/err")"
	awk '/^goroutine / { group = $0; sub(/.*name:/, "", group) }
		/^critical\(/ && inside[group]++ { bad++; print group }
		END { exit bad > 0 }' "$tmp/dump" >"$tmp/why" ||
		fail "two are inside at once of group $(head -n 1 "$tmp/why")"
	all=$(grep -c '^goroutine ' "$tmp/dump")
	[ "$all" = $((workers + 1)) ] || fail "$all goroutines"
	grep -q "stack unavailable" "$tmp/dump" && fail "a stack is missing"
	unharmed
done

# Nobody sees it when the tool is killed.
for delay in 0.001 0.002 0.003 0.005 0.008; do
	"$dump" --consistent "$victim" >/dev/null 2>&1 &
	tool=$!
	sleep $delay
	kill -KILL $tool 2>/dev/null
	wait $tool 2>/dev/null
	unharmed
done
exit 0
