// A stand-in for the server, for tests of the page alone: serves server/web with the real policy,
// speaks the join and its events, and leaves media to a second browser page (peer.js), which
// answers the offers that the mock relays to it. What a test wants to go wrong, it sets here.

import { createReadStream, existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { randomBytes } from 'node:crypto';
import { WebSocketServer } from 'ws';

const WEB = fileURLToPath(new URL('../../../server/web/', import.meta.url));
const HERE = fileURLToPath(new URL('.', import.meta.url));

const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' };

export const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
  + "media-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

function body(request) {
  return new Promise((resolve) => {
    let text = '';
    request.on('data', (part) => { text += part; });
    request.on('end', () => resolve(text));
  });
}

export class Mock {
  constructor() {
    this.legs = new Map();
    this.chats = [];
    this.requests = []; // every request of the join, [{method, path, headers, body, status}]
    this.nextPeerCall = 1;
    this.peerCalls = new Map();
    this.nextParticipant = 17;
    this.refuse = null; // {status, error, headers} for the next POSTs
    this.down = false; // cuts every connection without a word
    this.http = createServer((request, response) => this.#answer(request, response));
    this.ws = new WebSocketServer({ noServer: true, handleProtocols: (set) => (set.has('tessera.v1') ? 'tessera.v1' : false) });
    this.http.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
  }

  /** Listens on a free port of 18000 to 18999. */
  async listen() {
    for (let tries = 0; tries < 50; tries += 1) {
      this.port = 18000 + Math.floor(Math.random() * 1000);
      const ok = await new Promise((resolve) => {
        this.http.once('error', () => resolve(false));
        this.http.listen(this.port, '127.0.0.1', () => resolve(true));
      });
      if (ok) {
        this.url = `http://127.0.0.1:${this.port}`;
        return this;
      }
    }
    throw new Error('no free port');
  }

  close() {
    for (const client of this.ws.clients) client.terminate();
    this.http.closeAllConnections();
    this.http.close();
  }

  /** Sends an event to the pages of one leg or of all. */
  tell(message, only = null) {
    for (const leg of this.legs.values()) {
      if (!only || leg === only) leg.socket?.send(JSON.stringify(message));
    }
  }

  /** The legs of people, in the order in which they came. */
  get people() {
    return [...this.legs.values()];
  }

  /** Forgets every leg, as a server does that was killed and started again. */
  dropAll() {
    for (const leg of this.legs.values()) {
      leg.socket?.terminate();
      this.#peer({ op: 'close', id: leg.id });
    }
    this.legs.clear();
  }

  /** Asks the media peer: {op: 'stats', id} and such. */
  async #peer(call) {
    if (!this.peerSocket) throw new Error('no media peer');
    const number = this.nextPeerCall;
    this.nextPeerCall += 1;
    return new Promise((resolve, reject) => {
      this.peerCalls.set(number, { resolve, reject });
      this.peerSocket.send(JSON.stringify({ ...call, number }));
    });
  }

  peerStats(leg) {
    return this.#peer({ op: 'stats', id: leg.id });
  }

  sendRoster() {
    const participants = this.people.filter((leg) => !leg.hidden)
      .map(({ participant: id, name, audio, video, hand }) => ({ id, name, kind: 'web', audio, video, hand }));
    this.tell({ type: 'roster', participants });
  }

  async #answer(request, response) {
    if (this.down) {
      request.socket.destroy();
      return;
    }
    const url = new URL(request.url, this.url);
    if (url.pathname.startsWith('/join/')) await this.#join(request, response, url);
    else this.#file(response, url.pathname);
  }

  #file(response, path) {
    let file = null;
    if (path === '/' || path.startsWith('/r/')) file = join(WEB, 'index.html');
    else if (path.startsWith('/assets/')) file = join(WEB, normalize(path));
    else if (path.startsWith('/mock/')) file = join(HERE, normalize(path.slice('/mock'.length)));
    if (!file || !existsSync(file)) {
      response.writeHead(404).end();
      return;
    }
    const headers = { 'Content-Type': TYPES[extname(file)], 'Content-Security-Policy': POLICY, 'X-Content-Type-Options': 'nosniff' };
    response.writeHead(200, headers);
    createReadStream(file).pipe(response);
  }

  async #join(request, response, url) {
    const text = await body(request);
    const [, , room, id] = url.pathname.split('/').map(decodeURIComponent);
    const seen = { method: request.method, path: request.url, headers: request.headers, body: text };
    this.requests.push(seen);
    const say = (status, headers = {}, content = '') => {
      seen.status = status;
      response.writeHead(status, headers).end(content);
    };
    if (request.method === 'POST' && !id) return this.#post({ say, room, url, text });
    const leg = this.legs.get(id);
    if (!leg) return say(404, { 'Content-Type': 'application/json' }, '{"error":"no such leg"}');
    if (request.method === 'DELETE') {
      this.#end(leg);
      return say(200);
    }
    if (request.method === 'PATCH') return this.#patch({ say, leg, text, match: request.headers['if-match'] });
    return say(405);
  }

  async #post({ say, room, url, text }) {
    if (this.refuse) {
      const { status, error, headers } = this.refuse;
      return say(status, { 'Content-Type': 'application/json', ...headers }, JSON.stringify({ error }));
    }
    const leg = {
      id: randomBytes(16).toString('hex'),
      room,
      name: url.searchParams.get('name'),
      hidden: url.searchParams.get('hidden') === '1',
      participant: this.nextParticipant,
      generation: 1,
      audio: true,
      video: true,
      hand: false,
      heard: [],
    };
    this.nextParticipant += 1;
    const { sdp } = await this.#peer({ op: 'join', id: leg.id, sdp: text });
    this.legs.set(leg.id, leg);
    return say(201, {
      'Content-Type': 'application/sdp',
      Location: `/join/${encodeURIComponent(room)}/${leg.id}`,
      ETag: `"${leg.generation}"`,
    }, sdp);
  }

  async #patch({ say, leg, text, match }) {
    if (!match) return say(428);
    if (match === '*') {
      const { fragment } = await this.#peer({ op: 'restart', id: leg.id, fragment: text });
      leg.generation += 1;
      return say(200, { 'Content-Type': 'application/trickle-ice-sdpfrag', ETag: `"${leg.generation}"` }, fragment);
    }
    if (match !== `"${leg.generation}"`) return say(412);
    await this.#peer({ op: 'candidates', id: leg.id, fragment: text });
    return say(204);
  }

  #end(leg) {
    this.legs.delete(leg.id);
    this.#peer({ op: 'close', id: leg.id });
    leg.socket?.close();
    this.sendRoster();
  }

  #upgrade(request, socket, head) {
    const { pathname } = new URL(request.url, this.url);
    const leg = this.legs.get(pathname.split('/')[3]);
    if (this.down || (pathname !== '/mock/peer' && !(pathname.endsWith('/events') && leg))) {
      socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n');
      return;
    }
    this.ws.handleUpgrade(request, socket, head, (client) => {
      if (leg) this.#serveEvents(leg, client);
      else this.#servePeer(client);
    });
  }

  #servePeer(client) {
    this.peerSocket = client;
    client.on('message', (data) => {
      const { number, error, ...result } = JSON.parse(data);
      const call = this.peerCalls.get(number);
      this.peerCalls.delete(number);
      if (error) call.reject(new Error(error));
      else call.resolve(result);
    });
  }

  #serveEvents(leg, client) {
    leg.socket = client;
    this.tell({ type: 'welcome', you: leg.participant, room: leg.room }, leg);
    for (const chat of this.chats) this.tell(chat, leg);
    client.on('message', (data) => this.#heard(leg, JSON.parse(data)));
    this.sendRoster();
  }

  #heard(leg, message) {
    leg.heard.push(message);
    if (message.type === 'state') Object.assign(leg, { audio: message.audio, video: message.video });
    else if (message.type === 'hand') leg.hand = message.up;
    else if (message.type === 'ping') this.tell({ type: 'pong' }, leg);
    else if (message.type === 'chat') {
      const chat = { type: 'chat', from: leg.participant, name: leg.name, text: message.text, time: new Date().toISOString() };
      this.chats.push(chat);
      this.tell(chat);
    }
    if (message.type === 'state' || message.type === 'hand') this.sendRoster();
  }
}
