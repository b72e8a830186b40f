/* voice.h - extensions of the exchange's own: numbers behind which it is the other end itself.
 *
 *     music       answers and plays music, for who is put on hold (RFC 7088) or wants to hear whether sound goes
 *     conference  whoever calls the same number is in the same conference (RFC 4579): it is the focus
 *     park        who calls a free one of these numbers waits there with music, who calls it then is connected with him; when
 *                 nobody comes, who had sent him there is called
 *     park-free   who is transferred here waits at the first of those numbers that is free; who calls it himself, with a call on
 *                 hold, parks that call there
 *     factory     makes a conference of its own for who calls, and sends him there by 302 (RFC 4579 §5.4)
 *
 *     setting     a code that changes a setting of whoever dials it (server/plan knows which): beeps when that is stored
 *
 * Each is a leg of the exchange's ua with an end of server/sound. Which numbers lead to which app is said by patterns: a
 * number, with x for any digit (8xx), or a range of numbers (701-709). A user of the same number goes before. */
#ifndef SERVER_VOICE_VOICE_H
#define SERVER_VOICE_VOICE_H

#include "server/dialogs/dialogs.h"
#include "server/directory/directory.h"
#include "server/presence/presence.h"
#include "server/sound/sound.h"
#include "sys/log.h"
#include "ua/ua.h"

enum {
    VOICE_MAX_PATTERN = 32, /* octets */
    VOICE_RECALL_S = 120,   /* where nothing else is configured */
    VOICE_MAX_NUMBER = 32   /* octets of a number that may be one of ours */
};

struct voice;

/* The apps, by the names that settings have for them. */
enum voice_app { VOICE_MUSIC, VOICE_CONFERENCE, VOICE_FACTORY, VOICE_PARK, VOICE_PARK_FREE, VOICE_APPS };
struct slice voice_app_name(enum voice_app a);                        /* "music" */
enum err     voice_app_find(struct slice name, enum voice_app *out);  /* ERR_NOTFOUND */

struct voice_numbers {
    char pattern[VOICE_APPS][VOICE_MAX_PATTERN + 1]; /* empty: no number leads there */
};
void voice_numbers_default(struct voice_numbers *n);
/* "APP=PATTERN", where an empty pattern takes the app away. ERR_NOTFOUND: no such app; ERR_SYNTAX: no pattern; ERR_LIMIT. */
enum err voice_numbers_set(struct voice_numbers *n, struct slice assignment);

#define VOICE_AD_HOC "conf-" /* how the numbers of the factory's conferences begin */

/* How somebody is called whom a leg of ours is to call. */
struct voice_way {
    struct slice number; /* of ours; empty: none                              */
    struct slice target; /* Request-URI                                       */
    struct slice to;     /* value of To                                       */
    struct slice rows;   /* Route and the like, whole rows; may be empty      */
    struct flow  flow;   /* to the phone                                      */
};

/* A text message (RFC 3428) of an extension. */
struct voice_note {
    struct slice from, to; /* URIs */
    struct slice text;
};

struct voice_config {
    struct mem          *mem;
    struct ua           *ua;
    struct sound        *sound;
    struct log          *log;     /* NULL: nothing is told */
    struct voice_numbers numbers;
    uint32_t             recall_s; /* after so long a parked call comes back to who parked it; 0: never */
    struct directory    *directory;
    struct dialogs      *dialogs; /* its calls have records there, as any have */
    /* How is that URI reached, a user's or a phone's of ours? Texts in the shard's scratch arena. 0, or the code that it
     * deserves (404, 480, 403). */
    unsigned (*reach)(void *ctx, struct shard *sh, struct slice uri, struct voice_way *out);
    /* A whole request of ours, without Via, by that flow. */
    void (*speak)(void *ctx, struct shard *sh, const struct flow *to, struct slice request);
    /* It goes to all phones of that user of ours. Whether it arrives nobody hears. */
    void (*message)(void *ctx, struct shard *sh, const struct voice_note *n);
    void                *ctx;
};
enum err voice_open(const struct voice_config *config, struct voice **out); /* ERR_NOMEM */
void     voice_close(struct voice *v);                       /* after stack_close; takes NULL */

/* Who is in a conference is told by that presence from now on (RFC 4575): the package is added to it. Before
 * presence_attach(). As presence_add_package. */
enum err voice_watch(struct voice *v, struct presence *p);
void     voice_attach(struct voice *v, struct stack *st);    /* right after stack_open */

/* The app's name for a number of ours; SLICE_NONE: none. */
struct slice voice_app_of(const struct voice *v, struct slice number);
/* ua_on.incoming for a call to one: the leg is attached, or was refused. `transferred_by`: URI of who has transferred the caller
 * here, where the exchange knows that; else empty. */
void voice_incoming(struct voice *v, struct leg *leg, const struct leg_incoming *in, struct slice transferred_by);

/* A REFER outside of any dialog to one of our numbers, from a user: true, it is dealt with; false: that extension calls nobody. */
bool voice_refer(struct voice *v, struct shard *sh, const struct stack_in *in);

/* The call with that record, in whose shard we are, is ended; `reason_row` as leg_hang_up()'s. None of ours: nothing. */
void voice_hang_up(struct voice *v, struct shard *sh, struct dialog_id record, struct slice reason_row);

size_t voice_pending(const struct voice *v); /* calls that it is an end of; for tests: 0 at the end */

#endif
