/* voice_priv.h - what the files of server/voice share. */
#ifndef SERVER_VOICE_PRIV_H
#define SERVER_VOICE_PRIV_H

#include <stdatomic.h>

#include "base/list.h"
#include "base/map.h"
#include "server/voice/voice.h"
#include "sys/spin.h"

enum {
    VOICE_URI_OCTETS = 256,   /* of a member's address, for lists; longer ones are cut */
    VOICE_HOST_OCTETS = 128,
    CONFERENCE_LEFT = 16,     /* so many who have left are remembered */
    VOICE_ID_OCTETS = 192     /* of a dialog, for Join; longer ones cannot be joined */
};

struct voice {
    struct voice_config config;
    struct presence    *presence;    /* who watches conferences */
    atomic_size_t       n_parties;
    struct spin         lock;        /* of what follows, and of what hangs on it */
    uint64_t            last;        /* number of the newest party */
    struct map          parties;     /* by number */
    struct list         conferences, orbits;
    struct list         jobs;        /* of job.c */
    struct list         referrals;   /* of referral.c */
    struct stack       *stack;
};

enum { PARTY_MAX_DUE = 32 };

/* What we owe the peer as soon as the end has made its description. */
enum party_owes { OWES_NOTHING, OWES_INVITE, OWES_OFFER, OWES_CALL };

struct party;
struct conference;
struct orbit;
struct voice_job;
struct voice_referral;

/* A call that has come for an app. */
struct voice_in {
    const struct leg_incoming *in;
    struct dialog_id           record; /* gen 0: none */
    struct slice               number; /* of ours that it has come to, perhaps by way of others */
    struct slice               caller; /* number of who has called, where he is ours and the record knows it; else empty */
    struct slice               transferred_by; /* URI; empty: nobody that is known of */
    struct slice               from;   /* URI of who calls, as others may know it */
};

/* What an app does with its parties; NULL: nothing. */
struct voice_act {
    void (*rings)(struct party *p, struct leg *leg);  /* one that we call */
    void (*begun)(struct party *p, struct leg *leg);  /* their INVITE was accepted, ours answered */
    unsigned (*refer)(struct party *p, struct leg *leg, const struct leg_refer_in *refer); /* as leg_on's; NULL: 603 */
    void (*ended)(struct party *p, struct leg *leg, const struct leg_end *end);  /* once; leg NULL: it never came to be */
};

/* Whom a call of ours is made for. */
struct voice_report {
    struct leg_id leg; /* none: nobody */
    uint32_t      refer;
};

/* Whom a REFER outside of any call wants called. */
struct voice_asked {
    struct slice               number, host;  /* the extension, and by which name of ours */
    struct slice               from;          /* URI of who asks */
    const struct leg_refer_in *refer;
    const struct voice_way    *way;
    struct voice_referral     *referral;      /* to be told how it goes, once they have it: else it is the caller's */
};

/* One call of which the exchange is an end: a leg and its sound. Lives as long as the leg. */
struct party {
    struct map_node         by_number;
    struct voice           *v;
    uint64_t                n;       /* its name to the end */
    const struct voice_act *act;
    struct leg_id           leg;     /* none: it is still to be called; written under v->lock */
    struct sound_end        end;
    enum party_owes         owes;
    uint32_t                due;     /* what was asked of the end and is not told yet, oldest lowest: 1 a description, 0 a take */
    unsigned                n_due;
    bool                    begun;
    struct shard           *sh;      /* its leg's; NULL before it has begun */
    struct voice_report     report;
    struct voice_referral  *referral; /* likewise, outside of any call; NULL: none */
    struct voice_job       *job;     /* what it answers for, or what waits for it; NULL: nothing */
    struct dialog_id        record;  /* of its call; gen 0: none; written under v->lock */
    struct voice_call      *call;    /* what it is called by, until that has been done; owned */

    /* park.c */
    bool                    no_replaces; /* its phone does not say that it can: it is not asked to */
    bool                    by_code;     /* its place is the first that was free: who parked it is told */
    struct orbit           *orbit;
    struct wheel_timer      timer;

    /* conference.c, under v->lock; park.c has who parked it in uri */
    struct conference      *in;
    struct list_node        member;
    char                    uri[VOICE_URI_OCTETS], dialog[VOICE_ID_OCTETS];
    size_t                  uri_n, dialog_n;
};

/* Somebody who has left, for those who are told only what is new. */
struct left {
    uint64_t n; /* of the party; 0: nobody */
    char     uri[VOICE_URI_OCTETS];
    size_t   uri_n;
};

/* A conference; under v->lock. */
struct conference {
    struct list_node node;
    struct voice    *v;
    char             id[VOICE_MAX_NUMBER + 1]; /* its number, or what the factory made up */
    char             host[VOICE_HOST_OCTETS];        /* by which it was called first: for its URI */
    bool             ad_hoc;                   /* made by the factory: it ends with who has opened it */
    bool             over;
    struct sound_mix mix;
    struct list      members;                  /* of struct party, oldest first */
    unsigned         n;
    struct left      left[CONFERENCE_LEFT];    /* the latest, in a ring */
    size_t           n_left;
    uint64_t         chair;                    /* the party that opened it */
};

/* --- conference.c, conference_info.c --- */
struct conference *conference_find(struct voice *v, struct slice id); /* under v->lock; NULL */
void conference_tell(struct voice *v, struct slice id);               /* who is in it has changed: to who watches */

/* --- party.c --- */
enum err party_new(struct voice *v, const struct voice_act *act, struct party **out);
void     party_free(struct party *p);
/* Open its end, `ask` filled but for its user, and begin to answer the INVITE with that offer; the leg is attached. On an error
 * the leg is as it was, and the party still the caller's. */
enum err party_answer(struct party *p, struct leg *leg, struct slice offer, struct sound_ask *ask);

struct voice_call {
    struct voice_way way;            /* where to */
    struct slice     from, replaces, referred_by; /* values; the latter two may be empty */
    struct slice     contact_user, contact_params;
    size_t           octets;         /* of this allocation: all texts are behind it */
};
/* Open its end and call somebody, from inside a shard; texts are copied. Whatever goes wrong later comes as act->ended. On an
 * error the party is still the caller's. */
enum err party_call(struct party *p, struct shard *sh, const struct voice_call *call, struct sound_ask *ask);
uint64_t party_hash(uint64_t n);

/* --- record.c: what is known of a party's call (server/dialogs) --- */
/* The record with which the proxy gave us that INVITE. ERR_NOTFOUND: none. Texts in the shard's scratch arena. */
enum err party_record_of_invite(struct voice *v, struct shard *sh, const struct msg *m, struct dialog_id *id, struct dialog_record *out);
void party_record_set(struct party *p, struct dialog_id record);
void party_record_number(struct party *p, struct shard *sh, struct slice number); /* its own side's, from now on */
void party_record_rings(struct party *p, const struct leg *leg, unsigned code); /* one that we call */
void party_record_answered(struct party *p, const struct leg *leg);
void party_record_seen(struct party *p, const struct leg *leg);
void party_record_ended(struct party *p, const struct leg *leg, const struct leg_end *end);

/* --- the apps: each takes an incoming leg. 0, or the code that it is to be refused with --- */
unsigned music_incoming(struct voice *v, struct leg *leg, const struct voice_in *call);
unsigned conference_incoming(struct voice *v, struct leg *leg, const struct voice_in *call);
unsigned factory_incoming(struct voice *v, struct leg *leg, const struct voice_in *call);
void     conferences_close(struct voice *v);
unsigned park_free_incoming(struct voice *v, struct leg *leg, const struct voice_in *call);
unsigned park_incoming(struct voice *v, struct leg *leg, const struct voice_in *call);
void     orbits_close(struct voice *v);

/* --- referral.c, and who calls for it: 0, or the code that it deserves --- */
void     referral_done(struct voice_referral *r, unsigned code); /* once, from any thread: how it has ended */
void     referrals_close(struct voice *v);
unsigned conference_refer(struct voice *v, struct shard *sh, const struct voice_asked *asked);
unsigned park_refer(struct voice *v, struct shard *sh, const struct voice_asked *asked);

/* --- numbers.c --- */
enum err voice_number_nth(struct slice pattern, uint32_t i, struct buf *out); /* of those that fit, in order. ERR_NOTFOUND: no more */

/* --- voice.c --- */
struct slice voice_host_of(struct slice uri); /* host:port of a URI, as written */
unsigned setting_incoming(struct voice *v, struct leg *leg, const struct voice_in *call);

/* --- job.c: who has dialled for something to be done hears beeps when it is --- */
struct voice_job *job_begin(struct voice *v, struct leg *leg, const struct voice_in *call); /* the leg waits. NULL: no memory */
void job_done(struct voice_job *j, unsigned code);  /* once, from any thread: beeps, or (code not 0) refused with that */
void job_drop(struct voice_job *j);                 /* instead, right after job_begin(): the leg is the caller's to refuse */
struct voice *job_voice(const struct voice_job *j);
void jobs_close(struct voice *v);

#endif
