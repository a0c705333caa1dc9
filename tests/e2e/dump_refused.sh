#!/bin/sh
# SPDX-License-Identifier: MIT
#
# dump_refused.sh GORO_DUMP DAMAGED PARKED
#
# What cannot be dumped: one clear line on stderr, nothing on stdout, the right
# status, and soon.

. "$(dirname "$0")/lib.sh"
dump=$1
damaged=$2
parked=$3

# refused STATUS PATTERN ARG...
refused()
{
	status=$1
	pattern=$2
	shift 2
	timeout 30 "$dump" "$@" >"$tmp/out" 2>"$tmp/err"
	got=$?
	[ $got = "$status" ] || fail "$*: status $got, not $status"
	[ -s "$tmp/out" ] && fail "$*: has output"
	grep -q "^goro-dump: .*$pattern" "$tmp/err" ||
		fail "$*: says $(cat "$tmp/err")"
}

refused 64 "no process id is given"
refused 64 "is no process id" abc
refused 64 "is no process id" 0
refused 64 "is no process id" 99999999999999999999
refused 64 "is no process id" 1 x
refused 64 "takes no process id" --all 1
refused 64 "one program for a core" --core a b c
refused 64 "there is no format" --format yaml 1
refused 64 "there is no unwinder" --unwinder magic 1
refused 64 "needs an argument" --format
refused 64 "there is no option --magic" --magic 1
refused 2 "there is no process" 999999999

# Nothing to write to is a failure like any other.
for option in --help --version; do
	"$dump" $option >/dev/full 2>"$tmp/err"
	[ $? = 2 ] || fail "$option to a full device is fine"
	grep -q "^goro-dump: cannot write" "$tmp/err" ||
		fail "$option to a full device says $(cat "$tmp/err")"
	"$dump" $option | grep -q goro-dump || fail "no $option"
done

sleep 100 &
victim=$!
pids="$pids $victim"
refused 2 "does not run libgoro" $victim
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	tool=$dump
	dump=$tmp/as_nobody
	printf '#!/bin/sh\nexec setpriv --reuid 65534 --clear-groups %s "$@"\n' \
		"$tool" >"$dump"
	chmod 755 "$tmp" "$dump"
	"$dump" --version >/dev/null 2>&1 &&
		refused 2 "no permission .* belongs to user 0" $victim
	dump=$tool
fi

for case in "newer=has version" "cookie=cookie is wrong" "offset=goroutine" \
	"short=16 bytes" "nowhere=leads to 0x100" "round=has no end" \
	"huge=cannot be true" "garbage=cannot be true"; do
	start "$tmp/said" "$damaged" "${case%%=*}"
	refused 2 "${case#*=}" $victim
	unharmed
	kill -KILL $victim
	rm "$tmp/said"
done
start "$tmp/said" "$damaged" empty
refused 0 "runs no goroutines" $victim
rm "$tmp/said"

# A process that ends meanwhile: whatever was read is shown, nothing hangs.
for delay in 0 0.002 0.005 0.01 0.02; do
	start "$tmp/said" "$parked" 5000
	{
		sleep $delay
		kill -KILL $victim
	} &
	timeout 30 "$dump" $victim >"$tmp/out" 2>"$tmp/err"
	got=$?
	wait $! 2>/dev/null
	[ $got -le 2 ] || fail "status $got for a process that ended"
	[ $got = 0 ] || grep -q "^goro-dump: .*process $victim" "$tmp/err" ||
		fail "says $(cat "$tmp/err") of a process that ended"
	rm "$tmp/said"
done
exit 0
