// The WebSocket of a leg: who is here, who speaks, chat, wishes of the server. It reconnects by
// itself for as long as the leg lives; whether the leg lives is asked of the leg.

const PING_MS = 20000;
const SILENCE_MS = 50000;

/** Events: 'open'; 'message' (detail: the parsed object); 'gone' (the server no longer knows the leg). */
export class Events extends EventTarget {
  constructor(leg) {
    super();
    this.leg = leg;
    this.tries = 0;
    this.#connect();
    this.timer = setInterval(() => this.#tick(), PING_MS);
  }

  /** Sends one message; false when there is no connection just now. */
  send(message) {
    if (this.socket?.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(message));
    return true;
  }

  close() {
    this.closed = true;
    clearInterval(this.timer);
    clearTimeout(this.retry);
    this.socket?.close();
  }

  #connect() {
    if (this.closed) return;
    const socket = new WebSocket(this.leg.eventsUrl, 'tessera.v1');
    this.socket = socket;
    socket.addEventListener('open', () => {
      this.tries = 0;
      this.heard = performance.now();
      this.dispatchEvent(new Event('open'));
    });
    socket.addEventListener('message', ({ data }) => this.#received(data));
    socket.addEventListener('close', () => this.#lost(socket));
  }

  #received(data) {
    this.heard = performance.now();
    let message;
    try {
      message = JSON.parse(data);
    } catch {
      return; // not ours to judge; the next one may be better
    }
    if (message && typeof message.type === 'string') {
      this.dispatchEvent(new CustomEvent('message', { detail: message }));
    }
  }

  async #lost(socket) {
    if (this.closed || socket !== this.socket) return;
    this.socket = null;
    this.tries += 1;
    // A proxy may cut a WebSocket and leave the media alone, so only the server's own word ends the leg.
    if (this.tries > 1 && !(await this.leg.known())) {
      if (!this.closed) this.dispatchEvent(new Event('gone'));
      return;
    }
    this.retry = setTimeout(() => this.#connect(), Math.min(10000, 250 * 2 ** this.tries));
  }

  #tick() {
    if (this.socket?.readyState !== WebSocket.OPEN) return;
    if (performance.now() - this.heard > SILENCE_MS) {
      // A half-open connection would take minutes to close by itself.
      const dead = this.socket;
      dead.close();
      this.#lost(dead);
      return;
    }
    this.send({ type: 'ping' });
  }
}
