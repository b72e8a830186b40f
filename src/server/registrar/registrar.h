/* registrar.h - REGISTER: RFC 3261 §10.3, with Path (RFC 3327), Outbound (RFC 5626 §6), GRUU (RFC 5627).
 *
 * The answer to a new, changed or removed binding leaves after it is on disk (DESIGN §7): the transaction waits meanwhile,
 * nobody else does. */
#ifndef SERVER_REGISTRAR_REGISTRAR_H
#define SERVER_REGISTRAR_REGISTRAR_H

#include "server/account/account.h"
#include "server/directory/directory.h"
#include "server/location/location.h"
#include "sip/stack/stack.h"

enum {
    REGISTRAR_MIN_S = 60,        /* shorter: 423 with Min-Expires (0 is a removal) */
    REGISTRAR_MAX_S = 7200,      /* longer: shortened */
    REGISTRAR_DEFAULT_S = 3600,  /* when the phone says none */
    REGISTRAR_MAX_ROWS = 16384   /* octets of the Contact rows of an answer */
};

struct registrar;

struct registrar_config {
    struct mem       *mem;
    struct account   *account;
    struct directory *directory;
    struct location  *location;
    uint32_t          min_s, max_s, default_s; /* 0: the above */
};
enum err registrar_open(const struct registrar_config *config, struct registrar **out);
void     registrar_close(struct registrar *r); /* no update may be under way; takes NULL */

/* A REGISTER for one of our domains. It is answered, now or when the store has it. The view is the caller's. */
void registrar_request(struct registrar *r, struct shard *sh, const struct stack_in *in, const struct directory_view *view);

#endif
