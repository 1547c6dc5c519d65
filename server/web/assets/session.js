// A stay in a room: keeps one leg alive through everything that a network does to it.
//
//   connecting > connected <> restarting (ICE restart by PATCH) > waiting > connecting (a new join) ...
//   and from each of them > ended, when the person leaves, the server says so, or refuses for good.
//
// The state is on the object and in 'state' events; a kiosk (forever) never ends by itself.

import { pause } from './dom.js';
import { Events } from './events.js';
import { JoinError, Leg } from './leg.js';

const BACKOFF_MS = [0, 1000, 2000, 4000, 8000, 10000];
const GRACE_MS = 2000; // 'disconnected' often heals alone
const MEND_MS = 6000; // then a restart gets so long before a new join
const CONNECT_MS = 12000;
const SETTLED_MS = 5000;
const STALL_MS = 10000; // the server's picture always ticks: none for so long is a dead leg

/** Events: 'state'; 'stream' (this.stream is new); 'message' (detail: a message of the server). */
export class Session extends EventTarget {
  /** url: of the join, with its query. tracks: {audio, video} of the devices, null without.
   * sends: {audio, video}, whether there is a device that could send. */
  constructor({ url, token = '', tracks, sends, forever = false }) {
    super();
    Object.assign(this, { url, token, tracks, sends, forever });
    this.state = 'connecting';
    this.local = { audio: false, video: false };
    this.hand = false;
    this.limits = null;
  }

  get stream() {
    return this.leg?.stream ?? null;
  }

  get pc() {
    return this.leg?.pc ?? null;
  }

  start() {
    this.onOnline = () => this.wake?.();
    window.addEventListener('online', this.onOnline);
    this.#run();
  }

  /** Leaves. reason: 'left', or what the server said. */
  stop(reason = 'left', text = '') {
    if (this.state === 'ended') return;
    window.removeEventListener('online', this.onOnline);
    this.reason = reason;
    this.text = text;
    this.#drop();
    this.#enter('ended');
    this.wake?.();
  }

  /** Puts another track (or null) on a line, at once and for every leg to come. */
  async replaceTrack(kind, track) {
    this.tracks[kind] = track;
    if (track && !this.sends[kind]) {
      // This line was offered as one that only receives: a new offer is needed.
      this.sends[kind] = true;
      this.#lose();
      return;
    }
    // A leg that is being replaced just now refuses; the next one takes the track from this.tracks.
    await this.leg?.replaceTrack(kind, track).catch((error) => console.warn('track:', error.message));
    if (kind === 'video') await this.#limit();
  }

  /** Tells the room whether microphone and camera are on. */
  setLocal(local) {
    this.local = local;
    this.send({ type: 'state', ...local });
  }

  setHand(up) {
    this.hand = up;
    this.send({ type: 'hand', up });
  }

  /** What the picture shall look like: grid, speaker, or '' for the room's own. Kept when it joins again. */
  setLayout(layout) {
    this.url.searchParams.set('layout', layout);
    this.send({ type: 'layout', layout });
  }

  send(message) {
    return this.events?.send(message) ?? false;
  }

  /** Called by whoever reads the statistics: no packet has come for so long. */
  stalled(ms) {
    if (this.state === 'connected' && ms > STALL_MS) this.#lose();
  }

  #enter(state) {
    if (this.state === 'ended' || this.state === state) return;
    this.state = state;
    this.dispatchEvent(new Event('state'));
  }

  async #run() {
    let failures = 0;
    while (this.state !== 'ended') {
      let asked = 0;
      try {
        await this.#join();
        this.#enter('connected');
        const since = performance.now();
        await this.#live();
        // A leg that was good for a while is replaced at once; one that ends as soon as it begins
        // (put out again and again, a server that falls over) must not be asked for in a circle.
        failures = performance.now() - since > SETTLED_MS ? 0 : failures + 1;
      } catch (error) {
        if (this.state === 'ended') return;
        if (error instanceof JoinError && error.final && !this.forever) {
          this.stop(error.status === 401 ? 'token' : 'refused', error.message);
          return;
        }
        asked = error.retryAfterMs || 0;
        failures += 1;
      }
      if (this.state === 'ended') return;
      this.#drop();
      this.#enter('waiting');
      await this.#wait(Math.max(BACKOFF_MS[Math.min(failures, BACKOFF_MS.length - 1)], Math.min(asked, 60000)));
    }
  }

  // The pages of a whole room come back at once when a server does: they are spread a little.
  async #wait(ms) {
    await Promise.race([pause(ms * (0.8 + 0.4 * Math.random())), new Promise((go) => { this.wake = go; })]);
    this.wake = null;
  }

  async #join() {
    const leg = new Leg({ join: this.url, token: this.token, tracks: this.tracks, sends: this.sends });
    this.leg = leg;
    this.lost = new Promise((resolve) => { this.#lose = resolve; });
    leg.addEventListener('track', () => this.dispatchEvent(new Event('stream')));
    this.dispatchEvent(new Event('stream'));
    await leg.open(AbortSignal.timeout(CONNECT_MS));
    if (this.state === 'ended') return;
    this.#listen(leg);
    if (!(await this.#reaches(leg, CONNECT_MS))) throw new Error('no connection');
  }

  #listen(leg) {
    const events = new Events(leg);
    this.events = events;
    events.addEventListener('open', () => {
      this.send({ type: 'state', ...this.local });
      if (this.hand) this.send({ type: 'hand', up: true });
    });
    events.addEventListener('message', ({ detail }) => this.#heard(detail));
    events.addEventListener('gone', () => this.#lose());
  }

  #heard(message) {
    if (message.type === 'send') {
      this.limits = message;
      this.#limit();
    } else if (message.type === 'bye') {
      if (this.forever || message.reason === 'shutdown') this.#lose();
      else this.stop(message.reason === 'kicked' ? 'kicked' : 'ended');
    }
    this.dispatchEvent(new CustomEvent('message', { detail: message }));
  }

  async #limit() {
    if (!this.limits || !this.leg) return;
    await this.leg.limitVideo(this.limits).catch((error) => console.warn('sender parameters:', error.message));
  }

  /** Ends #live(). Replaced at every join. */
  #lose = () => {};

  // Returns when the leg is beyond repair.
  async #live() {
    const { leg } = this;
    let over = false;
    this.lost.then(() => { over = true; });
    while (!over && this.state !== 'ended') {
      await Promise.race([this.lost, this.#leaves(leg)]);
      if (over || this.state === 'ended') return;
      if (leg.state === 'disconnected' && (await Promise.race([this.lost, this.#reaches(leg, GRACE_MS)]))) continue;
      if (over || this.state === 'ended') return;
      this.#enter('restarting');
      try {
        await leg.restart();
      } catch {
        return;
      }
      if (!(await Promise.race([this.lost, this.#reaches(leg, MEND_MS)]))) return;
      this.#enter('connected');
    }
  }

  // True once the leg is connected, false after ms or when it is closed.
  #reaches(leg, ms) {
    return this.#until(leg, ms, () => {
      if (leg.state === 'connected') return true;
      return leg.state === 'closed' || leg.closed ? false : undefined;
    });
  }

  #leaves(leg) {
    return this.#until(leg, 0, () => (leg.state === 'connected' ? undefined : true));
  }

  // What judge() says as soon as it is not undefined; false after ms (0: never).
  #until(leg, ms, judge) {
    return new Promise((resolve) => {
      let timer = 0;
      const look = () => {
        const verdict = judge();
        if (verdict === undefined) return;
        clearTimeout(timer);
        leg.removeEventListener('state', look);
        resolve(verdict);
      };
      leg.addEventListener('state', look);
      if (ms) {
        timer = setTimeout(() => {
          leg.removeEventListener('state', look);
          resolve(false);
        }, ms);
      }
      look();
    });
  }

  #drop() {
    this.events?.close();
    this.leg?.close();
    this.events = null;
    this.#lose();
  }
}
