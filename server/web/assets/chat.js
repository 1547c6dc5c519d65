// Messages to the room. Everything is put in as text, never as HTML.

import { $, announce, make, show } from './dom.js';
import { locale, say, text } from './texts.js';

const KEPT = 500;
const HISTORY_MS = 1000; // what comes so soon after the welcome was said before we came

export class Chat {
  /** send(text): gives it to the server, false when that is not possible now. */
  constructor(send) {
    this.log = $('chat-log');
    this.log.replaceChildren();
    this.known = new Set();
    this.unread = 0;
    this.abort = new AbortController();
    $('chat-form').addEventListener('submit', (event) => {
      event.preventDefault();
      const line = $('chat-text').value.trim();
      if (!line) return;
      if (send(line)) $('chat-text').value = '';
      else announce('chat.lost');
    }, { signal: this.abort.signal });
    this.#badge();
  }

  stop() {
    this.abort.abort();
  }

  /** After a welcome: the server repeats the last messages. */
  reset() {
    this.quietUntil = performance.now() + HISTORY_MS;
    this.log.setAttribute('aria-live', 'off');
    setTimeout(() => this.log.setAttribute('aria-live', 'polite'), HISTORY_MS);
  }

  /** One message of the server: {name, text, time}. */
  add(message) {
    // After a reconnect the history comes again: what is known stays as it is. Times are in seconds,
    // so a live message may well look like the one before it.
    const key = `${message.time} ${message.name} ${message.text}`;
    const old = performance.now() < this.quietUntil;
    if (old && this.known.has(key)) return;
    this.known.add(key);
    const atEnd = this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < 40;
    this.log.append(this.#line(message));
    while (this.log.childElementCount > KEPT) this.log.firstElementChild.remove();
    if (atEnd) this.log.scrollTop = this.log.scrollHeight;
    if ($('chat').hidden && !old) {
      this.unread += 1;
      this.#badge();
      // The log is hidden, so it cannot speak for itself.
      announce('chat.line', { name: message.name, text: message.text });
    }
  }

  /** The panel was opened. */
  read() {
    this.unread = 0;
    this.#badge();
    this.log.scrollTop = this.log.scrollHeight;
  }

  #line({ name, text: said, time }) {
    const when = new Date(time);
    const clock = make('time');
    if (!Number.isNaN(when.getTime())) {
      clock.dateTime = when.toISOString();
      clock.textContent = when.toLocaleTimeString(locale(), { hour: '2-digit', minute: '2-digit' });
    }
    const head = make('p', { className: 'from' }, make('b', { content: name || text('people.unnamed') }), ' ', clock);
    return make('div', { className: 'message' }, head, make('p', { content: said }));
  }

  #badge() {
    say($('unread'), this.unread ? 'chat.unread' : '', { n: this.unread });
    $('unread-count').textContent = this.unread || '';
    show($('unread-count'), this.unread > 0);
  }
}
