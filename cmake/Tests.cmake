# Tests. A ctest name is a path: sip/msg/parse, flows/busy, wire/baresip, fuzz/uri. Every test knows where the sources
# and the binary are: by macro when it is C, by environment when it is a script.
set(TEST_BINARY ${CMAKE_BINARY_DIR}/strowger)

if(BUILD_TESTING)
    pkg_check_modules(cmocka REQUIRED IMPORTED_TARGET GLOBAL cmocka)
endif()

# tools/threads-tests names the tests that have threads, one a line: ThreadSanitizer runs these.
set(THREADS_LIST ${CMAKE_SOURCE_DIR}/tools/threads-tests)
set_property(DIRECTORY ${CMAKE_SOURCE_DIR} APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${THREADS_LIST})
file(READ ${THREADS_LIST} text)
string(REGEX REPLACE "#[^\n]*" "" text "${text}")
string(REGEX MATCHALL "[^ \t\n]+" THREADS_TESTS "${text}")

add_custom_target(threads_all)

# Time limit, labels and environment of a test; `needs`, the target it runs.
function(test_settle name label seconds needs)
    math(EXPR limit "${seconds} * ${TIMEOUT_FACTOR}")
    set(labels ${label})
    if(name IN_LIST THREADS_TESTS)
        list(APPEND labels threads)
        if(TARGET "${needs}")
            add_dependencies(threads_all ${needs})
        endif()
    endif()
    set_tests_properties(${name} PROPERTIES
        TIMEOUT ${limit}
        LABELS "${labels}"
        ENVIRONMENT "STROWGER_SOURCE_DIR=${CMAKE_SOURCE_DIR};STROWGER_BINARY=${TEST_BINARY};UBSAN_OPTIONS=print_stacktrace=1")
    set_property(GLOBAL APPEND PROPERTY ALL_TESTS ${name})
endfunction()

# One C test: an executable `target`, known to ctest as `name`.
function(test_add_program target name source label seconds)
    add_executable(${target} ${source})
    target_compile_definitions(${target} PRIVATE
        STROWGER_SOURCE_DIR="${CMAKE_SOURCE_DIR}" STROWGER_BINARY="${TEST_BINARY}")
    target_link_libraries(${target} PRIVATE ${ARGN} PkgConfig::cmocka)
    add_test(NAME ${name} COMMAND ${target})
    test_settle(${name} ${label} ${seconds} ${target})
endfunction()

# src/ROOM/x_test.c. A test may also use sys (for the heap, guard pages, digests), and net/fake where its room has net.
function(tests_add_beside_rooms)
    foreach(room IN LISTS ROOMS)
        string(REPLACE "/" "_" target ${room})
        file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${room}/*_test.c)
        set(libs "")
        if(TARGET ${target})
            list(APPEND libs ${target})
        endif()
        if(TARGET net_fake AND "net" IN_LIST ROWS_${target})
            list(APPEND libs net_fake)
        endif()
        if(TARGET sys AND NOT room STREQUAL "base")
            list(APPEND libs sys)
        endif()
        foreach(source IN LISTS sources)
            get_filename_component(stem ${source} NAME_WE)
            string(REGEX REPLACE "_test$" "" stem ${stem})
            test_add_program(${target}_${stem}_test ${room}/${stem} ${source} unit 60 ${libs})
        endforeach()
    endforeach()
endfunction()

# A name in tools/threads-tests that is no test would be a test that ThreadSanitizer silently does not run.
function(tests_check_threads)
    get_property(all GLOBAL PROPERTY ALL_TESTS)
    foreach(name IN LISTS THREADS_TESTS)
        if(NOT name IN_LIST all)
            message(FATAL_ERROR "tools/threads-tests: there is no test '${name}'")
        endif()
    endforeach()
endfunction()
