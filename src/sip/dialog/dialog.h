/* dialog.h - dialogs: ids, route sets, targets, CSeq and its shift (RFC 3261 §12; PROTOCOL 4.2). Pure.
 *
 * Two views of one thing. An end (UAC or UAS) keeps a `struct dialog`: all that it must remember to speak in it. A proxy
 * keeps a `struct dialog_ids`: Call-ID and both tags, and asks which way a message goes.
 *
 * A struct dialog copies what it keeps into the arena that it was made with, which must outlive it. Nothing is freed
 * singly; a dialog whose target changes again and again reuses the room of the old one. */
#ifndef SIP_DIALOG_H
#define SIP_DIALOG_H

#include "base/arena.h"
#include "sip/msg/msg.h"
#include "sip/uri/uri.h"

enum {
    DIALOG_MAX_ROUTES = 32,      /* of one route set; more: ERR_LIMIT                                            */
    DIALOG_TARGET_OCTETS = 256,  /* room kept for the target from the start; a longer one takes more             */
    DIALOG_NUMBER_OCTETS = 12    /* a CSeq as text                                                               */
};

struct dialog {
    struct slice  call_id;
    struct slice  local_tag, remote_tag; /* remote_tag may be empty: the peer speaks RFC 2543                    */
    struct slice  local, remote;         /* From and To of requests from here, whole values with their tags      */
    struct slice  target;                /* the remote target: URI of the peer's last Contact                    */
    struct slice *route;                 /* the route set: URIs with their parameters, without <>, next hop first */
    size_t        n_routes;
    uint32_t      local_cseq;            /* of the last request from here                                        */
    uint32_t      remote_cseq;           /* of the last request from there; meaningless without has_remote_cseq  */
    bool          has_remote_cseq;
    bool          secure;                /* begun with sips over TLS: targets must be sips (§12.1.1)             */
    bool          confirmed;             /* a 2xx has made it; else it is early                                  */
    bool          is_uac;                /* this end sent the request that made it                               */

    struct arena *arena;                 /* from here the room's own */
    char         *target_room;
    size_t        target_cap;
    size_t        route_cap;
};

/* ---- beginning ---- */

/* The UAC's dialog out of a response to its INVITE, SUBSCRIBE or REFER (§12.1.2): a 2xx, or a 101-199 with a To tag.
 * The route set is its Record-Route in reverse.
 * secure: the request was for a sips URI and went over TLS.
 * ERR_INVALID: a provisional one without To tag makes no dialog, nor does a refusal; ERR_NOTFOUND: it has no Contact (then
 * there is nowhere to send to); ERR_SYNTAX (Contact, Record-Route), ERR_LIMIT, ERR_NOMEM. *out is written on ERR_OK. */
enum err dialog_from_response(struct arena *a, const struct msg *response, bool secure, struct dialog *out);

/* The UAS's dialog out of a request (§12.1.1), which gets `local_tag` as its To tag. The route set is its Record-Route in
 * order. It is confirmed or early as `confirmed` says. Errors as above (ERR_INVALID: no local tag). */
struct dialog_uas {
    const struct msg *request;
    struct slice      local_tag;
    bool              secure;    /* the Request-URI is sips, and it came over TLS */
    bool              confirmed;
};
enum err dialog_from_request(struct arena *a, const struct dialog_uas *uas, struct dialog *out);

/* A confirmed dialog that somebody else has begun and that goes on from here with the same ids: what a proxy knew of it, or a
 * note of it from before a restart. ERR_INVALID (no Call-ID), ERR_SYNTAX, ERR_LIMIT, ERR_NOMEM. */
struct dialog_taken {
    struct slice call_id;
    struct slice local, remote;           /* whole From and To values with their tags                  */
    struct slice target;                  /* URI                                                       */
    struct slice routes;                  /* a Route value, next hop first; empty: none                */
    uint32_t     local_cseq, remote_cseq; /* the highest that either side has sent, as the other saw it */
    bool         is_uac;                  /* the side that is here now sent the INVITE that made it    */
};
enum err dialog_take_over(struct arena *a, const struct dialog_taken *t, struct dialog *out);

/* A 2xx for an early dialog of a UAC: it is confirmed, the route set is taken anew (§13.2.2.4), the target refreshed. Again
 * for a repeated 2xx: nothing changes. A later provisional response of the same dialog refreshes its target only. Errors as
 * dialog_from_response; then the dialog is as it was (but for being confirmed by a 2xx). */
enum err dialog_on_response(struct dialog *d, const struct msg *response);

/* ---- requests and responses within ---- */

bool dialog_has_request(const struct dialog *d, const struct msg *request);   /* from the peer: is it in d?         */
bool dialog_has_response(const struct dialog *d, const struct msg *response); /* to a request from here: is it in d? */

/* A request from the peer (§12.2.2): ERR_STALE: its CSeq is lower than the last one: answer 500. Else it is noted. Not for
 * ACK and CANCEL, which have their INVITE's number. */
enum err dialog_take_cseq(struct dialog *d, uint32_t number);

/* Target refresh by a request from the peer, or by a 2xx to ours (INVITE, UPDATE, SUBSCRIBE, NOTIFY; RFC 3261 §12.2,
 * RFC 3311 §5, RFC 6665 §4.4.1). Without Contact nothing changes. ERR_SYNTAX, ERR_INVALID (not sips in a secure dialog),
 * ERR_NOMEM: the target is as it was. */
enum err dialog_refresh(struct dialog *d, const struct msg *m);

/* ---- speaking ---- */

uint32_t dialog_next_cseq(struct dialog *d); /* the number for a new request from here; counted */

/* The head of a request from here: request line, Route rows, Max-Forwards, From, To, Call-ID, CSeq. Loose and strict next
 * hops as §12.2.1.1 says. For ACK `cseq` is that of its INVITE. The caller adds its rows and msg_put_end(). */
void dialog_put_request(struct buf *b, const struct dialog *d, struct slice method, uint32_t cseq);

/* Where such a request goes (§12.2.1.1, §8.1.2): the first route, else the target. Points into the dialog. */
struct slice dialog_next_hop(const struct dialog *d);

/* ---- naming a dialog to others (RFC 3891, RFC 3911, RFC 4538) ---- */

/* Does a Replaces, Join or Target-Dialog that has reached this end name d (RFC 3891 §3: to-tag is ours; a tag "0" stands
 * for none)? */
bool dialog_is_named(const struct dialog *d, const struct dialog_ref *ref);
/* How the peer's end of d is named to it: what goes into the Refer-To of an attended transfer. */
struct dialog_ref dialog_ref_for_peer(const struct dialog *d);

/* ---- a proxy's view ---- */

struct dialog_ids {
    struct slice call_id;
    struct slice caller_tag; /* of who sent the INVITE that made it    */
    struct slice callee_tag; /* empty while there is none              */
};
enum dialog_way {
    DIALOG_NO_WAY,      /* not of this dialog                                             */
    DIALOG_FROM_CALLER, /* a request from caller to callee, or the response to such a one */
    DIALOG_FROM_CALLEE
};
/* Points into m. ERR_NOTFOUND: no Call-ID or From tag. For a message that the caller sent (or the response to it). */
enum err dialog_ids_of(const struct msg *m, struct dialog_ids *out);
/* Which way does m go in that dialog? For a response: which way did its request go. With an empty callee_tag the To tag
 * of a response is not looked at. */
enum dialog_way dialog_way_of(const struct dialog_ids *ids, const struct msg *m);

/* ---- the CSeq shift (PROTOCOL 4.2) ----
 *
 * A proxy that has itself spoken n times from one side to the other adds n to the CSeq of that side's later requests, and
 * takes it off again in their responses. `own` is the shift of the side that sent the request (for ACK and CANCEL: the one
 * that its INVITE had), `other` that of the opposite side. They also move RAck (as CSeq) and `Event: refer;id=`, which
 * holds the CSeq of a REFER: in a NOTIFY that of the other side (taken back), in a SUBSCRIBE the own.
 * Edits are noted in *e, their texts stand in *t, which must live until msg_edit_write(). With shifts of 0 nothing is
 * noted. ERR_INVALID: a number would leave 0..2**32-1: do not forward. ERR_SYNTAX, ERR_NOTFOUND: no CSeq. */
struct dialog_shift {
    uint32_t own, other;
    char     text[3][DIALOG_NUMBER_OCTETS]; /* the room's own: CSeq, RAck, Event */
};
enum err dialog_shift_request(struct msg_edit *e, struct dialog_shift *t);
enum err dialog_shift_response(struct msg_edit *e, struct dialog_shift *t);

#endif
