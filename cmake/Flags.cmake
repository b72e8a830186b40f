# Compiler flags: the same for rooms and tests.
if(NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "Debug or RelWithDebInfo" FORCE)
endif()
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

# assert() stays on: a broken promise of our own must end the process, not corrupt calls.
set(CMAKE_C_FLAGS_DEBUG "-O0 -g")
set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O2 -g")

# Written with an empty value, so that a file that says `#define _GNU_SOURCE` by itself does not redefine it.
add_compile_options(-D_GNU_SOURCE= -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Werror)
# snprintf() cuts what does not fit, which is what it is used for; gcc guesses differently at each -O, clang not at all.
add_compile_options($<$<C_COMPILER_ID:GNU>:-Wno-format-truncation>)

# For x86-64 in general gcc clears and copies structures of a hundred octets by `rep stos` and `rep movs`, which take 20 ns to
# begin; for any one processor of the last ten years it stores them, 16 octets at a time. The instructions are the same.
include(CheckCCompilerFlag)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    check_c_compiler_flag(-mtune=skylake HAVE_TUNE_SKYLAKE)
endif()
if(HAVE_TUNE_SKYLAKE)
    add_compile_options(-mtune=skylake)
endif()

# Quoted includes are written from src/. Not -I: there <sys/time.h> could find src/sys/time.h.
add_compile_options("SHELL:-iquote ${CMAKE_SOURCE_DIR}/src")

if(SANITIZE AND TSAN)
    message(FATAL_ERROR "SANITIZE and TSAN exclude each other")
endif()
if(FUZZ AND NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
    message(FATAL_ERROR "FUZZ needs clang: cmake -DCMAKE_C_COMPILER=clang")
endif()

set(sanitizers "")
if(SANITIZE OR FUZZ)
    list(APPEND sanitizers address undefined)
endif()
if(TSAN)
    list(APPEND sanitizers thread)
endif()
if(FUZZ)
    list(APPEND sanitizers fuzzer-no-link)
endif()
if(sanitizers)
    list(JOIN sanitizers "," joined)
    add_compile_options(-fsanitize=${joined} -fno-sanitize-recover=all -fno-omit-frame-pointer -O1)
    add_link_options(-fsanitize=${joined})
endif()

# How much longer than a plain build a test may take.
set(TIMEOUT_FACTOR 1)
if(sanitizers)
    set(TIMEOUT_FACTOR 5)
endif()
