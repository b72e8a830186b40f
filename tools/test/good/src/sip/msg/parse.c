/* A comment may say
#include <sys/socket.h>
extern int as_it_likes; */
#include "sip/msg/msg.h"
#include "sip/msg/msg_priv.h"
// #include "net/net.h" \
#include "net/net.h"
static const char *text = "/*"; /* a string opens no comment */
static const int less = 1 < 2; /* > neither does this
#include MACRO */
