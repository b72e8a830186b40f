/* steward_priv.h - what the files of the steward share: steward.c, control.c, trace_lines.c, end_call.c. */
#ifndef APP_SERVE_STEWARD_PRIV_H
#define APP_SERVE_STEWARD_PRIV_H

#include <jansson.h>
#include <pthread.h>
#include <sys/un.h>

#include "app/serve/steward.h"
#include "recorder/recorder.h"
#include "server/admin/admin.h"

enum { CONTROL_MAX_CLIENTS = 16 };

struct client {
    struct steward *s;
    pthread_t       thread;
    int             fd;
    bool            used, done;
};

/* The control socket: a thread that accepts, and one for each client. */
struct control {
    int             fd;
    int             quit[2]; /* closed for writing when it is time to go */
    pthread_t       thread;
    bool            runs;
    struct client   client[CONTROL_MAX_CLIENTS];
    pthread_mutex_t lock;    /* `done` and `fd` of the clients */
    char            path[sizeof ((struct sockaddr_un *)0)->sun_path]; /* empty: nothing to remove */
};

struct steward {
    struct exchange *x;
    struct recorder *recorder;
    struct admin     admin;
    struct control   control;
};

/* --- control.c --- */
enum err control_open(struct steward *s, struct exchange_fault *fault);
void     control_close(struct steward *s); /* also one that did not open */
/* One line to the client; the reference is taken. False: the client has gone. */
bool     control_send(struct client *c, json_t *j);
/* Waits so long. False when the client says something or has left, or the exchange ends. */
bool     control_pause(struct client *c, int ms);

/* --- trace_lines.c --- */
/* The act "trace": what was recorded, one line an entry; with "follow" until the client leaves. */
void serve_trace_lines(struct client *c, const json_t *request);

/* --- end_call.c --- */
/* For admin_config.end_call; ctx is the steward. Asked of the call's shard, waited for here. */
enum err serve_end_call(void *ctx, struct dialog_id id);

#endif
