// How good the connection is, from getStats: three words, and the numbers behind them.

const PERIOD_MS = 2000;

// Worse than any of these is fair, worse than any of those is poor. Loss and delay as ITU-T G.114 and
// common practice have them; frozen: the part of the time in which the picture stood still.
const FAIR = { loss: 0.015, rttMs: 200, jitterMs: 40, frozen: 0.03 };
const POOR = { loss: 0.05, rttMs: 400, jitterMs: 100, frozen: 0.2 };

/** One judgement of what a period brought. */
export function grade(sample) {
  const beyond = (limits) => Object.keys(limits).some((key) => sample[key] > limits[key]);
  if (beyond(POOR)) return 'poor';
  return beyond(FAIR) ? 'fair' : 'good';
}

function totals(report) {
  const sum = { received: 0, lost: 0, frozenS: 0, jitterMs: 0, rttMs: 0, farLoss: 0, codecs: [], width: 0, height: 0 };
  for (const stat of report.values()) {
    if (stat.type === 'inbound-rtp') {
      sum.received += stat.packetsReceived || 0;
      sum.lost += Math.max(0, stat.packetsLost || 0);
      sum.frozenS += stat.totalFreezesDuration || 0;
      sum.jitterMs = Math.max(sum.jitterMs, (stat.jitter || 0) * 1000);
      const name = report.get(stat.codecId)?.mimeType?.split('/')[1];
      if (name) sum.codecs.push(name);
      if (stat.frameWidth) Object.assign(sum, { width: stat.frameWidth, height: stat.frameHeight });
    } else if (stat.type === 'candidate-pair' && stat.nominated && stat.currentRoundTripTime) {
      sum.rttMs = Math.max(sum.rttMs, stat.currentRoundTripTime * 1000);
    } else if (stat.type === 'remote-inbound-rtp') {
      sum.farLoss = Math.max(sum.farLoss, stat.fractionLost || 0);
    }
  }
  return sum;
}

function difference(before, now, seconds) {
  const received = now.received - before.received;
  const lost = Math.max(0, now.lost - before.lost);
  const near = received + lost > 0 ? lost / (received + lost) : 0;
  return {
    loss: Math.max(near, now.farLoss),
    rttMs: now.rttMs,
    jitterMs: now.jitterMs,
    frozen: Math.min(1, Math.max(0, now.frozenS - before.frozenS) / seconds),
    received,
    codecs: now.codecs,
    size: now.width ? `${now.width}×${now.height}` : '',
  };
}

/** Watches a session. Events: 'sample' (this.grade and this.sample are new). */
export class Quality extends EventTarget {
  constructor(session) {
    super();
    this.session = session;
    this.grade = 'unknown';
    this.timer = setInterval(() => this.#measure(), PERIOD_MS);
  }

  stop() {
    clearInterval(this.timer);
  }

  async #measure() {
    const { pc, state } = this.session;
    if (!pc || state !== 'connected') {
      this.before = null;
      return;
    }
    const now = { pc, at: performance.now(), ...totals(await pc.getStats()) };
    const before = this.before?.pc === pc ? this.before : null;
    this.before = now;
    if (!before) {
      this.arrivedAt = now.at;
      return;
    }
    this.sample = difference(before, now, (now.at - before.at) / 1000);
    if (this.sample.received > 0) this.arrivedAt = now.at;
    this.session.stalled(now.at - this.arrivedAt);
    this.#settle(grade(this.sample));
    this.dispatchEvent(new Event('sample'));
  }

  // Worse counts at once, better when it was so twice: a word that flickers helps nobody.
  #settle(fresh) {
    const order = ['unknown', 'good', 'fair', 'poor'];
    const better = this.grade !== 'unknown' && order.indexOf(fresh) < order.indexOf(this.grade);
    if (better && this.last !== fresh) {
      this.last = fresh;
      return;
    }
    this.last = fresh;
    this.grade = fresh;
  }
}
