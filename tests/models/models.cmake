# SPDX-License-Identifier: MIT
#
# The protocols that are small enough to be checked exhaustively (spin).
# They know nothing of compilers and sanitizers: once is enough.

if(NOT GORO_SANITIZE AND CMAKE_C_COMPILER_ID STREQUAL "GNU")
	goro_add_test(model_idle TIMEOUT 240
		COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/models/check
			${CMAKE_CURRENT_SOURCE_DIR}/models/idle.pml
			BROKEN_LOOK BROKEN_ORDER)
	goro_add_test(model_attend TIMEOUT 240
		COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/models/check
			${CMAKE_CURRENT_SOURCE_DIR}/models/attend.pml
			BROKEN_LAST BROKEN_POKE BROKEN_BREAK)
	goro_add_test(model_park TIMEOUT 240
		COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/models/check
			${CMAKE_CURRENT_SOURCE_DIR}/models/park.pml
			BROKEN_CLAIM BROKEN_PARKED)
	goro_add_test(model_mutex TIMEOUT 240
		COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/models/check
			${CMAKE_CURRENT_SOURCE_DIR}/models/mutex.pml
			BROKEN_BARRIER BROKEN_GRACE BROKEN_MARK BROKEN_EMPTY)
endif()
