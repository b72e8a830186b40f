/* serve.c - `strowger serve`: workers on threads, signals, and the second hand (sweeping).
 *
 * Room      app/serve.
 * Touches   the process: signals are blocked in all threads and waited for in the main one. */
#include "app/serve/serve.h"

#include <assert.h>
#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "app/serve/exchange.h"
#include "app/serve/steward.h"
#include "app/serve/watch.h"
#include "media/media.h"
#include "sys/clock.h"
#include "sys/files.h"
#include "sys/heap.h"
#include "sys/oserr.h"

enum { MAX_OWN_HOSTS = 64, HOST_OCTETS = 256, RECORD_ALL_OCTETS = 64 << 20 };

struct own_hosts {
    char         text[MAX_OWN_HOSTS][HOST_OCTETS];
    struct slice host[MAX_OWN_HOSTS];
    size_t       n;
};

struct server {
    struct mem           mem;
    struct mem           large; /* whole steps of it */
    struct log           log;
    struct watch         watch;
    struct serve_options options;
    struct own_hosts     own;
    struct net          *net[OPTIONS_MAX_WORKERS];
    struct net          *media_net[SOUND_MAX_THREADS];
    pthread_t            media_thread[SOUND_MAX_THREADS];
    unsigned             n_media, n_media_threads;
    pthread_t            thread[OPTIONS_MAX_WORKERS];
    unsigned             n_workers, n_threads;
    struct exchange      x;
    struct steward      *steward;
};

static void own_add(struct own_hosts *o, struct slice host)
{
    if (o->n == MAX_OWN_HOSTS || host.n == 0 || host.n >= HOST_OCTETS)
        return;
    memcpy(o->text[o->n], host.p, host.n);
    o->host[o->n] = (struct slice){o->text[o->n], host.n};
    o->n++;
}

static void own_add_addr(struct own_hosts *o, const struct addr *a)
{
    char       text[ADDR_MAX_TEXT];
    struct buf b = BUF_ON(text);

    addr_put_ip(&b, a);
    own_add(o, buf_slice(&b));
}

/* Every address of this machine: what a listener on 0.0.0.0 answers to. */
static void own_add_interfaces(struct own_hosts *o)
{
    struct ifaddrs *all;

    if (getifaddrs(&all))
        return;
    for (struct ifaddrs *i = all; i; i = i->ifa_next) {
        struct addr a = {0};

        if (i->ifa_addr && i->ifa_addr->sa_family == AF_INET) {
            a.family = ADDR_IP4;
            memcpy(a.ip, &((struct sockaddr_in *)(void *)i->ifa_addr)->sin_addr, 4);
        } else if (i->ifa_addr && i->ifa_addr->sa_family == AF_INET6) {
            a.family = ADDR_IP6;
            memcpy(a.ip, &((struct sockaddr_in6 *)(void *)i->ifa_addr)->sin6_addr, 16);
        } else
            continue;
        own_add_addr(o, &a);
    }
    freeifaddrs(all);
}

static void find_own_hosts(struct server *s)
{
    char name[HOST_OCTETS] = "";
    bool any = false;

    for (size_t i = 0; i < s->options.n_listen; i++) {
        any = any || addr_is_any(&s->options.listen[i].local);
        if (!addr_is_any(&s->options.listen[i].local))
            own_add_addr(&s->own, &s->options.listen[i].local);
    }
    if (any)
        own_add_interfaces(&s->own);
    own_add(&s->own, S("localhost"));
    if (gethostname(name, sizeof name - 1) == 0)
        own_add(&s->own, slice_z(name));
}

/* As many descriptors as we may have: every connection is one. */
static void raise_descriptors(void)
{
    struct rlimit l;

    if (getrlimit(RLIMIT_NOFILE, &l) == 0 && l.rlim_cur < l.rlim_max) {
        l.rlim_cur = l.rlim_max;
        setrlimit(RLIMIT_NOFILE, &l);
    }
}

static void *worker_main(void *net)
{
    net_real_run(net);
    return NULL;
}

/* One thread for sound per four cores: 32 voices take a small part of one. */
static enum err open_media_nets(struct server *s, struct exchange_fault *fault)
{
    unsigned n = (s->n_workers + 3) / 4;

    for (n = n < SOUND_MAX_THREADS ? n : SOUND_MAX_THREADS; s->n_media < n; s->n_media++) {
        enum err e = net_real_open(&s->mem, &s->media_net[s->n_media]);

        if (e) {
            snprintf(fault->text, sizeof fault->text, "a thread for sound cannot be made: %s", err_text(e));
            return e;
        }
    }
    return ERR_OK;
}

static enum err open_nets(struct server *s, struct exchange_fault *fault)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);

    s->n_workers = s->options.workers ? s->options.workers : cores < 1 ? 1 : (unsigned)cores;
    if (s->n_workers > OPTIONS_MAX_WORKERS)
        s->n_workers = OPTIONS_MAX_WORKERS;
    for (unsigned i = 0; i < s->n_workers; i++) {
        enum err e = net_real_open(&s->mem, &s->net[i]);

        if (e) {
            snprintf(fault->text, sizeof fault->text, "a worker cannot be made: %s", err_text(e));
            return e;
        }
    }
    return ERR_OK;
}

static void say_certificate(const struct exchange *x)
{
    if (x->certificate.path[0])
        printf("certificate %s%s, SHA-256 %s\n", x->certificate.path, x->certificate.own ? " (of its own making)" : "",
               x->certificate.fingerprint);
}

static void say_ready(const struct server *s)
{
    struct transport            *tp = stack_transport(s->x.stack, 0);
    const struct directory_view *view = directory_take(s->x.directory);
    struct directory_counts      n;

    for (size_t i = 0; i < transport_listeners(tp); i++) {
        char                text[ADDR_MAX_TEXT];
        struct buf          b = BUF_ON(text);
        enum transport_kind kind;
        struct addr         a;

        transport_listener_local(tp, (uint8_t)i, &kind, &a); /* 32 at most */
        addr_put(&b, &a);
        printf("listening on %.*s %.*s\n", SARG(transport_param_name(kind)), SARG(buf_slice(&b)));
    }
    say_certificate(&s->x);
    printf("data in %s\n", s->options.data);
    directory_counts(view, &n);
    printf("%zu user%s", n.users, n.users == 1 ? "" : "s");
    if (n.without_secret)
        printf(", %zu without a password for realm %s: they cannot register", n.without_secret, s->options.realm);
    if (n.users == 0 && !s->options.open_house)
        printf(": add one with `strowger user add 1001 --name Alice --data %s`", s->options.data);
    if (!media_codec_is_there(MEDIA_OPUS))
        printf("\nwithout Opus: this build found no libopus; conferences and music speak G.722 and G.711");
    if (!media_srtp_is_there())
        printf("\nwithout SRTP: this build found no libsrtp2; conferences and music refuse calls that must be sealed");
    printf("\nready\n");
    directory_give(view);
    fflush(stdout);
}

/* With the folders above it: at the first start there may be none of them. */
static enum err make_data_folder(const struct server *s, struct exchange_fault *fault)
{
    char       why[128];
    struct buf b = BUF_ON(why);
    enum err   e = file_make_folder(s->options.data, 0700);

    if (e) {
        if (e == ERR_EXISTS)
            buf_put(&b, S("there is a file of that name"));
        else
            oserr_put(&b, errno);
        snprintf(fault->text, sizeof fault->text, "the data folder %.400s cannot be made: %.*s", s->options.data, SARG(buf_slice(&b)));
    }
    return e;
}

static enum err start(struct server *s, struct exchange_fault *fault)
{
    struct exchange_config c = {.mem = &s->mem, .options = &s->options, .net = s->net, .store_mode = STORE_THREAD,
                                .keeps_memory = true, .large = &s->large, .log = &s->log};
    enum err               e;

    if ((e = make_data_folder(s, fault)) || (e = open_nets(s, fault)) || (e = open_media_nets(s, fault)))
        return e;
    find_own_hosts(s);
    assert(s->n_workers > 0);
    c.n_workers = s->n_workers;
    c.media_net = s->media_net;
    c.n_media = s->n_media;
    c.own_hosts = s->own.host;
    c.n_own_hosts = s->own.n;
    c.record_octets = RECORD_ALL_OCTETS / 4 / s->n_workers;
    if ((e = exchange_open(&s->x, &c, fault)) || (e = steward_open(&s->x, &s->steward, fault)))
        return e;
    for (; s->n_threads < s->n_workers; s->n_threads++)
        if (pthread_create(&s->thread[s->n_threads], NULL, worker_main, s->net[s->n_threads])) {
            snprintf(fault->text, sizeof fault->text, "a worker's thread cannot be started");
            return ERR_NOMEM;
        }
    for (; s->n_media_threads < s->n_media; s->n_media_threads++)
        if (pthread_create(&s->media_thread[s->n_media_threads], NULL, worker_main, s->media_net[s->n_media_threads])) {
            snprintf(fault->text, sizeof fault->text, "a thread for sound cannot be started");
            return ERR_NOMEM;
        }
    return ERR_OK;
}

static void stop(struct server *s)
{
    steward_close(s->steward); /* no administrator may ask a worker for anything any more */
    for (unsigned i = 0; i < s->n_threads; i++)
        net_real_stop(s->net[i]);
    for (unsigned i = 0; i < s->n_threads; i++)
        pthread_join(s->thread[i], NULL);
    for (unsigned i = 0; i < s->n_media_threads; i++)
        net_real_stop(s->media_net[i]);
    for (unsigned i = 0; i < s->n_media_threads; i++)
        pthread_join(s->media_thread[i], NULL);
    exchange_close(&s->x);
    for (unsigned i = 0; i < s->n_workers; i++)
        net_real_close(s->net[i]);
    for (unsigned i = 0; i < s->n_media; i++)
        net_real_close(s->media_net[i]);
}

static void note(struct server *s, const char *event)
{
    struct log_line l;

    log_begin(&l, &s->log, LOG_INFO, event, SLICE_NONE);
    log_number(&l, "workers", s->n_workers);
    log_end(&l);
}

static void renew_tls(struct server *s, const struct serve_options *fresh)
{
    const struct exchange_config c = {.options = fresh, .own_hosts = s->own.host, .n_own_hosts = s->own.n};
    struct exchange_fault        fault = {""};

    if (exchange_tls_renew(&s->x, &c, &fault))
        fprintf(stderr, "strowger serve: the certificate stays as it was: %s\n", fault.text);
    else
        say_certificate(&s->x);
}

/* SIGHUP: domains, log level and TLS certificate anew; what cannot change while it runs (addresses, data, realm) stays. */
static void reload(struct server *s, int argc, char **argv)
{
    struct serve_options fresh;
    struct options_fault fault = {""};
    struct slice         domains[DIRECTORY_MAX_DOMAINS];
    struct directory_conf conf = {.domains = domains, .own_hosts = s->own.host, .n_own_hosts = s->own.n};

    if (serve_options_read(&fresh, argc, argv, &fault)) {
        fprintf(stderr, "strowger serve: nothing is changed: %s\n", fault.text);
        return;
    }
    for (size_t i = 0; i < fresh.n_domains; i++)
        domains[i] = slice_z(fresh.domain[i]);
    conf.n_domains = fresh.n_domains;
    if (directory_set_domains(s->x.directory, &conf))
        fprintf(stderr, "strowger serve: the domains cannot be changed: out of memory\n");
    log_set_level(&s->log, fresh.log_level);
    renew_tls(s, &fresh);
    note(s, LOG_EVENT("serve.reload"));
    puts("configuration read again");
    fflush(stdout);
}

static void run(struct server *s, int argc, char **argv, const sigset_t *signals)
{
    const struct timespec second = {.tv_sec = 1};

    for (;;) {
        int sig = sigtimedwait(signals, NULL, &second);

        if (sig == SIGTERM || sig == SIGINT)
            return;
        if (sig == SIGHUP)
            reload(s, argc, argv);
        core_tick(s->x.core, (int64_t)(clock_wall_us() / 1000));
        serve_watch_look(&s->watch, &s->x);
    }
}

int app_serve_main(int argc, char **argv)
{
    static struct server  server; /* large, and there is one */
    struct server        *s = &server;
    struct options_fault  wrong = {""};
    struct exchange_fault fault = {""};
    sigset_t              signals;
    enum err              e = serve_options_read(&s->options, argc, argv, &wrong);

    if (e) {
        fprintf(stderr, "strowger serve: %s\n", wrong.text);
        if (e == ERR_INVALID)
            fputs("`strowger serve --help` lists the options.\n", stderr);
        return e == ERR_INVALID ? 2 : 1;
    }
    if (s->options.help) {
        serve_options_help();
        return 0;
    }
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a limit on file sizes is a full disk, not our end */
    raise_descriptors();
    heap_mem(&s->mem);
    heap_large_mem(&s->large);
    log_to_fd(&s->log, STDERR_FILENO, s->options.log_level);
    e = start(s, &fault);
    if (e == ERR_OK) {
        say_ready(s);
        note(s, LOG_EVENT("serve.ready"));
        run(s, argc, argv, &signals);
        note(s, LOG_EVENT("serve.end"));
    } else
        fprintf(stderr, "strowger serve: %s\n", fault.text);
    stop(s);
    return e ? 1 : 0;
}
