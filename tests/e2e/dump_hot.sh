#!/bin/sh
# SPDX-License-Identifier: MIT
#
# dump_hot.sh GORO_DUMP VICTIM [DUMPS]
#
# Goroutines that switch all the time: no stack may be of two moments, and none
# may be missing.

. "$(dirname "$0")/lib.sh"
dump=$1
program=$2
dumps=${3:-20}

for load in "1 2" "2 4" "4 40" "2 400"; do
	GOROMAXPROCS=${load% *} start "$tmp/said" "$program" "${load#* }"
	n=0
	while [ $n -lt "$dumps" ]; do
		n=$((n + 1))
		"$dump" "$victim" >"$tmp/dump" 2>"$tmp/err" ||
			fail "load $load: $(cat "$tmp/err")"
		awk -v want=$((${load#* } + 1)) '
		/^goroutine /        { n++; left = right = 0 }
		/^left_/             { left = 1 }
		/^right_/            { right = 1 }
		left && right        { bad++; left = 0 }
		/stack unavailable/  { missing++ }
		END {
			if (n != want || bad || missing) {
				print n, "of", want, "goroutines,", bad + 0,
					"mixed,", missing + 0, "without stack"
				exit 1
			}
		}' "$tmp/dump" >"$tmp/why" ||
			fail "load $load: $(cat "$tmp/why")"
	done
	unharmed
	kill -KILL "$victim"
	rm "$tmp/said"
done
