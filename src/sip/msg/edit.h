/* edit.h - forward a message by copying its octets round a few edits. Pure. Part of the door sip/msg/msg.h.
 *
 * An edit is a span of the original that is replaced by a text (an insertion has an empty span). Edits are noted in any
 * order and written in one pass. Edits at the same place come out in the order of their calls. All texts must live until
 * it is written. Errors are remembered: one look at the end is enough. */
#ifndef SIP_MSG_EDIT_H
#define SIP_MSG_EDIT_H

#include "sip/msg/values.h"

enum { MSG_MAX_EDITS = 64 };

struct msg_splice {
    uint32_t     from, to; /* octets of m->raw that go */
    struct slice name;     /* not empty: "name: text CRLF" is written */
    struct slice text;
};
struct msg_edit {
    const struct msg *m;
    struct slice      top;         /* msg_edit_top()                      */
    struct msg_splice splice[MSG_MAX_EDITS];
    size_t            n;
    enum err          err;         /* the first thing that went wrong     */
    char              length[24];  /* the new Content-Length as text      */
};

void msg_edit_begin(struct msg_edit *e, const struct msg *m);

/* The primitive: `old` must lie within m->raw. */
void msg_edit_replace(struct msg_edit *e, struct slice old, struct slice text);

void msg_edit_uri(struct msg_edit *e, struct slice uri);                      /* Request-URI */
void msg_edit_value(struct msg_edit *e, const struct msg_row *row, struct slice value);
void msg_edit_rename(struct msg_edit *e, const struct msg_row *row, struct slice name);
void msg_edit_remove(struct msg_edit *e, const struct msg_row *row);
void msg_edit_remove_all(struct msg_edit *e, enum hdr_id id);
/* The first n elements of a comma list over all its rows (Route, Via). Once per id. */
void msg_edit_remove_first(struct msg_edit *e, enum hdr_id id, size_t n);
/* The last one, whichever way it stands (strict routing, RFC 3261 §16.4). Not together with remove_first on one id
 * unless there are more elements than both take. */
void msg_edit_remove_last(struct msg_edit *e, enum hdr_id id);
/* Sets the first row's value where there is one (and removes further rows), else adds the row at the end. */
void msg_edit_set(struct msg_edit *e, enum hdr_id id, struct slice value);

/* A new row above the first of that id; where there is none: for Via on top of all, for others behind the last Via. */
void msg_edit_push(struct msg_edit *e, enum hdr_id id, struct slice value);
/* A new row behind the last of that id; where there is none, at the end of the head. */
void msg_edit_append(struct msg_edit *e, enum hdr_id id, struct slice value);
void msg_edit_append_named(struct msg_edit *e, struct slice name, struct slice value);

/* Whole rows in front of all others, whatever else is put there; in place of those of the call before. So one message can go out with
 * another hop's rows (Via, Record-Route) each time, which are known last. */
void msg_edit_top(struct msg_edit *e, struct slice rows);

/* Another body: replaces Content-Type (type empty: removes it) and Content-Length, and drops Content-Encoding. */
void msg_edit_body(struct msg_edit *e, struct slice type, struct slice body);

/* How long it will be. ERR_OK; the first error of an edit (ERR_FULL: over MSG_MAX_EDITS; ERR_INVALID: two edits overlap, one lies
 * outside or across the end of the start line). */
enum err msg_edit_measure(struct msg_edit *e, size_t *octets);
/* So many, to where there is room for them: once it has been measured, and no edit was noted since. */
void     msg_edit_put(const struct msg_edit *e, char *to);

/* Both. ERR_LIMIT: b is too small; ERR_NOMEM. */
enum err msg_edit_write(struct msg_edit *e, struct buf *b);                   /* behind what is there */
enum err msg_edit_make(struct msg_edit *e, struct arena *a, struct slice *out);

#endif
