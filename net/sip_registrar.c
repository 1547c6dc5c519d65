#include "net/sip_registrar.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mixer/base/util.h"

struct binding {
    char uri[MCU_REG_URI]; /* "": free */
    char call_id[MCU_REG_CALL_ID];
    uint32_t cseq;
    int64_t ends_ms;
};

struct record {
    char user[64];
    struct binding binding[MCU_REG_MAX_CONTACTS];
};

struct mcu_sip_registrar {
    struct record record[MCU_REG_MAX_ACCOUNTS];
};

int mcu_sip_registrar_new(struct mcu_sip_registrar **out)
{
    struct mcu_sip_registrar *r = calloc(1, sizeof(*r));
    if (!r)
        return -ENOMEM;
    *out = r;
    return 0;
}

void mcu_sip_registrar_free(struct mcu_sip_registrar **registrar)
{
    free(*registrar);
    *registrar = NULL;
}

/* make: takes a place where there is none of that name. */
static struct record *find(struct mcu_sip_registrar *r, const char *user, bool make)
{
    struct record *free_place = NULL;
    for (int i = 0; i < MCU_REG_MAX_ACCOUNTS; i++) {
        if (strcmp(r->record[i].user, user) == 0)
            return &r->record[i];
        if (!r->record[i].user[0] && !free_place)
            free_place = &r->record[i];
    }
    if (!make || !free_place || strlen(user) >= sizeof(free_place->user))
        return NULL;
    strcpy(free_place->user, user);
    return free_place;
}

static void expire(struct record *rec, int64_t now_ms)
{
    for (int i = 0; i < MCU_REG_MAX_CONTACTS; i++)
        if (rec->binding[i].uri[0] && rec->binding[i].ends_ms <= now_ms)
            rec->binding[i].uri[0] = '\0';
}

static struct binding *binding_of(struct record *rec, const char *uri)
{
    for (int i = 0; i < MCU_REG_MAX_CONTACTS; i++)
        if (strcmp(rec->binding[i].uri, uri) == 0)
            return &rec->binding[i];
    return NULL;
}

/* RFC 3261 10.3 step 6 and 7: within one Call-ID the order is that of CSeq. */
static bool is_late(const struct binding *b, const struct mcu_reg_request *q)
{
    return b->uri[0] && strcmp(b->call_id, q->call_id) == 0 && q->cseq <= b->cseq;
}

static int set_contact(struct record *rec, const struct mcu_reg_request *q,
                       const struct mcu_reg_contact *c, int64_t now_ms)
{
    struct binding *b = binding_of(rec, c->uri);
    if (b && is_late(b, q))
        return 500;
    if (c->expires_s == 0) {
        if (b)
            b->uri[0] = '\0';
        return 200;
    }
    if (c->expires_s < MCU_REG_MIN_S)
        return 423;
    if (!b)
        b = binding_of(rec, "");
    if (!b)
        return 403;
    memcpy(b->uri, c->uri, sizeof(b->uri));
    memcpy(b->call_id, q->call_id, sizeof(b->call_id));
    b->cseq = q->cseq;
    b->ends_ms = now_ms + (int64_t)mcu_min(c->expires_s, MCU_REG_MAX_S) * 1000;
    return 200;
}

static int remove_all(struct record *rec, const struct mcu_reg_request *q)
{
    for (int i = 0; i < MCU_REG_MAX_CONTACTS; i++)
        if (is_late(&rec->binding[i], q))
            return 500;
    for (int i = 0; i < MCU_REG_MAX_CONTACTS; i++)
        rec->binding[i].uri[0] = '\0';
    return 200;
}

int mcu_sip_registrar_update(struct mcu_sip_registrar *registrar,
                             const struct mcu_reg_request *request, int64_t now_ms)
{
    struct record *rec = find(registrar, request->user, request->contact_count > 0), changed;
    if (!rec)
        return request->contact_count > 0 ? 403 : 200;
    expire(rec, now_ms);
    changed = *rec;
    int status = request->remove_all ? remove_all(&changed, request) : 200;
    for (int i = 0; i < request->contact_count && status == 200; i++)
        status = set_contact(&changed, request, &request->contact[i], now_ms);
    if (status == 200)
        *rec = changed;
    return status;
}

void mcu_sip_registrar_list(struct mcu_sip_registrar *registrar, const char *user, int64_t now_ms,
                            char out[MCU_REG_LIST])
{
    struct record *rec = find(registrar, user, false);
    size_t n = 0;
    out[0] = '\0';
    if (!rec)
        return;
    expire(rec, now_ms);
    for (int i = 0; i < MCU_REG_MAX_CONTACTS; i++) {
        const struct binding *b = &rec->binding[i];
        if (b->uri[0])
            n += (size_t)snprintf(out + n, MCU_REG_LIST - n, "%s<%s>;expires=%lld", n ? ", " : "",
                                  b->uri, (long long)((b->ends_ms - now_ms + 999) / 1000));
    }
}
