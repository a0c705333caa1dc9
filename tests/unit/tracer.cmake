# SPDX-License-Identifier: MIT
#
# What looks into a process from outside. Most of it is tested on a process that
# is made of arrays, fake_target.c, where everything can be damaged.

if(TARGET gotrace)
	add_library(goro_fake_target STATIC
		unit/fake_target.c unit/hand_model.c)
	target_link_libraries(goro_fake_target PUBLIC gotrace goro_test_support)

	foreach(unit maps abi_reader snapshot channels pctab unwind symbolize
		render_text target_live extras json filter group objects waits
		render_pprof json_read
		target_core)
		goro_add_test(test_${unit} LIBS goro_fake_target)
	endforeach()

	# Stepped through, as the compiler of this build makes it of each kind.
	if(NOT GORO_SANITIZE)
		add_executable(test_unwind_steps unit/test_unwind_steps.c)
		target_link_libraries(test_unwind_steps PRIVATE goro_fake_target)
		foreach(level O0 O1 O2 O3)
			foreach(fp omit no-omit)
				set(program steps_${level}_${fp})
				add_executable(${program} victims/steps.c)
				target_compile_options(${program} PRIVATE
					-${level} -f${fp}-frame-pointer)
				target_link_libraries(${program} PRIVATE goro::goro)
				target_link_options(${program} PRIVATE -Wl,-z,lazy)
				goro_add_test(unwind_${program} COMMAND
					test_unwind_steps $<TARGET_FILE:${program}>)
				goro_add_test(unwind_${program}_goroutine COMMAND
					test_unwind_steps $<TARGET_FILE:${program}> g)
			endforeach()
		endforeach()
	endif()
endif()
