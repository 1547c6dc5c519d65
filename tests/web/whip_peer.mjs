// A WHIP publisher or WHEP player in Debian's Chromium with npm's whip-whep, as a program: options and
// what it leaves are those of tests/e2e/lib/aiortc_peer.py, which judges it. The page comes from an
// origin of its own, so that the browser asks the server's leave (CORS) for every request.
//
// --camera FILE.y4m --microphone FILE.wav  what is published
// --restart-at S     an ICE restart (RFC 9725 4.3.3) after so many seconds
// --relay            nothing but a relay may be used; the server's Link fields say which
// --relays-only      of the answer's candidates, only relays are believed

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';

const text = { type: 'string' };
const flag = { type: 'boolean', default: false };
const { values: options } = parseArgs({ options: {
  url: text, out: text, way: text, seconds: text, camera: text, microphone: text, tone: text, colour: text,
  token: { ...text, default: '' }, codec: { ...text, default: '' }, 'restart-at': { ...text, default: '0' },
  relay: flag, 'relays-only': flag,
} });
const HERE = path.dirname(fileURLToPath(import.meta.url));
const ORIGIN = 'http://localhost:9';

const ARGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--allow-loopback-in-peer-connection',
  '--disable-features=WebRtcHideLocalIpsWithMdns,LocalNetworkAccessChecks',
  '--autoplay-policy=no-user-gesture-required', '--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream',
  ...(options.camera ? [`--use-file-for-fake-video-capture=${options.camera}`] : []),
  ...(options.microphone ? [`--use-file-for-fake-audio-capture=${options.microphone}`] : []),
];

/** NumPy's file format, version 1. */
function npy(type, shape, bytes) {
  let head = `{'descr': '${type}', 'fortran_order': False, 'shape': (${shape.join(', ')},), }`;
  head = `${head.padEnd(Math.ceil((head.length + 11) / 64) * 64 - 11)}\n`;
  const size = Buffer.alloc(2);
  size.writeUInt16LE(head.length);
  return Buffer.concat([Buffer.from('\x93NUMPY\x01\x00', 'latin1'), size, Buffer.from(head, 'latin1'), bytes]);
}

/** In the page: begins, and keeps everything in window.peer. */
async function begin({ url, way, token, codec, relay, relaysOnly }) {
  const { WHIPClient } = await import('/whip.js');
  const { WHEPClient } = await import('/whep.js');
  const pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle', iceTransportPolicy: relay ? 'relay' : 'all' });
  const client = way === 'send' ? new WHIPClient() : new WHEPClient();
  const peer = { pc, client, sound: [], pictures: [], answers: [], began: performance.now() };
  window.peer = peer;
  client.onAnswer = (sdp) => {
    peer.answers.push(sdp);
    return relaysOnly ? sdp.replace(/a=candidate:(?!.* typ relay).*\r\n/g, '') : sdp;
  };
  pc.addEventListener('icecandidateerror', (e) => console.log('ICE server:', e.url, e.errorCode, e.errorText));
  pc.addEventListener('connectionstatechange', () => {
    if (pc.connectionState === 'connected') peer.connected ??= performance.now();
  });
  if (way === 'send') {
    const stream = await navigator.mediaDevices.getUserMedia({
      audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false },
      video: { width: 320, height: 180 },
    });
    for (const track of stream.getTracks()) pc.addTransceiver(track, { direction: 'sendonly', streams: [stream] });
  } else {
    const video = document.querySelector('video');
    video.srcObject = new MediaStream();
    pc.addTransceiver('audio', { direction: 'recvonly' });
    pc.addTransceiver('video', { direction: 'recvonly' });
    pc.ontrack = ({ track }) => {
      video.srcObject.addTrack(track);
      if (track.kind === 'audio') listen(track.clone());
    };
    const look = (now) => {
      peer.pictures.push(now);
      video.requestVideoFrameCallback(look);
    };
    video.requestVideoFrameCallback(look);
  }
  if (codec) {
    const kind = pc.getTransceivers().find((t) => (t.sender.track ?? t.receiver.track).kind === 'video');
    const all = RTCRtpReceiver.getCapabilities('video').codecs;
    kind.setCodecPreferences(all.filter((c) => [`video/${codec}`, 'video/rtx'].includes(c.mimeType.toLowerCase())));
  }
  async function listen(track) {
    const reader = new MediaStreamTrackProcessor({ track }).readable.getReader();
    for (let got = await reader.read(); !got.done; got = await reader.read()) {
      const samples = new Float32Array(got.value.numberOfFrames);
      got.value.copyTo(samples, { planeIndex: 0, format: 'f32-planar' });
      peer.rate = got.value.sampleRate;
      peer.sound.push(samples);
      got.value.close();
    }
  }
  peer.posted = performance.now();
  await (way === 'send' ? client.publish(pc, url, token) : client.view(pc, url, token));
}

/** In the page: what it measured. */
async function end() {
  const { peer } = window;
  const video = document.querySelector('video');
  const steady = peer.pictures.filter((t) => t > peer.posted + 3000);
  const now = performance.now();
  const result = {
    where: String(peer.client.resourceURL), etag: peer.client.etag, state: peer.pc.connectionState, answers: peer.answers,
    connect_ms: peer.connected ? peer.connected - peer.posted : null,
    first_picture_ms: peer.pictures.length ? peer.pictures[0] - peer.posted : null,
    pictures: peer.pictures.length, fps: peer.pictures.filter((t) => t > now - 3000).length / 3,
    freeze_ms: Math.max(...steady.slice(1).map((t, i) => t - steady[i])), stats: {}, pair: null,
  };
  const all = await peer.pc.getStats();
  all.forEach((s) => {
    if (/bound-rtp$/.test(s.type)) result.stats[`${s.type} ${s.kind}`] = { ...s, codec: all.get(s.codecId)?.mimeType };
    if (s.type === 'candidate-pair' && s.nominated && s.state === 'succeeded') {
      result.pair = { local: all.get(s.localCandidateId)?.candidateType, remote: all.get(s.remoteCandidateId)?.candidateType };
    }
  });
  let picture = null;
  if (video.videoWidth) {
    const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight).getContext('2d');
    canvas.drawImage(video, 0, 0);
    const rgba = canvas.getImageData(0, 0, video.videoWidth, video.videoHeight).data;
    picture = { width: video.videoWidth, height: video.videoHeight, data: base64(rgba) };
  }
  const samples = new Float32Array(peer.sound.reduce((n, s) => n + s.length, 0));
  peer.sound.reduce((at, s) => (samples.set(s, at), at + s.length), 0);
  result.rate = peer.rate;
  function base64(array) {
    const bytes = new Uint8Array(array.buffer);
    let binary = '';
    for (let i = 0; i < bytes.length; i += 32768) binary += String.fromCharCode(...bytes.subarray(i, i + 32768));
    return btoa(binary);
  }
  const sound = base64(samples);
  const { resourceURL } = peer.client;
  await peer.client.stop();
  result.deleted = (await fetch(resourceURL, { method: 'DELETE' })).status === 404 ? 200 : 0; // stop() tells nobody
  return { result, picture, sound };
}

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM || '/usr/bin/chromium', args: ARGS, ignoreDefaultArgs: ['--mute-audio'],
});
const page = await (await browser.newContext()).newPage();
page.on('console', (message) => console.log(message.text()));
page.on('pageerror', (error) => console.log(error.stack));
await page.route(`${ORIGIN}/**`, (route) => {
  const name = new URL(route.request().url()).pathname.slice(1);
  if (!/^wh[ie]p\.js$/.test(name)) {
    return route.fulfill({ contentType: 'text/html', body: '<!doctype html><video autoplay playsinline></video>' });
  }
  return route.fulfill({ contentType: 'text/javascript', body: readFileSync(path.join(HERE, 'node_modules/whip-whep', name)) });
});
await page.goto(`${ORIGIN}/`);
const until = Date.now() + 1000 * Number(options.seconds);
await page.evaluate(begin, {
  url: options.url, way: options.way, token: options.token, codec: options.codec,
  relay: options.relay, relaysOnly: options['relays-only'],
});
let restart = Number(options['restart-at']) && Date.now() + 1000 * Number(options['restart-at']);
while (Date.now() < until && !existsSync(path.join(options.out, 'stop'))) {
  await new Promise((go) => { setTimeout(go, 50); });
  if (restart && Date.now() > restart) {
    restart = 0;
    await page.evaluate(() => window.peer.client.restart());
  }
}
const { result, picture, sound } = await page.evaluate(end);
if (picture) {
  const rgba = Buffer.from(picture.data, 'base64');
  const rgb = Buffer.alloc(rgba.length / 4 * 3);
  for (let i = 0, o = 0; i < rgba.length; i += 4, o += 3) rgba.copy(rgb, o, i, i + 3);
  writeFileSync(path.join(options.out, 'seen.npy'), npy('|u1', [picture.height, picture.width, 3], rgb));
}
const bytes = Buffer.from(sound, 'base64');
writeFileSync(path.join(options.out, 'heard.npy'), npy('<f4', [bytes.length / 4], bytes));
writeFileSync(path.join(options.out, 'result.json'), JSON.stringify(result));
await browser.close();
