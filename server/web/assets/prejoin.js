// Before the meeting: name, camera, microphone, and the one button.

import { $, memory, show } from './dom.js';
import { LevelMeter } from './devices.js';
import { bindPicker } from './picker.js';
import { say, text } from './texts.js';

export class Prejoin {
  /** name: from the address, or null. onJoin(name) is set by the owner. */
  constructor({ room, devices, name }) {
    this.devices = devices;
    this.meter = new LevelMeter($('level'));
    say($('prejoin-title'), 'prejoin.title', { room });
    const remembered = memory.get('name');
    $('name').value = name ?? remembered ?? '';
    $('remember').checked = remembered !== null;
    bindPicker(devices, 'camera', $('camera'));
    bindPicker(devices, 'microphone', $('microphone'));
    devices.addEventListener('change', () => this.active && this.#show());
    $('try-devices').addEventListener('click', () => this.#ask());
    $('join-form').addEventListener('submit', (event) => {
      event.preventDefault();
      this.#join();
    });
    show($('preview-box'), devices.usable);
  }

  /** Opens the view: with a reason after a meeting that ended, without at the beginning. */
  open(reason = '', detail = '') {
    this.active = true;
    this.after = Boolean(reason);
    const insecure = !this.devices.usable;
    const key = reason ? `end.${reason}` : 'prejoin.insecure';
    say($('prejoin-notice'), reason || insecure ? key : '', { text: detail });
    show($('prejoin-notice'), Boolean(reason) || insecure);
    // After a meeting camera and microphone stay off until the next: nobody looks at the preview then.
    show($('prejoin-devices'), !this.after && this.devices.usable);
    if (this.after || insecure) this.#show();
    else this.#ask();
  }

  async #ask() {
    say($('preview-text'), 'prejoin.asking');
    show($('device-problem'), false);
    this.asking = true;
    await this.devices.openBoth();
    this.asking = false;
    if (this.active) this.#show();
  }

  #show() {
    const { camera, microphone } = this.devices.track;
    const preview = $('preview');
    if (preview.srcObject?.getTracks()[0] !== camera) preview.srcObject = camera && new MediaStream([camera]);
    const empty = this.after ? 'prejoin.released' : 'prejoin.no-picture';
    if (!this.asking || camera) say($('preview-text'), camera ? '' : empty);
    if (this.metered !== microphone) this.meter.start(microphone);
    this.metered = microphone;
    const problem = this.asking || this.after ? '' : this.devices.problem();
    say($('device-problem'), problem);
    show($('device-problem'), Boolean(problem));
    show($('try-devices'), Boolean(problem));
  }

  async #join() {
    if (!this.active) return; // pressed twice
    const name = $('name').value.trim();
    memory.set('name', $('remember').checked ? name : null);
    this.active = false;
    if (this.after) await this.devices.resume();
    this.meter.stop();
    this.metered = null;
    $('preview').srcObject = null;
    this.onJoin(name || text('prejoin.guest'));
  }
}
