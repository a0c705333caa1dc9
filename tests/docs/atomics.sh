#!/bin/sh
# SPDX-License-Identifier: MIT
#
# atomics.sh LIBGORO - each atomic access says who its partner is
#
# The runtime's atomics are those of atomic.h. One that orders anything has a
# [pair NAME] in sight, above it or behind it, and each NAME is at two places at
# least; what is relaxed publishes nothing, and says why where it is declared or
# used.

cd "$1/src" || exit 1
ops='gr_(load|store|xchg|add|and|or|cas)_(acq|rel|sc|acq_rel)[(]'
status=0

said()
{
	[ -z "$1" ] && return
	printf '%s:\n%s\n' "$2" "$1"
	status=1
}

# What stands before malloc() is a library of its own, with half of some pairs.
files=$(find . -name '*.[ch]' ! -name atomic.h)
[ -n "$files" ] || said "$1" "no sources"
# shellcheck disable=SC2086 # a list of words
{
said "$(grep -nE '__atomic_|__sync_|_Atomic|stdatomic' $files)" \
	"atomics that are not of atomic.h"
said "$(grep -ohE '\[pair [^]]*\]' $files ../heap/*.c |
	sort | uniq -u)" \
	"partners that are alone"
said "$(awk -v ops="$ops" '
	FNR == 1 { tag = -100 }
	/\[pair [a-z0-9-]+\]/ { tag = FNR; delete open[FILENAME] }
	$0 ~ ops && FNR - tag > 12 { open[FILENAME] = FNR; at[FILENAME] = $0 }
	FILENAME in open && FNR - open[FILENAME] >= 2 {
		print FILENAME ":" open[FILENAME] ":" at[FILENAME]
		delete open[FILENAME]
	}' $files)" "no partner in sight"
}
exit $status
