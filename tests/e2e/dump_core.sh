#!/bin/sh
# SPDX-License-Identifier: MIT
#
# dump_core.sh GORO_DUMP VICTIM gcore|kernel
#
# A core says what a dump of the process said, wherever its program lies by
# then; and a core that is cut off says what it has, and that it is cut off.

. "$(dirname "$0")/lib.sh"
dump=$1
how=$3
program=$tmp/victim
core=$tmp/core.file
export GOROMAXPROCS=3
cp "$2" "$program"

# gcore gives up a mapping at the first page that it cannot read, and the first
# of the stacks has a guard: one that gcore knows by its mapping.
by_gcore()
{
	GORODEBUG=guard=mprotect
	export GORODEBUG
	command -v gcore >/dev/null || skip "no gcore"
	start "$tmp/said" "$program"
	wait_for settled
	gcore -o "$tmp/c" "$victim" >"$tmp/gcore" 2>&1 ||
		fail "gcore: $(cat "$tmp/gcore")"
	kill -KILL "$victim"
	wait "$victim" 2>/dev/null
	mv "$tmp/c.$victim" "$core"
}

# As most people will call it: where gcore cannot have the stacks, that is said.
by_gcore_unasked()
{
	unset GORODEBUG
	start "$tmp/says" "$program"
	gcore -o "$tmp/c" "$victim" >"$tmp/gcore" 2>&1 ||
		fail "gcore: $(cat "$tmp/gcore")"
	kill -KILL "$victim"
	"$dump" --core "$tmp/c.$victim" >"$tmp/dump" 2>"$tmp/err" ||
		grep -q 'gcore leaves out stacks' "$tmp/err" ||
		fail "of a core of gcore says $(cat "$tmp/err")"
	rm "$tmp/c.$victim"
}

by_kernel()
{
	case $(cat /proc/sys/kernel/core_pattern) in
	*[!a-zA-Z0-9_.%-]* | '') skip "cores do not go to the directory" ;;
	esac
	ulimit -c unlimited 2>/dev/null || skip "no cores are allowed"
	mkdir "$tmp/cores"
	cd "$tmp/cores" || exit 1
	ASAN_OPTIONS=${ASAN_OPTIONS:-}:disable_coredump=0
	TSAN_OPTIONS=${TSAN_OPTIONS:-}:disable_coredump=0
	export ASAN_OPTIONS TSAN_OPTIONS
	start "$tmp/said" "$program"
	wait_for settled
	kill -ABRT "$victim"
	wait "$victim" 2>/dev/null
	mv "$tmp"/cores/* "$core" || skip "the kernel wrote no core"
}

# matches ARGUMENT...: what a dump says, and no more than that
matches()
{
	"$dump" "$@" >"$tmp/dump" 2>"$tmp/err" &&
		sed '/^ready$/d' "$tmp/said" >"$tmp/expected" &&
		normal "$tmp/dump" >"$tmp/normal" &&
		diff "$tmp/expected" "$tmp/normal" >"$tmp/diff"
}

settled()
{
	matches "$victim"
}

same()
{
	matches "$@" || fail "$*: $(cat "$tmp/err" "$tmp/diff")"
	[ -s "$tmp/err" ] && fail "$*: says $(cat "$tmp/err")"
	:
}

# cut BYTES PROGRAM PATTERN: what is said of a core of the first BYTES
cut()
{
	cp --sparse=always "$core" "$tmp/cut" && truncate -s "$1" "$tmp/cut"
	"$dump" --core "$tmp/cut" "$2" >"$tmp/dump" 2>"$tmp/err"
	status=$?
	[ $status = 1 ] || [ $status = 2 ] || fail "cut at $1: status $status"
	grep -q "$3" "$tmp/err" || fail "cut at $1: says $(cat "$tmp/err")"
}

by_"$how"
same --core "$core"
for unwinder in libunwind dwfl; do
	same --core "$core" --unwinder $unwinder
done

[ "$how" = kernel ] || by_gcore_unasked
mv "$program" "$tmp/elsewhere"
same --core "$core" "$tmp/elsewhere"
cp "$dump" "$program"
same --core "$core" "$tmp/elsewhere"
rm "$program"
"$dump" --core "$core" "$dump" >"$tmp/dump" 2>"$tmp/err" &&
	fail "another program is taken"
grep -q "is not the program that this core is of: its build id is" "$tmp/err" ||
	fail "says of another program: $(cat "$tmp/err")"

# Debug information where packages put it: by build id, or beside the program.
command -v objcopy >/dev/null || skip "no objcopy"
objcopy --only-keep-debug "$tmp/elsewhere" "$tmp/victim.debug"
strip "$tmp/elsewhere"
mkdir "$tmp/.debug"
mv "$tmp/victim.debug" "$tmp/.debug/victim.debug"
objcopy --add-gnu-debuglink="$tmp/.debug/victim.debug" "$tmp/elsewhere"
same --core "$core" "$tmp/elsewhere"

bytes=$(stat -c %s "$core")
cut 100 "$tmp/elsewhere" "cut off"
cut 20000 "$tmp/elsewhere" "is cut off: it has 20000 of"
cut $((bytes / 2)) "$tmp/elsewhere" "is cut off"
cut $((bytes - 10000)) "$tmp/elsewhere" "is cut off"
exit 0
