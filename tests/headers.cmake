# SPDX-License-Identifier: MIT
#
# Each public header compiles alone, without extensions and without a warning,
# as C11 and as C++17.

set(include ${PROJECT_SOURCE_DIR}/libgoro/include)
set(strict -pedantic-errors -Wall -Wextra -Werror -fsyntax-only -I${include})
file(GLOB headers CONFIGURE_DEPENDS RELATIVE ${include} ${include}/goro/*.h)

foreach(header ${headers})
	cmake_path(GET header STEM name)
	# Included from an empty file, not compiled itself, which warns.
	set(unit ${CMAKE_CURRENT_BINARY_DIR}/headers/${name})
	file(CONFIGURE OUTPUT ${unit}.c CONTENT "#include <${header}>\n")
	file(CONFIGURE OUTPUT ${unit}.cc CONTENT "#include <${header}>\n")
	goro_add_test(header_${name}_c11
		COMMAND ${CMAKE_C_COMPILER} -std=c11 ${strict} ${unit}.c)
	goro_add_test(header_${name}_cxx17
		COMMAND ${CMAKE_CXX_COMPILER} -std=c++17 ${strict} ${unit}.cc)
endforeach()
