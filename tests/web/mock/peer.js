// The far end of every leg in the tests: sends a drawn picture and a tone, counts what it receives.

const canvas = document.getElementById('canvas');
const pen = canvas.getContext('2d');
const COLOURS = ['#7a3b3b', '#3b5f7a', '#3b7a4f', '#7a6a3b'];
const NAMES = ['Ana', 'Bruno', 'Chloé', '+33 1 23 45'];
let frame = 0;
setInterval(() => {
  frame += 1;
  COLOURS.forEach((colour, i) => {
    const x = (i % 2) * 320;
    const y = Math.floor(i / 2) * 180;
    pen.fillStyle = colour;
    pen.fillRect(x, y, 320, 180);
    pen.fillStyle = '#fff';
    pen.font = '20px sans-serif';
    pen.fillText(NAMES[i], x + 12, y + 168);
    pen.beginPath();
    pen.arc(x + 160 + 20 * Math.sin(frame / 10 + i), y + 85, 40, 0, 7);
    pen.fill();
  });
}, 66);
const picture = canvas.captureStream(15).getVideoTracks()[0];
const context = new AudioContext();
const tone = context.createOscillator();
const out = context.createMediaStreamDestination();
tone.frequency.value = 440;
tone.connect(out);
tone.start();
const sound = out.stream.getAudioTracks()[0];

const legs = new Map();

function gathered(pc) {
  if (pc.iceGatheringState === 'complete') return null;
  return new Promise((done) => {
    pc.addEventListener('icegatheringstatechange', () => pc.iceGatheringState === 'complete' && done());
    setTimeout(done, 500);
  });
}

async function answer(pc) {
  await pc.setLocalDescription(await pc.createAnswer());
  await gathered(pc);
  return pc.localDescription.sdp;
}

const first = (sdp, pattern) => pattern.exec(sdp)[1];

const ops = {
  async join({ id, sdp }) {
    const pc = new RTCPeerConnection();
    legs.set(id, pc);
    await pc.setRemoteDescription({ type: 'offer', sdp });
    for (const transceiver of pc.getTransceivers()) {
      transceiver.direction = 'sendrecv';
      await transceiver.sender.replaceTrack(transceiver.receiver.track.kind === 'video' ? picture : sound);
    }
    return { sdp: await answer(pc) };
  },
  async candidates({ id, fragment }) {
    const pc = legs.get(id);
    const usernameFragment = first(fragment, /^a=ice-ufrag:(.*?)\r?$/m);
    for (const [, candidate] of fragment.matchAll(/^a=(candidate:.*?)\r?$/gm)) {
      await pc.addIceCandidate({ candidate, sdpMLineIndex: 0, usernameFragment });
    }
    return {};
  },
  async restart({ id, fragment }) {
    const pc = legs.get(id);
    const ufrag = first(fragment, /^a=ice-ufrag:(.*?)\r?$/m);
    const pwd = first(fragment, /^a=ice-pwd:(.*?)\r?$/m);
    const sdp = pc.remoteDescription.sdp
      .replace(/^a=ice-ufrag:.*?\r?$/gm, `a=ice-ufrag:${ufrag}\r`)
      .replace(/^a=ice-pwd:.*?\r?$/gm, `a=ice-pwd:${pwd}\r`)
      .replace(/^a=(candidate:.*|end-of-candidates)\r?\n/gm, '')
      .replace(/\r+/g, '\r');
    await pc.setRemoteDescription({ type: 'offer', sdp });
    const lines = (await answer(pc)).split(/\r?\n/)
      .filter((line) => /^a=(ice-ufrag|ice-pwd|candidate)/.test(line));
    return { fragment: `${[...new Set(lines)].join('\r\n')}\r\n` };
  },
  async stats({ id }) {
    const result = {};
    for (const stat of (await legs.get(id).getStats()).values()) {
      if (stat.type === 'inbound-rtp') {
        result[stat.kind] = {
          packets: stat.packetsReceived, width: stat.frameWidth, frames: stat.framesDecoded, energy: stat.totalAudioEnergy,
        };
      }
    }
    return result;
  },
  async close({ id }) {
    legs.get(id)?.close();
    legs.delete(id);
    return {};
  },
};

const socket = new WebSocket(`ws://${location.host}/mock/peer`, 'tessera.v1');
socket.addEventListener('message', async ({ data }) => {
  const { number, op, ...call } = JSON.parse(data);
  let result;
  try {
    result = await ops[op](call);
  } catch (error) {
    result = { error: `${op}: ${error.message}` };
  }
  socket.send(JSON.stringify({ number, ...result }));
});
socket.addEventListener('open', () => { document.title = 'ready'; });
