# SPDX-License-Identifier: MIT
#
# The bug suite: programs with a known bug each, their repaired twins, and
# programs that look as if they had one.

find_package(Python3 COMPONENTS Interpreter)
if(NOT Python3_FOUND)
	message(STATUS "No python3: the bug suite is left out")
	return()
endif()

set(GORO_LEAKS_COMM
	cockroach_10790 cockroach_13197 cockroach_13755 cockroach_18101
	cockroach_2448 cockroach_24808 cockroach_25456 cockroach_35073
	cockroach_35931 etcd_6857 grpc_1275 grpc_1424 grpc_660 grpc_862
	istio_17860 istio_18454 kubernetes_11298 kubernetes_25331
	kubernetes_38669 kubernetes_5316 kubernetes_70277 moby_21233 moby_27782
	moby_29733 moby_30408 moby_33293 moby_33781 moby_4395 syncthing_5795)
set(GORO_LEAKS_RESOURCE
	cockroach_10214 cockroach_16167 cockroach_3710 cockroach_584
	cockroach_6181 cockroach_7504 cockroach_9935 etcd_10492 etcd_5509
	etcd_6708 grpc_3017 grpc_795 hugo_3251 hugo_5379 kubernetes_13135
	kubernetes_30872 kubernetes_58107 kubernetes_62464 moby_17176
	moby_36114 moby_4951 moby_7559 syncthing_4829)
set(GORO_LEAKS_MIXED
	cockroach_1055 cockroach_1462 etcd_6873 etcd_7443 etcd_7492 etcd_7902
	grpc_1353 grpc_1460 istio_16224 kubernetes_10182 kubernetes_1321
	kubernetes_26980 kubernetes_6632 moby_25384 moby_28462 serving_2137)
set(GORO_LEAKS_CONTROLS
	basic_global big_block blocking_section chan_buffer ctx_value
	daisy_chain embedded_waitgroup epoll_root errgroup fresh_argument
	interior_pointer io_stack lock_holder long_list mmap_page preempted
	pthread_key register shared_memory struct_middle thread_stack
	timed_stack timer_argument timer_channel tls)

find_package(Threads REQUIRED)
add_library(goro_leaks_stage OBJECT leaks/leaks.c)
target_include_directories(goro_leaks_stage PUBLIC leaks)
target_link_libraries(goro_leaks_stage PUBLIC goro::goro Threads::Threads)

foreach(class COMM RESOURCE MIXED CONTROLS)
	string(TOLOWER ${class} dir)
	foreach(name ${GORO_LEAKS_${class}})
		add_executable(leaks_${dir}_${name} leaks/${dir}/${name}.c)
		target_link_libraries(leaks_${dir}_${name} PRIVATE
			goro_leaks_stage)
		set_target_properties(leaks_${dir}_${name} PROPERTIES
			RUNTIME_OUTPUT_DIRECTORY leaks/${dir}
			OUTPUT_NAME ${name})
		list(APPEND GORO_LEAKS_ALL leaks_${dir}_${name})
	endforeach()
endforeach()
add_custom_target(leaks DEPENDS ${GORO_LEAKS_ALL})

# The programs by themselves: do they get where they are to get? They leave
# behind what their goroutines hold, on purpose.
set(GORO_LEAKS_RUN ${Python3_EXECUTABLE} ${CMAKE_CURRENT_LIST_DIR}/run)
goro_add_test(leaks_alone LABEL e2e TIMEOUT 120
	COMMAND ${GORO_LEAKS_RUN} ${CMAKE_CURRENT_BINARY_DIR}/leaks
	ENVIRONMENT "ASAN_OPTIONS=detect_leaks=0")

# With the leak check. A sanitizer brings a malloc() of its own, without the
# table of blocks: then most of what leaks is in use, for all that can be proven.
if(TARGET goro-leakcheck AND NOT GORO_SANITIZE)
	list(APPEND GORO_LEAKS_RUN --tool $<TARGET_FILE:goro-leakcheck>
		--examples $<TARGET_FILE_DIR:fanin>
		${CMAKE_CURRENT_BINARY_DIR}/leaks)
	goro_add_test(leaks_found LABEL e2e TIMEOUT 240
		COMMAND ${GORO_LEAKS_RUN})
	add_custom_target(accuracy
		COMMAND ${GORO_LEAKS_RUN} --times 50 --workers 1,2,8
			--table ${PROJECT_SOURCE_DIR}/docs/ACCURACY.md
		DEPENDS leaks goro-leakcheck counter fanin pipeline sleepers
		USES_TERMINAL VERBATIM)
endif()
