# SPDX-License-Identifier: MIT
#
# Locks and what else goroutines wait for, on as many workers as core.cmake.

foreach(unit mutex rwmutex waitgroup once cond)
	goro_add_test(test_${unit} ENVIRONMENT GOROMAXPROCS=2)
	foreach(procs 1 8)
		goro_add_test(test_${unit}_procs${procs}
			COMMAND test_${unit}
			ENVIRONMENT GOROMAXPROCS=${procs})
	endforeach()
endforeach()
