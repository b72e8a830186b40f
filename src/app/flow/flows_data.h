/* flows_data.h - the files of flows/, built in: flows_data.c is generated from them. Private to app/flow. */
#ifndef APP_FLOW_FLOWS_DATA_H
#define APP_FLOW_FLOWS_DATA_H

#include <stddef.h>

struct flows_datum {
    const char *name;  /* of the file, without ".json"; NULL ends the table */
    const char *text;
    size_t      n;
};
extern const struct flows_datum flows_data[];
extern const size_t             flows_data_n;

#endif
