# SPDX-License-Identifier: MIT
# fish completion for goro-dump

function __goro_dump_pids
    goro-dump --list 2>/dev/null | awk '$1 ~ /^[0-9]+$/ { print $1 "\t" $2 }'
end

complete -c goro-dump -f
complete -c goro-dump -n 'not __fish_contains_opt diff core' -a '(__goro_dump_pids)'
complete -c goro-dump -n '__fish_contains_opt diff core' -F
complete -c goro-dump -l format -x -a 'text go json html pprof dot' -d 'How to write'
complete -c goro-dump -l group -d 'One stack for all that do the same'
complete -c goro-dump -l no-group -d 'Each goroutine by itself'
complete -c goro-dump -l waits -d 'What blocks whom, and deadlocks'
complete -c goro-dump -l dot -d 'What blocks whom, as a graph'
complete -c goro-dump -l channels -d 'All channels, and who waits for them'
complete -c goro-dump -l threads -d 'The threads of the operating system too'
complete -c goro-dump -l state -x -a 'running runnable waiting syscall' -d 'Those in a state'
complete -c goro-dump -l reason -x -a '"chan receive" "chan send" select sleep mutex waitgroup cond once IO' -d 'Those that wait for it'
complete -c goro-dump -l min-wait -x -a '250ms 1s 1m' -d 'Those that wait for so long'
complete -c goro-dump -l func -x -d 'Those with a function on their stack'
complete -c goro-dump -l created-by -x -d 'Those started by a function'
complete -c goro-dump -l label -x -d 'Those with a label'
complete -c goro-dump -l id -x -d 'Those of a number'
complete -c goro-dump -l sort -x -a 'id wait count' -d 'Their order'
complete -c goro-dump -l limit -x -d 'The first of them only'
complete -c goro-dump -l watch -x -a '500ms 1s 10s' -d 'Live, on the whole screen'
complete -c goro-dump -l diff -d 'Compare two dumps in JSON'
complete -c goro-dump -l list -d 'The processes that have goroutines'
complete -c goro-dump -l all -d 'All processes that have goroutines'
complete -c goro-dump -l core -r -F -d 'Of a core'
complete -c goro-dump -l consistent -d 'Stop the process meanwhile'
complete -c goro-dump -l signal -d 'Have the process print them'
complete -c goro-dump -l debug-dir -r -a '(__fish_complete_directories)' -d 'Has debug files'
complete -c goro-dump -l debuginfod -d 'Ask servers for debug information'
complete -c goro-dump -l unwinder -x -a 'table libunwind dwfl' -d 'How to follow stacks'
complete -c goro-dump -s h -l help -d 'A short help'
complete -c goro-dump -s V -l version -d 'The version'
