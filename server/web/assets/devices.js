// Camera and microphone of this machine: asked for, listed, changed, switched off, measured.
//
// kinds are 'camera' and 'microphone'. Each has a track or none, and where there is none, a reason:
// 'off' (chosen so), 'denied', 'missing', 'busy', 'insecure' (no secure origin: the browser has no
// mediaDevices at all), 'lost' (unplugged).

const WANTED = {
  camera: { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30, max: 30 } },
  microphone: { echoCancellation: true, noiseSuppression: true, autoGainControl: true },
};
const MEDIA = { camera: 'video', microphone: 'audio' };
const INPUT = { camera: 'videoinput', microphone: 'audioinput' };

function reasonOf(error) {
  switch (error?.name) {
    case 'NotAllowedError':
    case 'SecurityError':
      return 'denied';
    case 'NotReadableError':
    case 'AbortError':
      return 'busy';
    default:
      return 'missing';
  }
}

function constraints(kind, id) {
  return id ? { ...WANTED[kind], deviceId: { exact: id } } : WANTED[kind];
}

/** Fires 'change' (detail: the kind) whenever a track came, went or was replaced, and 'list' when
 * devices were plugged in or out. */
export class Devices extends EventTarget {
  constructor() {
    super();
    this.media = navigator.mediaDevices;
    this.track = { camera: null, microphone: null };
    this.reason = { camera: 'off', microphone: 'off' };
    this.chosen = { camera: '', microphone: '' };
    if (!this.usable) this.reason = { camera: 'insecure', microphone: 'insecure' };
    else this.media.addEventListener?.('devicechange', () => this.dispatchEvent(new Event('list')));
  }

  /** False on a plain http: origin that is not this machine: browsers then hide the devices. */
  get usable() {
    return Boolean(this.media?.getUserMedia);
  }

  /** Asks for both with one question of the browser; if that fails, for each alone. */
  async openBoth() {
    if (!this.usable) return;
    try {
      const stream = await this.media.getUserMedia({ audio: WANTED.microphone, video: WANTED.camera });
      this.#take('camera', stream.getVideoTracks()[0]);
      this.#take('microphone', stream.getAudioTracks()[0]);
    } catch (error) {
      // A refusal of the person is not asked a second time; a missing camera must not cost the microphone.
      if (reasonOf(error) === 'denied' && !(await this.#onePermitted())) {
        this.#lack('camera', 'denied');
        this.#lack('microphone', 'denied');
        return;
      }
      await this.open('microphone');
      await this.open('camera');
    }
  }

  /** Opens one kind: id of a device, or '' for the one that the browser prefers. */
  async open(kind, id = this.chosen[kind]) {
    if (!this.usable) return;
    this.chosen[kind] = id;
    // Some cameras can be open once only: the old one goes first.
    this.track[kind]?.stop();
    try {
      const stream = await this.media.getUserMedia({ [MEDIA[kind]]: constraints(kind, id) });
      this.#take(kind, stream.getTracks()[0]);
    } catch (error) {
      this.#lack(kind, reasonOf(error));
    }
  }

  /** Switches one kind off: the device is given back, and its lamp goes out. */
  close(kind) {
    this.track[kind]?.stop();
    this.#lack(kind, 'off');
  }

  /** Gives back what is in use, until resume(). */
  release() {
    this.released = Object.keys(this.track).filter((kind) => this.track[kind]);
    for (const kind of this.released) this.close(kind);
  }

  /** Opens again what was in use. */
  async resume() {
    const kinds = this.released || [];
    this.released = [];
    for (const kind of kinds) await this.open(kind);
  }

  /** The devices of a kind, [{id, label}]. Labels are empty until the person has allowed one. */
  async list(kind) {
    if (!this.usable) return [];
    const all = await this.media.enumerateDevices();
    return all
      .filter((device) => device.kind === INPUT[kind] && device.deviceId !== '')
      .map((device) => ({ id: device.deviceId, label: device.label }));
  }

  /** The id of the device in use, as the list has it. */
  activeId(kind) {
    return this.track[kind]?.getSettings().deviceId || this.chosen[kind];
  }

  /** Key of the text that says what is missing, or '' when nothing is (off by choice is nothing). */
  problem() {
    const bad = ['camera', 'microphone'].filter((kind) => !['off', ''].includes(this.reason[kind]));
    if (bad.length === 0 || !this.usable) return '';
    const [first] = bad;
    if (bad.length === 2 && this.reason.camera === this.reason.microphone && this.reason.camera !== 'lost') {
      return `device.${this.reason.camera}.both`;
    }
    return `device.${this.reason[first]}.${first}`;
  }

  #take(kind, track) {
    if (!track) {
      this.#lack(kind, 'missing');
      return;
    }
    this.track[kind]?.stop();
    this.track[kind] = track;
    this.reason[kind] = '';
    track.addEventListener('ended', () => {
      if (this.track[kind] === track) this.#lack(kind, 'lost');
    });
    this.dispatchEvent(new CustomEvent('change', { detail: kind }));
  }

  #lack(kind, reason) {
    this.track[kind] = null;
    this.reason[kind] = reason;
    this.dispatchEvent(new CustomEvent('change', { detail: kind }));
  }

  // With "camera: block" remembered and the microphone allowed, asking for both is refused as a whole.
  async #onePermitted() {
    try {
      const names = ['camera', 'microphone'];
      const states = await Promise.all(names.map((name) => navigator.permissions.query({ name })));
      return states.some((status) => status.state === 'granted');
    } catch {
      return false; // Firefox before 132 does not know these names
    }
  }
}

const FLOOR_DB = -60;

/** Shows the level of a track in a meter element, until stop(). */
export class LevelMeter {
  constructor(element) {
    this.element = element;
    this.bar = element.firstElementChild;
  }

  start(track) {
    this.stop();
    if (!track || !window.AudioContext) return;
    const context = new AudioContext();
    const analyser = context.createAnalyser();
    analyser.fftSize = 1024;
    context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    // Browsers keep sound graphs asleep until the person has touched the page.
    const wake = () => context.resume();
    document.addEventListener('pointerdown', wake);
    document.addEventListener('keydown', wake);
    const timer = setInterval(() => {
      analyser.getFloatTimeDomainData(samples);
      const power = samples.reduce((sum, x) => sum + x * x, 0) / samples.length;
      const db = 10 * Math.log10(power + 1e-12);
      this.#draw(track.enabled ? Math.max(0, 1 - db / FLOOR_DB) : 0);
    }, 80);
    this.stop = () => {
      clearInterval(timer);
      document.removeEventListener('pointerdown', wake);
      document.removeEventListener('keydown', wake);
      context.close();
      this.#draw(0);
      delete this.stop;
    };
  }

  /** Replaced by start() with one that knows what to end. */
  stop() {}

  #draw(level) {
    this.bar.style.setProperty('--level', level.toFixed(3));
    this.element.setAttribute('aria-valuenow', String(Math.round(level * 100)));
  }
}
