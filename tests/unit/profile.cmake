# SPDX-License-Identifier: MIT
#
# Profiles, read back by the tools' own strict reader.

goro_add_test(test_traces)
if(TARGET gotrace)
	goro_add_test(test_gzip LIBS ZLIB::ZLIB)
	foreach(unit goroutine cpu events heap)
		goro_add_test(test_profile_${unit}
			LIBS gotrace ENVIRONMENT GOROMAXPROCS=2)
	endforeach()
	goro_add_test(test_debug_serve
		LIBS gotrace ENVIRONMENT GOROMAXPROCS=2)
	# Where perf events are forbidden.
	goro_add_test(test_profile_cpu_timers
		COMMAND test_profile_cpu
		ENVIRONMENT GOROMAXPROCS=2 GORODEBUG=sigprof=timers)
endif()

if(TARGET goro_heapprof AND TARGET test_profile_heap)
	goro_add_test(test_profile_heap_malloc
		COMMAND test_profile_heap
		ENVIRONMENT LD_PRELOAD=$<TARGET_FILE:goro_heapprof>
			GORODEBUG=memprofilerate=1)
endif()

# All of it while memory, libraries and threads come and go; minutes of it by
# hand.
add_executable(stress_profile stress/stress_profile.c)
target_link_libraries(stress_profile PRIVATE goro::goro_static
	${CMAKE_DL_LIBS})
goro_add_test(stress_profile
	COMMAND stress_profile 3
	LABEL stress TIMEOUT 120
	ENVIRONMENT GOROMAXPROCS=2)
if(TARGET goro_heapprof)
	goro_add_test(stress_profile_heap
		COMMAND stress_profile 2
		LABEL stress TIMEOUT 120
		ENVIRONMENT GOROMAXPROCS=2 GORODEBUG=memprofilerate=200
			LD_PRELOAD=$<TARGET_FILE:goro_heapprof>)
endif()
