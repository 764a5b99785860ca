// The bell of a station: each pulse comes over the socket as a message of its own, one byte (BEL).
// A browser lets a page sound once somebody has pressed a key or clicked in it; until then the page says so.
// The frame lights up with every burst, steadily: a frame that flashed with each pulse would do so too fast.
(() => {
  const BEL = 7;
  const TONE_HZ = 880;
  const PULSE_S = 0.15;
  const EDGE_S = 0.01;
  const LOUDNESS = 0.2;
  const LIT_MS = 1500;
  let sound = null;
  let dim = 0;

  function wake() {
    sound ??= new AudioContext();
    sound.resume().then(() => document.body.classList.remove("-mute"));
  }

  function pulse() {
    const tone = sound.createOscillator();
    const gain = sound.createGain();
    const start = sound.currentTime;
    const stop = start + PULSE_S;
    tone.type = "triangle";
    tone.frequency.value = TONE_HZ;
    gain.gain.setValueAtTime(0, start);
    gain.gain.linearRampToValueAtTime(LOUDNESS, start + EDGE_S);
    gain.gain.setValueAtTime(LOUDNESS, stop - EDGE_S);
    gain.gain.linearRampToValueAtTime(0, stop);
    tone.connect(gain).connect(sound.destination);
    tone.start(start);
    tone.stop(stop);
  }

  function ring() {
    document.body.classList.add("-ringing");
    clearTimeout(dim);
    dim = setTimeout(() => document.body.classList.remove("-ringing"), LIT_MS);
    if (sound?.state === "running") pulse();
  }

  const Plain = window.WebSocket;
  window.WebSocket = class extends Plain {
    constructor(...place) {
      super(...place);
      this.addEventListener("message", ({ data }) => {
        if (data instanceof ArrayBuffer && data.byteLength === 1 && new Uint8Array(data)[0] === BEL) ring();
      });
    }
  };
  for (const gesture of ["keydown", "pointerdown"]) window.addEventListener(gesture, wake, true);
})();
