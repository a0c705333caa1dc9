#!/bin/sh
# SPDX-License-Identifier: MIT
#
# prof.sh GORO_PROF BURN PROFILE_PRINT [late]
#
# goro-prof on a process that nothing was prepared in: the profiles that it
# takes, how it ends early, and what it does when it cannot.

. "$(dirname "$0")/lib.sh"
prof=$1
burn=$2
print=$3
late=${4-} # signals are: ThreadSanitizer keeps them back while code only computes

# A profile that pprof opens, with what there is of pprofs here.
valid()
{
	"$print" "$1" >"$tmp/text" || fail "$1 is no profile"
	if command -v go >/dev/null; then
		go tool pprof -raw "$1" >/dev/null 2>"$tmp/err" ||
			fail "go tool pprof: $(cat "$tmp/err")"
	fi
}

start "$tmp/out" "$burn"

# CPU time goes to the two functions, told with lines and what was inlined.
"$prof" -d 1 -o "$tmp/cpu" cpu "$victim" || fail "cpu: status $?"
valid "$tmp/cpu"
[ "$late" ] ||
	grep -q ' inlined_work@burn.c:[0-9]* much_work@burn.c:[0-9]* worker@burn.c:' \
		"$tmp/text" || fail "cpu: no work in $(cat "$tmp/text")"

# Of a moment: all goroutines, with labels.
"$prof" -o "$tmp/goroutine" goroutine "$victim" || fail "goroutine: $?"
valid "$tmp/goroutine"
grep -q '^6 role=waiter goro_chan_recv@.* waiter@burn.c:' "$tmp/text" ||
	fail "goroutine: $(cat "$tmp/text")"

# Only what is asked for; and who started them. One has a name.
"$prof" --creator --label role=waiter --label "goroutine name=last" \
	-o "$tmp/goroutine1" goroutine "$victim" || fail "labels: $?"
valid "$tmp/goroutine1"
grep -q '^1 role=waiter goroutine name=last creator=program goro_chan_recv@' \
	"$tmp/text" || fail "labels: $(cat "$tmp/text")"
[ "$(wc -l <"$tmp/text")" = 1 ] || fail "labels: $(cat "$tmp/text")"
"$prof" -d 1 --creator --label role -o "$tmp/wall" wall "$victim" ||
	fail "wall by creator: $?"
valid "$tmp/wall"
grep -q 'creator=program ' "$tmp/text" || fail "wall: $(cat "$tmp/text")"
grep -qv 'role=' "$tmp/text" && fail "not labelled: $(cat "$tmp/text")"

# What happens is recorded for as long as it is asked for.
for kind in block wait wall; do
	"$prof" -d 0.3 $kind "$victim" >"$tmp/$kind" || fail "$kind: $?"
	valid "$tmp/$kind"
	grep -q 'waiter@burn.c' "$tmp/text" || fail "$kind: $(cat "$tmp/text")"
done
for kind in mutex schedlatency creation threadcreate chan; do
	"$prof" -d 0.1 $kind "$victim" >"$tmp/$kind" || fail "$kind: $?"
	valid "$tmp/$kind"
done

# Tables.
"$prof" --top goroutine "$victim" >"$tmp/text" || fail "top: $?"
grep -q ' 7 .* goro_chan_recv$' "$tmp/text" || fail "top: $(cat "$tmp/text")"
"$prof" --diff "$tmp/goroutine" "$tmp/goroutine" >"$tmp/text" ||
	fail "diff: $?"
grep -q '^goroutine: 0' "$tmp/text" || fail "diff: $(cat "$tmp/text")"
"$prof" --diff "$tmp/goroutine" "$tmp/cpu" >/dev/null 2>&1 &&
	fail "apples and pears have a difference"

# A picture, well-formed as far as tags tell: of the worker, unless signals are
# late.
"$prof" -d 1 --flame "$tmp/flame.html" cpu "$victim" || fail "flame: $?"
[ "$(grep -c '^<g>' "$tmp/flame.html")" = "$(grep -c '</g>$' "$tmp/flame.html")" ] ||
	fail "flame: $(cat "$tmp/flame.html")"
grep -q '^</svg>' "$tmp/flame.html" || fail "flame: no end"
[ "$late" ] || grep -q '<title>much_work ' "$tmp/flame.html" ||
	fail "flame: no work"

# Ctrl-C ends it early, and what there is is written. (Whoever was started in
# the background, as we may be, ignores SIGINT and so do its children.)
env --default-signal=INT "$prof" -d 600 -o "$tmp/early" cpu "$victim" &
taking=$!
pids="$pids $taking"
# It has asked, and was called back, twice.
asked()
{
	[ "$(ls -l /proc/$taking/fd | grep -c socket:)" -ge 3 ]
}
wait_for asked
sleep 0.5
kill -INT "$taking"
wait "$taking" || fail "early: $?"
valid "$tmp/early"
[ "$late" ] || [ -s "$tmp/text" ] || fail "nothing was seen until Ctrl-C"

# refused STATUS PATTERN ARG...: and no file, nor a piece of one
refused()
{
	status=$1
	pattern=$2
	shift 2
	mkdir "$tmp/dir"
	timeout 60 "$prof" -o "$tmp/dir/file" "$@" >"$tmp/text" 2>"$tmp/err"
	got=$?
	[ $got = "$status" ] || fail "$*: status $got, not $status"
	grep -q "^goro-prof: .*$pattern" "$tmp/err" ||
		fail "$*: says $(cat "$tmp/err")"
	rmdir "$tmp/dir" || fail "$*: leaves $(ls "$tmp/dir")"
}

refused 64 "a kind and a process id"
refused 64 "a kind and a process id" cpu
refused 64 "is no process id" cpu nobody
refused 64 "is no kind" ../cpu 1
refused 64 "is no number of seconds" -d soon cpu 1
refused 64 "is no frequency" --hz 0 cpu 1
refused 64 "takes two files" --diff a
refused 2 "there is no process" cpu 999999999
refused 2 "creators are known" --creator block "$victim"
refused 2 "no such profile" nonsense "$victim"
refused 2 "no thread that answers" cpu $$
refused 2 "cannot open" --diff "$tmp/none" "$tmp/none"
"$prof" -o "$tmp/no/such/place" goroutine "$victim" 2>"$tmp/err"
[ $? = 2 ] || fail "a place that is none"
grep -q "cannot write" "$tmp/err" || fail "place: $(cat "$tmp/err")"
"$prof" goroutine "$victim" >/dev/full 2>"$tmp/err"
[ $? = 2 ] || fail "a full device"

# One that does not answer is looked at from outside.
kill -STOP "$victim"
"$prof" -d 0.3 --creator --label role -o "$tmp/outside" wall "$victim" \
	2>"$tmp/err" || fail "outside: $? $(cat "$tmp/err")"
grep -q 'does not answer: it was looked at from outside' "$tmp/err" ||
	fail "outside: $(cat "$tmp/err")"
valid "$tmp/outside"
grep -q 'role=waiter goroutine name=last creator=program goro_chan_recv@.* waiter@burn.c:' \
	"$tmp/text" || fail "outside: $(cat "$tmp/text")"
kill -CONT "$victim"

# The process may end in the middle of it.
"$prof" -d 600 -o "$tmp/dies" wall "$victim" 2>"$tmp/dies.err" &
taking=$!
pids="$pids $taking"
wait_for asked
kill -KILL "$victim"
wait "$taking"
[ $? = 2 ] || fail "a process that ended is no failure"
grep -Eq "^goro-prof: .*(ended|no process)" "$tmp/dies.err" ||
	fail "$(cat "$tmp/dies.err")"
ls "$tmp"/dies* | grep -qvx "$tmp/dies.err" && fail "half a file is left"
exit 0
