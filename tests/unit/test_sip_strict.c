/* net/sip_strict.h: what its message class makes of messages before the stack sees them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mixer/base/counter.h"
#include "net/sip_strict.h"
#include "tests/unit/sip_message.h"

static msg_mclass_t *classes[2]; /* [1]: of a registrar */
static msg_t *message;

static int setup(void **state)
{
    for (int i = 0; i < 2; i++)
        if (!classes[i] && !(classes[i] = mcu_sip_strict_class_new(i)))
            return -1;
    return 0;
}

static int teardown(void **state)
{
    msg_destroy(message);
    message = NULL;
    mcu_sip_strict_limit(0);
    mcu_sip_strict_on_refusal(NULL, NULL);
    mcu_sip_strict_on_stream(NULL, NULL);
    return 0;
}

struct how {
    bool registrar, stream, ipv6, nowhere;
    const char *via; /* NULL: UDP from the source itself */
};

#define REST "From: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: call\r\nMax-Forwards: 70\r\n"

/* A first line, CSeq and more headers, through the class. */
static const sip_t *read_as(struct how how, const char *first, const char *cseq, const char *more)
{
    char text[2048];
    su_sockaddr_t source = sip_message_source(how.ipv6);
    const char *via = how.via ? how.via : "SIP/2.0/UDP 192.0.2.7:5070;branch=z9hG4bK1";
    msg_destroy(message);
    snprintf(text, sizeof(text), "%s\r\nVia: %s\r\n" REST "CSeq: %s\r\n%sContent-Length: 0\r\n\r\n", first,
             via, cseq, more);
    message = sip_message_read(classes[how.registrar], how.nowhere ? NULL : &source, how.stream, text,
                               strlen(text));
    assert_non_null(message);
    const sip_t *sip = sip_object(message);
    assert_non_null(sip);
    return sip;
}

#define INVITE "INVITE sip:b@h SIP/2.0"

static const sip_t *invite(const char *more)
{
    return read_as((struct how){ 0 }, INVITE, "1 INVITE", more);
}

static void targets_that_lead_nowhere_are_not_read(void **state)
{
    static const char *const bad[] = { "<tel:+49>", "*", "<sip:>", "<http://x/>", "<mailto:a@b>" };
    char line[128];
    assert_non_null(invite("Contact: <sip:a@h:5070>\r\n")->sip_contact);
    assert_non_null(invite("m: \"A\" <sips:a@h>;q=1, <sip:c@h>\r\n")->sip_contact->m_next);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        snprintf(line, sizeof(line), "Contact: %s\r\n", bad[i]);
        assert_null(invite(line)->sip_contact);
        snprintf(line, sizeof(line), "m: %s\r\n", bad[i]);
        assert_null(invite(line)->sip_contact);
        snprintf(line, sizeof(line), "Record-Route: %s\r\n", bad[i]);
        assert_null(invite(line)->sip_record_route);
    }
    assert_non_null(invite("Record-Route: <sip:p;lr>\r\n")->sip_record_route);
}

static void a_star_is_an_address_that_leads_nowhere_for_a_registrar(void **state)
{
    const struct how registrar = { .registrar = true };
    const sip_t *sip = read_as(registrar, "REGISTER sip:h SIP/2.0", "1 REGISTER", "Contact: *\r\n");
    assert_non_null(sip->sip_contact);
    assert_string_equal(sip->sip_contact->m_url->url_host, MCU_SIP_STAR_HOST);
    assert_null(read_as(registrar, INVITE, "1 INVITE", "Contact: <tel:1>\r\n")->sip_contact);
    assert_non_null(read_as(registrar, INVITE, "1 INVITE", "Contact: <sip:a@h>\r\n")->sip_contact);
}

static void an_unreadable_request_is_one_that_gets_400(void **state)
{
    static const char *const lines[] = { "INVITE sip: b@h SIP/2.0", "INVITE sip:b@h:x SIP/2.0",
                                         "INVITE sip:b@[::1 SIP/2.0" };
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        const sip_t *sip = read_as((struct how){ 0 }, lines[i], "1 INVITE", "");
        assert_int_equal(sip->sip_request->rq_method, sip_method_unknown);
    }
    assert_int_equal(invite("")->sip_request->rq_method, sip_method_invite);
    const sip_t *high = read_as((struct how){ 0 }, INVITE, "2147483648 INVITE", "");
    assert_int_equal(high->sip_request->rq_method, sip_method_unknown);
    high = read_as((struct how){ 0 }, "ACK sip:b@h SIP/2.0", "2147483648 ACK", "");
    assert_int_equal(high->sip_request->rq_method, sip_method_ack);
}

static int is_tls(const su_sockaddr_t *source, void *arg)
{
    assert_int_equal(ntohs(source->su_port), 5070);
    return *(int *)arg;
}

static const sip_via_t *via(struct how how, const char *text)
{
    how.via = text;
    return read_as(how, "OPTIONS sip:h SIP/2.0", "1 OPTIONS", "")->sip_via;
}

static void answers_go_to_where_the_request_came_from(void **state)
{
    const struct how udp = { 0 }, tcp = { .stream = true }, six = { .ipv6 = true };
    const sip_via_t *v = via(udp, "SIP/2.0/TCP evil.example:9;branch=z9hG4bK1;maddr=203.0.113.1;rport");
    assert_string_equal(v->v_protocol, sip_transport_udp);
    assert_string_equal(v->v_received, "192.0.2.7");
    assert_string_equal(v->v_rport, "5070");
    assert_null(v->v_maddr);
    v = via(udp, "SIP/2.0/UDP 192.0.2.7:5070;branch=z9hG4bK1, SIP/2.0/UDP x;maddr=1.2.3.4");
    assert_null(v->v_received);
    assert_non_null(v->v_next);
    assert_string_equal(v->v_next->v_maddr, "1.2.3.4"); /* a proxy's: none of ours */
    v = via(six, "SIP/2.0/UDP x;branch=z9hG4bK1");
    assert_string_equal(v->v_received, "2001:db8::7");
    assert_string_equal(via(tcp, "SIP/2.0/UDP x")->v_protocol, sip_transport_tcp);
    assert_string_equal(via(tcp, "SIP/2.0/TLS x")->v_protocol, sip_transport_tls);
    int tls = 1;
    mcu_sip_strict_on_stream(is_tls, &tls);
    assert_string_equal(via(tcp, "SIP/2.0/TCP x")->v_protocol, sip_transport_tls);
    tls = 0;
    assert_string_equal(via(tcp, "SIP/2.0/TLS x")->v_protocol, sip_transport_tcp);
    v = via((struct how){ .nowhere = true }, "SIP/2.0/UDP x;maddr=1.2.3.4");
    assert_null(v->v_received);
    assert_null(v->v_maddr);
}

static bool is_read(bool ipv6, const char *method)
{
    char first[64], cseq[64];
    snprintf(first, sizeof(first), "%s sip:h SIP/2.0", method);
    snprintf(cseq, sizeof(cseq), "1 %s", method);
    return read_as((struct how){ .ipv6 = ipv6 }, first, cseq, "")->sip_request != NULL;
}

static void a_flood_of_one_source_is_not_read(void **state)
{
    mcu_sip_strict_limit(5);
    int read = 0;
    for (int i = 0; i < 50; i++)
        read += is_read(false, "OPTIONS");
    assert_true(read >= 5 && read < 20);
    assert_true(is_read(false, "ACK"));   /* it ends something */
    assert_true(is_read(true, "OPTIONS")); /* somebody else */
}

static int soften(const char *call_id, int status, void *arg)
{
    assert_string_equal(call_id, "call");
    return *(int *)arg = status, 488;
}

static int status_of(const char *first, const char *cseq)
{
    return read_as((struct how){ 0 }, first, cseq, "")->sip_status->st_status;
}

static void refusals_of_our_offers_are_shown_as_somebody_says(void **state)
{
    int asked = 0;
    assert_int_equal(status_of("SIP/2.0 503 No", "1 INVITE"), 503);
    mcu_sip_strict_on_refusal(soften, &asked);
    assert_int_equal(status_of("SIP/2.0 503 No", "1 INVITE"), 488);
    assert_int_equal(asked, 503);
    assert_int_equal(status_of("SIP/2.0 603 No", "1 UPDATE"), 488);
    assert_int_equal(status_of("SIP/2.0 200 OK", "1 INVITE"), 200);
    assert_int_equal(status_of("SIP/2.0 503 No", "1 OPTIONS"), 503);
}

int main(void)
{
#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(targets_that_lead_nowhere_are_not_read),
        CASE(a_star_is_an_address_that_leads_nowhere_for_a_registrar),
        CASE(an_unreadable_request_is_one_that_gets_400),
        CASE(answers_go_to_where_the_request_came_from),
        CASE(a_flood_of_one_source_is_not_read),
        CASE(refusals_of_our_offers_are_shown_as_somebody_says),
    };
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    for (int i = 0; i < 2; i++)
        free(classes[i]);
    return rc;
}
