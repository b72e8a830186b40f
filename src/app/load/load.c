/* load.c - the process round the run: loop, stack, phones' addresses, signals.
 *
 * Room      app/load.
 * Exit      0, 1, 2: as load.h says. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "app/load/load.h"
#include "app/load/load_priv.h"
#include "sys/heap.h"

void load_stop(struct load *l, const char *broken)
{
    if (broken && !l->broken)
        l->broken = broken;
    net_real_stop(l->net);
}

/* ---- requests that come ---- */

static void within(struct load *l, struct shard *sh, const struct stack_in *in)
{
    struct slice call_id = msg_call_id(in->m);
    struct end  *e = load_end_find(l, sh, call_id, true);

    if (!e || !e->has_dialog || !dialog_has_request(&e->dialog, in->m))
        e = load_end_find(l, sh, call_id, false);
    if (e && !(e->has_dialog ? dialog_has_request(&e->dialog, in->m) : e->watcher)) /* a NOTIFY may come before the 200 */
        e = NULL;
    if (in->m->method_id == METHOD_ACK) {
        if (e && e->is_callee)
            callee_ack(e);
    } else if (!e) {
        (void)stack_reply_code(sh, in->tsx, 481);
    } else if (in->m->method_id == METHOD_BYE && e->is_callee) {
        callee_bye(e, in);
    } else if (in->m->method_id == METHOD_BYE) {
        caller_bye(e, in);
    } else if (in->m->method_id == METHOD_REFER && !e->is_callee) {
        caller_refer(e, in);
    } else if (in->m->method_id == METHOD_NOTIFY && e->watcher) {
        watcher_notify(e, in);
    } else {
        (void)stack_reply_code(sh, in->tsx, 200);
    }
}

static void on_request(void *ctx, struct shard *sh, const struct stack_in *in)
{
    struct load *l = ctx;
    enum method  method = in->m->method_id;

    if (method == METHOD_CANCEL)
        (void)stack_reply_code(sh, in->tsx, 481);
    else if (method == METHOD_ACK || msg_to_tag(in->m).n)
        within(l, sh, in);
    else if (method == METHOD_INVITE)
        callee_invite(l, sh, in);
    else
        (void)stack_reply_code(sh, in->tsx, 200); /* OPTIONS: are you there? */
}

static enum err on_shard_open(void *ctx, struct shard *sh, void **data)
{
    struct ends *ends = mem_zalloc(shard_mem(sh), sizeof *ends);

    (void)ctx;
    if (!ends)
        return ERR_NOMEM;
    *data = ends;
    return map_init(&ends->map, shard_mem(sh), 64);
}

static void on_shard_close(void *ctx, struct shard *sh, void *data)
{
    struct ends      *ends = data;
    struct map_cursor c = {0};
    struct map_node  *n;

    (void)ctx;
    while ((n = map_walk(&ends->map, &c)))
        load_end_free(MAP_OF(n, struct end, node));
    map_close(&ends->map);
    mem_free(shard_mem(sh), ends, sizeof *ends);
}

static void on_flow_lost(void *ctx, struct stack *st, uint8_t worker, const struct flow *flow)
{
    (void)st;
    (void)worker;
    load_connection_lost(ctx, flow);
}

static const struct stack_user stack_user = {.request = on_request, .flow_lost = on_flow_lost, .shard_open = on_shard_open, .shard_close = on_shard_close};

/* ---- beginning and end ---- */

static void on_second(void *arg)
{
    struct load *l = arg;

    figures_progress(l);
    net_timer_set(l->net, &l->second, net_now_us(l->net) + 1000000);
}

static void on_signal(void *arg)
{
    struct load *l = arg;

    if (l->phase < PHASE_WORK)
        load_stop(l, "it was told to stop");
    else
        pace_stop(l);
}

static enum err watch_signals(struct load *l)
{
    sigset_t set;

    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    if (sigprocmask(SIG_BLOCK, &set, NULL))
        return ERR_IO;
    l->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return l->signals < 0 ? ERR_IO : net_watch_fd(l->net, l->signals, on_signal, l);
}

/* Address i is listener i. All have one port unless it was said, since what we write about a stream that we have opened names
 * the port of any of them. */
static enum err listen_all(struct load *l)
{
    struct addr         first = {0};
    enum transport_kind kind;
    enum err            e = ERR_OK;

    for (size_t i = 0; i < l->o.n_local && !e; i++) {
        uint8_t index;

        if (!l->o.local[i].port && l->o.transport != TRANSPORT_UDP)
            l->o.local[i].port = first.port;
        e = transport_listen(l->transport, &(struct transport_listen){.kind = l->o.transport, .local = l->o.local[i], .tls = l->tls}, &index);
        if (e)
            continue;
        l->flow[i] = (struct flow){.kind = TRANSPORT_UDP, .set = 1, .listener = index, .remote = l->o.to};
        transport_listener_local(l->transport, 0, &kind, &first);
    }
    return e;
}

/* Phones by the thousand have one reason: once is enough. */
static void on_tls_failed(void *arg, const struct addr *remote, struct slice why)
{
    struct load *l = arg;
    char         room[ADDR_MAX_TEXT];
    struct buf   b = BUF_ON(room);

    if (l->told_tls)
        return;
    l->told_tls = true;
    addr_put(&b, remote);
    fprintf(stderr, "strowger load: no TLS with %.*s: %.*s\n", SARG(buf_slice(&b)), SARG(why));
}

/* The server's certificate must be for the domain that was said, else for its address. */
static enum err open_tls(struct load *l)
{
    const struct net_tls_config c = {.unchecked = l->o.tls_insecure, .failed = on_tls_failed, .arg = l};
    struct uri_hostport         domain;
    struct slice                rest;
    enum err                    e;

    if (l->o.transport != TRANSPORT_TLS)
        return ERR_OK;
    if (l->o.domain.n && uri_parse_hostport(l->o.domain, &domain, &rest) == ERR_OK)
        l->peer = domain.host;
    if ((e = net_tls_open_client(l->net, &l->mem, l->o.tls_trust.p, &c, &l->tls))) /* an argument: it ends with NUL */
        fprintf(stderr, "strowger load: no certificates can be read from %.*s\n", SARG(l->o.tls_trust));
    return e;
}

/* A connection for each phone: as many descriptors as we may have. */
static void raise_descriptors(void)
{
    struct rlimit limit;

    if (!getrlimit(RLIMIT_NOFILE, &limit)) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static enum err open_all(struct load *l)
{
    struct stack_config c = {.mem = &l->mem, .n_workers = 1, .rng = &l->random.rng, .digester = &l->digester, .user = &stack_user, .ctx = l, .uas_only = true, .patient = true, .keeps_memory = true};
    enum err            e;

    rng_fill(&l->random.rng, &l->key, sizeof l->key);
    c.key = l->key;
    raise_descriptors();
    if ((e = net_real_open(&l->mem, &l->net)) || (e = stack_open(&c, &l->stack)) || (e = stack_add_worker(l->stack, 0, l->net, NULL)))
        return e;
    l->transport = stack_transport(l->stack, 0);
    if ((e = open_tls(l)))
        return e;
    l->held = mem_zalloc(&l->mem, l->o.held * sizeof *l->held);
    if (!l->held)
        return ERR_NOMEM;
    if ((e = listen_all(l)) || (e = load_phones_open(l)))
        return e;
    return watch_signals(l);
}

static void close_all(struct load *l)
{
    stack_close(l->stack);
    if (l->net)
        net_tls_close(l->net, l->tls);
    load_phones_close(l);
    mem_free(&l->mem, l->held, l->o.held * sizeof *l->held);
    if (l->net && l->signals >= 0)
        net_unwatch_fd(l->net, l->signals);
    if (l->signals >= 0)
        (void)close(l->signals);
    if (l->net)
        net_real_close(l->net);
}

static int run(struct load *l)
{
    struct buf domain = BUF_ON(l->domain_room);
    enum err   e;

    addr_put_host(&domain, &l->o.to);
    l->domain = l->o.domain.n ? l->o.domain : buf_slice(&domain);
    if ((e = open_all(l))) {
        fprintf(stderr, "strowger load: cannot begin: %s%s\n", err_text(e),
                e == ERR_BUSY || e == ERR_INVALID ? "; --local takes addresses of this machine, with free ports" : "");
        return 1;
    }
    pace_begin(l);
    l->second = (struct net_timer){.fire = on_second, .arg = l};
    if (!l->o.json && isatty(STDERR_FILENO))
        on_second(l);
    net_real_run(l->net);
    if (l->broken) {
        fprintf(stderr, "strowger load: %s\n", l->broken);
        for (size_t i = 0; i < l->figures.n_causes; i++)
            fprintf(stderr, "  %8llu  %s\n", (unsigned long long)l->figures.cause[i].n, l->figures.cause[i].text);
        return 1;
    }
    return figures_tell(l) ? 0 : 1;
}

int app_load_main(int argc, char **argv)
{
    static struct load l; /* its histograms are too much for a stack */
    struct load_fault  fault;
    int                status;

    l.signals = -1;
    if (load_options_read(&l.o, argc, argv, &fault)) {
        fprintf(stderr, "strowger load: %s\n`strowger load --help` lists all options.\n", fault.text);
        return 2;
    }
    if (l.o.help) {
        load_options_help();
        return 0;
    }
    heap_mem(&l.mem);
    random_system(&l.random);
    digest_open(&l.digester);
    status = run(&l);
    close_all(&l);
    return status;
}
