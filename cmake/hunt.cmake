# hunt_floor(<name> [DEPS <targets>...]): one static library from the .cc files of this folder, and
# one test binary <name>_test from its *_test.cc files. Each *_bench.cc is a program of its own that
# is built on demand, each *_fuzz.cc one of the fuzz preset. The targets `tests`, `benches` and
# `fuzzers` build all of a kind.
add_custom_target(tests)
add_custom_target(benches)
add_custom_target(fuzzers)

# Leaves UndefinedBehaviorSanitizer out where it doubles the time to compile and has little to look
# at: the tests' own code, Beast's templates, the commands. AddressSanitizer stays.
function(hunt_leave_out_ubsan target)
  if(HUNT_SANITIZE MATCHES "undefined")
    target_compile_options(${target} PRIVATE -fno-sanitize=undefined)
  endif()
endfunction()

function(hunt_floor name)
  cmake_parse_arguments(ARG "" "" "DEPS;TEST_DEPS;BENCH_DEPS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS *.cc)
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_(test|fuzz|bench)\\.cc$")
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  set(target hunt_${name})
  if(sources)
    add_library(${target} STATIC ${sources})
    target_include_directories(${target} PUBLIC ${PROJECT_SOURCE_DIR}/src)
    target_link_libraries(${target} PUBLIC ${ARG_DEPS})
  else()
    add_library(${target} INTERFACE)
    target_include_directories(${target} INTERFACE ${PROJECT_SOURCE_DIR}/src)
    target_link_libraries(${target} INTERFACE ${ARG_DEPS})
  endif()
  if(HUNT_TESTS AND tests)
    add_executable(${name}_test ${tests})
    target_link_libraries(${name}_test PRIVATE ${target} ${ARG_TEST_DEPS} GTest::gtest_main)
    hunt_leave_out_ubsan(${name}_test)
    set_target_properties(${name}_test PROPERTIES
      RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
    add_test(NAME ${name} COMMAND ${name}_test)
    add_dependencies(tests ${name}_test)
  endif()
  file(GLOB benches CONFIGURE_DEPENDS *_bench.cc)
  find_package(benchmark QUIET)  # script/bench installs it; nothing else needs it
  if(benchmark_FOUND)
    foreach(bench ${benches})
      get_filename_component(stem ${bench} NAME_WE)
      add_executable(${stem} EXCLUDE_FROM_ALL ${bench})
      target_link_libraries(${stem} PRIVATE ${target} ${ARG_BENCH_DEPS} benchmark::benchmark)
      set_target_properties(${stem} PROPERTIES
        RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bench)
      add_dependencies(benches ${stem})
    endforeach()
  endif()
  if(HUNT_FUZZ)
    file(GLOB fuzzers CONFIGURE_DEPENDS *_fuzz.cc)
    foreach(fuzzer ${fuzzers})
      get_filename_component(stem ${fuzzer} NAME_WE)
      add_executable(${stem} ${fuzzer})
      target_link_libraries(${stem} PRIVATE ${target})
      target_link_options(${stem} PRIVATE -fsanitize=fuzzer)
      set_target_properties(${stem} PROPERTIES
      RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/fuzz)
      add_dependencies(fuzzers ${stem})
    endforeach()
  endif()
endfunction()

# hunt_embed(<target> <namespace> <files>...): each file as a string of the program, in the variable
# `const char <name>[]`: its path with every other character than letters and digits as "_",
# so page.html is page_html. Whoever uses one declares it `extern`.
function(hunt_embed target namespace)
  set(HUNT_EMBEDDED "namespace ${namespace} {\n")
  foreach(file ${ARGN})
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
    file(READ ${file} text)
    string(MAKE_C_IDENTIFIER ${file} name)
    string(APPEND HUNT_EMBEDDED "extern const char ${name}[];\n"
      "const char ${name}[] = R\"hunt_text(${text})hunt_text\";\n")
  endforeach()
  string(APPEND HUNT_EMBEDDED "}  // namespace ${namespace}\n")
  configure_file(${PROJECT_SOURCE_DIR}/cmake/embedded.cc.in embedded.cc @ONLY)
  target_sources(${target} PRIVATE ${CMAKE_CURRENT_BINARY_DIR}/embedded.cc)
endfunction()
