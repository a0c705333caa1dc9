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
endif()
