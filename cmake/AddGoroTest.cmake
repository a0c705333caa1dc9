# SPDX-License-Identifier: MIT
#
# goro_add_test(NAME
#	[SOURCES FILE...]   relative to the calling list; unit/NAME.c by default
#	[LIBS TARGET...]    besides goro_static, cmocka and tests/support
#	[COMMAND ARG...]    run this instead of building a binary
#	[LABEL unit|e2e|stress]
#	[TIMEOUT SECONDS]   60 by default; sanitizers get four times as much
#	[ENVIRONMENT VAR=VALUE...])
#
# One binary per unit. A test that exits with 77 counts as skipped. A test links
# the static library, so it reaches the internal functions (gr_*) as well.

set(GORO_TEST_ENVIRONMENT
	"ASAN_OPTIONS=detect_stack_use_after_return=0:abort_on_error=0"
	"UBSAN_OPTIONS=print_stacktrace=1"
	# Children that are forked start threads, and many end by a panic.
	"TSAN_OPTIONS=halt_on_error=1:die_after_fork=0:atexit_sleep_ms=0")

function(goro_add_test name)
	cmake_parse_arguments(PARSE_ARGV 1 arg ""
		"LABEL;TIMEOUT" "SOURCES;LIBS;COMMAND;ENVIRONMENT")
	if(arg_UNPARSED_ARGUMENTS OR arg_KEYWORDS_MISSING_VALUES)
		message(FATAL_ERROR "goro_add_test(${name}): "
			"${arg_UNPARSED_ARGUMENTS} ${arg_KEYWORDS_MISSING_VALUES}")
	endif()
	if(NOT arg_LABEL)
		set(arg_LABEL unit)
	endif()
	if(NOT arg_TIMEOUT)
		set(arg_TIMEOUT 60)
	endif()
	if(GORO_SANITIZE)
		math(EXPR arg_TIMEOUT "4 * ${arg_TIMEOUT}")
	endif()

	if(NOT arg_COMMAND)
		if(NOT arg_SOURCES)
			set(arg_SOURCES ${PROJECT_SOURCE_DIR}/tests/unit/${name}.c)
		endif()
		list(TRANSFORM arg_SOURCES PREPEND ${CMAKE_CURRENT_LIST_DIR}/
			REGEX "^[^/$]")
		add_executable(${name} ${arg_SOURCES})
		target_link_libraries(${name} PRIVATE
			goro_test_support ${arg_LIBS})
		set(arg_COMMAND ${name})
	endif()

	add_test(NAME ${name} COMMAND ${arg_COMMAND})
	set_tests_properties(${name} PROPERTIES
		LABELS ${arg_LABEL}
		TIMEOUT ${arg_TIMEOUT}
		SKIP_RETURN_CODE 77
		ENVIRONMENT "${GORO_TEST_ENVIRONMENT};${arg_ENVIRONMENT}")
endfunction()
