#!/bin/sh
# SPDX-License-Identifier: MIT
#
# dump_hot.sh GORO_DUMP VICTIM [DUMPS [MISSING]]
#
# Goroutines that switch all the time: no stack may be of two moments, and none
# may be missing, or no more than MISSING: with a sanitizer a switch takes so
# long that all threads may be found in one.

. "$(dirname "$0")/lib.sh"
dump=$1
program=$2
dumps=${3:-20}
missing=${4:-0}

for load in "1 2" "2 4" "4 40" "2 400"; do
	GOROMAXPROCS=${load% *} start "$tmp/said" "$program" "${load#* }"
	n=0
	while [ $n -lt "$dumps" ]; do
		n=$((n + 1))
		"$dump" "$victim" >"$tmp/dump" 2>"$tmp/err"
		[ $? -le $((missing > 0)) ] ||
			fail "load $load: $(cat "$tmp/err")"
		# Innermost first: left_4 left_3 left_2 left_1 runner, or as
		# many of these as there are yet, or the same of the right.
		awk -v want=$((${load#* } + 1)) -v may_miss="$missing" '
		function check() {
			bad += n > 1 && (mixed || level != 0) && !without
			level = -1
			mixed = without = 0
		}
		/^goroutine /        { check(); n++ }
		/stack unavailable/  { missing++; without = 1 }
		/^(left|right)_[1-4]/ {
			side = substr($0, 1, index($0, "_"))
			nth = substr($0, length(side) + 1, 1) + 0
			mixed += level >= 0 && (side != was || nth != level - 1)
			level = nth
			was = side
		}
		/^runner\(/          { mixed += level > 1; level = 0 }
		END {
			check()
			if (n != want || bad || missing > may_miss) {
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

# Whenever the tool is killed, or stopped, the program goes on.
at_rest()
{
	! grep -q '^State:[[:space:]]*[RSD]' /proc/$tool/status 2>/dev/null
}

GOROMAXPROCS=2 start "$tmp/said" "$program" 4
for signal in KILL TERM TSTP; do
	for delay in 0.001 0.002 0.003 0.005 0.008; do
		"$dump" "$victim" >/dev/null 2>&1 &
		tool=$!
		sleep $delay
		kill -$signal $tool 2>/dev/null
		if [ $signal = TSTP ]; then
			wait_for at_rest
		else
			wait $tool 2>/dev/null
		fi
		unharmed
		kill -KILL $tool 2>/dev/null
		wait $tool 2>/dev/null
	done
done
"$dump" "$victim" >"$tmp/dump" || [ "$missing" -gt 0 ] || fail "no dump any more"
unharmed
