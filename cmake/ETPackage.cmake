#===- ETPackage.cmake - What find_package(ET) finds ------------------------===#
#
# The package has two components, a set of targets each: Runtime, which needs
# nothing of LLVM, and Compiler, which needs MLIR and Runtime. Targets are named
# ET::X for the library ETX.
#
# There is no package of the static flavour: it is for tools that are carried
# elsewhere, and its libraries are the same.

include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

set(ET_PACKAGE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/ET)

# et_export(COMPONENT TARGET): TARGET belongs to COMPONENT of the package, as ET::X where it is called ETX.
function(et_export component target)
  string(REGEX REPLACE "^(ET|et_)" "" name ${target})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${name})
  if(NOT ET_STATIC)
    get_target_property(type ${target} TYPE)
    if(NOT type STREQUAL "INTERFACE_LIBRARY")
      set_property(GLOBAL APPEND PROPERTY ET_PACKAGE_TARGETS ${target})
    endif()
    install(TARGETS ${target} EXPORT ET${component}Targets
      ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
      RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  endif()
endfunction()

# et_install_package(): headers, TableGen files and the package's own; once, behind all targets. The target et-package builds
# what is installed.
function(et_install_package)
  if(ET_STATIC)
    return()
  endif()
  get_property(tools GLOBAL PROPERTY ET_TOOLS)
  get_property(libraries GLOBAL PROPERTY ET_PACKAGE_TARGETS)
  add_custom_target(et-package DEPENDS ${tools} ${libraries})
  install(DIRECTORY ${CMAKE_SOURCE_DIR}/include/et ${CMAKE_SOURCE_DIR}/include/et-c TYPE INCLUDE
    FILES_MATCHING PATTERN "*.h" PATTERN "*.td")
  install(DIRECTORY ${CMAKE_BINARY_DIR}/include/et TYPE INCLUDE
    FILES_MATCHING PATTERN "*.h" PATTERN "*.inc" PATTERN "CMakeFiles" EXCLUDE)

  write_basic_package_version_file(${CMAKE_BINARY_DIR}/ETConfigVersion.cmake COMPATIBILITY SameMinorVersion)
  configure_package_config_file(${CMAKE_SOURCE_DIR}/cmake/ETConfig.cmake.in ${CMAKE_BINARY_DIR}/ETConfig.cmake
    INSTALL_DESTINATION ${ET_PACKAGE_DIR} NO_SET_AND_CHECK_MACRO)
  install(FILES ${CMAKE_BINARY_DIR}/ETConfig.cmake ${CMAKE_BINARY_DIR}/ETConfigVersion.cmake DESTINATION ${ET_PACKAGE_DIR})
  foreach(component Runtime Compiler)
    install(EXPORT ET${component}Targets NAMESPACE ET:: DESTINATION ${ET_PACKAGE_DIR})
    # The build folder is a package too: -DET_DIR=build.
    export(EXPORT ET${component}Targets NAMESPACE ET:: FILE ${CMAKE_BINARY_DIR}/ET${component}Targets.cmake)
  endforeach()
endfunction()
