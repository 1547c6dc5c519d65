/* tests/fuzz/sip_provider.c - a line of sip.register: what is taken has its parts whole, and nothing in an
 * address that could end a header field. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "net/sip_provider.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int holds)
{
    if (!holds)
        abort();
}

static void look(const struct mcu_sip_provider *p)
{
    const char *at = strrchr(p->address, '@');
    must(at && at > p->address + 4 && strncmp(p->domain, "sip:", 4) == 0 && strcmp(p->domain + 4, at + 1) == 0);
    must(p->realm[0] && p->user[0] && p->expires_s > 0 && p->via_count <= MCU_SIP_PROVIDER_VIAS);
    must(!strpbrk(p->address, "<>\"?, \r\n"));
    for (int i = 0; i < p->via_count; i++)
        must(strncmp(p->via[i], "sip:", 4) == 0 && !strpbrk(p->via[i], "@<>\"?, \r\n"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct mcu_sip_provider p;
    char *text = malloc(size + 1);
    if (!text)
        return 0;
    if (size)
        memcpy(text, data, size);
    text[size] = '\0';
    if (mcu_sip_provider_parse(&p, text) == 0)
        look(&p);
    free(text);
    return 0;
}
