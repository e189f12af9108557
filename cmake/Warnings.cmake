# Warnings are errors; sanitizers and hardening are chosen per preset.
add_library(tally_warnings INTERFACE)
target_compile_options(tally_warnings INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor -Woverloaded-virtual -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # GCC 12 reports false positives from inlined library code (std::string growth, std::optional in
    # coroutines, Asio's coroutine frames).
    target_compile_options(tally_warnings INTERFACE -Wno-restrict -Wno-maybe-uninitialized -Wno-mismatched-new-delete)
endif()
if(TALLY_SANITIZE)
    add_compile_options(-fsanitize=${TALLY_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
    add_link_options(-fsanitize=${TALLY_SANITIZE})
else()
    add_compile_options(-fstack-protector-strong)
    add_compile_definitions($<$<CONFIG:Release,RelWithDebInfo>:_FORTIFY_SOURCE=2>)
endif()
find_program(mold_linker mold)
if(mold_linker)
    add_link_options(-fuse-ld=mold)
endif()
