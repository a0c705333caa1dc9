#!/bin/sh
# SPDX-License-Identifier: MIT
#
# gdb_script.sh VICTIM
#
# gdb finds the script in the library, and shows each goroutine where it is; of
# a process, which goes on unharmed, and of its core.

. "$(dirname "$0")/lib.sh"
program=$1
export GOROMAXPROCS=3
command -v gdb >/dev/null || skip "no gdb"
gdb -nx -batch -ex 'python print(1)' 2>/dev/null | grep -qx 1 ||
	skip "gdb has no Python"

ASAN_OPTIONS=${ASAN_OPTIONS:-}:disable_coredump=0
TSAN_OPTIONS=${TSAN_OPTIONS:-}:disable_coredump=0
export ASAN_OPTIONS TSAN_OPTIONS
ulimit -c unlimited 2>/dev/null
mkdir "$tmp/cores"
cd "$tmp/cores" || exit 1
start "$tmp/said" "$program"

# What the victim says of itself: number, status, function, file and line.
awk '/^goroutine / {
		header = $0
		gsub(/^goroutine |:$/, "", header)
		sub(/ name:.*\]/, "]", header)
	}
	/^\t.*:[0-9]+$/ && header { print header, name, $1; header = "" }
	{ name = $0; sub(/\(.*/, "", name) }' "$tmp/said" >"$tmp/expected"
[ "$(wc -l <"$tmp/expected")" = 12 ] || fail "the victim says something else"

# ask ARGUMENT...: the answers of gdb, to $tmp/out and $tmp/err
ask()
{
	gdb -nx -batch -iex 'set auto-load safe-path /' "$@" \
		-ex 'info goroutines' -ex 'echo ALL\n' -ex 'goroutine all bt' \
		-ex 'echo ONE\n' -ex 'goroutine 3 bt' -ex 'goroutine 99 bt' \
		>"$tmp/out" 2>"$tmp/err"
	grep -q 'No goroutine 99' "$tmp/err"
}

shown()
{
	sed -n '/^[* ] [0-9]* *\[/p;/^ALL$/q' "$tmp/out" |
		sed -e 's/^[* ] //' -e 's/  */ /g' -e 's/\] ".*" 0x/] 0x/' \
			-e 's/\] 0x[0-9a-f]* in /] /' \
			-e 's/\] \([^ ]*\) (.*) at /] \1 /' |
		diff "$tmp/expected" - >"$tmp/diff"
}

stacks()
{
	[ "$(grep -c '^goroutine [0-9]* \[' "$tmp/out")" = 12 ] ||
		fail "goroutine all bt: $(cat "$tmp/out")"
	# That of each ends where goroutines begin.
	[ "$(grep -c ' in gr_context_entry ' "$tmp/out")" = 13 ] ||
		fail "goroutine all bt: stacks are cut: $(cat "$tmp/out")"
	sed '1,/^ONE$/d' "$tmp/out" | grep -q ' in sender (.*waits.c:' ||
		fail "goroutine 3 bt: $(cat "$tmp/out")"
}

live()
{
	ask -p "$victim" && shown
}

gdb -nx -batch -p "$victim" 2>&1 | grep -qi 'not permitted' &&
	skip "gdb may not attach"
# The last of them may be on its way still.
for try in 1 2 3 4 5 6 7 8 9 10; do
	live && break
	sleep 0.2
done
live || fail "of a process: $(cat "$tmp/out" "$tmp/err" "$tmp/diff")"
stacks
unharmed

kill -ABRT "$victim"
wait "$victim" 2>/dev/null
for core in "$tmp"/cores/*; do
	[ -e "$core" ] || skip "the kernel wrote no core here"
	ask "$program" "$core" || fail "of a core: $(cat "$tmp/out" "$tmp/err")"
	shown || fail "of a core: $(cat "$tmp/diff")"
	stacks
done
exit 0
