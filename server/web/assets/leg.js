// One leg: a peer connection and its resource on the server. It knows nothing of trying again; that
// is session.js. Signalling as in WHIP (RFC 9725): POST an offer, PATCH candidates, DELETE.

import { credentials, iceServers, restartedAnswer, writeFragment } from './sdpfrag.js';

/** A refusal of the server. final: the same request would be refused again. */
export class JoinError extends Error {
  constructor(status, message, retryAfterMs = 0) {
    super(message);
    this.status = status;
    this.retryAfterMs = retryAfterMs;
    this.final = status >= 400 && status < 500 && ![408, 409, 425, 429].includes(status);
  }
}

async function refusal(response) {
  const body = await response.text().catch(() => '');
  let message = `${response.status} ${response.statusText}`;
  try {
    message = JSON.parse(body).error || message;
  } catch {
    // Not JSON: the status says enough.
  }
  const seconds = Number(response.headers.get('Retry-After')) || 0;
  return new JoinError(response.status, message, seconds * 1000);
}

/** Events: 'state' (of the connection: 'connected', 'disconnected', 'failed'), 'track'. */
export class Leg extends EventTarget {
  /** join: URL to post to. token: bearer token or ''. tracks: {audio, video}, each a track or null.
   * sends: {audio, video}, whether the line may ever send: without a device it only receives. */
  constructor({ join, token, tracks, sends }) {
    super();
    this.join = join;
    this.headers = token ? { Authorization: `Bearer ${token}` } : {};
    this.stream = new MediaStream();
    this.queue = [];
    // One transport for everything; whoever cannot BUNDLE gets no answer from the server anyway.
    this.pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle', rtcpMuxPolicy: 'require' });
    this.senders = {};
    for (const kind of ['audio', 'video']) {
      const direction = sends[kind] ? 'sendrecv' : 'recvonly';
      this.senders[kind] = this.pc.addTransceiver(tracks[kind] || kind, { direction }).sender;
    }
    this.pc.addEventListener('track', ({ track }) => {
      this.stream.addTrack(track);
      this.dispatchEvent(new Event('track'));
    });
    this.pc.addEventListener('icecandidate', ({ candidate }) => this.#gathered(candidate));
    this.pc.addEventListener('connectionstatechange', () => this.dispatchEvent(new Event('state')));
  }

  get state() {
    return this.pc.connectionState;
  }

  /** The address of the events of this leg. */
  get eventsUrl() {
    const url = new URL(`${this.resource.pathname.replace(/\/$/, '')}/events`, this.resource);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    return url;
  }

  /** Offers, and takes the answer. Throws JoinError, or what fetch throws without a network. */
  async open(signal) {
    const offer = await this.pc.createOffer();
    const response = await fetch(this.join, {
      method: 'POST',
      headers: { ...this.headers, 'Content-Type': 'application/sdp' },
      body: offer.sdp,
      signal,
    });
    if (response.status !== 201) throw await refusal(response);
    this.resource = new URL(response.headers.get('Location'), this.join);
    this.etag = response.headers.get('ETag');
    const answer = await response.text();
    if (this.closed) { // the person left while the server thought about it
      this.#delete();
      return;
    }
    // Gathering starts with setLocalDescription: only here are the servers to ask known, and only
    // here is there a resource to send candidates to.
    const servers = iceServers(response.headers.get('Link'));
    if (servers.length) this.pc.setConfiguration({ ...this.pc.getConfiguration(), iceServers: servers });
    await this.pc.setLocalDescription(offer);
    await this.pc.setRemoteDescription({ type: 'answer', sdp: answer });
  }

  /** A new ICE generation on the same leg: keys and pictures go on. Throws when the server refuses. */
  async restart() {
    this.restarting = true;
    this.queue = [];
    const answer = this.pc.remoteDescription.sdp;
    try {
      await this.pc.setLocalDescription(await this.pc.createOffer({ iceRestart: true }));
      const response = await this.#patch('*', writeFragment(this.pc.localDescription.sdp, [], false));
      if (response.status !== 200) throw await refusal(response);
      this.etag = response.headers.get('ETag') || this.etag;
      const sdp = restartedAnswer(answer, await response.text());
      await this.pc.setRemoteDescription({ type: 'answer', sdp });
    } catch (error) {
      if (this.pc.signalingState === 'have-local-offer') {
        await this.pc.setLocalDescription({ type: 'rollback' }).catch(() => {});
      }
      throw error;
    } finally {
      this.restarting = false;
    }
    this.#trickle();
  }

  /** Whether the server still has this leg: false only where it says so, not where it cannot be asked. */
  async known() {
    try {
      const body = writeFragment(this.pc.localDescription.sdp, [], false);
      const response = await this.#patch(this.etag, body);
      return response.status !== 404 && response.status !== 410;
    } catch {
      return true;
    }
  }

  replaceTrack(kind, track) {
    return this.senders[kind].replaceTrack(track);
  }

  /** Sends video no larger than wanted: {maxWidth, maxHeight, maxFps, maxBitrate}; a size of 0 means
   * that nobody sees it. */
  async limitVideo({ maxWidth, maxHeight, maxFps, maxBitrate }) {
    const sender = this.senders.video;
    const parameters = sender.getParameters();
    const encoding = parameters.encodings?.[0];
    if (!encoding) return;
    encoding.active = maxWidth !== 0 && maxHeight !== 0;
    if (encoding.active && sender.track) {
      const { width, height } = sender.track.getSettings();
      encoding.scaleResolutionDownBy = Math.max(1, (width || 0) / (maxWidth || Infinity),
        (height || 0) / (maxHeight || Infinity));
    }
    if (maxBitrate > 0) encoding.maxBitrate = maxBitrate;
    if (maxFps > 0) encoding.maxFramerate = maxFps;
    await sender.setParameters(parameters);
  }

  /** Ends the leg. The DELETE outlives the page when the tab is closed. */
  close() {
    if (this.closed) return;
    this.closed = true;
    if (this.resource) this.#delete();
    this.pc.close();
  }

  #delete() {
    fetch(this.resource, { method: 'DELETE', headers: this.headers, keepalive: true }).catch(() => {});
  }

  #patch(etag, body) {
    return fetch(this.resource, {
      method: 'PATCH',
      headers: { ...this.headers, 'Content-Type': 'application/trickle-ice-sdpfrag', 'If-Match': etag },
      body,
      signal: AbortSignal.timeout(5000),
    });
  }

  #gathered(candidate) {
    this.queue.push(candidate);
    // Candidates come in a burst: what one turn of the loop brings goes out as one PATCH.
    if (!this.timer) this.timer = setTimeout(() => this.#trickle(), 10);
  }

  async #trickle() {
    this.timer = null;
    if (this.restarting || this.patching || this.closed || !this.queue.length) return;
    const sdp = this.pc.localDescription.sdp;
    const { ufrag } = credentials(sdp);
    const ended = this.queue.includes(null);
    // A candidate of the generation before is of no use to anybody.
    const fresh = this.queue.filter((c) => c?.candidate && (c.usernameFragment ?? ufrag) === ufrag);
    this.queue = [];
    if (!fresh.length && !ended) return;
    this.patching = true;
    try {
      await this.#patch(this.etag, writeFragment(sdp, fresh.map((c) => c.candidate), ended));
    } catch {
      // The server finds us by our own checks; and if it does not, the connection fails and is mended.
    }
    this.patching = false;
    this.#trickle();
  }
}
