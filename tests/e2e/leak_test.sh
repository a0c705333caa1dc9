#!/bin/sh
# SPDX-License-Identifier: MIT
#
# leak_test.sh LEAK_TEST
#
# The test that leaks fails, by its name and with the report; the others, before
# it, after it and beside it, pass.

. "$(dirname "$0")/lib.sh"
program=$1

run()
{
	"$program" "$@" >"$tmp/out" 2>"$tmp/err"
	status=$?
	[ $status = 1 ] || fail "$*: status $status: $(cat "$tmp/out" "$tmp/err")"
	[ "$(grep -c '^leak check: ' "$tmp/err")" = 1 ] &&
		grep -q '^leak check: 2 of ' "$tmp/err" &&
		grep -q 'goroutines* .* to send on a channel' "$tmp/err" &&
		grep -q '^  ask$' "$tmp/err" &&
		grep -q '^channel #[0-9]* "answers"' "$tmp/err" ||
		fail "$*: reports $(cat "$tmp/err")"
}

run
[ "$(grep -c '^\[       OK \] careful_client' "$tmp/out")" = 2 ] &&
	[ "$(cat "$tmp/out" "$tmp/err" | grep -c '^\[  ERROR   \] hasty_client')" = 1 ] ||
	fail "one by one: $(cat "$tmp/out" "$tmp/err")"

for workers in 1 2 8; do
	GOROMAXPROCS=$workers
	export GOROMAXPROCS
	run parallel
	printf '%s\n' "passed careful_client_gets_an_answer" \
		"FAILED hasty_client_gets_an_answer" \
		"passed another_careful_client" | diff - "$tmp/out" ||
		fail "side by side, $workers workers"
done
exit 0
