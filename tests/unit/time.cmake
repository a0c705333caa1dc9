# SPDX-License-Identifier: MIT
#
# Timers, contexts, errgroups.

goro_add_test(test_timer_heap)
goro_add_test(test_time)
goro_add_test(test_time_many)
goro_add_test(test_ctx)
goro_add_test(test_errgroup)
