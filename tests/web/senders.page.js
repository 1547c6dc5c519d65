// In the page that senders.mjs opens: cameras drawn on canvases, each leg sent by a peer connection of its own.
/* global RTCPeerConnection, RTCRtpSender, MediaStream, document, fetch, location, WebSocket */

const cameras = new Map();
const legs = new Map();

/** A moving picture: detail that has to be coded anew each time, and a plain middle of one colour. */
function camera({ width = 1280, height = 720, fps = 15, colour = '', detail = true }) {
  const key = [width, height, fps, colour, detail].join();
  if (cameras.has(key)) return cameras.get(key);
  const canvas = Object.assign(document.createElement('canvas'), { width, height });
  const context = canvas.getContext('2d', { alpha: false, desynchronized: true });
  const noise = Object.assign(document.createElement('canvas'), { width: width + 64, height: height + 64 });
  const grain = noise.getContext('2d');
  for (let i = 0; i < 3000; i += 1) {
    grain.fillStyle = `hsl(${(i * 47) % 360} 60% ${20 + (i % 60)}%)`;
    grain.fillRect((i * 7919) % noise.width, (i * 104729) % noise.height, 3 + (i % 29), 3 + (i % 23));
  }
  let n = 0;
  const draw = () => {
    n += 1;
    if (detail) { // a still room, and somebody in it who moves
      context.drawImage(noise, 0, 0);
      context.drawImage(noise, 100, 100, width / 3, height / 2, width / 3 + 60 * Math.sin(n / 7),
        height / 3 + 30 * Math.cos(n / 9), width / 3, height / 2);
    }
    // It is never the same twice: who looks at this strip sees whether pictures come.
    context.fillStyle = `hsl(0 0% ${20 + ((n * 3) % 5) * 15}%)`;
    context.fillRect(0, height * 0.75, width, height / 4);
    if (colour) {
      context.fillStyle = colour;
      context.fillRect(width / 8, height / 8, (width * 3) / 4, height / 2);
    }
  };
  draw();
  setInterval(draw, 1000 / fps);
  const [track] = canvas.captureStream(fps).getVideoTracks();
  cameras.set(key, track);
  return track;
}

function tone(hz, gain) {
  const audio = new AudioContext();
  const source = new OscillatorNode(audio, { frequency: hz });
  const volume = new GainNode(audio, { gain });
  const out = audio.createMediaStreamDestination();
  source.connect(volume).connect(out);
  source.start();
  return out.stream.getAudioTracks()[0];
}

const coded = (name) => RTCRtpSender.getCapabilities('video').codecs.filter((c) => c.mimeType.toLowerCase() === `video/${name}`);

/** Offers these codecs alone, and sends the first of them whatever the answer prefers. */
function only(transceiver, names) {
  transceiver.setCodecPreferences([...names.flatMap(coded), ...coded('rtx')]);
}

/** A busy machine then costs pictures, and no rows. */
async function keepSize(sender) {
  const parameters = sender.getParameters();
  await sender.setParameters(Object.assign(parameters, { degradationPreference: 'maintain-resolution' }));
}

async function gathered(pc) {
  if (pc.iceGatheringState === 'complete') return;
  await new Promise((go) => {
    pc.addEventListener('icegatheringstatechange', () => pc.iceGatheringState === 'complete' && go());
    setTimeout(go, 2000);
  });
}

async function post(door, room, name, sdp) {
  const response = await fetch(`/${door}/${room}?name=${name}`, {
    method: 'POST', headers: { 'Content-Type': 'application/sdp' }, body: sdp,
  });
  if (response.status !== 201) throw new Error(`${response.status}: ${await response.text()}`);
  return { answer: await response.text(), resource: response.headers.get('Location') };
}

/** As our page does it, with the page's own code: sender parameters by the server's word. */
async function openPage(leg, { room, name, track, sends, steady }) {
  const { Leg } = await import('/assets/leg.js');
  const join = new URL(`/join/${room}?name=${name}`, location.href);
  const own = new Leg({ join, token: '', tracks: { audio: null, video: track }, sends: { audio: false, video: true } });
  leg.pc = own.pc;
  if (steady) await keepSize(own.senders.video);
  if (sends) own.pc.getTransceivers().forEach((t) => { if (t.sender.track) t.direction = 'sendonly'; });
  await own.open();
  leg.resource = own.resource.pathname;
  const socket = new WebSocket(own.eventsUrl, 'tessera.v1');
  socket.addEventListener('message', ({ data }) => {
    const message = JSON.parse(data);
    if (message.type !== 'send') return;
    leg.told.push({ at: performance.now(), ...message });
    own.limitVideo(message).catch((error) => leg.told.push({ error: String(error) }));
  });
  leg.socket = socket;
}

function addLines(pc, { track, sound, door, rids, codec, out }) {
  const direction = door === 'whip' ? 'sendonly' : 'sendrecv';
  if (door === 'whep') return pc.addTransceiver('video', { direction: 'recvonly' });
  if (sound) pc.addTransceiver(sound, { direction });
  const encodings = rids ? rids.map((rid, i) => ({ rid, scaleResolutionDownBy: 2 ** (rids.length - 1 - i) })) : [{}];
  if (out) encodings.forEach((e) => { [e.codec] = coded(codec); });
  const video = pc.addTransceiver(track, { direction, sendEncodings: encodings });
  if (codec) only(video, out && out !== codec ? [codec, out] : [codec]);
  return video;
}

/** As any other page would. rids: simulcast; deaf: without REMB, so that nobody is told anything. */
async function openOther(leg, o) {
  const pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
  leg.pc = pc;
  const video = addLines(pc, o);
  if (o.steady) await keepSize(video.sender);
  leg.stream = new MediaStream();
  pc.addEventListener('track', ({ track: t }) => leg.stream.addTrack(t));
  await pc.setLocalDescription();
  await gathered(pc);
  let { sdp } = pc.localDescription;
  if (o.deaf) sdp = sdp.replace(/a=rtcp-fb:\d+ goog-remb\r\n/g, '');
  const { answer, resource } = await post(o.door, o.room, o.name, sdp);
  leg.resource = resource;
  leg.answer = answer;
  await pc.setRemoteDescription({ type: 'answer', sdp: answer });
}

async function play(leg) {
  leg.video = Object.assign(document.createElement('video'), { autoplay: true, muted: true, playsInline: true });
  document.body.append(leg.video);
  leg.video.srcObject = leg.stream;
}

const verbs = {
  /** {id, way: 'page' | 'whip' | 'whep' | 'join', room, size, rids, codec, out, hz, deaf, steady} */
  async open(o) {
    const leg = { told: [] };
    const track = camera(o.size || {});
    const sound = o.hz ? tone(o.hz, o.gain || 0.1) : null;
    legs.set(o.id, leg);
    if (o.way === 'page') await openPage(leg, { room: o.room, name: o.id, track, sends: true, steady: o.steady });
    else await openOther(leg, { ...o, name: o.id, track, sound, door: o.way });
    if (o.way === 'join') await play(leg);
    await new Promise((go, fail) => {
      const look = () => {
        if (leg.pc.connectionState === 'connected') go();
        else if (leg.pc.connectionState === 'failed') fail(new Error('no connection'));
      };
      leg.pc.addEventListener('connectionstatechange', look);
      look();
      setTimeout(() => fail(new Error('no connection within 15 s')), 15000);
    });
    return { resource: leg.resource, answer: leg.answer };
  },

  /** What each leg sends and receives, now: counters and sizes of every stream. */
  async stats({ ids }) {
    const found = {};
    for (const id of ids || legs.keys()) {
      const leg = legs.get(id);
      const report = await leg.pc.getStats();
      const out = [], inb = [];
      const codec = (s) => report.get(s.codecId)?.mimeType;
      report.forEach((s) => {
        if (s.type === 'outbound-rtp' && s.kind === 'video') {
          out.push({ rid: s.rid || '', codec: codec(s) || '', bytes: s.bytesSent, frames: s.framesEncoded,
            width: s.frameWidth || 0, height: s.frameHeight || 0, target: s.targetBitrate || 0, at: s.timestamp,
            active: s.active, why: s.qualityLimitationReason || '', keys: s.keyFramesEncoded });
        } else if (s.type === 'inbound-rtp') {
          inb.push({ kind: s.kind, codec: codec(s), frames: s.framesDecoded, width: s.frameWidth,
            freezes: s.freezeCount, level: s.audioLevel, packets: s.packetsReceived });
        }
      });
      const pair = [...report.values()].find((s) => s.type === 'candidate-pair' && s.nominated) || {};
      found[id] = { out, in: inb, told: leg.told, estimate: pair.availableOutgoingBitrate || 0 };
    }
    return found;
  },

  /** Who is in the sound, and how loud, as the browser says it. */
  async sources({ id }) {
    const receiver = legs.get(id).pc.getReceivers().find((r) => r.track.kind === 'audio');
    const shown = (s) => ({ source: s.source, level: s.audioLevel });
    return { csrcs: receiver.getContributingSources().map(shown), ssrcs: receiver.getSynchronizationSources().map(shown) };
  },

  /** The mean colour of each rectangle {x, y, w, h} (parts of 1) of what a leg sees. */
  async colours({ id, rects }) {
    const { video } = legs.get(id);
    const canvas = Object.assign(document.createElement('canvas'), { width: video.videoWidth, height: video.videoHeight });
    if (!canvas.width) return null;
    const context = canvas.getContext('2d', { willReadFrequently: true });
    context.drawImage(video, 0, 0);
    return rects.map((r) => {
      const { data } = context.getImageData(r.x * canvas.width, r.y * canvas.height,
        Math.max(1, r.w * canvas.width), Math.max(1, r.h * canvas.height));
      const sum = [0, 0, 0];
      for (let i = 0; i < data.length; i += 4) for (let k = 0; k < 3; k += 1) sum[k] += data[i + k];
      return sum.map((v) => Math.round((v * 4) / data.length));
    });
  },

  /** The longest time, ms, that a part of what a leg sees did not change. */
  async watch({ id, rect, seconds }) {
    const { video } = legs.get(id);
    const canvas = Object.assign(document.createElement('canvas'), { width: 8, height: 8 });
    const context = canvas.getContext('2d', { willReadFrequently: true });
    const end = performance.now() + seconds * 1000;
    let last = -100, since = 0, longest = 0, changes = 0;
    while (performance.now() < end) {
      await new Promise((go) => { video.requestVideoFrameCallback(go); setTimeout(go, 250); });
      const { videoWidth: w, videoHeight: h } = video;
      context.drawImage(video, rect.x * w, rect.y * h, rect.w * w, rect.h * h, 0, 0, 8, 8);
      const { data } = context.getImageData(0, 0, 8, 8);
      let level = 0;
      for (let i = 0; i < data.length; i += 4) level += data[i + 1] / 64;
      const now = performance.now();
      if (since) longest = Math.max(longest, now - since);
      if (Math.abs(level - last) < 12) continue;
      changes += 1;
      last = level;
      since = now;
    }
    return { longest, changes };
  },

  /** One layer on or off, as a sender that is short of something does it. */
  async layer({ id, rid, active }) {
    const sender = legs.get(id).pc.getSenders().find((s) => s.track && s.track.kind === 'video');
    const parameters = sender.getParameters();
    parameters.encodings.find((e) => e.rid === rid).active = active;
    await sender.setParameters(parameters);
  },

  async close({ id }) {
    const leg = legs.get(id);
    legs.delete(id);
    leg.pc.close();
    if (leg.socket) leg.socket.close();
    await fetch(leg.resource, { method: 'DELETE' });
  },
};

globalThis.senders = (verb, options) => verbs[verb](options || {});
