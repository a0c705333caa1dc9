# SPDX-License-Identifier: MIT
#
# What is said about the interface agrees with it.

goro_add_test(man3 COMMAND ${CMAKE_CURRENT_LIST_DIR}/man3.sh
	$<TARGET_FILE:goro> ${PROJECT_BINARY_DIR}/docs/man/man3)
goro_add_test(atomics COMMAND ${CMAKE_CURRENT_LIST_DIR}/atomics.sh
	${PROJECT_SOURCE_DIR}/libgoro)
