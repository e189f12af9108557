# Writes OUTPUT: the text of each of FILES (relative to ROOT) as a raw string.
set(content "// Generated from sql/; do not edit.\n#include \"common/postgres/embedded_sql.hpp\"\n\nnamespace tally::postgres {\n\n")
string(APPEND content "std::span<const SqlFile> embedded_sql() noexcept {\n    static constexpr SqlFile kFiles[] = {\n")
foreach(name IN LISTS FILES)
    file(READ ${ROOT}/${name} text)
    string(APPEND content "        {\"${name}\", R\"sql~(${text})sql~\"},\n")
endforeach()
string(APPEND content "    };\n    return kFiles;\n}\n\n}  // namespace tally::postgres\n")
file(WRITE ${OUTPUT} "${content}")
