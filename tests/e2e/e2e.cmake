# SPDX-License-Identifier: MIT
#
# The tools against programs that they know nothing of.

if(TARGET goro-dump)
	foreach(victim waits hot parked blocked critical)
		add_executable(victim_${victim} victims/${victim}.c)
		target_link_libraries(victim_${victim} PRIVATE goro::goro)
	endforeach()
	add_executable(victim_damaged victims/damaged.c)
	target_include_directories(victim_damaged PRIVATE
		${PROJECT_SOURCE_DIR}/libgoro/include)

	foreach(how plain deleted stripped)
		goro_add_test(dump_waits_${how} LABEL e2e
			COMMAND ${CMAKE_CURRENT_LIST_DIR}/dump_waits.sh
				$<TARGET_FILE:goro-dump>
				$<TARGET_FILE:victim_waits> ${how})
	endforeach()
	# gcore saves 20 TiB of what a sanitizer has mapped.
	set(how_cores kernel)
	if(NOT GORO_SANITIZE)
		list(APPEND how_cores gcore)
	endif()
	foreach(how IN LISTS how_cores)
		goro_add_test(dump_core_${how} LABEL e2e
			COMMAND ${CMAKE_CURRENT_LIST_DIR}/dump_core.sh
				$<TARGET_FILE:goro-dump>
				$<TARGET_FILE:victim_waits> ${how})
	endforeach()
	# A sanitizer has its own way to end.
	if(NOT GORO_SANITIZE)
		add_executable(victim_crash victims/crash.c)
		target_link_libraries(victim_crash PRIVATE goro::goro)
		goro_add_test(dump_crash LABEL e2e
			COMMAND ${CMAKE_CURRENT_LIST_DIR}/dump_crash.sh
				$<TARGET_FILE:goro-dump>
				$<TARGET_FILE:victim_crash>)
	endif()
	# Sanitizers want to be loaded first.
	if(NOT GORO_SANITIZE)
		add_library(ends MODULE e2e/ends.c)
		goro_add_test(dump_ends LABEL e2e TIMEOUT 240
			COMMAND ${CMAKE_CURRENT_LIST_DIR}/dump_ends.sh
				$<TARGET_FILE:goro-dump>
				$<TARGET_FILE:victim_blocked>
				$<TARGET_FILE:ends>)
	endif()
	# The sanitizers do without static programs.
	if(NOT GORO_SANITIZE)
		add_executable(victim_waits_static victims/waits.c)
		target_link_libraries(victim_waits_static PRIVATE
			goro::goro_static -static)
		foreach(how plain stripped_static)
			goro_add_test(dump_waits_static_${how} LABEL e2e
				COMMAND ${CMAKE_CURRENT_LIST_DIR}/dump_waits.sh
					$<TARGET_FILE:goro-dump>
					$<TARGET_FILE:victim_waits_static> ${how})
		endforeach()
	endif()
	goro_add_test(completions LABEL e2e
		COMMAND ${CMAKE_CURRENT_LIST_DIR}/completions.sh
			$<TARGET_FILE:goro-dump> $<TARGET_FILE:goro-leakcheck>
			$<TARGET_FILE:goro-prof>
			${PROJECT_SOURCE_DIR}/cli/completions
			$<TARGET_FILE:victim_blocked>)
	if(TARGET trouble)
		goro_add_test(dump_diagnose LABEL e2e TIMEOUT 120
			COMMAND ${CMAKE_CURRENT_LIST_DIR}/dump_diagnose.sh
				$<TARGET_FILE:goro-dump> $<TARGET_FILE:trouble>)
	endif()
	find_program(PYTHON3 python3)
	if(PYTHON3)
		goro_add_test(dump_json LABEL e2e
			COMMAND ${PYTHON3} ${CMAKE_CURRENT_LIST_DIR}/dump_json.py
				$<TARGET_FILE:goro-dump>
				$<TARGET_FILE:victim_blocked>
				$<TARGET_FILE:victim_waits>)
		goro_add_test(dump_blockers LABEL e2e
			COMMAND ${PYTHON3} ${CMAKE_CURRENT_LIST_DIR}/dump_blockers.py
				$<TARGET_FILE:goro-dump>
				$<TARGET_FILE:victim_blocked>)
		goro_add_test(dump_pprof LABEL e2e
			COMMAND ${PYTHON3} ${CMAKE_CURRENT_LIST_DIR}/dump_pprof.py
				$<TARGET_FILE:goro-dump>
				$<TARGET_FILE:victim_blocked>)
		# A browser takes its time, and sanitizers have nothing to say
		# of a page.
		if(NOT GORO_SANITIZE)
			goro_add_test(dump_html LABEL e2e TIMEOUT 120
				COMMAND ${PYTHON3} ${CMAKE_CURRENT_LIST_DIR}/dump_html.py
					$<TARGET_FILE:goro-dump>
					$<TARGET_FILE:victim_blocked>
					$<TARGET_FILE:victim_parked>)
		endif()
		goro_add_test(dump_debug LABEL e2e
			COMMAND ${PYTHON3} ${CMAKE_CURRENT_LIST_DIR}/dump_debug.py
				$<TARGET_FILE:goro-dump>
				$<TARGET_FILE:victim_blocked>)
		# A sanitizer's own assembly has unwind information as it likes.
		if(NOT GORO_SANITIZE AND TARGET trouble)
			goro_add_test(dump_unwinders LABEL e2e TIMEOUT 120
				COMMAND ${PYTHON3} ${CMAKE_CURRENT_LIST_DIR}/dump_unwinders.py
					$<TARGET_FILE:goro-dump> 5
					$<TARGET_FILE:victim_blocked>
					$<TARGET_FILE:victim_waits>
					"$<TARGET_FILE:victim_parked> 100"
					$<TARGET_FILE:victim_hot>
					"$<TARGET_FILE:victim_critical> 50"
					"$<TARGET_FILE:trouble> busy")
		endif()
		goro_add_test(dump_diff LABEL e2e
			COMMAND ${PYTHON3} ${CMAKE_CURRENT_LIST_DIR}/dump_diff.py
				$<TARGET_FILE:goro-dump>
				$<TARGET_FILE:victim_blocked>
				$<TARGET_FILE:victim_parked>)
		goro_add_test(dump_watch LABEL e2e TIMEOUT 120
			COMMAND ${PYTHON3} ${CMAKE_CURRENT_LIST_DIR}/dump_watch.py
				$<TARGET_FILE:goro-dump>
				$<TARGET_FILE:victim_blocked>)
		goro_add_test(dump_select LABEL e2e
			COMMAND ${PYTHON3} ${CMAKE_CURRENT_LIST_DIR}/dump_select.py
				$<TARGET_FILE:goro-dump>
				$<TARGET_FILE:victim_blocked>
				$<TARGET_FILE:victim_parked>)
	endif()
	if(GORO_SANITIZE)
		set(dumps 20)
		set(missing 4)
	else()
		set(dumps 250) # of each of 4 loads
		set(missing 1)
	endif()
	goro_add_test(dump_hot LABEL e2e TIMEOUT 300
		COMMAND ${CMAKE_CURRENT_LIST_DIR}/dump_hot.sh
			$<TARGET_FILE:goro-dump> $<TARGET_FILE:victim_hot>
			${dumps} ${missing})
	# To ThreadSanitizer a switch of stacks is a long affair.
	if(NOT "thread" IN_LIST GORO_SANITIZE)
		goro_add_test(dump_consistent LABEL e2e
			COMMAND ${CMAKE_CURRENT_LIST_DIR}/dump_consistent.sh
				$<TARGET_FILE:goro-dump>
				$<TARGET_FILE:victim_critical>)
	endif()
	goro_add_test(dump_many LABEL e2e
		COMMAND ${CMAKE_CURRENT_LIST_DIR}/dump_many.sh
			$<TARGET_FILE:goro-dump>
			$<TARGET_FILE:victim_parked>)
	# It looks at every process, other tests' victims too, and those have to
	# be seen not to be traced.
	set_tests_properties(dump_many PROPERTIES RUN_SERIAL TRUE)
	goro_add_test(dump_container LABEL e2e
		COMMAND ${CMAKE_CURRENT_LIST_DIR}/dump_container.sh
			$<TARGET_FILE:goro-dump>
			$<TARGET_FILE:victim_waits>)
	goro_add_test(gdb_script LABEL e2e
		COMMAND ${CMAKE_CURRENT_LIST_DIR}/gdb_script.sh
			$<TARGET_FILE:victim_waits>)
	goro_add_test(dump_signal LABEL e2e
		COMMAND ${CMAKE_CURRENT_LIST_DIR}/dump_signal.sh
			$<TARGET_FILE:goro-dump>
			$<TARGET_FILE:victim_waits>
			$<TARGET_FILE:victim_parked>
			$<$<STREQUAL:${GORO_SANITIZE},thread>:tsan>)
	goro_add_test(dump_refused LABEL e2e TIMEOUT 120
		COMMAND ${CMAKE_CURRENT_LIST_DIR}/dump_refused.sh
			$<TARGET_FILE:goro-dump>
			$<TARGET_FILE:victim_damaged>
			$<TARGET_FILE:victim_parked>)
endif()

if(TARGET goro-prof)
	add_executable(victim_burn victims/burn.c)
	target_link_libraries(victim_burn PRIVATE goro::goro)
	add_executable(profile_print support/profile_print.c)
	target_link_libraries(profile_print PRIVATE gotrace)
	if(GORO_SANITIZE MATCHES thread)
		set(late late)
	endif()
	goro_add_test(prof LABEL e2e TIMEOUT 120
		COMMAND ${CMAKE_CURRENT_LIST_DIR}/prof.sh
			$<TARGET_FILE:goro-prof> $<TARGET_FILE:victim_burn>
			$<TARGET_FILE:profile_print> ${late})
	find_program(PYTHON3 python3)
	if(PYTHON3)
		add_executable(victim_traced victims/traced.c)
		target_link_libraries(victim_traced PRIVATE goro::goro)
		goro_add_test(prof_trace LABEL e2e TIMEOUT 120
			COMMAND ${PYTHON3} ${CMAKE_CURRENT_LIST_DIR}/prof_trace.py
				$<TARGET_FILE:goro-prof>
				$<TARGET_FILE:victim_traced>)
		if(NOT GORO_SANITIZE)
			goro_add_test(served LABEL e2e TIMEOUT 300
				COMMAND ${PYTHON3}
					${CMAKE_CURRENT_LIST_DIR}/served.py
					$<TARGET_FILE:victim_burn>)
		endif()
		goro_add_test(metrics LABEL e2e
			COMMAND ${PYTHON3} ${CMAKE_CURRENT_LIST_DIR}/metrics.py
				$<TARGET_FILE:victim_burn>
			ENVIRONMENT GOROMAXPROCS=2)
	endif()
	if(TARGET goro_heapprof)
		add_executable(victim_memory victims/memory.c)
		target_link_libraries(victim_memory PRIVATE goro::goro)
		goro_add_test(prof_heap LABEL e2e
			COMMAND ${CMAKE_CURRENT_LIST_DIR}/prof_heap.sh
				$<TARGET_FILE:goro-prof>
				$<TARGET_FILE:victim_memory>
				$<TARGET_FILE:profile_print>
				$<TARGET_FILE:goro_heapprof>)
	endif()
endif()

# Under ThreadSanitizer no process can be checked.
if(TARGET goro-leakcheck AND NOT "thread" IN_LIST GORO_SANITIZE)
	add_executable(victim_leaks victims/leaks.c)
	target_link_libraries(victim_leaks PRIVATE goro::goro)
	set(heap live)
	if(TARGET goro_heap)
		set(heap exact)
	endif()
	find_program(PYTHON3 python3)
	if(PYTHON3)
		goro_add_test(leakcheck LABEL e2e TIMEOUT 120
			COMMAND ${PYTHON3} ${CMAKE_CURRENT_LIST_DIR}/leakcheck.py
				$<TARGET_FILE:goro-leakcheck>
				$<TARGET_FILE:victim_leaks> ${heap})
		if(TARGET trouble)
			goro_add_test(leakcheck_pid LABEL e2e TIMEOUT 120
				COMMAND ${PYTHON3}
					${CMAKE_CURRENT_LIST_DIR}/leakcheck_pid.py
					$<TARGET_FILE:goro-leakcheck>
					$<TARGET_FILE:victim_leaks>
					$<TARGET_FILE:trouble>)
		endif()
		if(NOT GORO_SANITIZE)
			goro_add_test(leakcheck_core LABEL e2e
				COMMAND ${CMAKE_CURRENT_LIST_DIR}/leakcheck_core.sh
					$<TARGET_FILE:goro-leakcheck>
					$<TARGET_FILE:victim_leaks>)
		endif()
		# The same program after an edit: all its lines have moved, and
		# what leaks has not changed.
		set(moved "${CMAKE_CURRENT_BINARY_DIR}/moved [a #1]/leaks.c")
		file(READ victims/leaks.c text)
		string(REPEAT "\n" 1000 lines)
		string(PREPEND text "${lines}")
		string(REPLACE "\tif (!strcmp(how, \"leaked\"))"
			"\n\n\n\tif (!strcmp(how, \"leaked\"))" text "${text}")
		file(CONFIGURE OUTPUT "${moved}" CONTENT "${text}" @ONLY)
		set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
			victims/leaks.c)
		add_executable(victim_leaks_moved "${moved}")
		target_link_libraries(victim_leaks_moved PRIVATE goro::goro)
		goro_add_test(leakcheck_ci LABEL e2e TIMEOUT 120
			COMMAND ${PYTHON3} ${CMAKE_CURRENT_LIST_DIR}/leakcheck_ci.py
				$<TARGET_FILE:goro-leakcheck>
				$<TARGET_FILE:victim_leaks>
				$<TARGET_FILE:victim_leaks_moved>)
		goro_add_test(leakcheck_schema LABEL e2e TIMEOUT 120
			COMMAND ${PYTHON3} ${CMAKE_CURRENT_LIST_DIR}/leakcheck_schema.py
				$<TARGET_FILE:goro-leakcheck>
				$<TARGET_FILE:victim_leaks_moved> leaks.c)
	endif()
endif()
