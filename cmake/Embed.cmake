# flows/*.json are built into the binary: a generated flows_data.c, compiled into app/flow, whose header declares it.
function(embed_flows)
    file(GLOB flows CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/flows/*.json)
    file(GLOB header CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/app/flow/flows_data.h)
    if(NOT header OR NOT TARGET app_flow)
        return()
    endif()
    get_target_property(kind app_flow TYPE)
    if(NOT kind STREQUAL "STATIC_LIBRARY")
        return()
    endif()
    list(SORT flows)
    set(out ${CMAKE_BINARY_DIR}/generated/flows_data.c)
    set(script ${CMAKE_SOURCE_DIR}/cmake/embed_flows.cmake)
    add_custom_command(OUTPUT ${out}
        COMMAND ${CMAKE_COMMAND} -DOUT=${out} "-DFLOWS=${flows}" -P ${script}
        DEPENDS ${flows} ${script}
        VERBATIM
        COMMENT "Embedding flows/*.json")
    target_sources(app_flow PRIVATE ${out})
endfunction()
