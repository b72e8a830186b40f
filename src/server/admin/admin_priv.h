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

act_run act_user_add, act_user_set, act_user_remove, act_user_list, act_user_import, act_user_export;
act_run act_group_add, act_group_set, act_group_remove, act_group_list;
act_run act_trunk_add, act_trunk_set, act_trunk_remove, act_trunk_list, act_trunk_show;
act_run act_bindings_list, act_calls_list, act_calls_end, act_cdr_list, act_explain, act_status;
act_run act_subscriptions_list;

/* --- admin.c --- */
json_t      *act_failed(const char *text);                        /* {"ok":false,"error":text} */
json_t      *act_failed_err(const char *what, enum err e);
json_t      *act_ok(void);                                        /* {"ok":true} */
struct slice act_text(const struct request *r, const char *key); /* empty when it is missing */
json_t      *act_json(struct slice s);                          /* wire text may be no UTF-8: then escaped */
void         act_set_slice(json_t *o, const char *key, struct slice s);
void         act_set_number(json_t *o, const char *key, int64_t n);
int64_t      act_now_ms(const struct request *r);

/* --- users.c --- */
enum { ACT_MAX_PAIRS = 32 };
/* Every text of the request but its own words is a setting. */
size_t  act_pairs(const struct request *r, struct directory_pair pairs[ACT_MAX_PAIRS]);
json_t *act_settings(struct slice lines); /* "key=value" lines as an object */

#endif
