/* phone_priv.h - what the files of app/phone share. */
#ifndef APP_PHONE_PRIV_H
#define APP_PHONE_PRIV_H

#include "app/phone/phone.h"
#include "base/arena.h"
#include "call/call.h"

struct phone {
    struct phone_config config;
    struct arena        arena;
    struct slice        domain, server; /* server: a URI, or empty */
    struct addr         local;
    struct stack       *st;
    struct ua          *ua;
    struct ua_account  *account;
    struct calls       *calls;
    unsigned            current;   /* the call that commands without a number mean */
    bool                dnd;       /* do not disturb */
    bool                registered;
    bool                quitting, unbound, done;
    struct net_timer    quit_timer;
    uint64_t            quit_by_us;
};

struct phone_call { /* what the phone knows of a call beside it */
    struct phone    *p;
    struct call     *c;
    struct net_timer timer;     /* auto-answer */
    unsigned         redirects; /* followed so far */
};

/* ---- event.c ---- */
void event_begin(struct phone_event *e, const char *name, const struct call *c); /* c may be NULL */
void event_text(struct phone_event *e, const char *key, struct slice text);      /* left out when empty */
void event_number(struct phone_event *e, const char *key, int64_t number);
void event_millis(struct phone_event *e, const char *key, uint64_t ms);
void event_bool(struct phone_event *e, const char *key, bool yes);
void event_json(struct phone_event *e, const char *key, struct slice json);
void event_tell(struct phone *p, const struct phone_event *e);
void json_put_text(struct buf *b, struct slice text); /* with its quotes; what is not UTF-8 comes out as U+FFFD */

/* ---- told.c: what calls and account tell ---- */
extern const struct call_on phone_call_on;
extern const struct ua_on   phone_ua_on;
void phone_check_quit(void *arg); /* timer */

/* ---- call out, with what belongs to it ---- */
struct phone_dial {
    struct slice       target;
    struct slice       referred_by, replaces;
    struct call_report report;
    unsigned           redirects;
};
enum err phone_dial(struct phone *p, const struct phone_dial *d, struct call **out);
enum err phone_adopt(struct phone *p, struct call *c, unsigned redirects); /* gives it its struct phone_call */

#endif
