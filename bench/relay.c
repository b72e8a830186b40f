/* relay.c - the least that a server between two phones can do: each datagram of one goes to the other, unread.
 *
 *   relay LISTEN A B [EVERY]     addresses as IP:PORT; ends by a signal
 *
 * What `./run bench` holds every server against. It blocks in recvfrom() and calls sendto(): two system calls a datagram.
 * EVERY: after so many datagrams from A one more goes back to A, an empty line (CRLF), which phones ignore (RFC 5626 §4.4.1).
 * With 3 a call is as many datagrams as through a proxy: six in (INVITE, ACK and BYE from A; 180, 200 and 200 from B), and
 * seven out, since a proxy answers the INVITE with 100. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { SOCKET_OCTETS = 4 * 1024 * 1024 }; /* as much as the system gives: nobody is to lose datagrams here for want of room */

static bool parse(const char *text, struct sockaddr_in *out)
{
    char        host[INET_ADDRSTRLEN];
    const char *colon = strrchr(text, ':');
    long        port = colon ? strtol(colon + 1, NULL, 10) : 0;

    if (!colon || (size_t)(colon - text) >= sizeof host || port < 1 || port > 65535)
        return false;
    memcpy(host, text, (size_t)(colon - text));
    host[colon - text] = 0;
    *out = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    return inet_pton(AF_INET, host, &out->sin_addr) == 1;
}

static bool is_same(const struct sockaddr_in *a, const struct sockaddr_in *b)
{
    return a->sin_port == b->sin_port && a->sin_addr.s_addr == b->sin_addr.s_addr;
}

static void send_to(int fd, const char *octets, size_t n, const struct sockaddr_in *to)
{
    /* A datagram that cannot be sent is lost, as they are. */
    (void)!sendto(fd, octets, n, 0, (const struct sockaddr *)to, sizeof *to);
}

static void relay(int fd, const struct sockaddr_in *a, const struct sockaddr_in *b, unsigned long every)
{
    static char        octets[65536];
    unsigned long      from_a = 0;
    struct sockaddr_in from;

    for (;;) {
        socklen_t n_from = sizeof from;
        ssize_t   n = recvfrom(fd, octets, sizeof octets, 0, (struct sockaddr *)&from, &n_from);
        bool      is_a = n >= 0 && is_same(&from, a);

        if (n < 0)
            continue; /* what came back of a datagram that we sent */
        if (!is_a && !is_same(&from, b))
            continue;
        send_to(fd, octets, (size_t)n, is_a ? b : a);
        if (is_a && every && ++from_a % every == 0)
            send_to(fd, "\r\n", 2, a);
    }
}

int main(int argc, char **argv)
{
    struct sockaddr_in local, a, b;
    int                fd = socket(AF_INET, SOCK_DGRAM, 0), room = SOCKET_OCTETS;

    if (argc < 4 || argc > 5 || !parse(argv[1], &local) || !parse(argv[2], &a) || !parse(argv[3], &b)) {
        fputs("usage: relay LISTEN A B [EVERY]     (addresses as 127.0.0.1:5060)\n", stderr);
        return 2;
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&local, sizeof local)) {
        perror("relay");
        return 1;
    }
    puts("ready");
    (void)fflush(stdout);
    relay(fd, &a, &b, argc == 5 ? strtoul(argv[4], NULL, 10) : 0);
    return 0;
}
