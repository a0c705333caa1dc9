#!/bin/sh
# SPDX-License-Identifier: MIT
#
# completions.sh GORO_DUMP GORO_LEAKCHECK GORO_PROF DIRECTORY VICTIM
#
# Every option is completed in every shell, and there are no others; what bash
# offers is right. The other shells are asked for their syntax, where they are.

. "$(dirname "$0")/lib.sh"
dump=$1
leakcheck=$2
prof=$3
directory=$4
program=$5

# of_all TOOL: each shell knows its options
of_all()
{
	name=${1##*/}
	"$1" --help | grep -o -e '--[a-z][a-z-]*' | sort -u >"$tmp/options"
	grep -qx -e --version "$tmp/options" || fail "no options in --help"
	sed '/goro-dump --list/d' "$directory/$name.bash" |
		grep -o -e '--[a-z][a-z-]*' | sort -u >"$tmp/bash"
	sed -n "s/.*[]'*{,)]\(--[a-z-]*\)[}[].*/\1/p" "$directory/_$name" |
		sort -u >"$tmp/zsh"
	sed -n 's/.* -l \([a-z-]*\).*/--\1/p' "$directory/$name.fish" |
		sort -u >"$tmp/fish"
	for shell in bash zsh fish; do
		diff "$tmp/options" "$tmp/$shell" >"$tmp/diff" ||
			fail "$name: $shell and --help differ: $(cat "$tmp/diff")"
	done
	command -v zsh >/dev/null && { zsh -n "$directory/_$name" || fail zsh; }
	command -v fish >/dev/null &&
		{ fish -n "$directory/$name.fish" || fail fish; }
	:
}

of_all "$dump"
of_all "$leakcheck"
of_all "$prof"
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
		name=${1##*/}
		_${name/-/_}
		echo ${COMPREPLY[*]}' - "$directory/${1##*/}.bash" "$@")
	case " $got " in
	*" $expected "*) ;; # others may run, of similar numbers
	*) [ "$got" = "$expected" ] || fail "'$*' is offered '$got', not '$expected'" ;;
	esac
}

# What asks for processes asks the one that is tested.
PATH=$(dirname "$dump"):$PATH
start "$tmp/said" "$program"
offers "--state" "$dump" --st
offers "json" "$dump" --format j
offers "json" "$dump" --format = j
for format in $("$dump" --help | sed -n 's/^  --format F//p' |
	sed 's/([^)]*)//; s/,//g'); do
	offers "$format" "$dump" --format "$format"
	for file in _goro-dump goro-dump.fish; do
		grep "format.*[('].*text " "$directory/$file" | grep -qw "$format" ||
			fail "$file does not know the format $format"
	done
done
offers "runnable" "$dump" --state runna
offers "" "$dump" --func x
offers "$victim" "$dump" "$victim"
offers "schedlatency" "$prof" -d 1 sch
offers "--flame" "$prof" --top --fl
offers "$victim" "$prof" -o x cpu "$victim"
offers "--fail-on" "$leakcheck" --fa
offers "sarif" "$leakcheck" --format text --format = sa
offers "--samples" "$leakcheck" --pid 1 --sam
cd "$tmp" || exit 1
touch a_report && offers "a_report" "$leakcheck" --baseline a_re
offers "a_report" "$leakcheck" --timeout 5 true a_re
offers "" "$leakcheck" true --form
touch before.json && offers "before.json" "$prof" --diff bef
offers "before.json" "$prof" trace --read = bef
offers "before.json" "$dump" --diff bef
exit 0
