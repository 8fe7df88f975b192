# Compiler and linker flags shared by every target. Sources: the OpenSSF hardening guide for the
# -f and -z flags; frame pointers and build ids so that a profile of any build has names.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1")
set(CMAKE_CXX_FLAGS_DEBUG "-O0 -g")

add_compile_options(
  -Wall -Wextra -Wconversion -Wshadow -Wformat=2 -Wnon-virtual-dtor -Werror
  -fno-omit-frame-pointer -ffp-contract=off
  -D_GLIBCXX_ASSERTIONS -fstack-protector-strong -fstack-clash-protection -fcf-protection=full)
add_link_options(-pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--build-id)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  add_compile_options(-ftrivial-auto-var-init=zero)
endif()
if(HUNT_SANITIZE)
  add_compile_options(-fsanitize=${HUNT_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${HUNT_SANITIZE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # g++ 12 takes the sanitizers' own stack variables for uninitialised ones (in fmt and asio).
    add_compile_options(-Wno-maybe-uninitialized -Wno-uninitialized)
    # Compiling is most of the time of a sanitizer run. AddressSanitizer's checks as calls are a
    # quarter faster to compile; what these three of UndefinedBehaviorSanitizer find, it finds.
    if(HUNT_SANITIZE MATCHES "address")
      add_compile_options(--param asan-instrumentation-with-call-threshold=0
                          -fno-sanitize=null,vptr,object-size)
    endif()
  endif()
  if(HUNT_SANITIZE STREQUAL "thread")
    # ThreadSanitizer does not know fences. Asio's are beside a mutex, which orders the same.
    add_compile_definitions(BOOST_ASIO_DISABLE_FENCED_BLOCK)
  endif()
elseif(CMAKE_BUILD_TYPE STREQUAL "Release")
  add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
endif()

# A fast linker and a compiler cache, when present.
find_program(HUNT_MOLD mold)
if(HUNT_MOLD AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  add_link_options(-fuse-ld=mold)
endif()
find_program(HUNT_CCACHE ccache)
if(HUNT_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${HUNT_CCACHE})
endif()

# Boost.Asio and Beast: what is no template is compiled once (src/ports/asio.cc and
# src/ports/beast.cc); the rest trims what every coroutine file pulls in.
add_compile_definitions(BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION)
add_compile_definitions(BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_DISABLE_BOOST_ARRAY
                        BOOST_ASIO_DISABLE_BOOST_BIND BOOST_ASIO_DISABLE_BOOST_DATE_TIME
                        BOOST_ASIO_DISABLE_BOOST_REGEX)
