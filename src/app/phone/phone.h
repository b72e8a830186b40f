/* phone.h - `strowger phone`: a SIP phone for terminal and script, and the phone itself, which tests drive in virtual time.
 *
 * The phone (struct phone) runs on whatever net it is given: the real loop, or net/fake, several in one process. It is told
 * what to do in the words of its command line (phone_command) and tells what happens as events, each a name and a few
 * fields: the ones that `--json` prints. doc/phone.md lists both. */
#ifndef APP_PHONE_H
#define APP_PHONE_H

#include "base/digester.h"
#include "base/rng.h"
#include "net/net.h"
#include "record/record.h"
#include "sdp/sdp.h"
#include "ua/ua.h"

/* argv[0] is "phone". Returns the exit status: 0; 1 when it cannot run; 2 for a wrong command line. */
int app_phone_main(int argc, char **argv);

enum {
    PHONE_MAX_CALLS = 8,        /* at once, in and out; more that come in are answered 486 */
    PHONE_MAX_REDIRECTS = 5,    /* 302s followed one after the other                       */
    PHONE_MAX_FIELDS = 24,      /* of one event                                            */
    PHONE_MAX_LINE = 1024,      /* of one command                                          */
    PHONE_REFER_SILENT = 1,     /* phone_config.refer_code: it gets no answer               */
    PHONE_REFER_UNLISTED = 2,   /* ... it gets 405, and Allow does not list it              */
    PHONE_QUIT_MS = 3000        /* hanging up and unregistering take no longer than that   */
};

/* How it presses keys: call.h's enum call_keys, in its order. */
enum phone_keys { PHONE_KEYS_AUTO, PHONE_KEYS_RTP, PHONE_KEYS_INFO, PHONE_KEYS_SOUND };

struct phone;

/* ---- events ---- */

enum phone_field_kind { PHONE_TEXT, PHONE_NUMBER, PHONE_MILLIS, PHONE_HUNDREDTHS, PHONE_BOOL, PHONE_JSON };
struct phone_field {
    const char           *key;
    enum phone_field_kind kind;
    struct slice          text;   /* TEXT; JSON: already JSON           */
    int64_t               number; /* NUMBER; MILLIS: printed as seconds; HUNDREDTHS: as 4.41 */
    bool                  yes;    /* BOOL                               */
};
struct phone_event {
    const char        *name;      /* "registered", "incoming", ...      */
    unsigned           call;      /* its number; 0: about no call       */
    struct phone_field field[PHONE_MAX_FIELDS];
    size_t             n_fields;
};
/* A field by name; NULL. */
const struct phone_field *phone_event_field(const struct phone_event *e, const char *key);
/* One line of JSON, or of words for a person, without the line end. `wall_us` of the event's moment. */
void phone_put_json(struct buf *b, const struct phone_event *e, uint64_t wall_us);
void phone_put_words(struct buf *b, const struct phone_event *e);

/* ---- the phone ---- */

struct phone_config {
    struct mem            *mem;
    struct net            *net;
    struct rng            *rng;
    const struct digester *digester;
    struct record         *record;      /* messages are copied there; NULL: nowhere                      */
    struct slice           user;        /* "1001"                                                        */
    struct slice           password;
    struct slice           auth_name;   /* empty: user                                                   */
    struct slice           display;     /* empty: none                                                   */
    struct slice           domain;      /* empty: the server's host (and port); without server our address */
    struct slice           server;      /* "HOST[:PORT]"; empty: none, calls go straight to URIs         */
    enum transport_kind    transport;   /* UDP, TCP or TLS                                               */
    struct net_tls        *tls;         /* TLS only: whom it trusts. Must outlive the phone              */
    struct addr            bind;        /* a specific address; port 0: any                               */
    uint16_t               port_min, port_max; /* RTP; 0, 0: any                                         */
    struct slice           codecs;      /* names, the best first: "g722,pcma"; empty: all that there are        */
    enum phone_keys        keys;
    struct slice           music;       /* whom it lets those listen to that it puts on hold (RFC 7088): as in "call"; empty: nobody */
    uint16_t               tone_hz;     /* what it says unless a file is played; 0: silence              */
    bool                   auto_answer;
    uint32_t               auto_answer_ms;
    uint32_t               leave_ms;    /* it hangs up so long after its transfer was accepted                */
    enum sdp_srtp          srtp;        /* not OFF only where media_srtp_is_there() */
    struct slice           quality_report; /* URI to which it reports how calls have sounded; empty: the registrar; "off": nowhere */
    uint32_t               expires_s;   /* 0: the ua's default                                           */
    bool                   reliable;    /* 180 and the like are sent reliably to who supports it: RFC 3262  */
    bool                   update;      /* hold and resume by UPDATE                                        */
    uint32_t               session_s;   /* ua_config's, as the next                                      */
    enum ua_refresher      refresher;
    unsigned               refer_code;  /* what a REFER is answered: 0: it is obeyed; 400-699: that, though Allow lists REFER; or: */
    void (*event)(void *ctx, const struct phone_event *e);
    void *ctx;
};

/* Listens, and registers where there is a server. ERR_SYNTAX (user, server, domain, codecs), ERR_BUSY (port taken), ERR_INVALID (not
 * an address of this machine), ERR_NOMEM, ERR_IO, ... Slices are copied. */
enum err phone_open(const struct phone_config *config, struct phone **out);
/* At once, without a word to anybody. Takes NULL. */
void     phone_close(struct phone *p);

/* One line as a person types it: "call 1002". What is wrong with it comes as event "error" too.
 * ERR_SYNTAX: no such command, or its argument is missing or bad; ERR_NOTFOUND: no call that it could mean; others: as call.h. */
enum err phone_command(struct phone *p, struct slice line);
/* The commands, for completion: NULL at the end. */
const char *phone_command_name(size_t i);
void        phone_put_help(struct buf *b);

/* Hang up, unregister; event "bye" comes when that is done, or PHONE_QUIT_MS later. Again: nothing. */
void phone_quit(struct phone *p);

/* The address it listens on. */
void     phone_local(const struct phone *p, struct addr *out);
unsigned phone_calls(const struct phone *p); /* that are not over */
/* For tests: how long a tone of that frequency was heard in the call so far. */
uint32_t phone_heard_ms(struct phone *p, unsigned call, uint16_t hz);
size_t   phone_legs(const struct phone *p);  /* also those that only linger */

#endif
