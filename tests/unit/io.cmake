# SPDX-License-Identifier: MIT
#
# Blocking sections, threads, waiting for file descriptors, on as many workers
# as core.cmake.

foreach(unit blocking thread_lock io)
	goro_add_test(test_${unit} ENVIRONMENT GOROMAXPROCS=2)
	foreach(procs 1 8)
		goro_add_test(test_${unit}_procs${procs}
			COMMAND test_${unit}
			ENVIRONMENT GOROMAXPROCS=${procs})
	endforeach()
endforeach()
