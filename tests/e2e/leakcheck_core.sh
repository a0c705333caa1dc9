#!/bin/sh
# SPDX-License-Identifier: MIT
#
# leakcheck_core.sh GORO_LEAKCHECK VICTIM
#
# Of a core is told what can be told, and what cannot be is not claimed.

. "$(dirname "$0")/lib.sh"
tool=$1
program=$2
export GOROMAXPROCS=2

case $(cat /proc/sys/kernel/core_pattern) in
*[!a-zA-Z0-9_.%-]* | '') skip "cores do not go to the directory" ;;
esac
ulimit -c unlimited 2>/dev/null || skip "no cores are allowed"
mkdir "$tmp/cores"
cd "$tmp/cores" || exit 1
start "$tmp/said" "$program" deadlock leaked nil kept busy

# Have all got to where they will stay?
settled()
{
	"$tool" --pid "$victim" --min-wait 1ms 2>/dev/null |
		sed -n 's/^leak check: 2 deadlock, \([0-9]*\) leaked\(, \([0-9]*\) suspect\)*$/\1 \3/p' |
		awk '$1 + $2 == 5 { ok = 1 } END { exit !ok }'
}
wait_for settled
kill -ABRT "$victim"
wait "$victim" 2>/dev/null
mv "$tmp"/cores/* "$tmp/core.file" || skip "the kernel wrote no core"

# check STATUS ARGUMENT...: what is found then is in $tmp/out
check()
{
	expected=$1
	shift
	"$tool" --core "$tmp/core.file" --min-wait 0 "$@" "$program" \
		>"$tmp/out" 2>"$tmp/err"
	status=$?
	[ $status = "$expected" ] ||
		fail "$*: status $status: $(cat "$tmp/out" "$tmp/err")"
}

says()
{
	grep -q "$1" "$tmp/out" || fail "no '$1' in $(cat "$tmp/out")"
}

# Three are lost and one is kept: a core cannot tell them apart, but for where
# their channels were made. Main sleeps.
check 1
says '^leak check: 2 deadlock, 1 leaked, 4 suspect$'
says 'LEAKED: a goroutine waits for nothing'
says 'SUSPECT: a goroutine'
says 'channel .*"jobs"'
says 'channel .*"kept"'
grep -q 'of a core' "$tmp/err" || fail "does not say what it cannot"
check 1 --fail-on suspect
check 0 --fail-on unclosed-channel
"$tool" --core /nonexistent >"$tmp/out" 2>"$tmp/err"
[ $? = 2 ] && [ -s "$tmp/err" ] || fail "a core that is not there"
