# Embeds every file under sql/ into the programs, so that a binary always carries the schema it was written for.
# Generates <build>/embedded/sql.cpp behind the header common/postgres/embedded_sql.hpp.
file(GLOB_RECURSE sql_files CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR}/sql ${PROJECT_SOURCE_DIR}/sql/*.sql)
list(SORT sql_files)
list(TRANSFORM sql_files PREPEND ${PROJECT_SOURCE_DIR}/sql/ OUTPUT_VARIABLE sql_paths)
add_custom_command(
    OUTPUT ${CMAKE_BINARY_DIR}/embedded/sql.cpp
    COMMAND ${CMAKE_COMMAND} -DROOT=${PROJECT_SOURCE_DIR}/sql -DOUTPUT=${CMAKE_BINARY_DIR}/embedded/sql.cpp
            "-DFILES=${sql_files}" -P ${PROJECT_SOURCE_DIR}/cmake/write_embedded_sql.cmake
    DEPENDS ${sql_paths} ${PROJECT_SOURCE_DIR}/cmake/write_embedded_sql.cmake
    VERBATIM)
add_library(tally_sql STATIC ${CMAKE_BINARY_DIR}/embedded/sql.cpp)
target_include_directories(tally_sql PUBLIC ${PROJECT_SOURCE_DIR})
