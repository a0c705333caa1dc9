# SPDX-License-Identifier: MIT
#
# The warnings that every target is built with, by gcc and by clang.

add_compile_options(
	-Wall
	-Wextra
	-Wpointer-arith
	-Wwrite-strings
	$<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes>
	$<$<COMPILE_LANGUAGE:C>:-Wmissing-prototypes>)

if(GORO_WERROR)
	add_compile_options(-Werror)
endif()
