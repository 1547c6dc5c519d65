/* The Authorization header: parser and check on one input. Whatever it is, it is not let in: the
 * password is not among the inputs. What a client makes of it is read back as the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "net/sip_auth.h"

/* Also where asserts are off. */
static void must(bool holds)
{
    if (!holds)
        abort();
}

static struct mcu_sip_auth *auth_once(void)
{
    static const char accounts[][MCU_SIP_ACCOUNT_SIZE] = { "alice:a password nobody guesses" };
    static const uint8_t secret[32] = "fuzz";
    static struct mcu_sip_auth *auth;
    if (!auth && mcu_sip_auth_new(&auth, "tessera", accounts, 1, secret) < 0)
        abort();
    return auth;
}

static void answer_challenge(const struct mcu_digest_params *challenge)
{
    const struct mcu_digest_login login = { challenge->realm, "alice", "password" };
    struct mcu_digest_params again;
    char out[1024];
    if (mcu_digest_answer(out, sizeof(out), challenge, &login, "INVITE", "sip:a@b", "c") < 0)
        return;
    must(mcu_digest_parse(&again, out) == 0);
    must(strcmp(again.realm, challenge->realm) == 0 && strcmp(again.nonce, challenge->nonce) == 0);
    must(strcmp(again.opaque, challenge->opaque) == 0 && again.algorithm == challenge->algorithm);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mcu_digest_params p;
    char user[MCU_SIP_USER_SIZE], *text = malloc(size + 1);
    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    if (mcu_digest_parse(&p, text) == 0)
        answer_challenge(&p);
    mcu_sip_account_check(text);
    must(mcu_sip_auth_check(auth_once(), text, "INVITE", MCU_AUTH_ANY_DIGEST, 1000, user) != MCU_AUTH_OK);
    free(text);
    return 0;
}
