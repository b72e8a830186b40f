/* matrix_feature_test.c - bad luck in what the exchange does beside carrying calls: groups, forwards, pick-up, parking,
 * conferences, music (kit/matrix.h). */
#include "kit/matrix.h"

enum { A = MATRIX_A, B = MATRIX_B, C = MATRIX_C, NOBODY = MATRIX_NOBODY };

static const struct matrix_script scripts[] = {
    {.name = "group, all at once",
     .settings = "600 group.members b,c",
     .move = {{A, "call 600", B, "incoming"}, {A, NULL, C, "incoming"}, {C, "answer", C, "confirmed"}, {A, "hangup", C, "ended"}}},
    {.name = "group, in turn",
     .settings = "600 group.members b,c\n600 group.how turn",
     .move = {{A, "call 600", B, "incoming"}, {B, "reject", C, "incoming"}, {C, "answer", C, "confirmed"}, {C, "hangup", A, "ended"}}},
    {.name = "forward always",
     .settings = "b forward.always c",
     .move = {{A, "call b", C, "incoming"}, {C, "answer", C, "confirmed"}, {A, "hangup", C, "ended"}}},
    {.name = "forward when busy",
     .settings = "b forward.busy c",
     .move = {{A, "call b", B, "incoming"}, {B, "reject", C, "incoming"}, {C, "answer", C, "confirmed"}, {A, "hangup", C, "ended"}}},
    {.name = "forward when nobody answers",
     .settings = "b forward.noanswer c\nb forward.noanswer_s 5",
     .move = {{A, "call b", B, "incoming"}, {B, NULL, C, "incoming"}, {C, "answer", C, "confirmed"}, {A, "hangup", C, "ended"}}},
    {.name = "pick-up",
     .move = {{A, "call b", B, "incoming"}, {C, "call *8b", C, "confirmed"}, {C, NULL, B, "ended"}, {A, "hangup", C, "ended"}}},
    {.name = "park and retrieve",
     .music = true,
     .move = {{A, "call b", B, "incoming"},
              {B, "answer", B, "confirmed"},
              {B, "transfer 701", A, "answered"},
              {C, "call 701", C, "confirmed"},
              {C, "hangup", A, "ended"}}},
    {.name = "park, executed",
     .music = true,
     .refuses = {603},
     .move = {{A, "call b", B, "incoming"},
              {B, "answer", B, "confirmed"},
              {B, "transfer 701", B, "transfer-result"},
              {C, "call 701", C, "confirmed"},
              {C, "hangup", A, "ended"}}},
    {.name = "conference",
     .move = {{A, "call 801", A, "confirmed"},
              {B, "call 801", B, "confirmed"},
              {C, "call 801", C, "confirmed"},
              {A, "hangup", A, "ended"},
              {B, "hangup", B, "ended"},
              {C, "hangup", C, "ended"}}},
    {.name = "music", .move = {{A, "call *65", A, "confirmed"}, {A, "hangup", A, "ended"}}},
};

int main(int argc, char **argv)
{
    return matrix_main(argc, argv, scripts, sizeof scripts / sizeof scripts[0]);
}
