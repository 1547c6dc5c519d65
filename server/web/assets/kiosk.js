// /r/ROOM?kiosk: no button, no cursor, the picture alone, for ever. With kiosk=send the kiosk takes
// part with its camera and microphone; without, it watches and is not shown to the others.
//
// Sound without a touch: Chromium does it with --autoplay-policy=no-user-gesture-required, and gives
// camera and microphone without asking with --use-fake-ui-for-media-stream (or by policy).

import { $ } from './dom.js';
import { Devices } from './devices.js';
import { Playback, keepAwake } from './playback.js';
import { Quality } from './quality.js';
import { Session } from './session.js';
import { say } from './texts.js';

// A camera that is plugged out and in again is taken up again: nobody is there to press anything.
function followDevices(devices, session, tell) {
  devices.addEventListener('change', ({ detail: kind }) => {
    session.replaceTrack(kind === 'camera' ? 'video' : 'audio', devices.track[kind]);
    tell();
  });
  devices.addEventListener('list', () => {
    for (const kind of ['camera', 'microphone']) {
      if (!devices.track[kind]) devices.open(kind, '');
    }
  });
}

/** joinUrl(room, values): as main.js has it. */
export async function startKiosk({ room, sends, name, layout, joinUrl }) {
  const video = $('kiosk-picture');
  say($('kiosk-title'), 'kiosk.title', { room });
  say($('kiosk-text'), 'state.connecting');
  keepAwake();
  const devices = new Devices();
  if (sends) await devices.openBoth();
  const { microphone: audio, camera: picture } = devices.track;
  const values = sends ? { name, layout } : { name, layout, hidden: '1' };
  const session = new Session({
    url: joinUrl(room, values),
    token: new URLSearchParams(location.hash.slice(1)).get('token') || '',
    tracks: { audio, video: picture },
    sends: { audio: sends && devices.usable, video: sends && devices.usable },
    forever: true,
  });
  window.tessera.session = session;
  const playback = new Playback(video, $('kiosk-sound'));
  session.addEventListener('stream', () => playback.play(session.stream));
  session.addEventListener('state', () => {
    document.body.dataset.state = session.state;
    // A short disturbance is no reason to write across the picture: the last one stays.
    const words = { connected: '', restarting: '' };
    say($('kiosk-text'), words[session.state] ?? `state.${session.state}`);
  });
  const tell = () => session.setLocal({ audio: Boolean(devices.track.microphone), video: Boolean(devices.track.camera) });
  if (sends) {
    tell();
    followDevices(devices, session, tell);
  }
  new Quality(session); // for its watch over a stream that stands still
  window.addEventListener('pagehide', () => session.stop());
  window.addEventListener('pageshow', ({ persisted }) => persisted && location.reload());
  session.start();
}
