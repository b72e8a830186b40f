/* exchange.c - the exchange opened and closed, room by room.
 *
 * Room      app/serve.
 * Touches   *x.
 * Order     store, directory, location, dialogs, journal, sound, core, stack, workers, keys for TLS, listeners; closed the other way round. */
#include "app/serve/exchange.h"

#include <stdio.h>
#include <string.h>

#include "sys/digest.h"

static enum err say(struct exchange_fault *fault, enum err e, const char *what, const char *why)
{
    snprintf(fault->text, sizeof fault->text, "%s: %s", what, why);
    return e;
}

/* What a room is opened with: each is a piece of work, and some take long. */
static uint64_t wall_ms(const struct exchange_config *c)
{
    net_take_up(c->net[0], 0);
    return net_wall_us(c->net[0]) / 1000;
}

static enum err open_store(struct exchange *x, const struct exchange_config *c, struct exchange_fault *fault)
{
    struct store_fault why = {""};
    struct store_conf  conf = {.dir = c->options->data,
                               .mode = c->store_mode,
                               .mem = x->mem,
                               .random = &x->random,
                               .now_ms = (int64_t)wall_ms(c)};
    enum err           e = store_open(&x->store, &conf, &why);

    return e ? say(fault, e, "data folder", why.text) : ERR_OK;
}

static enum err open_directory(struct exchange *x, const struct exchange_config *c, struct exchange_fault *fault)
{
    struct directory_fault why = {""};
    struct slice           domains[DIRECTORY_MAX_DOMAINS];
    struct directory_conf  conf = {.store = x->store,
                                   .mem = x->mem,
                                   .random = &x->random,
                                   .digester = &x->digester,
                                   .realm = slice_z(c->options->realm),
                                   .domains = domains,
                                   .n_domains = c->options->n_domains,
                                   .own_hosts = c->own_hosts,
                                   .n_own_hosts = c->n_own_hosts,
                                   .codes = &c->options->codes,
                                   .emergency = slice_z(c->options->emergency),
                                   .later_thread = c->store_mode == STORE_THREAD,
                                   .open_house = c->options->open_house};
    enum err               e;

    for (size_t i = 0; i < conf.n_domains; i++)
        domains[i] = slice_z(c->options->domain[i]);
    e = directory_open(&x->directory, &conf, &why);
    return e ? say(fault, e, "users", why.text) : ERR_OK;
}

/* Passwords are stored for this realm: whoever adds a user while the exchange is down must know it. Likewise who asks then what
 * would become of a call. */
static enum err note_settings(struct exchange *x, const struct exchange_config *c, struct exchange_fault *fault)
{
    struct store_write *w = store_begin(x->store, STORE_PROMISE);
    enum err            e = ERR_NOMEM;

    if (w) {
        store_put_setting(w, S("realm"), slice_z(c->options->realm));
        store_put_setting(w, S("emergency"), slice_z(c->options->emergency));
        e = store_submit_wait(w);
    }
    return e ? say(fault, e, "data folder cannot be written", err_text(e)) : ERR_OK;
}

static enum err open_rooms(struct exchange *x, const struct exchange_config *c, struct exchange_fault *fault)
{
    int64_t              now_ms = (int64_t)wall_ms(c);
    char                 path[OPTIONS_MAX_TEXT + 32];
    struct location_conf lc = {.store = x->store, .mem = x->mem, .random = &x->random, .digester = &x->digester};
    struct dialogs_conf  dc = {.path = path, .store = x->store, .mem = x->mem, .random = &x->random};
    struct journal_conf  jc = {.path = path, .mem = x->mem};
    enum err             e;

    lc.now_ms = dc.now_ms = now_ms;
    lc.log = dc.log = c->log;
    if ((e = location_open(&x->location, &lc)))
        return say(fault, e, "bindings cannot be loaded", err_text(e));
    if ((e = store_path(x->store, S("dialogs.map"), path, sizeof path)) || (e = dialogs_open(&x->dialogs, &dc)))
        return say(fault, e, "dialogs.map in the data folder cannot be used", err_text(e));
    if ((e = store_path(x->store, S("journal.map"), path, sizeof path)) || (e = journal_open(&x->journal, &jc)))
        return say(fault, e, "journal.map in the data folder cannot be used", err_text(e));
    return ERR_OK;
}

static enum err open_sound(struct exchange *x, const struct exchange_config *c, struct exchange_fault *fault)
{
    const struct serve_options *o = c->options;
    struct sound_config         sc = {.mem = x->mem,
                                      .rng = &x->random.rng,
                                      .net = c->n_media ? c->media_net : c->net,
                                      .n_nets = c->n_media ? c->n_media : 1,
                                      .port_min = o->media_port_min,
                                      .port_max = o->media_port_max,
                                      .heard = quality_of_end,
                                      .heard_ctx = &x->quality,
                                      .music = o->music[0] ? o->music : NULL};
    enum err                    e;

    x->quality = (struct quality){x->store, x->dialogs, x->log};
    e = sound_room_open(&sc, &x->sound);
    return e ? say(fault, e, "sound", err_text(e)) : ERR_OK;
}

static enum err open_core(struct exchange *x, const struct exchange_config *c, struct exchange_fault *fault)
{
    struct core_config  cc = {.mem = x->mem,
                              .rng = &x->random.rng,
                              .digester = &x->digester,
                              .key = store_key(x->store),
                              .directory = x->directory,
                              .location = x->location,
                              .dialogs = x->dialogs,
                              .journal = x->journal,
                              .digest = c->options->digest,
                              .now_ms = wall_ms(c),
                              .may_relay = c->options->may_relay,
                              .transfer = c->options->transfer,
                              .sound = x->sound,
                              .quality = &x->quality,
                              .numbers = &c->options->numbers,
                              .recall_s = c->options->recall_s,
                              .session_s = c->options->session_s,
                              .session_min_s = c->options->session_min_s,
                              .register_min_s = c->options->register_min_s,
                              .register_max_s = c->options->register_max_s,
                              .log = c->log};
    struct stack_config sc = {.mem = x->mem,
                              .n_workers = (uint8_t)c->n_workers,
                              .rng = &x->random.rng,
                              .digester = &x->digester,
                              .user = &core_stack_user,
                              .times = c->times,
                              .server_name = S("strowger"),
                              .keeps_memory = c->keeps_memory,
                              .large = c->large,
                              .sheds = true,
                              .log = c->log};
    char                path[OPTIONS_MAX_TEXT + 32], published[OPTIONS_MAX_TEXT + 32];
    enum err            e;

    cc.subscriptions = path;
    cc.published = published;
    if ((e = store_path(x->store, S("subscriptions.map"), path, sizeof path)))
        return say(fault, e, "subscriptions.map", err_text(e));
    if ((e = store_path(x->store, S("published.map"), published, sizeof published)))
        return say(fault, e, "published.map", err_text(e));
    random_octets(&x->random, &cc.hash, sizeof cc.hash);
    sc.key = dialogs_key(x->dialogs); /* what the stack hashes to pick a shard finds the dialog, too */
    if ((e = core_open(&cc, &x->core)))
        return say(fault, e, "exchange", err_text(e));
    sc.ctx = x->core;
    if ((e = stack_open(&sc, &x->stack)))
        return say(fault, e, "SIP stack", err_text(e));
    if ((e = core_attach(x->core, x->stack)))
        return say(fault, e, "subscriptions", err_text(e));
    sound_room_attach(x->sound, x->stack);
    return ERR_OK;
}

static enum err open_workers(struct exchange *x, const struct exchange_config *c, struct exchange_fault *fault)
{
    for (unsigned i = 0; i < c->n_workers; i++) {
        struct record_config rc = {x->mem, c->record_octets, (uint8_t)i};
        enum err             e = ERR_OK;

        if (c->record_octets && (e = record_open(&rc, &x->record[i])))
            return say(fault, e, "trace", err_text(e));
        if ((e = stack_add_worker(x->stack, (uint8_t)i, c->net[i], x->record[i])))
            return say(fault, e, "worker", err_text(e));
    }
    return ERR_OK;
}

static const char *listen_problem(enum err e)
{
    switch (e) {
    case ERR_BUSY: return "is taken by another program: stop that one, or give another --listen";
    case ERR_INVALID: return "is no address of this machine";
    case ERR_DENIED: return "needs rights that this user has not (ports below 1024)";
    case ERR_LIMIT: return "cannot be opened: no descriptors are left";
    default: return err_text(e);
    }
}

static enum err say_listen(struct exchange_fault *fault, enum err e, const struct transport_listen *l)
{
    char       text[ADDR_MAX_TEXT + 8];
    struct buf b = BUF_ON(text);

    buf_puts(&b, transport_param_name(l->kind), S(":"));
    addr_put(&b, &l->local);
    snprintf(fault->text, sizeof fault->text, "%.*s %s", SARG(buf_slice(&b)), listen_problem(e));
    return e;
}

/* Workers share their port, and what is shared any program of this user may join: so ask once for it alone. */
static enum err port_is_free(struct net *n, const struct transport_listen *l)
{
    static const struct net_udp_on      nothing = {0};
    static const struct net_listener_on nobody = {NULL, NULL};
    struct net_udp_options              o = {.local = l->local};
    struct net_udp                     *udp;
    struct net_listener                *tcp;
    enum err                            e;

    if (l->local.port == 0)
        return ERR_OK;
    if (l->kind == TRANSPORT_UDP) {
        if ((e = net_udp_open(n, &o, &nothing, NULL, &udp)) == ERR_OK)
            net_udp_close(n, udp);
    } else if ((e = net_tcp_listen(n, &l->local, false, &nobody, NULL, &tcp)) == ERR_OK)
        net_listener_close(n, tcp);
    return e;
}

/* One address on every worker. A port that was left to the system is the first worker's for the others. */
static enum err listen_on(struct exchange *x, const struct exchange_config *c, const struct transport_listen *wanted,
                          struct exchange_fault *fault)
{
    struct transport_listen l = *wanted;
    enum err                e = c->n_workers > 1 ? port_is_free(c->net[0], &l) : ERR_OK;

    for (unsigned w = 0; w < c->n_workers && !e; w++) {
        struct transport   *tp = stack_transport(x->stack, (uint8_t)w);
        enum transport_kind kind;
        uint8_t             index;

        l.tls = l.kind == TRANSPORT_TLS ? x->tls[w] : NULL;
        if ((e = transport_listen(tp, &l, &index)) == ERR_OK)
            transport_listener_local(tp, index, &kind, &l.local);
    }
    /* Everywhere means everywhere there is: a machine without IPv6 is no failure. */
    if (e == ERR_INVALID && c->options->default_listen && l.local.family == ADDR_IP6)
        return ERR_OK;
    return e ? say_listen(fault, e, &l) : ERR_OK;
}

enum err exchange_open(struct exchange *x, const struct exchange_config *c, struct exchange_fault *fault)
{
    enum err e;

    memset(x, 0, sizeof *x);
    x->mem = c->mem;
    x->log = c->log;
    x->n_workers = c->n_workers;
    x->net = c->net;
    digest_open(&x->digester);
    if (c->seed)
        random_seed(&x->random, c->seed);
    else
        random_system(&x->random);
    if ((e = open_store(x, c, fault)) || (e = note_settings(x, c, fault)) || (e = open_directory(x, c, fault)) || (e = open_rooms(x, c, fault)) ||
        (e = open_sound(x, c, fault)) || (e = open_core(x, c, fault)) || (e = open_workers(x, c, fault)) ||
        (e = exchange_tls_open(x, c, fault)))
        goto fail;
    for (size_t i = 0; i < c->options->n_listen; i++)
        if ((e = listen_on(x, c, &c->options->listen[i], fault)))
            goto fail;
    return ERR_OK;
fail:
    exchange_close(x);
    return e;
}

void exchange_close(struct exchange *x)
{
    directory_quiet(x->directory); /* who waits for an act, or watches users, is still there */
    if (x->store)
        store_flush(x->store); /* what waits for a commit may call back into the shards */
    sound_room_quiet(x->sound);
    stack_close(x->stack);
    exchange_tls_close(x);
    core_close(x->core);
    journal_close(x->journal);
    sound_room_close(x->sound);
    dialogs_close(x->dialogs);
    location_close(x->location);
    directory_close(x->directory);
    store_close(x->store);
    for (unsigned i = 0; i < x->n_workers; i++)
        record_close(x->record[i]);
    memset(x, 0, sizeof *x);
}
