# SPDX-License-Identifier: MIT
#
# Profiles, read back by the tools' own strict reader.

goro_add_test(test_traces)
if(TARGET gotrace)
	goro_add_test(test_gzip LIBS ZLIB::ZLIB)
	foreach(unit goroutine cpu events)
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
