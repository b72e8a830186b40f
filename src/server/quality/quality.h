/* quality.h - how calls have sounded: reports of phones (RFC 6035), and what the exchange's own ends have heard, kept with
 * the call data records.
 *
 * Sound mostly goes straight from phone to phone, so only they know. They PUBLISH reports (event package vq-rtcpxr) to the
 * exchange, at a call's end, in it, or when it becomes bad; the latest counts. A report is kept where its sender has, or until
 * DIALOGS_RECENT_MS ago had, a side in the call that it names: for that side what it heard itself, for the other what it was
 * told by RTCP XR, until that one reports itself. Reports about other calls are answered 200 too, and are not kept. There is
 * no state of a publication: each report stands for itself. */
#ifndef SERVER_QUALITY_QUALITY_H
#define SERVER_QUALITY_QUALITY_H

#include "server/dialogs/dialogs.h"
#include "server/sound/sound.h"
#include "server/store/store.h"
#include "sip/stack/stack.h"

struct quality {
    struct store   *store;
    struct dialogs *dialogs;
    struct log     *log;  /* NULL: nothing is told */
};

/* Is that request such a PUBLISH? */
bool quality_is_report(const struct msg *m);

/* Take the report of that user: answered 200; 400, 412, 413, 415 where it is none. In the request's shard. */
void quality_publish(const struct quality *q, struct shard *sh, const struct stack_in *in, struct slice number);

/* For sound_config.heard, with the struct quality as ctx: the exchange was the callee. Any thread. */
void quality_of_end(void *ctx, const struct sound_heard *h);

#endif
