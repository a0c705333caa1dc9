#!/bin/sh
# SPDX-License-Identifier: MIT
#
# prof_heap.sh GORO_PROF MEMORY PROFILE_PRINT LIBGORO_HEAPPROF
#
# Heap profiles of a program that knows what it has allocated: with a sample in
# 1 KiB its sums come out within 5 percent, nine standard deviations of the
# smallest of them. And of one that was started without the sampler: none.

. "$(dirname "$0")/lib.sh"
prof=$1
memory=$2
print=$3
sampler=$4

# about VALUE FUNCTION FIELD: the sum over its stacks, within 5 percent
about()
{
	awk -v want="$1" -v fn=" $2@memory.c:" -v field="$3" '
		index($0, fn) { sum += $field }
		END {
			print fn, field ":", sum, "for", want
			exit !(sum >= want * 0.95 && sum <= want * 1.05)
		}' "$tmp/text" >"$tmp/sum" || fail "$(cat "$tmp/sum" "$tmp/text")"
}

start "$tmp/out" env LD_PRELOAD="$sampler" GORODEBUG=memprofilerate=1024 \
	"$memory"
"$prof" -o "$tmp/heap" heap "$victim" || fail "heap: status $?"
"$print" "$tmp/heap" >"$tmp/text" || fail "no profile"
about 4096 keep 3
about 16777216 keep 4
about 524288 churn 1
about 33554432 churn 2
about 8388608 keep_large 4
grep ' churn@' "$tmp/text" | awk '$3 || $4 { exit 1 }' ||
	fail "what was freed is in use: $(cat "$tmp/text")"
grep ' keep@' "$tmp/text" | grep -q ' role=worker keep@' ||
	fail "not labelled, or not by who called malloc: $(cat "$tmp/text")"
if command -v go >/dev/null; then
	go tool pprof -sample_index=inuse_space -top "$tmp/heap" \
		>"$tmp/top" 2>&1 || fail "go tool pprof: $(cat "$tmp/top")"
	grep -q 'Type: inuse_space' "$tmp/top" || fail "$(cat "$tmp/top")"
fi

# The table is of what was allocated, and of what is in use.
"$prof" --top allocs "$victim" >"$tmp/text" || fail "allocs: $?"
grep -q '^alloc_space: .*MB' "$tmp/text" || fail "$(cat "$tmp/text")"
"$prof" --top heap "$victim" >"$tmp/text" || fail "heap: $?"
grep -q '^inuse_space: .*MB' "$tmp/text" || fail "$(cat "$tmp/text")"
# Nothing is allocated any more but by who answers.
"$prof" -d 0.2 -o "$tmp/delta" allocs "$victim" || fail "delta: $?"
"$print" "$tmp/delta" >"$tmp/text" || fail "delta is no profile"
grep -q '@memory.c' "$tmp/text" && fail "delta: $(cat "$tmp/text")"

start "$tmp/out2" "$memory"
"$prof" -o "$tmp/none" heap "$victim" 2>"$tmp/err" && fail "it is there"
grep -q 'LD_PRELOAD=libgoro-heapprof.so' "$tmp/err" || fail "$(cat "$tmp/err")"
[ ! -e "$tmp/none" ] || fail "a file is left"
exit 0
