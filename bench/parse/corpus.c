/* corpus.c - a call with a hold and a transfer, and a registration, as phones send them through an exchange; and files. */
#include "corpus.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_OCTETS = 64 * 1024, PATH_OCTETS = 512 };

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
#define OUR_VIA "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKa7c6a8dlze.1;received=192.0.2.1\r\n"
#define HER_VIA "Via: SIP/2.0/UDP 192.0.2.101:5060;branch=z9hG4bK74bf9;rport=5060;received=192.0.2.101\r\n"
#define PARTIES                                                                                                      \
    "From: \"Alice\" <sip:1001@example.com>;tag=9fxced76sl\r\nTo: <sip:1002@example.com>;tag=314159\r\n"             \
    "Call-ID: 3848276298220188511@192.0.2.101\r\n"
#define WITHIN(method, cseq)                                                                                         \
    method " sip:1002@192.0.2.102:5060 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.101:5060;branch=z9hG4bK74bg1;rport\r\n"   \
    "Max-Forwards: 70\r\n" ROUTE PARTIES "CSeq: " cseq "\r\nContact: <sip:1001@192.0.2.101:5060>\r\n"               \
    "User-Agent: phone/1.2\r\n"
#define ANSWER(status, cseq) "SIP/2.0 " status "\r\n" OUR_VIA HER_VIA PARTIES "CSeq: " cseq "\r\n"
#define NOTHING "Content-Length: 0\r\n\r\n"
#define CHALLENGE                                                                                                    \
    "SIP/2.0 401 Unauthorized\r\nVia: SIP/2.0/UDP 192.0.2.101:5060;branch=z9hG4bKnashds7;rport=5060;"                \
    "received=192.0.2.101\r\nFrom: <sip:1001@example.com>;tag=456248\r\nTo: <sip:1001@example.com>;tag=1410948204\r\n" \
    "Call-ID: 843817637684230@998sdasdh09\r\nCSeq: 1826 REGISTER\r\nWWW-Authenticate: Digest realm=\"example.com\","   \
    " qop=\"auth\", nonce=\"ea9c8e88df84f1cec4341ae6cbe5a359\", algorithm=SHA-256\r\nServer: strowger\r\n" NOTHING

const struct corpus corpora[CORPUS_N] = {
    {"INVITE", 1, {S(INVITE(""))}},
    {"INVITE with Route", 1, {S(INVITE(ROUTE))}},
    {"four kinds in turns", 4, {S(INVITE("")), S(OK), S(REGISTER), S(INVITE(ROUTE))}},
    {"call, transfer, REGISTER", 16,
     {S(INVITE("")), S(ANSWER("100 Trying", "20 INVITE") NOTHING),
      S(ANSWER("180 Ringing", "20 INVITE") "Contact: <sip:1002@192.0.2.102:5060>\r\n" "Record-Route: <sip:c29tZS1jb29raWU@192.0.2.1:5060;lr>\r\n" NOTHING), S(OK),
      S(WITHIN("ACK", "20 ACK") NOTHING),
      S(WITHIN("INVITE", "21 INVITE") "Supported: replaces, timer\r\nContent-Type: application/sdp\r\nContent-Length: 211\r\n\r\n" SDP),
      S(WITHIN("REFER", "22 REFER") "Refer-To: <sip:1003@example.com>\r\nReferred-By: <sip:1001@example.com>\r\n" NOTHING),
      S(ANSWER("202 Accepted", "22 REFER") "Contact: <sip:1002@192.0.2.102:5060>\r\n" NOTHING),
      S(WITHIN("NOTIFY", "23 NOTIFY") "Event: refer\r\nSubscription-State: active;expires=60\r\n"
        "Content-Type: message/sipfrag\r\nContent-Length: 20\r\n\r\nSIP/2.0 100 Trying\r\n"),
      S(ANSWER("200 OK", "23 NOTIFY") NOTHING), S(WITHIN("BYE", "24 BYE") NOTHING), S(ANSWER("200 OK", "24 BYE") NOTHING),
      S(WITHIN("CANCEL", "25 CANCEL") NOTHING), S(ANSWER("487 Request Terminated", "25 INVITE") NOTHING), S(REGISTER), S(CHALLENGE)}},
};

static struct slice read_file(const char *path)
{
    FILE        *f = fopen(path, "rb");
    char        *octets = f ? malloc(FILE_OCTETS) : NULL;
    struct slice s = SLICE_NONE;

    if (octets)
        s = (struct slice){octets, fread(octets, 1, FILE_OCTETS, f)};
    if (f)
        fclose(f);
    return s;
}

static int is_message(const struct dirent *e)
{
    return slice_ends(slice_z(e->d_name), S(".sip"));
}

void corpus_load(struct corpus *c, const char *name, const char *folder)
{
    struct dirent **e;
    int             n = scandir(folder, &e, is_message, alphasort);

    *c = (struct corpus){.name = name};
    for (int i = 0; i < n; i++) {
        char path[PATH_OCTETS];

        snprintf(path, sizeof path, "%s/%s", folder, e[i]->d_name);
        free(e[i]);
        if (c->n < CORPUS_MESSAGES && (c->message[c->n] = read_file(path)).p)
            c->n++;
    }
    if (n >= 0)
        free(e);
}

void corpus_close(struct corpus *c)
{
    for (size_t i = 0; i < c->n; i++)
        free((char *)(size_t)c->message[i].p);
    c->n = 0;
}
