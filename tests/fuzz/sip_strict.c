/* tests/fuzz/sip_strict.c - whole SIP messages through the checking message class (net/sip_strict.h), which is
 * ours, over sofia-sip's parser, which is not. First byte: bit 0 a registrar, bit 1 over a stream, bit 2
 * from IPv6. Whatever comes out has targets that the stack can send to, and answers go to the source. */
#include <stdint.h>
#include <stdlib.h>
#include <strings.h>

#include "net/sip_strict.h"
#include "tests/unit/sip_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(x) ((x) ? (void)0 : abort())
#define MOST     8192

static void check_target(const url_t *url)
{
    CHECK(url->url_type == url_sip || url->url_type == url_sips);
    CHECK(url->url_host && url->url_host[0]);
}

static void check_via(const sip_via_t *via, bool stream, bool ipv6)
{
    const char *host = ipv6 ? "2001:db8::7" : "192.0.2.7";
    bool own = via->v_host && strcasecmp(via->v_host, host) == 0;
    CHECK(!via->v_maddr);
    CHECK((strcmp(via->v_protocol, sip_transport_udp) == 0) == !stream);
    CHECK(own || (via->v_received && strcmp(via->v_received, host) == 0));
}

static void check_message(const sip_t *sip, bool stream, bool ipv6)
{
    for (const sip_contact_t *m = sip->sip_contact; m; m = m->m_next)
        check_target(m->m_url);
    for (const sip_record_route_t *r = sip->sip_record_route; r; r = r->r_next)
        check_target(r->r_url);
    const sip_request_t *rq = sip->sip_request;
    if (rq && sip->sip_via && sip->sip_via->v_protocol && sip->sip_via->v_host)
        check_via(sip->sip_via, stream, ipv6);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static msg_mclass_t *classes[2];
    if (size == 0 || size > MOST)
        return 0;
    for (int i = 0; i < 2; i++)
        if (!classes[i])
            CHECK((classes[i] = mcu_sip_strict_class_new(i)) != NULL);
    bool stream = data[0] & 2, ipv6 = data[0] & 4;
    su_sockaddr_t source = sip_message_source(ipv6);
    msg_t *msg = sip_message_read(classes[data[0] & 1], &source, stream, data + 1, size - 1);
    CHECK(msg);
    if (sip_object(msg))
        check_message(sip_object(msg), stream, ipv6);
    msg_destroy(msg);
    return 0;
}
