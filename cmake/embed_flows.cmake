# cmake -DOUT=flows_data.c -DFLOWS="a.json;b.json" -P embed_flows.cmake
# Writes the table that app/flow/flows_data.h declares. Every octet is written as an escape, so that no content of a
# file can end the literal; the name is the file's without its ending.
set(table "")
set(count 0)
foreach(flow IN LISTS FLOWS)
    get_filename_component(name "${flow}" NAME_WLE)
    file(READ "${flow}" hex HEX)
    string(LENGTH "${hex}" digits)
    math(EXPR octets "${digits} / 2")
    string(REGEX REPLACE "(................................)" "\\1\n" hex "${hex}")
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "\\\\x\\1" hex "${hex}")
    string(REPLACE "\n" "\"\n      \"" hex "${hex}")
    string(APPEND table "    { \"${name}\",\n      \"${hex}\",\n      ${octets} },\n")
    math(EXPR count "${count} + 1")
endforeach()
file(WRITE "${OUT}.new"
"/* Generated from the files of flows/. */
#include \"app/flow/flows_data.h\"

const struct flows_datum flows_data[] = {
${table}    { 0, 0, 0 },
};
const size_t flows_data_n = ${count};
")
file(RENAME "${OUT}.new" "${OUT}")
