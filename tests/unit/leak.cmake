# SPDX-License-Identifier: MIT
#
# The check for leaks: on memory that is made up, and in a process, with a table
# of heap blocks and without.

goro_add_test(test_reach)
# It leaves blocks behind, on purpose.
goro_add_test(test_leak ENVIRONMENT GOROMAXPROCS=2
	ASAN_OPTIONS=detect_leaks=0:detect_stack_use_after_return=0)
if(TARGET goro_heap)
	foreach(procs 1 2 8)
		goro_add_test(test_leak_heap_procs${procs}
			COMMAND test_leak
			ENVIRONMENT GOROMAXPROCS=${procs}
				LD_PRELOAD=$<TARGET_FILE:goro_heap>)
	endforeach()
endif()
