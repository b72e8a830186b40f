/* phone_priv.h - what the files of app/phone share. */
#ifndef APP_PHONE_PRIV_H
#define APP_PHONE_PRIV_H

#include "app/phone/phone.h"
#include "base/arena.h"
#include "call/call.h"

/* ---- what a person has set (settings.c) ---- */

enum { FORWARD_MAX_S = 3600 };
enum forward_kind { FORWARD_ALWAYS, FORWARD_BUSY, FORWARD_NOANSWER, FORWARD_KINDS };
struct forward { /* calls are sent there by a 302 */
    size_t   n;          /* octets of the URI; 0: not set  */
    uint32_t seconds;    /* FORWARD_NOANSWER: after so many */
    char     uri[CALL_MAX_TEXT_OCTETS];
};
struct settings {
    bool           dnd;         /* do not disturb: busy for everybody   */
    bool           waiting_off; /* while there is a call it is busy     */
    struct forward forward[FORWARD_KINDS];
};

/* ---- what a line shall do once nothing else talks (lines.c) ---- */

enum step_kind { STEP_NONE, STEP_ANSWER, STEP_RESUME, STEP_CALL };
struct step {
    enum step_kind kind;
    unsigned       call;     /* ANSWER, RESUME: which; CALL: which it is about */
    size_t         n;        /* CALL: octets of the URI */
    char           uri[CALL_MAX_TEXT_OCTETS];
};

struct phone {
    struct phone_config config;
    struct arena        arena;
    struct slice        domain, server, music; /* server, music: URIs, or empty */
    struct addr         local;
    struct stack       *st;
    struct ua          *ua;
    struct ua_account  *account;
    struct calls       *calls;
    unsigned            current;   /* the call that commands without a number mean */
    struct settings     settings;
    struct step         step;
    struct slice        report_uri; /* where reports of calls go; empty: to the registrar */
    bool                reports_off;
    bool                registered;
    bool                quitting, unbound, done;
    struct net_timer    quit_timer;
    uint64_t            quit_by_us;
};

struct phone_call { /* what the phone knows of a call beside it */
    struct phone    *p;
    struct call     *c;
    struct net_timer timer;     /* auto-answer                                                 */
    struct net_timer no_answer; /* FORWARD_NOANSWER                                            */
    struct net_timer leave;     /* its transfer was accepted: time to go                       */
    unsigned         redirects; /* followed so far                                             */
    bool             member;    /* of the conference, or it will be                            */
    unsigned         about;     /* the call that this one was made about, by attend; 0: none   */
};

/* ---- event.c ---- */
void event_begin(struct phone_event *e, const char *name, const struct call *c); /* c may be NULL */
void event_text(struct phone_event *e, const char *key, struct slice text);      /* left out when empty */
void event_number(struct phone_event *e, const char *key, int64_t number);
void event_millis(struct phone_event *e, const char *key, uint64_t ms);
void event_hundredths(struct phone_event *e, const char *key, uint32_t n);
void event_bool(struct phone_event *e, const char *key, bool yes);
void event_json(struct phone_event *e, const char *key, struct slice json);
void event_tell(struct phone *p, const struct phone_event *e);
void json_put_text(struct buf *b, struct slice text); /* with its quotes; what is not UTF-8 comes out as U+FFFD */

/* ---- settings.c ---- */
enum err settings_dnd(struct phone *p, struct slice argument);
enum err settings_waiting(struct phone *p, struct slice argument);
enum err settings_forward(struct phone *p, struct slice argument);
struct slice settings_target(const struct phone *p, enum forward_kind kind); /* URI; empty: not set */
void settings_put_words(struct buf *b, const struct phone *p);
void settings_put_fields(struct phone_event *e, const struct phone *p);
/* What settings have to say to an INVITE: it is refused or sent on, true; or it may ring. */
bool settings_take(struct phone *p, struct leg *leg, const struct leg_incoming *in);
/* It rings: FORWARD_NOANSWER begins to count. */
void settings_ring(struct phone *p, struct phone_call *pc);
void settings_no_answer(void *arg); /* timer */

/* ---- lines.c ---- */
/* Answer it or take it back, after what else talks was put on hold. ERR_INVALID: it neither rings nor is on hold; ERR_BUSY:
 * the last such wish is under way. */
enum err lines_take(struct phone *p, struct call *c);
enum err lines_swap(struct phone *p);                        /* ERR_NOTFOUND: no second call */
enum err lines_attend(struct phone *p, struct slice target); /* ERR_NOTFOUND: nobody to ask about */
void     lines_connected(struct phone *p, const struct call *first); /* it was transferred: whom we asked about it, and
                                                                        who only rings, need not answer us any more */
enum err lines_complete(struct phone *p);                    /* ERR_NOTFOUND: not two calls to connect */
void     lines_go_on(struct phone *p);                       /* a call was put on hold, or is over */
void     lines_give_up(struct phone *p, enum err why);       /* a call cannot be put on hold */
void     lines_gone(struct phone *p, unsigned number);       /* that number will mean another call */
/* `fresh` takes the place of the call with that leg (Replaces). */
void     lines_replace(struct phone *p, struct leg_id leg, struct call *fresh);

/* ---- conference.c ---- */
enum err lines_conference(struct phone *p);                  /* all that talk, or are on hold. ERR_NOTFOUND: not two */
enum err lines_split(struct phone *p);                       /* ERR_NOTFOUND: there is none */
void     lines_member_gone(struct phone *p, const struct call *gone); /* that call is over */
void     lines_take_part(struct phone *p, struct call *c);   /* it was answered: in the place of one that was in it, or by Join */
void     lines_join(struct phone *p, struct leg_id leg, struct call *fresh); /* Join: with the call with that leg, if it is answered */

/* ---- command.c ---- */
enum err phone_put_target(const struct phone *p, struct slice who, struct buf *b); /* "1002" as a URI */

/* ---- quality.c ---- */
/* How both ends hear; nothing is told where neither is known. False then. */
bool phone_tell_quality(struct phone *p, const struct call *c, const struct media_quality *here, const struct media_quality *there);

/* ---- report.c ---- */
void phone_report(struct phone *p, const struct call *c, const struct call_sound *s);

/* ---- told.c: what calls and account tell ---- */
extern const struct call_on phone_call_on;
extern const struct ua_on   phone_ua_on;
void phone_check_quit(void *arg); /* timer */
void phone_leave(void *arg);      /* timer: of a struct phone_call */

/* ---- call out, with what belongs to it ---- */
struct phone_dial {
    struct slice       target;
    struct slice       referred_by, replaces;
    struct call_report report;
    unsigned           redirects;
    bool               member; /* it is to be in the conference */
};
enum err phone_dial(struct phone *p, const struct phone_dial *d, struct call **out);
bool phone_is_talking(const struct call *c);                                      /* and not on hold by us */
enum err phone_adopt(struct phone *p, struct call *c, unsigned redirects); /* gives it its struct phone_call */

#endif
