# SPDX-License-Identifier: MIT
#
# The examples do what they say, and the service shows its bug.

if(TARGET server)
	goro_add_test(example_pipeline LABEL e2e COMMAND pipeline 1000)
	set_tests_properties(example_pipeline PROPERTIES
		PASS_REGULAR_EXPRESSION "1 to 1000: 166666500\n$")

	goro_add_test(example_fanin LABEL e2e COMMAND fanin)
	set_tests_properties(example_fanin PROPERTIES
		PASS_REGULAR_EXPRESSION "Ann says word 8\n")

	goro_add_test(example_counter LABEL e2e COMMAND counter 50 1000)
	set_tests_properties(example_counter PROPERTIES
		PASS_REGULAR_EXPRESSION
		"channel  50000,.*mutex    50000,.*atomic   50000,")

	# ThreadSanitizer knows no more than 8,128 goroutines.
	goro_add_test(example_sleepers LABEL e2e COMMAND sleepers 5000)
	set_tests_properties(example_sleepers PROPERTIES
		PASS_REGULAR_EXPRESSION "5000 goroutines slept for a second")

	if(TARGET goro-dump)
		goro_add_test(dump_server LABEL e2e
			COMMAND ${CMAKE_CURRENT_LIST_DIR}/dump_server.sh
				$<TARGET_FILE:goro-dump> $<TARGET_FILE:server>)
	endif()
endif()

# Under ThreadSanitizer there is no leak check.
if(TARGET leak_test AND NOT "thread" IN_LIST GORO_SANITIZE)
	goro_add_test(example_leak_test LABEL e2e
		COMMAND ${CMAKE_CURRENT_LIST_DIR}/leak_test.sh
			$<TARGET_FILE:leak_test>)
endif()
