# SPDX-License-Identifier: MIT
#
# Modules, unwinding, symbols, tracebacks.

goro_add_test(test_modules)
goro_add_test(test_sigquit)
goro_add_test(test_fork ENVIRONMENT GOROMAXPROCS=3)
goro_add_test(test_symtab)
goro_add_test(test_glimpse ENVIRONMENT GOROMAXPROCS=2)
goro_add_test(test_traceback)
target_compile_options(test_traceback PRIVATE -g)
goro_add_test(test_unwind_walk)

if(TARGET gotrace)
	goro_add_test(test_ask LIBS gotrace)
endif()

# elfutils is the referee; the library itself links nothing but libc.
if(TARGET PkgConfig::LIBDW)
	goro_add_test(test_unwind_eh LIBS PkgConfig::LIBDW PkgConfig::LIBELF)
	goro_add_test(test_lines LIBS PkgConfig::LIBDW PkgConfig::LIBELF)
	target_compile_options(test_lines PRIVATE -gdwarf-4)
endif()
