#!/bin/sh
# SPDX-License-Identifier: MIT
#
# dump_completions.sh GORO_DUMP DIRECTORY VICTIM
#
# Every option is completed in every shell, and there are no others; what bash
# offers is right. The other shells are asked for their syntax, where they are.

. "$(dirname "$0")/lib.sh"
dump=$1
directory=$2
program=$3

"$dump" --help | grep -o -e '--[a-z][a-z-]*' | sort -u >"$tmp/options"
grep -qx -e --watch "$tmp/options" || fail "no options in --help"
grep -o -e '--[a-z][a-z-]*' "$directory/goro-dump.bash" | sort -u >"$tmp/bash"
sed -n "s/.*[]'*{,)]\(--[a-z-]*\)[}[].*/\1/p" "$directory/_goro-dump" |
	sort -u >"$tmp/zsh"
sed -n 's/.* -l \([a-z-]*\).*/--\1/p' "$directory/goro-dump.fish" |
	sort -u >"$tmp/fish"
for shell in bash zsh fish; do
	diff "$tmp/options" "$tmp/$shell" >"$tmp/diff" ||
		fail "$shell and --help differ: $(cat "$tmp/diff")"
done

command -v zsh >/dev/null && { zsh -n "$directory/_goro-dump" || fail zsh; }
command -v fish >/dev/null && { fish -n "$directory/goro-dump.fish" || fail fish; }
command -v bash >/dev/null || skip "there is no bash"

# offers EXPECTED WORD...: what bash offers for the last word
offers()
{
	expected=$1
	shift
	got=$(bash -c '. "$1"
		shift
		COMP_WORDS=("$@")
		COMP_CWORD=$(($# - 1))
		_goro_dump
		echo ${COMPREPLY[*]}' - "$directory/goro-dump.bash" "$@")
	case " $got " in
	*" $expected "*) ;; # others may run, of similar numbers
	*) [ "$got" = "$expected" ] || fail "'$*' is offered '$got', not '$expected'" ;;
	esac
}

start "$tmp/said" "$program"
offers "--state" "$dump" --st
offers "json" "$dump" --format j
offers "json" "$dump" --format = j
offers "runnable" "$dump" --state runna
offers "" "$dump" --func x
offers "$victim" "$dump" "$victim"
cd "$tmp" && touch before.json && offers "before.json" "$dump" --diff bef
exit 0
