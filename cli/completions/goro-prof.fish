# SPDX-License-Identifier: MIT
# fish completion for goro-prof

set -g __goro_prof_kinds cpu wall block wait mutex schedlatency goroutine creation threadcreate chan goroutineleak heap allocs trace

function __goro_prof_pids
    goro-dump --list 2>/dev/null | awk '$1 ~ /^[0-9]+$/ { print $1 "\t" $2 }'
end

complete -c goro-prof -f -n "not __fish_seen_subcommand_from $__goro_prof_kinds" -a "$__goro_prof_kinds"
complete -c goro-prof -f -n "__fish_seen_subcommand_from $__goro_prof_kinds" -a '(__goro_prof_pids)'
complete -c goro-prof -s d -x -d 'For so many seconds'
complete -c goro-prof -s o -r -F -d 'Write it there'
complete -c goro-prof -l hz -x -d 'Samples a second'
complete -c goro-prof -l label -x -d 'Only what has this label'
complete -c goro-prof -l creator -d 'Tell who started the goroutines'
complete -c goro-prof -l flame -r -F -d 'Draw a flame graph'
complete -c goro-prof -l top -d 'Print a table of functions'
complete -c goro-prof -l diff -r -F -d 'How much more the second file has'
complete -c goro-prof -l chrome -d 'A trace as Chrome\'s JSON'
complete -c goro-prof -l flight -d 'A trace of the last seconds'
complete -c goro-prof -l read -r -F -d 'What the flight recorder has left'
complete -c goro-prof -s h -l help -d 'A short help'
complete -c goro-prof -s V -l version -d 'The version'
