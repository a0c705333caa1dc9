# SPDX-License-Identifier: MIT
#
# The scheduler, channels, select, stacks: with two workers, with one, and with
# more than most machines have CPUs.

goro_add_test(test_runq)
foreach(unit run sched procs stack deadlock chan chan_many chan_misuse
	select select_many)
	goro_add_test(test_${unit}
		LIBS m
		ENVIRONMENT GOROMAXPROCS=2)
	foreach(procs 1 8)
		goro_add_test(test_${unit}_procs${procs}
			COMMAND test_${unit}
			ENVIRONMENT GOROMAXPROCS=${procs})
	endforeach()
endforeach()
