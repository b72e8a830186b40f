/* admin_priv.h - what the files of server/admin share. */
#ifndef SERVER_ADMIN_PRIV_H
#define SERVER_ADMIN_PRIV_H

#include "server/admin/admin.h"

struct request {
    struct admin *a;
    const json_t *in;
    struct slice  who;
};

typedef json_t *act_run(const struct request *r);

act_run user_add, user_set, user_remove, user_list, user_import, user_export;
act_run bindings_list, calls_list, calls_end, cdr_list, explain, status;

/* --- admin.c --- */
json_t      *act_failed(const char *text);                        /* {"ok":false,"error":text} */
json_t      *act_failed_err(const char *what, enum err e);
json_t      *act_ok(void);                                        /* {"ok":true} */
struct slice request_text(const struct request *r, const char *key); /* empty when it is missing */
json_t      *json_slice(struct slice s);                          /* wire text may be no UTF-8: then escaped */
void         json_set_slice(json_t *o, const char *key, struct slice s);
void         json_set_number(json_t *o, const char *key, int64_t n);
int64_t      request_now_ms(const struct request *r);

#endif
