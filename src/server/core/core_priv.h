/* core_priv.h - what the files of server/core share. */
#ifndef SERVER_CORE_PRIV_H
#define SERVER_CORE_PRIV_H

#include "server/account/account.h"
#include "server/core/core.h"
#include "server/registrar/registrar.h"
#include "server/transfer/transfer.h"

enum { CORE_NUMBER_OCTETS = 3 * URI_MAX_OCTETS };

struct core {
    struct mem       *mem;
    struct stack     *stack;
    struct directory *directory;
    struct location  *location;
    struct dialogs   *dialogs;
    struct account   *account;
    struct registrar *registrar;
    struct proxy     *proxy;
    struct transfer  *transfer;
    bool              may_relay;
};

/* Who sent a request. */
struct asker {
    const struct directory_view *view;
    const struct directory_user *user;   /* of the view; NULL: open house, or a side that is not ours */
    struct slice                 number;
};

/* --- own.c: what the exchange answers itself --- */
void own_request(struct shard *sh, const struct stack_in *in);  /* for the exchange, not for one of its users */
bool own_event(struct shard *sh, const struct stack_in *in, struct slice caller, struct slice target); /* true: answered */

#endif
