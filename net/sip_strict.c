#include "net/sip_strict.h"

#include <stdbool.h>
#include <stdlib.h>

#include <sofia-sip/msg_mclass_hash.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_parser.h>
#include <sofia-sip/url.h>

static bool is_target(const url_t *url)
{
    return (url->url_type == url_sip || url->url_type == url_sips) && url->url_host &&
           url->url_host[0];
}

/* For the items of a list the stock parsers call their class's own, that is these, again. */
static issize_t parse_contact(su_home_t *home, msg_header_t *h, char *s, isize_t size)
{
    issize_t rc = sip_contact_d(home, h, s, size);
    return rc >= 0 && is_target(((sip_contact_t *)h)->m_url) ? rc : -1;
}

static issize_t parse_contact_or_star(su_home_t *home, msg_header_t *h, char *s, isize_t size)
{
    static const char star[] = "sip:" MCU_SIP_STAR_HOST;
    issize_t rc = sip_contact_d(home, h, s, size);
    url_t *url = ((sip_contact_t *)h)->m_url;
    if (rc >= 0 && url->url_type == url_any) {
        const url_t *nowhere = url_make(home, star);
        if (!nowhere)
            return -1;
        *url = *nowhere;
    }
    return rc >= 0 && is_target(url) ? rc : -1;
}

static issize_t parse_record_route(su_home_t *home, msg_header_t *h, char *s, isize_t size)
{
    issize_t rc = sip_record_route_d(home, h, s, size);
    return rc >= 0 && is_target(((sip_record_route_t *)h)->r_url) ? rc : -1;
}

/* The parser finds a class by name, everything else by its address. So the strict class takes the
 * place of the stock one, and that one goes to the end of its chain: what is read is checked, and
 * what we write (stock classes) is found. */
static int replace(msg_mclass_t *mc, msg_hclass_t *stock, msg_hclass_t *strict)
{
    int size = mc->mc_hash_size, at = msg_header_name_hash(stock->hc_name, NULL) % size, end;
    for (int i = 0; mc->mc_hash[at].hr_class != stock; i++, at = (at + 1) % size)
        if (!mc->mc_hash[at].hr_class || i == size)
            return -1;
    for (end = at; mc->mc_hash[end].hr_class; end = (end + 1) % size)
        ;
    mc->mc_hash[end] = mc->mc_hash[at];
    mc->mc_hash_used++;
    mc->mc_hash[at].hr_class = strict;
    if (mc->mc_short && stock->hc_short[0])
        ((msg_href_t *)mc->mc_short)[stock->hc_short[0] - 'a'].hr_class = strict;
    return 0;
}

msg_mclass_t *mcu_sip_strict_class_new(bool registrar)
{
    /* Copies, so that only the way they are read differs. Written the same by any thread. */
    static struct msg_hclass_s contacts[2], record_route[1];
    struct msg_hclass_s *contact = &contacts[registrar];
    contact[0] = sip_contact_class[0];
    contact[0].hc_parse = registrar ? parse_contact_or_star : parse_contact;
    record_route[0] = sip_record_route_class[0];
    record_route[0].hc_parse = parse_record_route;
    const msg_mclass_t *stock = sip_default_mclass();
    if (stock->mc_hash_used + 4 > stock->mc_hash_size)
        return NULL;
    msg_mclass_t *mc = msg_mclass_clone(stock, 0, 0);
    if (mc && (replace(mc, sip_contact_class, contact) < 0 ||
               replace(mc, sip_record_route_class, record_route) < 0)) {
        free(mc);
        return NULL;
    }
    return mc;
}
