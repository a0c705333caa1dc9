#!/bin/sh
# SPDX-License-Identifier: MIT
#
# dump_consistent.sh GORO_DUMP VICTIM [DUMPS]
#
# Among goroutines that pass mutexes on all the time, a mutex has one owner at
# one moment. Now and then a goroutine was between two stacks each time that all
# was stopped: that is said, and the rest is of one moment all the same.

. "$(dirname "$0")/lib.sh"
dump=$1
dumps=${3:-20}
workers=4000

GOROMAXPROCS=3 start "$tmp/said" "$2" $workers
n=0
missed=0
while [ $n -lt "$dumps" ]; do
	n=$((n + 1))
	"$dump" --consistent "$victim" >"$tmp/dump" 2>"$tmp/err"
	status=$?
	case $status in
	0)
		grep -q "stack unavailable" "$tmp/dump" &&
			fail "a stack is missing"
		;;
	1)
		missed=$((missed + 1))
		grep -q "could not be stopped" "$tmp/err" ||
			fail "status 1: $(cat "$tmp/err")"
		;;
	*)
		fail "status $status: $(cat "$tmp/err")"
		;;
	esac
	grep -qx "goro-dump: process $victim was stopped for [0-9.]* ms.*" \
		"$tmp/err" || fail "says $(cat "$tmp/err")"
	awk '/^goroutine / { group = $0; sub(/.*name:/, "", group) }
		/^critical\(/ && inside[group]++ { bad++; print group }
		END { exit bad > 0 }' "$tmp/dump" >"$tmp/why" ||
		fail "two are inside at once of group $(head -n 1 "$tmp/why")"
	all=$(grep -c '^goroutine ' "$tmp/dump")
	[ "$all" = $((workers + 1)) ] || fail "$all goroutines"
	unharmed
done
[ $missed -le $((dumps / 4)) ] || fail "$missed of $dumps were not whole"

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
