#include "tests/checkasm/checkasm.h"

const struct checkasm_test checkasm_picture[] = {
    { NULL, NULL, NULL },
};
