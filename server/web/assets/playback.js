// A stream in a video element, with sound where the browser lets it, on a screen that stays on.

import { show } from './dom.js';

/** Plays stream in video. Browsers may forbid sound before a touch: then the picture goes on
 * without it, and button is shown, which turns it on. */
export class Playback {
  constructor(video, button, signal) {
    this.video = video;
    this.button = button;
    button.addEventListener('click', () => this.#loud(), { signal });
  }

  async play(stream) {
    if (this.video.srcObject !== stream) this.video.srcObject = stream;
    this.video.muted = false;
    try {
      await this.video.play();
      show(this.button, false);
    } catch (error) {
      if (error.name !== 'NotAllowedError') return; // AbortError: a newer stream is on its way
      this.video.muted = true;
      show(this.button, true);
      await this.video.play().catch(() => {});
    }
  }

  async #loud() {
    this.video.muted = false;
    await this.video.play().catch(() => {});
    show(this.button, false);
  }
}

/** Keeps the screen on where the browser can. It lets go whenever the page is not visible, so it is
 * asked again. Until signal, if there is one. */
export function keepAwake(signal) {
  let lock = null;
  const ask = async () => {
    if (document.visibilityState !== 'visible') return;
    lock = await navigator.wakeLock?.request('screen').catch(() => null);
    if (signal?.aborted) lock?.release();
  };
  document.addEventListener('visibilitychange', ask, { signal });
  signal?.addEventListener('abort', () => lock?.release());
  ask();
}
