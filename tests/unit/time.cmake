# SPDX-License-Identifier: MIT
#
# Timers, contexts, errgroups.

goro_add_test(test_timer_heap)
