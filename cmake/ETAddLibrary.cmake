#===- ETAddLibrary.cmake - Helpers for libraries, tools and generated docs ===#
#
# Debian's MLIR is linked as the two shared libraries MLIR and LLVM. A library
# here never names an MLIR archive: with one of them beside libMLIR.so a process
# would hold two copies of MLIR. Only the final link chooses (et_link_mlir).

# What is built here is built with these; who uses the package (ETPackage.cmake) chooses for himself, but for the includes.
# $<BUILD_INTERFACE> takes a list only as one word.
set(ET_COMPILE_OPTIONS $<$<COMPILE_LANGUAGE:CXX>:-fno-exceptions> -Wall -Wextra -Wno-unused-parameter -ffunction-sections
                       -fdata-sections)
if(ET_SANITIZE)
  list(APPEND ET_COMPILE_OPTIONS -fsanitize=${ET_SANITIZE} -fno-omit-frame-pointer)
endif()

add_library(et_flags INTERFACE)
target_include_directories(et_flags INTERFACE "$<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/include;${CMAKE_BINARY_DIR}/include>"
                                              $<INSTALL_INTERFACE:include>)
target_include_directories(et_flags SYSTEM INTERFACE ${LLVM_INCLUDE_DIRS} ${MLIR_INCLUDE_DIRS})
separate_arguments(ET_LLVM_DEFINITIONS UNIX_COMMAND "${LLVM_DEFINITIONS}")
target_compile_definitions(et_flags INTERFACE ${ET_LLVM_DEFINITIONS})
target_compile_options(et_flags INTERFACE "$<BUILD_INTERFACE:${ET_COMPILE_OPTIONS}>")
if(NOT LLVM_ENABLE_RTTI) # a class of MLIR has none to derive from
  target_compile_options(et_flags INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-fno-rtti>)
endif()
if(ET_SANITIZE)
  target_link_options(et_flags INTERFACE -fsanitize=${ET_SANITIZE})
endif()

# One precompiled header for every library: headers are nine tenths of the build time.
if(ET_ENABLE_PCH)
  if(CMAKE_CXX_COMPILER_ID MATCHES "Clang") # the same header gives the same file, or ccache misses
    add_compile_options("$<$<COMPILE_LANGUAGE:CXX>:SHELL:-Xclang -fno-pch-timestamp>")
  endif()
  file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/et_pch.cpp CONTENT "") # untouched when CMake runs again
  add_library(et_pch OBJECT ${CMAKE_BINARY_DIR}/et_pch.cpp)
  target_link_libraries(et_pch PUBLIC et_flags)
  target_precompile_headers(et_pch PRIVATE
    <mlir/Dialect/Arith/IR/Arith.h> <mlir/Dialect/Func/IR/FuncOps.h> <mlir/Dialect/Linalg/IR/Linalg.h>
    <mlir/Dialect/MemRef/IR/MemRef.h> <mlir/Dialect/SCF/IR/SCF.h> <mlir/Dialect/Tensor/IR/Tensor.h>
    <mlir/Dialect/Vector/IR/VectorOps.h> <mlir/IR/OpImplementation.h> <mlir/IR/PatternMatch.h>
    <mlir/Transforms/DialectConversion.h> <mlir/Transforms/GreedyPatternRewriteDriver.h>)
endif()

# The runtime runs where there is no LLVM: nothing of it in its flags, its headers or its link.
add_library(et_runtime_flags INTERFACE)
target_include_directories(et_runtime_flags INTERFACE
  "$<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/include;${CMAKE_BINARY_DIR}/include>" $<INSTALL_INTERFACE:include>)
target_compile_options(et_runtime_flags INTERFACE "$<BUILD_INTERFACE:${ET_COMPILE_OPTIONS}>")
target_link_libraries(et_runtime_flags INTERFACE ${CMAKE_DL_LIBS})
if(ET_SANITIZE)
  target_link_options(et_runtime_flags INTERFACE -fsanitize=${ET_SANITIZE})
endif()

# et_add_runtime_library(NAME sources... [LINK_LIBS libraries...] [INTERNAL]): INTERNAL is not part of the package.
function(et_add_runtime_library name)
  cmake_parse_arguments(ARG "INTERNAL" "" "LINK_LIBS" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PUBLIC et_runtime_flags ${ARG_LINK_LIBS})
  if(NOT ARG_INTERNAL)
    et_export(Runtime ${name})
  endif()
endfunction()

# et_add_library(NAME sources... [DEPENDS targets...] [LINK_LIBS libraries...] [INTERNAL]): INTERNAL is not part of the package.
function(et_add_library name)
  cmake_parse_arguments(ARG "INTERNAL" "" "DEPENDS;LINK_LIBS" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PUBLIC et_flags ${ARG_LINK_LIBS})
  add_dependencies(${name} et-headers ${ARG_DEPENDS})
  if(ET_ENABLE_PCH)
    target_precompile_headers(${name} REUSE_FROM et_pch)
  endif()
  if(NOT ARG_INTERNAL)
    et_export(Compiler ${name})
  endif()
endfunction()

# et_link_mlir(TARGET [JIT]): the final link chooses how MLIR comes in.
function(et_link_mlir name)
  cmake_parse_arguments(ARG "JIT" "" "" ${ARGN})
  if(ET_STATIC)
    et_link_mlir_static(${name})
  else()
    if(ARG_JIT)
      # The archive by file: the imported target would bring a second MLIR along.
      target_link_libraries(${name} PRIVATE $<TARGET_FILE:MLIRExecutionEngine> $<TARGET_FILE:MLIRExecutionEngineUtils>)
    endif()
    target_link_libraries(${name} PRIVATE MLIR LLVM)
  endif()
endfunction()

# et_add_tool(NAME sources... [LINK_LIBS libraries...] [JIT])
function(et_add_tool name)
  cmake_parse_arguments(ARG "JIT" "" "LINK_LIBS" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE et_flags ${ARG_LINK_LIBS})
  add_dependencies(${name} et-headers)
  if(ARG_JIT)
    et_link_mlir(${name} JIT)
  else()
    et_link_mlir(${name})
  endif()
  install(TARGETS ${name} RUNTIME DESTINATION bin)
  set_property(GLOBAL APPEND PROPERTY ET_TOOLS ${name})
endfunction()

# et_add_doc(OUTPUT td-file tablegen-options...): a page that TableGen generates; docs/CMakeLists.txt collects them.
function(et_add_doc output td)
  set(LLVM_TARGET_DEFINITIONS ${td})
  tablegen(MLIR ${output}.md ${ARGN} EXTRA_INCLUDES ${MLIR_INCLUDE_DIRS})
  set(page ${CMAKE_CURRENT_BINARY_DIR}/${output}.md)
  add_custom_target(et-doc-${output} DEPENDS ${page})
  set_property(GLOBAL APPEND PROPERTY ET_DOC_TARGETS et-doc-${output})
  set_property(GLOBAL APPEND PROPERTY ET_DOC_PAGES ${page})
endfunction()

# et_add_passes(NAME PAGE): what is generated from Passes.td of this folder: declarations in Passes.h.inc, with registerNAMEPasses(),
# functions of the C API, mlirCreateNAME...(), and the page PAGE of the reference.
function(et_add_passes name page)
  set(LLVM_TARGET_DEFINITIONS Passes.td)
  mlir_tablegen(Passes.h.inc -gen-pass-decls -name ${name})
  mlir_tablegen(Passes.capi.h.inc -gen-pass-capi-header --prefix ${name})
  mlir_tablegen(Passes.capi.cpp.inc -gen-pass-capi-impl --prefix ${name})
  add_public_tablegen_target(${name}PassesIncGen)
  add_dependencies(et-headers ${name}PassesIncGen)
  et_add_doc(${page} Passes.td -gen-pass-doc)
endfunction()

include(ETPackage)
et_export(Compiler et_flags)
et_export(Runtime et_runtime_flags)

if(ET_STATIC)
  include(ETStatic)
endif()
