# SPDX-License-Identifier: MIT
#
# Fuzzers, where the compiler is clang: the tracer compiled once more, with
# libFuzzer and two sanitizers in it. Here each does a number of runs that takes
# about 20 seconds, the same each time, or fewer on a machine that is busy; for an
# hour of new ones:
#
#	build/clang/tests/fuzz_core -max_total_time=3600 -max_len=200 DIR

if(TARGET gotrace AND CMAKE_C_COMPILER_ID STREQUAL "Clang" AND NOT GORO_SANITIZE)
	find_package(Threads REQUIRED)
	find_package(ZLIB REQUIRED)
	set(fuzz -fsanitize=fuzzer-no-link,address,undefined
		-fno-sanitize-recover=undefined)
	get_target_property(sources gotrace SOURCES)
	# They only write.
	list(FILTER sources EXCLUDE REGEX "^render_")
	list(TRANSFORM sources PREPEND ${PROJECT_SOURCE_DIR}/tracer/)
	add_library(goro_fuzzed STATIC
		${sources} unit/fake_target.c fuzz/fuzz.c)
	target_compile_options(goro_fuzzed PUBLIC ${fuzz})
	target_include_directories(goro_fuzzed PUBLIC
		support $<TARGET_PROPERTY:gotrace,INTERFACE_INCLUDE_DIRECTORIES>)
	target_link_libraries(goro_fuzzed PUBLIC
		PkgConfig::CMOCKA
		$<TARGET_PROPERTY:gotrace,INTERFACE_LINK_LIBRARIES>)

	foreach(fuzzer abi=4000 core=15000 unwind=40000)
		string(REGEX MATCH "^[a-z]+" name ${fuzzer})
		string(REGEX MATCH "[0-9]+$" runs ${fuzzer})
		add_executable(fuzz_${name} fuzz/fuzz_${name}.c)
		target_link_libraries(fuzz_${name} PRIVATE goro_fuzzed)
		target_link_options(fuzz_${name} PRIVATE
			-fsanitize=fuzzer,address,undefined)
		set(run COMMAND fuzz_${name}
			-timeout=20 -rss_limit_mb=1024 -malloc_limit_mb=300
			-artifact_prefix=${CMAKE_CURRENT_BINARY_DIR}/)
		# What tracer/limit.h does not allow.
		set(null ENVIRONMENT ASAN_OPTIONS=allocator_may_return_null=1)
		goro_add_test(fuzz_${name} LABEL fuzz TIMEOUT 300
			${run} -seed=1 -runs=${runs} -max_total_time=120
				-max_len=200 -len_control=0
				-print_final_stats=1
			${null})
		# What was found once: NAME-WHAT.
		file(GLOB known ${CMAKE_CURRENT_LIST_DIR}/known/${name}-*)
		if(known)
			goro_add_test(fuzz_${name}_known LABEL fuzz TIMEOUT 300
				${run} ${known} ${null})
		endif()
	endforeach()
endif()
