// A stream in a video element, with sound where the browser lets it.

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
