/* matrix_guide_test.c - bad luck in the guide's eleven flows (kit/matrix.h). */
#include "kit/matrix.h"

enum { A = MATRIX_A, B = MATRIX_B, C = MATRIX_C, NOBODY = MATRIX_NOBODY };

static const struct matrix_script scripts[] = {
    {.name = "setup", .move = {{A, "call b", B, "incoming"}, {B, "answer", B, "confirmed"}, {A, "hangup", B, "ended"}}},
    {.name = "busy", .move = {{A, "call b", B, "incoming"}, {B, "reject", A, "ended"}}},
    {.name = "no answer", .move = {{A, "call b", B, "incoming"}, {A, "hangup", B, "ended"}}},
    {.name = "hold", .move = {{A, "call b", B, "incoming"},
      {B, "answer", B, "confirmed"},
      {B, "hold", B, "on-hold"},
      {B, "resume", B, "off-hold"},
      {B, "hangup", A, "ended"}}},
    {.name = "waiting", .move = {{A, "call b", B, "incoming"},
      {B, "answer", B, "confirmed"},
      {C, "call b", B, "incoming"},
      {B, "hold 1", B, "on-hold"},
      {B, "answer 2", B, "confirmed"},
      {C, "hangup", B, "ended"},
      {B, "resume 1", B, "off-hold"},
      {A, "hangup", B, "ended"}}},
    {.name = "blind transfer", .move = {{A, "call b", B, "incoming"},
      {B, "answer", B, "confirmed"},
      {B, "transfer c", C, "incoming"},
      {C, "answer", C, "confirmed"},
      {C, "hangup", A, "ended"}}},
    {.name = "transfer to a busy phone", .move = {{A, "call b", B, "incoming"},
      {B, "answer", B, "confirmed"},
      {B, "transfer c", C, "incoming"},
      {C, "reject", A, "ended"}}},
    {.name = "attended transfer", .move = {{A, "call b", B, "incoming"},
      {B, "answer", B, "confirmed"},
      {B, "attend c", C, "incoming"},
      {C, "answer", C, "confirmed"},
      {B, "complete", A, "confirmed"},
      {C, "hangup", A, "ended"}}},
    {.name = "conference", .move = {{A, "call b", B, "incoming"},
      {B, "answer", B, "confirmed"},
      {A, "attend c", C, "incoming"},
      {C, "answer", C, "confirmed"},
      {A, "conference", A, "conference"},
      {A, "split", A, "conference"},
      {C, "hangup", A, "ended"}}},
    {.name = "forward always", .move = {{B, "forward always c", NOBODY, NULL}, {A, "call b", C, "incoming"}, {C, "answer", C, "confirmed"}, {A, "hangup", C, "ended"}}},
    {.name = "forward when busy", .move = {{B, "forward busy c", NOBODY, NULL},
      {B, "dnd on", NOBODY, NULL},
      {A, "call b", C, "incoming"},
      {C, "answer", C, "confirmed"},
      {A, "hangup", C, "ended"}}},
    {.name = "forward when nobody answers", .move = {{B, "forward noanswer 2 c", NOBODY, NULL},
      {A, "call b", B, "incoming"},
      {B, NULL, C, "incoming"},
      {C, "answer", C, "confirmed"},
      {A, "hangup", C, "ended"}}},
    {.name = "forward", .move = {{A, "call b", B, "incoming"}, {B, "deflect c", C, "incoming"}, {C, "answer", C, "confirmed"}, {A, "hangup", C, "ended"}}},
};

int main(int argc, char **argv)
{
    return matrix_main(argc, argv, scripts, sizeof scripts / sizeof scripts[0]);
}
