# SPDX-License-Identifier: MIT
#
# Preemption: the cases, and a short soak. docs/HACKING.md has the long one.

goro_add_test(test_preempt)
goro_add_test(test_labels)

add_executable(stress_preempt stress/stress_preempt.c)
target_link_libraries(stress_preempt PRIVATE goro::goro_static m)
if(NOT GORO_SANITIZE)
	goro_add_test(stress_preempt
		COMMAND stress_preempt 5
		LABEL stress
		ENVIRONMENT GOROMAXPROCS=2 GORODEBUG=slice=1000)
endif()
