// Runs in the page before its own scripts, in the end-to-end tests alone: what the camera and the
// microphone are, and what is measured of what comes back. window.e2eOptions stands before it:
//   still  base64 of a picture: the camera is a canvas with it (Firefox cannot read one from a file)
//   clap   the devices are a picture that flashes white and a beep of 1 kHz with it, once a second
//   fps    of the canvas

(() => {
  const options = window.e2eOptions;
  const media = navigator.mediaDevices;
  if (!media) return;
  const getUserMedia = media.getUserMedia.bind(media);
  // A tone is noise to what browsers do to speech.
  const PLAIN = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };

  const bytes = (base64) => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));

  async function base64(blob) {
    const data = new Uint8Array(await blob.arrayBuffer());
    let text = '';
    for (let i = 0; i < data.length; i += 32768) text += String.fromCharCode(...data.subarray(i, i + 32768));
    return btoa(text);
  }

  async function canvasTrack() {
    const picture = await createImageBitmap(new Blob([bytes(options.still)]));
    const canvas = document.createElement('canvas');
    Object.assign(canvas, { width: picture.width, height: picture.height });
    const context = canvas.getContext('2d');
    let n = 0;
    setInterval(() => {
      context.drawImage(picture, 0, 0);
      context.fillStyle = '#fff';
      n = (n + 4) % (canvas.width - 16);
      context.fillRect(n, canvas.height / 8, 16, 8);
    }, 1000 / options.fps);
    return canvas.captureStream(options.fps).getVideoTracks()[0];
  }

  // The beep is put into the sound ahead of time, exactly at a second of its clock; the canvas is white
  // while that clock says so.
  function clapStream(want) {
    const stream = new MediaStream();
    const context = new AudioContext();
    const canvas = document.createElement('canvas');
    Object.assign(canvas, { width: 320, height: 180 });
    const drawing = canvas.getContext('2d');
    let due = 1;
    const out = context.createMediaStreamDestination();
    const tone = context.createOscillator();
    const gate = context.createGain();
    tone.frequency.value = 1000;
    gate.gain.value = 0;
    tone.connect(gate).connect(out);
    tone.start();
    setInterval(() => {
      context.resume();
      for (; due < context.currentTime + 1.5; due += 1) {
        gate.gain.setValueAtTime(0.5, due);
        gate.gain.setValueAtTime(0, due + 0.1);
      }
      drawing.fillStyle = context.currentTime >= 1 && context.currentTime % 1 < 0.1 ? '#fff' : '#123';
      drawing.fillRect(0, 0, 320, 180);
    }, 5);
    if (want.video) stream.addTrack(canvas.captureStream(30).getVideoTracks()[0]);
    if (want.audio) stream.addTrack(out.stream.getAudioTracks()[0]);
    return stream;
  }

  media.getUserMedia = async (want) => {
    if (options.clap) return clapStream(want);
    const stream = new MediaStream();
    const real = { audio: want.audio ? { ...want.audio, ...PLAIN } : false, video: options.still ? false : want.video || false };
    if (real.audio || real.video) for (const track of (await getUserMedia(real)).getTracks()) stream.addTrack(track);
    if (want.video && options.still) stream.addTrack(await canvasTrack());
    return stream;
  };

  const video = () => document.querySelector(document.body.dataset.view === 'kiosk' ? '#kiosk-picture' : '#picture');
  const wait = (ms) => new Promise((go) => { setTimeout(go, ms); });

  /** Sound as blocks of samples, {at (ms of performance.now), rate, samples}, until stop() is true. */
  async function blocks(take, stop) {
    const [track] = window.tessera.session.stream.getAudioTracks();
    const reader = new MediaStreamTrackProcessor({ track: track.clone() }).readable.getReader();
    while (!stop()) {
      const { value, done } = await reader.read();
      if (done) break;
      const samples = new Float32Array(value.numberOfFrames);
      value.copyTo(samples, { planeIndex: 0, format: 'f32-planar' });
      take({ at: performance.now(), rate: value.sampleRate, samples });
      value.close();
    }
    reader.cancel();
  }

  const onsets = []; // of the beep and the flash, {kind, at}

  window.e2e = {
    /** What the video element shows, as a PNG in base64. */
    async picture() {
      const element = video();
      const canvas = document.createElement('canvas');
      Object.assign(canvas, { width: element.videoWidth, height: element.videoHeight });
      canvas.getContext('2d').drawImage(element, 0, 0);
      return canvas.toDataURL('image/png').split(',')[1];
    },

    /** The sound of so many seconds, as 32-bit floats in base64 (Chromium). */
    async samples(seconds) {
      const parts = [];
      let count = 0;
      let rate = 48000;
      await blocks((block) => {
        parts.push(block.samples);
        rate = block.rate;
        count += block.samples.length;
      }, () => count >= seconds * rate);
      return { rate, data: await base64(new Blob(parts)) };
    },

    /** The same through the browser's own recorder, as a file in base64. */
    async recording(seconds) {
      const [track] = window.tessera.session.stream.getAudioTracks();
      const recorder = new MediaRecorder(new MediaStream([track]), { audioBitsPerSecond: 128000 });
      const parts = [];
      recorder.ondataavailable = ({ data }) => parts.push(data);
      const over = new Promise((resolve) => { recorder.onstop = resolve; });
      recorder.start();
      await wait(seconds * 1000);
      recorder.stop();
      await over;
      return base64(new Blob(parts));
    },

    /** getStats, the parts that are judged. */
    async stats() {
      const out = { in: {}, out: {}, far: {}, pair: null, at: performance.now() };
      const report = await window.tessera.session.pc.getStats();
      for (const stat of report.values()) {
        const codec = report.get(stat.codecId)?.mimeType;
        if (stat.type === 'inbound-rtp') out.in[stat.kind] = { ...stat, codec };
        else if (stat.type === 'outbound-rtp') out.out[stat.kind] = { ...stat, codec };
        else if (stat.type === 'remote-inbound-rtp') out.far[stat.kind] = stat;
        else if (stat.type === 'candidate-pair' && stat.nominated) out.pair = stat;
      }
      return JSON.parse(JSON.stringify(out));
    },

    /** Presses the button and waits for the first picture: ms. */
    async clickToPicture() {
      const element = document.querySelector('#picture');
      const start = performance.now();
      const first = new Promise((resolve) => { element.requestVideoFrameCallback(() => resolve(performance.now() - start)); });
      document.querySelector('#join').click();
      return Promise.race([first, wait(10000).then(() => -1)]);
    },

    /** From now on notes each flash in a part of the picture ([x, y] of 1) and each beep of 1 kHz. */
    watch(x, y) {
      const element = video();
      const canvas = new OffscreenCanvas(1, 1);
      const context = canvas.getContext('2d', { willReadFrequently: true });
      let white = true;
      const look = (now, frame) => {
        context.drawImage(element, element.videoWidth * x, element.videoHeight * y, 8, 8, 0, 0, 1, 1);
        const [r, g, b] = context.getImageData(0, 0, 1, 1).data;
        const is = Math.min(r, g, b) > 190;
        if (is && !white) onsets.push({ kind: 'flash', at: frame.presentationTime });
        white = is;
        element.requestVideoFrameCallback(look);
      };
      element.requestVideoFrameCallback(look);
      let loud = true;
      blocks(({ at, rate, samples }) => {
        // Goertzel's: the power of 1 kHz alone, in parts of 2.5 ms.
        const part = Math.round(rate / 400);
        for (let i = 0; i + part <= samples.length; i += part) {
          let re = 0;
          let im = 0;
          for (let k = 0; k < part; k += 1) {
            const angle = (2 * Math.PI * 1000 * k) / rate;
            re += samples[i + k] * Math.cos(angle);
            im += samples[i + k] * Math.sin(angle);
          }
          const is = (2 * Math.hypot(re, im)) / part > 0.06;
          if (is && !loud) onsets.push({ kind: 'beep', at: at - (1000 * (samples.length - i)) / rate });
          loud = is;
        }
      }, () => false);
    },

    onsets,
  };
})();
