# SPDX-License-Identifier: MIT
#
# Benchmarks: built with the tests so that they keep building, run by hand.

foreach(bench core mutex echo dump leak profile)
	add_executable(bench_${bench} bench/bench_${bench}.c)
	target_link_libraries(bench_${bench} PRIVATE goro::goro_static)
endforeach()

# Of plain C: bound lazily, as most programs' functions are.
add_executable(bench_room bench/bench_room.c)
target_link_options(bench_room PRIVATE -Wl,-z,lazy)
