# SPDX-License-Identifier: MIT
#
# An installed tree serves a program outside this repository, through pkg-config
# and through find_package(). Not under sanitizers: their libraries cannot be
# linked into a plain program.

if(NOT GORO_SANITIZE)
	goro_add_test(install
		COMMAND ${CMAKE_CURRENT_LIST_DIR}/install.sh
			${PROJECT_BINARY_DIR} ${CMAKE_CURRENT_LIST_DIR}
		ENVIRONMENT CC=${CMAKE_C_COMPILER} CMAKE=${CMAKE_COMMAND}
		LABEL e2e)
endif()
