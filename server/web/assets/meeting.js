// In the meeting: one session, and the controls around it.

import { $, announce, setIcon, show } from './dom.js';
import { Chat } from './chat.js';
import { LevelMeter } from './devices.js';
import { listenKeys } from './keys.js';
import { bindPicker } from './picker.js';
import { Playback, keepAwake } from './playback.js';
import { Quality } from './quality.js';
import { Roster } from './roster.js';
import { Session } from './session.js';
import { locale, say } from './texts.js';

const IDLE_MS = 3000; // in full screen the controls go away after so long

const LINE = { camera: 'video', microphone: 'audio' };
let pickersBound = false;

/** Joins and shows the meeting; over(reason, text) is called once when it has ended. */
export function startMeeting({ room, devices, token, url }, over) {
  new Meeting({ room, devices, token, url }, over).start();
}

class Meeting {
  constructor({ room, devices, token, url }, over) {
    Object.assign(this, { room, devices, over, muted: false });
    this.abort = new AbortController(); // ends every listener of this meeting
    const { signal } = this.abort;
    this.session = new Session({
      url,
      token,
      tracks: { audio: devices.track.microphone, video: devices.track.camera },
      sends: { audio: this.#mightSend('microphone'), video: this.#mightSend('camera') },
    });
    window.tessera.session = this.session;
    this.roster = new Roster();
    this.chat = new Chat((line) => this.session.send({ type: 'chat', text: line }));
    this.quality = new Quality(this.session);
    this.playback = new Playback($('picture'), $('sound'), signal);
    this.meter = new LevelMeter($('settings-level'));
    this.#bindSession(signal);
    this.#bindControls(signal);
    this.#bindDevices(signal);
    this.#bindFullScreen(signal);
    keepAwake(signal);
  }

  start() {
    say($('meeting-title'), 'kiosk.title', { room: this.room });
    for (const panel of ['people', 'chat']) this.#panel(panel, false);
    // On a wide screen there is room for the list beside a large picture.
    if (window.matchMedia('(min-width: 75rem)').matches) this.#panel('people', true);
    this.#notice(this.devices.track.camera || this.devices.track.microphone ? '' : 'meeting.watching');
    this.#showState();
    this.#showQuality();
    this.#showLocal();
    this.session.start();
  }

  // A line for a device that is switched off can send later; one without any device only receives.
  #mightSend(kind) {
    return ['', 'off', 'lost'].includes(this.devices.reason[kind]);
  }

  #bindSession(signal) {
    const { session } = this;
    session.addEventListener('stream', () => {
      if (session.stream?.getTracks().length) this.playback.play(session.stream);
    });
    session.addEventListener('state', () => this.#showState());
    session.addEventListener('message', ({ detail }) => this.#heard(detail));
    this.quality.addEventListener('sample', () => this.#showQuality());
    $('picture').addEventListener('resize', () => this.#showState(), { signal });
    // A page that is closed leaves, and one that comes back from the browser's memory has left.
    window.addEventListener('pagehide', () => session.stop(), { signal });
  }

  #heard(message) {
    switch (message.type) {
      case 'welcome':
        this.roster.reset(message.you);
        this.chat.reset();
        break;
      case 'roster':
        this.roster.update(message.participants || []);
        if (this.roster.ownHand !== undefined && this.roster.ownHand !== this.session.hand) {
          this.session.hand = this.roster.ownHand; // lowered by whoever leads
          this.#showLocal();
        }
        break;
      case 'speaking':
        this.roster.speaking(message.ids || []);
        break;
      case 'chat':
        this.chat.add(message);
        break;
      case 'error':
        this.#notice('meeting.error', { text: message.text });
        break;
      default: // send and bye are the session's; what is newer than this page is passed over
    }
  }

  #bindControls(signal) {
    const press = (id, action) => $(id).addEventListener('click', action, { signal });
    press('mute', () => this.#toggleMute());
    press('camera-toggle', () => this.#toggleCamera());
    press('hand', () => this.#toggleHand());
    press('full', () => this.#toggleFull());
    press('leave', () => this.session.stop());
    press('people-toggle', () => this.#panel('people', $('people').hidden));
    press('chat-toggle', () => this.#panel('chat', $('chat').hidden, true));
    press('settings-open', () => this.#openSettings());
    press('help-open', () => $('help').showModal());
    $('settings-layout').value = this.session.url.searchParams.get('layout') || '';
    $('settings-layout').addEventListener('change', ({ target }) => this.session.setLayout(target.value), { signal });
    $('settings').addEventListener('close', () => this.meter.stop(), { signal });
    listenKeys({
      m: () => $('mute').click(),
      c: () => $('camera-toggle').click(),
      h: () => $('hand').click(),
      f: () => this.#toggleFull(),
      '?': () => $('help').showModal(),
    }, signal);
    $('quality').addEventListener('keydown', (event) => {
      if (event.key === 'Escape') $('quality').open = false;
    }, { signal });
    // Esc closes a panel from inside it and gives the focus back; dialogs do so by themselves.
    for (const panel of ['people', 'chat']) {
      $(panel).addEventListener('keydown', (event) => {
        if (event.key !== 'Escape') return;
        this.#panel(panel, false);
        $(`${panel}-toggle`).focus();
      }, { signal });
    }
  }

  #bindDevices(signal) {
    if (!pickersBound) {
      bindPicker(this.devices, 'camera', $('settings-camera'));
      bindPicker(this.devices, 'microphone', $('settings-microphone'));
      pickersBound = true; // they follow the devices, which outlive the meeting
    }
    this.devices.addEventListener('change', ({ detail: kind }) => {
      const track = this.devices.track[kind];
      if (kind === 'microphone' && track) track.enabled = !this.muted;
      if (kind === 'microphone' && $('settings').open) this.meter.start(track);
      this.#showLocal();
      const problem = this.devices.problem();
      say($('settings-problem'), problem);
      show($('settings-problem'), Boolean(problem));
      this.#notice(problem);
      this.session.replaceTrack(LINE[kind], track);
    }, { signal });
  }

  #openSettings() {
    $('settings').showModal();
    this.meter.start(this.devices.track.microphone);
  }

  async #toggleMute() {
    if (!this.devices.track.microphone) {
      this.muted = false;
      await this.devices.open('microphone');
    } else {
      this.muted = !this.muted;
      this.devices.track.microphone.enabled = !this.muted;
      this.#showLocal();
    }
    announce(this.#speaks ? 'meeting.is-unmuted' : 'meeting.is-muted');
  }

  async #toggleCamera() {
    if (this.devices.track.camera) this.devices.close('camera');
    else await this.devices.open('camera');
    announce(this.devices.track.camera ? 'meeting.camera-is-on' : 'meeting.camera-is-off');
  }

  #toggleHand() {
    this.session.setHand(!this.session.hand);
    this.#showLocal();
  }

  get #speaks() {
    return Boolean(this.devices.track.microphone) && !this.muted;
  }

  // What the buttons say is what pressing them does; data-on and the icon say what is.
  #showLocal() {
    const audio = this.#speaks;
    const video = Boolean(this.devices.track.camera);
    const { hand } = this.session;
    this.#button('mute', audio, audio ? 'mic' : 'mic-off', audio ? 'meeting.mute' : 'meeting.unmute');
    this.#button('camera-toggle', video, video ? 'camera' : 'camera-off',
      video ? 'meeting.camera-off' : 'meeting.camera-on');
    this.#button('hand', hand, 'hand', hand ? 'meeting.lower' : 'meeting.raise');
    $('mute').disabled = !this.devices.usable;
    $('camera-toggle').disabled = !this.devices.usable;
    if (audio !== this.session.local.audio || video !== this.session.local.video) {
      this.session.setLocal({ audio, video });
    }
  }

  #button(id, on, iconName, key) {
    const button = $(id);
    button.dataset.on = String(on);
    setIcon(button, iconName);
    say(button.querySelector('span'), key);
  }

  #panel(name, open, focus = false) {
    // On a phone there is room for one, below the picture or beside it.
    const other = name === 'chat' ? 'people' : 'chat';
    if (open && !$(other).hidden && !window.matchMedia('(min-width: 48rem) and (min-height: 30rem)').matches) this.#panel(other, false);
    show($(name), open);
    $(`${name}-toggle`).setAttribute('aria-expanded', String(open));
    $('meeting').classList.toggle('with-panel', !$('people').hidden || !$('chat').hidden);
    if (name === 'chat' && open) {
      this.chat.read();
      if (focus) $('chat-text').focus();
    }
  }

  #notice(key, values) {
    say($('meeting-notice'), key, values);
    show($('meeting-notice'), Boolean(key));
  }

  #showState() {
    const { state } = this.session;
    document.body.dataset.state = state;
    if (state === 'ended') {
      this.#end();
      return;
    }
    const key = state === 'connected' ? '' : `state.${state}`;
    const noPicture = state === 'connected' && !$('picture').videoWidth;
    say($('stage-text'), key || (noPicture ? 'meeting.waiting' : ''));
    if (state === this.told) return;
    if (state === 'connected') announce(this.told === 'connecting' ? 'meeting.joined' : 'state.back', { room: this.room });
    else if (state !== 'connecting' || this.told) announce(key);
    // A new join passes through 'connecting' again; to the person it is one disturbance.
    this.told = state;
  }

  #showQuality() {
    const { grade, sample } = this.quality;
    if (grade === 'poor' && $('quality').dataset.quality !== 'poor') announce('quality.poor');
    $('quality').dataset.quality = grade;
    say($('quality-text'), `quality.${grade}`);
    if (!sample) return;
    const number = (value, digits) => value.toLocaleString(locale(), {
      minimumFractionDigits: digits, maximumFractionDigits: digits,
    });
    $('quality-loss').textContent = `${number(sample.loss * 100, 1)} %`;
    $('quality-rtt').textContent = `${number(sample.rttMs, 0)} ms`;
    $('quality-jitter').textContent = `${number(sample.jitterMs, 0)} ms`;
    $('quality-freeze').textContent = `${number(sample.frozen * 100, 0)} %`;
    $('quality-codecs').textContent = [...sample.codecs, sample.size].filter(Boolean).join(', ');
  }

  #bindFullScreen(signal) {
    const stage = $('meeting');
    const shown = () => {
      const full = document.fullscreenElement === stage;
      this.#button('full', full, full ? 'full-leave' : 'full', full ? 'meeting.full-leave' : 'meeting.full');
    };
    // Controls lie over the picture in full screen, and go when nothing has moved for a while. While
    // one of them has the focus they stay (style.css).
    const stir = () => {
      stage.classList.remove('idle');
      clearTimeout(this.idle);
      this.idle = setTimeout(() => stage.classList.add('idle'), IDLE_MS);
    };
    document.addEventListener('fullscreenchange', shown, { signal });
    for (const type of ['pointermove', 'pointerdown', 'keydown']) stage.addEventListener(type, stir, { signal });
    shown();
    stir();
  }

  #toggleFull() {
    if (document.fullscreenElement) document.exitFullscreen();
    else if ($('meeting').requestFullscreen) $('meeting').requestFullscreen().catch(() => {});
    else $('picture').webkitEnterFullscreen?.(); // iPhones know only this
  }

  #end() {
    this.abort.abort();
    this.quality.stop();
    this.chat.stop();
    this.meter.stop();
    clearTimeout(this.idle);
    this.devices.release();
    if (document.fullscreenElement) document.exitFullscreen();
    for (const dialog of ['settings', 'help']) $(dialog).close();
    $('picture').srcObject = null;
    say($('stage-text'), '');
    this.over(this.session.reason, this.session.text);
  }
}
