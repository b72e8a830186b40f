/* app.h - what the files round the phone share: options, terminal, trace. Part of app/phone. */
#ifndef APP_PHONE_APP_H
#define APP_PHONE_APP_H

#include "app/phone/phone.h"

/* ---- options.c ---- */

struct phone_options {
    struct slice user, password, auth_name, display, domain, server, codecs, music, trace;
    struct addr  bind;       /* family ADDR_NONE: not said */
    uint16_t     port_min, port_max, tone_hz;
    enum transport_kind transport;
    struct slice tls_trust;  /* a file; empty: whom the system trusts */
    bool         tls_insecure, json, auto_answer, help, reliable, update;
    uint32_t     auto_answer_ms, leave_ms, expires_s, session_s;
    enum ua_refresher refresher;
    enum phone_keys keys;
    enum sdp_srtp srtp;
    struct slice quality_report; /* as phone_config's */
    unsigned     refer_code; /* as phone_config's */
};
struct options_fault {
    char text[1024];
};
/* Slices point into argv. ERR_INVALID: *fault says in a sentence what is wrong and what is expected. */
enum err options_read(struct phone_options *o, int argc, char **argv, struct options_fault *fault);
void     options_help(void);

/* ---- terminal.c: lines in, events out ---- */

struct terminal;
struct terminal_on {
    void (*line)(void *arg, struct slice line);
    void (*end)(void *arg, bool by_person); /* end of input; by_person: Ctrl-D on a terminal */
};
/* On a terminal with editing and completion, else plain lines. ERR_NOMEM, ERR_IO. */
enum err terminal_open(struct net *n, struct mem *mem, const struct terminal_on *on, void *arg, struct terminal **out);
void     terminal_close(struct terminal *t); /* takes NULL */
/* One line to standard output, above what is being typed. False: nobody reads it any more. */
bool     terminal_put(struct terminal *t, struct slice line);

/* ---- trace.c: every message to a file ---- */

struct tracer;
enum err tracer_open(struct net *n, struct mem *mem, const char *path, struct tracer **out); /* ERR_NOMEM, ERR_DENIED, ERR_IO */
struct record *tracer_record(struct tracer *t);
void     tracer_close(struct tracer *t); /* writes what is left; takes NULL */

#endif
