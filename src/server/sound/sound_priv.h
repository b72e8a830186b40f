/* sound_priv.h - what the files of server/sound share. */
#ifndef SERVER_SOUND_PRIV_H
#define SERVER_SOUND_PRIV_H

#include <stdatomic.h>

#include "base/list.h"
#include "base/map.h"
#include "sdp/sdp.h"
#include "server/sound/sound.h"
#include "sys/spin.h"

enum { SOUND_LATE_MS = 50 };

struct sound_thread {
    struct sound    *s;
    unsigned         index;
    struct net      *net;
    struct list      late;       /* letters to shards that found no memory on their way: tried again */
    struct net_timer late_timer;
};

struct sound {
    struct sound_config config;
    struct stack       *stack;
    char                music[SOUND_MAX_PATH + 1];
    _Atomic uint64_t    serial;
    atomic_size_t       n_ends;
    atomic_bool         quiet;
    struct spin         lock;       /* of the next three */
    struct list         letters;    /* on their way, either direction */
    struct map          ends;       /* by number */
    struct map          mixes;      /* by number */
    struct sound_thread thread[SOUND_MAX_THREADS];
};

enum letter_kind { LETTER_OPEN, LETTER_OFFER, LETTER_ANSWER, LETTER_TAKE, LETTER_PLAY, LETTER_CLOSE, LETTER_EVENT, LETTER_FOLLOW, LETTER_SIGNAL,
                   LETTER_MIX_CLOSE };

/* What is asked, or told: one block with its text. An asking letter that has an outcome is the one that carries it back, so
 * that an answer never wants for memory. */
struct end;
struct mix;
struct letter {
    struct list_node       node;    /* s->letters                  */
    struct list_node       waiting; /* thread->late                */
    struct sound          *s;
    struct sound_thread   *t;
    enum letter_kind       kind;
    size_t                 octets;  /* of this allocation          */
    uint64_t               end;     /* which */
    struct end            *opened;  /* LETTER_OPEN, LETTER_CLOSE: itself */
    struct mix            *mix;     /* LETTER_MIX_CLOSE: itself */
    enum sound_signal      signal;
    struct sound_play      play;    /* LETTER_OPEN, LETTER_PLAY: its path is the text */
    struct sound_ask       ask;     /* LETTER_EVENT: whose it is */
    struct sound_event     event;
    size_t                 cap, n;  /* of text                     */
    char                  *text;    /* behind this struct          */
};

/* One end: made in the shard that asked for it, so that nothing is promised that there is no memory for, and from then on its
 * media thread's, which alone frees it. */
struct end {
    struct map_node      by_number;
    struct sound_thread *t;
    uint64_t             n;
    bool                 closing;   /* it was asked to; under s->lock */
    struct letter        close;     /* that wish, ready to be posted */
    struct sound_ask     ask;
    struct media        *media;     /* NULL: not yet, or its ports could not be opened; */
    enum err             broken;    /* that is why */
    struct slice         codec;     /* that is sent; empty: none yet */
    char                 call_id[SOUND_MAX_CALL_ID]; /* ask.call_id points here */
    struct sdp_local     local;
};

/* A mixer; made and freed as an end is. */
struct mix {
    struct map_node     by_number;
    struct sound       *s;
    uint64_t            n;
    bool                closing;
    struct letter       close;
    struct media_mixer *mixer;
};

/* --- mix.c --- */
struct mix *mix_find(struct sound *s, uint64_t n); /* NULL; on its thread it lives until that returns */
void        mix_do(struct letter *l);              /* takes the letter */
void        mix_free(struct mix *x);
/* A number for an end or a mixer of that thread. */
uint64_t    sound_number(struct sound *s, uint64_t thread);
uint64_t    sound_hash(uint64_t n);

/* --- letter.c --- */
enum err letter_new(struct sound *s, enum letter_kind kind, size_t cap, struct letter **out);
void     letter_free(struct letter *l);
void     letter_to_thread(struct letter *l);                  /* by l->end; kept back when the room is quiet */
void     letter_to_shard(struct letter *l, const struct end *e); /* as LETTER_EVENT of that end; freed where nobody wants it */
void     letters_try_late(void *thread);                      /* timer */

/* --- sound.c --- */
struct end *sound_find(struct sound *s, uint64_t n); /* NULL */
void        sound_end_free(struct end *e);           /* on its thread, or after all of them */

/* --- end.c: on the media thread --- */
void end_do(struct letter *l); /* takes the letter */

#endif
