/* parse_bench.c - what it costs to read a message, beside a plain search for the line ends of the same octets.
 *
 *   scan    memchr for each line end
 *   parse   msg_parse(): rows found and named
 *   route   parse, and all that routing needs: Request-URI, top Via, CSeq, both tags, Call-ID, first Route
 *   check   route, and msg_check()
 *
 * Nanoseconds for one message: the best of many rounds, since what is above it is other work of the machine. The messages
 * of a line are read in turns, so that no branch is learnt by heart. The last line is every file of test/torture. */
#include <assert.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sip/msg/msg.h"

enum { ROUNDS = 60, ROUND_NS = 2000000, TURNS = 50, MESSAGES = 256, FILE_OCTETS = 64 * 1024, ARENA_OCTETS = 64 * 1024 };

#define SDP                                                                                                          \
    "v=0\r\no=alice 2890844526 2890844526 IN IP4 192.0.2.101\r\ns=-\r\nc=IN IP4 192.0.2.101\r\nt=0 0\r\n"            \
    "m=audio 49172 RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n"                              \
    "a=rtpmap:101 telephone-event/8000\r\na=sendrecv\r\n" /* 211 octets */
#define INVITE(route)                                                                                                \
    "INVITE sip:1002@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.101:5060;branch=z9hG4bK74bf9;rport\r\n"         \
    "Max-Forwards: 70\r\n" route "From: \"Alice\" <sip:1001@example.com>;tag=9fxced76sl\r\n"                         \
    "To: <sip:1002@example.com>\r\nCall-ID: 3848276298220188511@192.0.2.101\r\nCSeq: 20 INVITE\r\n"                  \
    "Contact: <sip:1001@192.0.2.101:5060>\r\nUser-Agent: phone/1.2\r\n"                                              \
    "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, NOTIFY, REFER, UPDATE\r\nSupported: replaces, timer\r\n"              \
    "Allow-Events: hold, talk, conference\r\nSession-Expires: 1800\r\nMin-SE: 90\r\n"                                \
    "Content-Type: application/sdp\r\nContent-Length: 211\r\n\r\n" SDP
#define ROUTE "Route: <sip:c29tZS1jb29raWU@192.0.2.1:5060;lr>\r\n"
#define REGISTER                                                                                                     \
    "REGISTER sip:example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.101:5060;branch=z9hG4bKnashds7;rport\r\n"          \
    "Max-Forwards: 70\r\nFrom: <sip:1001@example.com>;tag=456248\r\nTo: <sip:1001@example.com>\r\n"                  \
    "Call-ID: 843817637684230@998sdasdh09\r\nCSeq: 1826 REGISTER\r\n"                                                \
    "Contact: <sip:1001@192.0.2.101:5060>;+sip.instance=\"<urn:uuid:00000000-0000-1000-8000-000A95A0E128>\"\r\n"     \
    "Authorization: Digest username=\"1001\", realm=\"example.com\", nonce=\"84a4cc6f3082121f32b42a2187831a9e\","    \
    " response=\"7587245234b3434cc3412213e5f113a5\", uri=\"sip:example.com\", algorithm=MD5\r\n"                     \
    "Expires: 3600\r\nUser-Agent: phone/1.2\r\nContent-Length: 0\r\n\r\n"
#define OK                                                                                                           \
    "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKa7c6a8dlze.1;received=192.0.2.1\r\n"            \
    "Via: SIP/2.0/UDP 192.0.2.101:5060;branch=z9hG4bK74bf9;rport=5060;received=192.0.2.101\r\n"                      \
    "Record-Route: <sip:c29tZS1jb29raWU@192.0.2.1:5060;lr>\r\nFrom: \"Alice\" <sip:1001@example.com>;tag=9fxced76sl\r\n" \
    "To: <sip:1002@example.com>;tag=314159\r\nCall-ID: 3848276298220188511@192.0.2.101\r\nCSeq: 20 INVITE\r\n"       \
    "Contact: <sip:1002@192.0.2.102:5060>\r\nContent-Type: application/sdp\r\nContent-Length: 211\r\n\r\n" SDP

static char          arena_block[ARENA_OCTETS];
static volatile size_t sink; /* so that nothing is left out */

static void scan(struct slice octets)
{
    const char *p = octets.p, *end = p + octets.n, *lf;
    size_t      n = 0;

    while (p < end && (lf = memchr(p, '\n', (size_t)(end - p)))) {
        n++;
        p = lf + 1;
    }
    sink += n;
}

static struct msg *parse_into(struct arena *a, struct slice octets)
{
    struct msg *m;

    arena_init_fixed(a, arena_block, sizeof arena_block);
    if (msg_parse(a, octets, &m))
        return NULL;
    sink += m->n_rows;
    return m;
}

static void parse(struct slice octets)
{
    struct arena a;

    (void)parse_into(&a, octets);
}

static void read_route(const struct msg *m)
{
    struct slice     first;
    struct name_addr na;
    struct uri       u;
    struct via       v;
    struct cseq      c;

    if (m->is_request && uri_parse(m->uri, &u, NULL) == ERR_OK)
        sink += u.port;
    if (msg_via(m, &v) == ERR_OK)
        sink += v.branch.n;
    if (msg_cseq(m, &c) == ERR_OK)
        sink += c.number;
    sink += msg_from_tag(m).n + msg_to_tag(m).n + msg_call_id(m).n;
    if (msg_element(m, HDR_ROUTE, 0, &first) == ERR_OK && name_addr_parse(first, &na) == ERR_OK &&
        uri_parse(na.uri, &u, NULL) == ERR_OK)
        sink += u.user.n;
}

static void route(struct slice octets)
{
    struct arena      a;
    const struct msg *m = parse_into(&a, octets);

    if (m)
        read_route(m);
}

static void check(struct slice octets)
{
    struct arena      a;
    const struct msg *m = parse_into(&a, octets);

    if (m) {
        read_route(m);
        sink += msg_check(m, NULL);
    }
}

static bool is_sound(struct slice octets)
{
    struct arena      a;
    const struct msg *m = parse_into(&a, octets);

    return m && msg_check(m, NULL) == 0;
}

static double now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Nanoseconds for one message. */
static double measure(void (*work)(struct slice octets), const struct slice *m, size_t n)
{
    double best = 1e18;

    for (int round = 0; round < ROUNDS; round++) {
        double from = now_ns(), ns;
        size_t done = 0;

        do {
            for (int k = 0; k < TURNS; k++)
                for (size_t i = 0; i < n; i++)
                    work(m[i]);
            done += n * TURNS;
        } while ((ns = now_ns() - from) < ROUND_NS);
        best = ns / (double)done < best ? ns / (double)done : best;
    }
    return best;
}

static void report(const char *name, const struct slice *m, size_t n)
{
    size_t octets = 0;
    double ns[4];

    for (size_t i = 0; i < n; i++)
        octets += m[i].n;
    ns[0] = measure(scan, m, n);
    ns[1] = measure(parse, m, n);
    ns[2] = measure(route, m, n);
    ns[3] = measure(check, m, n);
    printf("%-24s %4zu %7zu %7.0f %7.0f %7.0f %7.0f %9.1f\n", name, n, octets / n, ns[0], ns[1], ns[2], ns[3], ns[2] / ns[0]);
}

static size_t load(const char *folder, struct slice *m, size_t max)
{
    DIR           *d = opendir(folder);
    struct dirent *e;
    size_t         n = 0;

    while (d && n < max && (e = readdir(d))) {
        char  path[512], *octets;
        FILE *f;

        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        if (!strstr(e->d_name, ".sip") || !(f = fopen(path, "rb")))
            continue;
        if ((octets = malloc(FILE_OCTETS)))
            m[n++] = (struct slice){octets, fread(octets, 1, FILE_OCTETS, f)};
        fclose(f);
    }
    if (d)
        closedir(d);
    return n;
}

int main(int argc, char **argv)
{
    static struct slice torture[MESSAGES];
    const struct slice  invite[] = {S(INVITE(""))}, routed[] = {S(INVITE(ROUTE))}, mix[] = {
        S(INVITE("")), S(OK), S(REGISTER), S(INVITE(ROUTE))};
    size_t n = load(argc > 1 ? argv[1] : "test/torture", torture, MESSAGES);

    for (size_t i = 0; i < sizeof mix / sizeof *mix; i++) /* or something else is measured */
        assert(is_sound(mix[i]) && is_sound(routed[0]) && is_sound(invite[0]));
    printf("%-24s %4s %7s %7s %7s %7s %7s %9s\n", "ns for one message", "of", "octets", "scan", "parse", "route", "check",
           "route/scan");
    report("INVITE", invite, 1);
    report("INVITE with Route", routed, 1);
    report("four kinds in turns", mix, 4);
    if (n)
        report("torture messages", torture, n);
    for (size_t i = 0; i < n; i++)
        free((char *)(size_t)torture[i].p);
    return 0;
}
