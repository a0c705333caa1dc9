# SPDX-License-Identifier: MIT
#
# The check for leaks.

goro_add_test(test_reach)
