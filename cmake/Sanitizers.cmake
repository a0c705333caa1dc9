# SPDX-License-Identifier: MIT
#
# GORO_SANITIZE instruments every target: a program of which one half is
# instrumented reports nonsense. The runtime tells the sanitizers of each switch
# of stacks by itself when it is compiled with one.

if(GORO_SANITIZE)
	list(JOIN GORO_SANITIZE "," _sanitizers)
	add_compile_options(
		-fsanitize=${_sanitizers}
		-fno-sanitize-recover=all
		-fno-omit-frame-pointer)
	add_link_options(-fsanitize=${_sanitizers})

	# gcc warns that TSan does not see fences; those of the runtime order
	# stores for readers in other processes, where TSan does not look.
	if("thread" IN_LIST GORO_SANITIZE AND CMAKE_C_COMPILER_ID STREQUAL "GNU")
		add_compile_options(-Wno-tsan)
	endif()
endif()
