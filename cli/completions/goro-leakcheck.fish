# SPDX-License-Identifier: MIT
# fish completion for goro-leakcheck

function __goro_leakcheck_pids
    goro-dump --list 2>/dev/null | awk '$1 ~ /^[0-9]+$/ { print $1 "\t" $2 }'
end

complete -c goro-leakcheck -f -a '(__fish_complete_subcommand)'
complete -c goro-leakcheck -l format -x -a 'text json junit sarif tap github' -d 'How to write'
complete -c goro-leakcheck -l fail-on -x -a 'leaked deadlock unclosed-channel leftover suspect unstopped-timer uncancelled-context locked-by-ended none' -d 'What makes it fail'
complete -c goro-leakcheck -l timeout -x -d 'End the command after so many seconds'
complete -c goro-leakcheck -l pid -x -a '(__goro_leakcheck_pids)' -d 'Check a process that runs'
complete -c goro-leakcheck -l core -r -F -d 'What can be told of a core'
complete -c goro-leakcheck -l min-wait -x -a '1s 10s 1m 10m' -d 'Blocked for longer is a suspect'
complete -c goro-leakcheck -l samples -x -d 'Look so often'
complete -c goro-leakcheck -l every -x -a '1s 10s 1m 10m' -d 'So long after each other'
complete -c goro-leakcheck -l suppressions -r -F -d 'What not to report'
complete -c goro-leakcheck -l generate-suppressions -r -F -d 'Write what suppresses all'
complete -c goro-leakcheck -l baseline -r -F -d 'Report only what is not in it'
complete -c goro-leakcheck -l write-baseline -r -F -d 'Put all into it'
complete -c goro-leakcheck -l no-heap -d 'Without the table of heap blocks'
complete -c goro-leakcheck -l children -d 'Check child processes too'
complete -c goro-leakcheck -l no-children -d 'Check the command itself only'
complete -c goro-leakcheck -l self-test -d 'Plant a leak and see it found'
complete -c goro-leakcheck -s h -l help -d 'A short help'
complete -c goro-leakcheck -s V -l version -d 'The version'
