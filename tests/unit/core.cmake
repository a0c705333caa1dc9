# SPDX-License-Identifier: MIT
#
# The scheduler, channels, select, stacks: with two workers, with one, and with
# more than most machines have CPUs.

goro_add_test(test_clock ENVIRONMENT GOROMAXPROCS=2)
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

# All of it at once, for a moment; docs/HACKING.md has the long run.
add_executable(stress_chan stress/stress_chan.c)
target_link_libraries(stress_chan PRIVATE goro::goro_static)
foreach(procs 0 1 2)
	goro_add_test(stress_chan_procs${procs}
		COMMAND stress_chan 2 ${procs} 20
		LABEL stress TIMEOUT 120)
endforeach()
# A minute of it, once: sanitizers make it slower, not longer.
if(NOT GORO_SANITIZE AND CMAKE_C_COMPILER_ID STREQUAL GNU)
	foreach(procs 2 16)
		goro_add_test(stress_chan_long_procs${procs}
			COMMAND stress_chan 30 ${procs}
			LABEL stress TIMEOUT 180)
	endforeach()
endif()
