# SPDX-License-Identifier: MIT
#
# Timers, contexts, errgroups.

goro_add_test(test_timer_heap)
goro_add_test(test_time)
goro_add_test(test_time_many)
goro_add_test(test_ctx)
goro_add_test(test_errgroup)

goro_add_test(test_time_oom)
foreach(name malloc calloc realloc mmap gr_g_create gr_go_copy)
	target_link_options(test_time_oom PRIVATE -Wl,--wrap=${name})
endforeach()
