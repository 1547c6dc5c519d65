#include "server/web_room.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "mixer/base/counter.h"
#include "server/web_priv.h"

static void send_json(struct mcu_ws *ws, json_t *message)
{
    char *text = message ? json_dumps(message, JSON_COMPACT) : NULL;
    if (ws && text)
        mcu_ws_send(ws, text, strlen(text));
    free(text);
    json_decref(message);
}

int mcu_web_room_accept(struct web_leg *w, struct mcu_ws *ws)
{
    if (w->ws)
        mcu_ws_release(&w->ws);
    w->ws = ws;
    mcu_ws_set_peer(ws, w);
    send_json(ws, json_pack("{s:s, s:I, s:s}", "type", "welcome", "you",
                            (json_int_t)w->identity.participant, "room", w->room_name));
    return 0;
}

void mcu_web_room_message(struct mcu_ws *ws, const char *text, size_t size, void *peer)
{
    json_t *message = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    const char *type = json_string_value(json_object_get(message, "type"));
    if (type && strcmp(type, "ping") == 0)
        send_json(ws, json_pack("{s:s}", "type", "pong"));
    else
        send_json(ws, json_pack("{s:s, s:s}", "type", "error", "text", "not understood"));
    json_decref(message);
}

void mcu_web_room_closed(struct mcu_ws *ws, int code, void *peer)
{
    struct web_leg *w = peer;
    if (w && w->ws == ws)
        w->ws = NULL;
    mcu_ws_release(&ws);
}

void mcu_web_room_left(struct web_leg *w, const char *why)
{
    if (!w->ws)
        return;
    send_json(w->ws, json_pack("{s:s, s:s}", "type", "bye", "reason", why));
    mcu_ws_close(w->ws, 1000, NULL);
    mcu_ws_set_peer(w->ws, NULL);
    w->ws = NULL; /* given back when it has closed */
}
