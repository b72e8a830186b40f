/* app.c - the process round the phone: one loop with the phone, a terminal, signals, a trace.
 *
 * Room      app/phone.
 * Exit      0 after quit, SIGTERM or SIGINT; 1 when it cannot run; 2 for a wrong command line. */
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <netinet/in.h>

#include "app/phone/app.h"
#include "sys/digest.h"
#include "sys/heap.h"
#include "sys/random.h"

struct app {
    struct phone_options o;
    struct mem           mem;
    struct random        random;
    struct digester      digester;
    struct net          *net;
    struct net_tls      *tls;         /* NULL: it does not speak it */
    struct phone        *phone;
    struct terminal     *terminal;
    struct tracer       *tracer;
    int                  signals;     /* a signalfd; -1: none */
    bool                 leave_idle;  /* input has ended: leave when no call is left */
};

/* ---- events, lines, signals ---- */

static void put(struct app *a, struct slice line)
{
    if (!terminal_put(a->terminal, line))
        net_real_stop(a->net); /* nobody listens any more, nobody can tell us anything */
}

static void on_event(void *ctx, const struct phone_event *e)
{
    struct app *a = ctx;
    char room[32768];
    struct buf b = BUF_ON(room);

    if (a->o.json)
        phone_put_json(&b, e, net_wall_us(a->net));
    else
        phone_put_words(&b, e);
    if (b.n && !b.overflow)
        put(a, buf_slice(&b));
    if (!strcmp(e->name, "bye"))
        net_real_stop(a->net);
    else if (a->leave_idle && a->phone && !strcmp(e->name, "ended") && !phone_calls(a->phone))
        phone_quit(a->phone);
}

static void on_line(void *arg, struct slice line)
{
    struct app *a = arg;

    (void)phone_command(a->phone, line); /* what is wrong with it comes as an event */
}

/* Ctrl-D means: leave. The end of a pipe: nobody will say any more; what goes on may end. A file or /dev/null never had
 * more to say than that. */
static void on_input_end(void *arg, bool by_person)
{
    struct app *a = arg;
    struct stat st;

    if (by_person) {
        phone_quit(a->phone);
        return;
    }
    a->leave_idle = !fstat(STDIN_FILENO, &st) && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode));
    if (a->leave_idle && !phone_calls(a->phone))
        phone_quit(a->phone);
}

static const struct terminal_on terminal_on = {on_line, on_input_end};

static void on_signal(void *arg)
{
    struct app *a = arg;
    struct signalfd_siginfo info;

    if (read(a->signals, &info, sizeof info) == (ssize_t)sizeof info)
        phone_quit(a->phone);
}

static enum err watch_signals(struct app *a)
{
    sigset_t set;

    (void)signal(SIGPIPE, SIG_IGN);
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGHUP);
    if (sigprocmask(SIG_BLOCK, &set, NULL))
        return ERR_IO;
    a->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return a->signals < 0 ? ERR_IO : net_watch_fd(a->net, a->signals, on_signal, a);
}

/* ---- the own address: that which leads to the server ---- */

static enum err from_sockaddr(const struct sockaddr *sa, struct addr *out)
{
    const struct sockaddr_in *in4 = (const struct sockaddr_in *)(const void *)sa;
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)sa;

    *out = (struct addr){0};
    if (sa->sa_family == AF_INET) {
        out->family = ADDR_IP4;
        memcpy(out->ip, &in4->sin_addr, 4);
    } else if (sa->sa_family == AF_INET6) {
        out->family = ADDR_IP6;
        memcpy(out->ip, &in6->sin6_addr, 16);
    } else {
        return ERR_UNSUPPORTED;
    }
    return ERR_OK;
}

static enum err look_up(struct slice host, struct addr *out)
{
    char name[NI_MAXHOST];
    struct addrinfo hints = {.ai_socktype = SOCK_DGRAM}, *found = NULL;
    enum err e;

    if (host.n >= sizeof name)
        return ERR_LIMIT;
    memcpy(name, host.p, host.n);
    name[host.n] = 0;
    if (getaddrinfo(name, NULL, &hints, &found))
        return ERR_NOTFOUND;
    e = from_sockaddr(found->ai_addr, out);
    freeaddrinfo(found);
    return e;
}

static struct slice host_of(struct slice server)
{
    size_t end;

    if (server.n && server.p[0] == '[') {
        end = slice_find(server, ']');
        return end == SIZE_MAX ? server : slice_between(server.p + 1, server.p + end);
    }
    end = slice_find(server, ':');
    return end == SIZE_MAX ? server : slice_to(server, end);
}

static enum err find_bind(struct app *a, struct addr *out)
{
    struct addr to = {.family = ADDR_IP4, .ip = {127, 0, 0, 1}};
    struct slice host = host_of(a->o.server);
    enum err e = ERR_OK;

    if (a->o.bind.family != ADDR_NONE) {
        *out = a->o.bind;
        return ERR_OK;
    }
    if (host.n && addr_parse_ip(host, &to))
        e = look_up(host, &to);
    if (e)
        return e;
    to.port = 5060;
    if ((e = net_source_for(a->net, &to, out)))
        return e;
    out->port = 0;
    return ERR_OK;
}

/* ---- beginning and end ---- */

static int complain(const char *what, struct slice which, enum err e)
{
    fprintf(stderr, "strowger phone: %s%s%.*s: %s\n", what, which.n ? " " : "", (int)which.n,
            which.n ? which.p : "", err_text(e));
    return 1;
}

static enum err open_phone(struct app *a, const struct addr *bind)
{
    struct phone_config c = {.mem = &a->mem,
                             .net = a->net,
                             .rng = &a->random.rng,
                             .digester = &a->digester,
                             .record = a->tracer ? tracer_record(a->tracer) : NULL,
                             .user = a->o.user,
                             .password = a->o.password,
                             .auth_name = a->o.auth_name,
                             .display = a->o.display,
                             .domain = a->o.domain,
                             .server = a->o.server,
                             .transport = a->o.transport,
                             .tls = a->tls,
                             .bind = *bind,
                             .port_min = a->o.port_min,
                             .port_max = a->o.port_max,
                             .codecs = a->o.codecs,
                             .keys = a->o.keys,
                             .music = a->o.music,
                             .tone_hz = a->o.tone_hz,
                             .auto_answer = a->o.auto_answer,
                             .auto_answer_ms = a->o.auto_answer_ms,
                             .leave_ms = a->o.leave_ms,
                             .expires_s = a->o.expires_s,
                             .reliable = a->o.reliable,
                             .update = a->o.update,
                             .session_s = a->o.session_s,
                             .refresher = a->o.refresher,
                             .refer_code = a->o.refer_code,
                             .srtp = a->o.srtp,
                             .quality_report = a->o.quality_report,
                             .event = on_event,
                             .ctx = a};

    return phone_open(&c, &a->phone);
}

static void on_tls_failed(void *arg, const struct addr *remote, struct slice why)
{
    char room[ADDR_MAX_TEXT];
    struct buf b = BUF_ON(room);

    (void)arg;
    addr_put(&b, remote);
    fprintf(stderr, "strowger phone: no TLS with %.*s: %.*s\n", SARG(buf_slice(&b)), SARG(why));
}

static enum err open_tls(struct app *a)
{
    const struct net_tls_config c = {.unchecked = a->o.tls_insecure, .failed = on_tls_failed};

    if (a->o.transport != TRANSPORT_TLS)
        return ERR_OK;
    return net_tls_open_client(a->net, &a->mem, a->o.tls_trust.p, &c, &a->tls); /* an argument: it ends with NUL */
}

static int complain_bind(const struct addr *bind, enum err e)
{
    char room[ADDR_MAX_TEXT];
    struct buf b = BUF_ON(room);

    addr_put(&b, bind);
    if (e != ERR_INVALID)
        return complain("cannot listen on", buf_slice(&b), e);
    fprintf(stderr, "strowger phone: cannot listen on %.*s: it is no address of this machine; --bind takes one that is\n",
            SARG(buf_slice(&b)));
    return 1;
}

static int run(struct app *a)
{
    struct addr bind;
    enum err e;

    if ((e = net_real_open(&a->mem, &a->net)))
        return complain("cannot begin", SLICE_NONE, e);
    if ((e = find_bind(a, &bind)))
        return complain("no way to the server", a->o.server, e);
    if (a->o.trace.n && (e = tracer_open(a->net, &a->mem, a->o.trace.p, &a->tracer)))
        return complain("cannot write", a->o.trace, e);
    if ((e = open_tls(a)))
        return complain("no certificates can be read from", a->o.tls_trust, e);
    if ((e = open_phone(a, &bind)))
        return e == ERR_SYNTAX ? complain("--user or --domain cannot be part of a SIP address", SLICE_NONE, e)
                               : complain_bind(&bind, e);
    if ((e = watch_signals(a)) || (e = terminal_open(a->net, &a->mem, &terminal_on, a, &a->terminal)))
        return complain("cannot begin", SLICE_NONE, e);
    net_real_run(a->net);
    return 0;
}

static void close_all(struct app *a)
{
    terminal_close(a->terminal);
    if (a->signals >= 0) {
        net_unwatch_fd(a->net, a->signals);
        (void)close(a->signals);
    }
    phone_close(a->phone);
    tracer_close(a->tracer);
    if (a->net)
        net_tls_close(a->net, a->tls);
    if (a->net)
        net_real_close(a->net);
}

int app_phone_main(int argc, char **argv)
{
    struct app a = {.signals = -1};
    struct options_fault fault;
    int status;

    if (options_read(&a.o, argc, argv, &fault)) {
        fprintf(stderr, "strowger phone: %s\n`strowger phone --help` lists all options.\n", fault.text);
        return 2;
    }
    if (a.o.help) {
        options_help();
        return 0;
    }
    heap_mem(&a.mem);
    random_system(&a.random);
    digest_open(&a.digester);
    status = run(&a);
    close_all(&a);
    return status;
}
