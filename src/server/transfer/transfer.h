/* transfer.h - REFER inside a dialog: accepted by the exchange itself, then carried to the transferee, and executed where that
 * one cannot or will not (RFC 3515, RFC 5589, RFC 7647; DESIGN §5; PROTOCOL §5, §6).
 *
 * Modes, by the setting `transfer` of the transferor's user: accept (the default), relay (end to end), execute (the
 * transferee is not even asked).
 *
 * The promise: a transfer either happens, or the transferor is told why in a NOTIFY. */
#ifndef SERVER_TRANSFER_TRANSFER_H
#define SERVER_TRANSFER_TRANSFER_H

#include "server/dialogs/dialogs.h"
#include "server/directory/directory.h"
#include "server/location/location.h"
#include "server/proxy/proxy.h"
#include "sip/stack/stack.h"
#include "sys/log.h"

enum {
    TRANSFER_HOLD_MS = 4000,  /* so long the transferee may think about the REFER; then the exchange executes it. The
                                 transferor's BYE waits meanwhile (PROTOCOL 5.4) */
    TRANSFER_WATCH_MS = 32000 /* after the transferee's 2xx: neither NOTIFY nor INVITE by then: NOTIFY 408 (PROTOCOL 5.5) */
};

struct transfer;
struct bridge;
struct journal;

struct transfer_config {
    struct mem     *mem;
    struct proxy   *proxy;
    struct bridge  *bridge;  /* executes what a transferee cannot or will not do */
    struct journal *journal; /* what is under way is noted there before it is promised, and carried on after a restart */
    enum dialog_mode mode;   /* of users who have no setting of their own; NONE: accept */
    struct log     *log;     /* how transfers go; NULL: none are told */
};
enum err transfer_open(const struct transfer_config *config, struct transfer **out);
void     transfer_close(struct transfer *t); /* takes NULL */
void     transfer_shard_close(struct transfer *t, struct shard *sh);
/* About once a second, from any thread: what was under way before a restart goes on, if no message has woken it yet. */
void     transfer_tick(struct transfer *t, struct stack *st);

/* A REFER within a dialog that has been admitted; `user` is the authenticated sender or, by the dialog's record, whose
 * phone it is; NULL: not ours. It is answered: 202 and carried on or executed, relayed as it is (mode relay, and outside
 * what accept covers, PROTOCOL 5.1), or refused: 400 (no, several, bad Refer-To), 403, 420, 481. */
void transfer_refer(struct transfer *t, struct shard *sh, const struct stack_in *in, const struct proxy_within *w,
                    const struct directory_user *user);

/* Before a NOTIFY, BYE or INVITE goes on: does it belong to a transfer in progress? Returns true when the transfer deals
 * with it (has answered it; or keeps a BYE until the REFER is answered); false: pass it on as usual. Also how the transfer learns that the transferee acts. */
bool transfer_sees(struct transfer *t, struct shard *sh, const struct stack_in *in, const struct proxy_within *w);

/* Might any call that begins now be of interest to transfer_sees_call()? A look at two numbers: without transfers it is not. */
bool transfer_expects_calls(const struct transfer *t);

/* A new INVITE outside a dialog, from `caller` to `target` (numbers): did a watched REFER ask for it? Then call->watch is
 * set for proxy_new(), so that the transfer (in another shard) hears of its final status, and call->replaces, where the phone
 * has left out what the REFER asked for (PROTOCOL 7.1); else they are left alone. Costs one atomic
 * read where no transfer is watched. True: the exchange makes that call itself already, so this one is refused: it has been
 * answered (PROTOCOL 5.6). */
bool transfer_sees_call(struct transfer *t, struct shard *sh, const struct stack_in *in, struct slice caller,
                        struct slice target, struct proxy_caller *call);

size_t transfer_pending(const struct transfer *t);

#endif
