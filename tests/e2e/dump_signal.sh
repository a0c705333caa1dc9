#!/bin/sh
# SPDX-License-Identifier: MIT
#
# dump_signal.sh GORO_DUMP VICTIM PARKED [tsan]
#
# A process that is asked says the same as one that is looked into, goes on, and
# can be asked where it may not be looked into.

. "$(dirname "$0")/lib.sh"
dump=$1
waits=$2
parked=$3
# ThreadSanitizer keeps back the signal that a running goroutine is asked with.
blind=${4:+-e ^spinner}

# Who is there, in which state, in which functions: no places.
outline()
{
	grep -v $blind -e '^	' -e '^addr2line ' -e '^$' "$1"
}

start "$tmp/said" "$waits"
same()
{
	"$dump" --format go "$victim" >"$tmp/looked" &&
		"$dump" --signal "$victim" >"$tmp/asked" &&
		outline "$tmp/looked" >"$tmp/a" &&
		sed 's/ labels:{.*}//' "$tmp/asked" >"$tmp/plain" &&
		outline "$tmp/plain" >"$tmp/b" && diff "$tmp/a" "$tmp/b" >"$tmp/diff"
}
wait_for same
grep -q '^goroutine 1 ' "$tmp/asked" || fail "nobody there: $(cat "$tmp/asked")"
sed '/^addr2line /d' "$tmp/plain" | sed '$d' |
	awk -f "$(dirname "$0")/grammar.awk" || fail "another grammar"
# The commands behind it are right, if there is somebody to run them.
if command -v addr2line >/dev/null; then
	sed -n 's/^\(addr2line .*victim_waits.*\)#.*/\1/p' "$tmp/asked" |
		sh >"$tmp/lines" 2>/dev/null
	grep -q 'waits\.c:[1-9]' "$tmp/lines" || fail "no lines by addr2line"
fi
unharmed
kill -KILL $victim
rm "$tmp/said"

# Whatever becomes of SIGQUIT.
export GORODEBUG=sigquit=off
start "$tmp/said" "$parked" 1000
unset GORODEBUG
"$dump" --signal $victim >"$tmp/asked" || fail "not without SIGQUIT"
n=$(grep -c '^goroutine ' "$tmp/asked")
[ "$n" -ge 1000 ] || fail "$n goroutines of 1000"
kill -KILL $victim
rm "$tmp/said"

# Where there is nobody to ask.
sleep 100 &
victim=$!
pids="$pids $victim"
"$dump" --signal $victim 2>"$tmp/err" && fail "sleep has answered"
grep -q 'has no thread that answers' "$tmp/err" || fail "says $(cat "$tmp/err")"

# A process that its own user may not trace answers all the same.
if [ "$(id -u)" = 0 ]; then
	command -v setpriv >/dev/null || exit 0
	as_nobody="setpriv --reuid 65534 --clear-groups --inh-caps=-all"
	# The build may be where only root can go, below /root.
	lib=$(ldd "$parked" | sed -n 's/.*libgoro.* => \(.*\) (.*/\1/p')
	cp "$dump" "$parked" $lib "$tmp" && chmod 755 "$tmp" || fail "no copies"
	dump=$tmp/${dump##*/}
	parked=$tmp/${parked##*/}
	export LD_LIBRARY_PATH="$tmp"
	$as_nobody "$dump" --version >/dev/null 2>&1 || exit 0
fi
start "$tmp/said" ${as_nobody:-} "$parked" 10 8 closed
${as_nobody:-} "$dump" $victim >"$tmp/out" 2>"$tmp/err" && fail "it can be read"
grep -q "goro-dump --signal $victim" "$tmp/err" || fail "says $(cat "$tmp/err")"
${as_nobody:-} "$dump" --signal $victim >"$tmp/asked" || fail "does not answer"
[ "$(grep -c '^wait_below(...)$' "$tmp/asked")" = 80 ] ||
	fail "says $(cat "$tmp/asked")"
[ -n "${as_nobody:-}" ] || exit 0

# Others may not ask.
setpriv --reuid 65533 --clear-groups --inh-caps=-all "$dump" --signal $victim \
	>"$tmp/out" 2>"$tmp/err" && fail "answers anybody"
grep -q 'no permission to signal' "$tmp/err" || fail "says $(cat "$tmp/err")"
exit 0
