# SPDX-License-Identifier: MIT
#
# Where goroutines are guests: in C++, under Valgrind, under LeakSanitizer.

add_executable(test_cxx unit/test_cxx.cpp)
set_target_properties(test_cxx PROPERTIES CXX_STANDARD 17)
target_link_libraries(test_cxx PRIVATE goro::goro)
goro_add_test(test_cxx COMMAND test_cxx ENVIRONMENT GOROMAXPROCS=2)

add_executable(left_on_stack victims/left_on_stack.c)
target_link_libraries(left_on_stack PRIVATE goro::goro)
# What only a parked goroutine's stack points to is no leak.
goro_add_test(left_on_stack COMMAND left_on_stack)

# Valgrind 3.19 ends at the sight of clang's debug information.
find_program(VALGRIND valgrind)
if(VALGRIND AND NOT GORO_SANITIZE AND CMAKE_C_COMPILER_ID STREQUAL "GNU")
	foreach(victim left_on_stack test_cxx)
		goro_add_test(valgrind_${victim}
			COMMAND ${VALGRIND} -q --error-exitcode=9
				--leak-check=full --errors-for-leak-kinds=definite
				$<TARGET_FILE:${victim}>
			TIMEOUT 120
			ENVIRONMENT GOROMAXPROCS=2)
	endforeach()
endif()
