// Debian's Firefox without a driver program: WebDriver BiDi over its own WebSocket. Playwright wants a
// Firefox of its own making, and Debian has no geckodriver.

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import WebSocket from 'ws';

// Made-up devices without a question, candidates of the loopback interface, and no word to the outside.
const PREFS = {
  'media.navigator.streams.fake': true,
  'media.navigator.permission.disabled': true,
  'media.navigator.permission.fake': true,
  'media.peerconnection.ice.loopback': true,
  'media.peerconnection.ice.obfuscate_host_addresses': false,
  'media.autoplay.default': 0,
  'media.autoplay.blocking_policy': 0,
  'media.gmp-manager.url': 'http://127.0.0.1:9/',
  'intl.accept_languages': 'en-GB',
  'app.update.enabled': false,
  'app.normandy.enabled': false,
  'browser.shell.checkDefaultBrowser': false,
  'browser.safebrowsing.update.enabled': false,
  'browser.cache.disk.enable': false,
  'datareporting.policy.dataSubmissionEnabled': false,
  'extensions.systemAddon.update.enabled': false,
  'extensions.update.enabled': false,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
  'network.proxy.type': 0,
  'remote.prefs.recommended': true,
  'services.settings.server': 'http://127.0.0.1:9/',
  'toolkit.telemetry.enabled': false,
};

export class Firefox {
  /** prefs: more of about:config. */
  static async launch({ prefs = {} } = {}) {
    const firefox = new Firefox();
    firefox.profile = mkdtempSync(path.join(os.tmpdir(), 'tessera-firefox-'));
    const lines = Object.entries({ ...PREFS, ...prefs }).map(([key, value]) => `user_pref(${JSON.stringify(key)}, ${JSON.stringify(value)});`);
    writeFileSync(path.join(firefox.profile, 'user.js'), lines.join('\n'));
    // A folder of its own as home, and no content sandbox: it wants namespaces that containers refuse.
    firefox.child = spawn(process.env.FIREFOX || '/usr/bin/firefox-esr',
      ['--headless', '--no-remote', '--profile', firefox.profile, '--remote-debugging-port', '0', '--width', '1280', '--height', '900'],
      { env: { ...process.env, HOME: firefox.profile, MOZ_DISABLE_CONTENT_SANDBOX: '1' }, stdio: ['ignore', 'ignore', 'pipe'] });
    await firefox.#connect(await firefox.#address());
    return firefox;
  }

  #address() {
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error('Firefox does not say where it listens')), 30000);
      this.child.on('exit', () => reject(new Error('Firefox ended at its start')));
      this.child.stderr.on('data', (text) => {
        const found = /WebDriver BiDi listening on (ws:\S+)/.exec(text);
        if (!found) return;
        clearTimeout(late);
        resolve(`${found[1]}/session`);
      });
    });
  }

  async #connect(address) {
    this.waiting = new Map();
    this.complaints = [];
    this.socket = new WebSocket(address);
    await new Promise((resolve, reject) => { this.socket.once('open', resolve).once('error', reject); });
    this.socket.on('message', (data) => this.#heard(JSON.parse(data)));
    await this.command('session.new', { capabilities: { alwaysMatch: { acceptInsecureCerts: true } } });
    await this.command('session.subscribe', { events: ['log.entryAdded'] });
    this.context = (await this.command('browsingContext.getTree', {})).contexts[0].context;
  }

  #heard(message) {
    if (message.method === 'log.entryAdded' && message.params.level === 'error') this.complaints.push(message.params.text);
    const waiting = this.waiting.get(message.id);
    if (!waiting) return;
    this.waiting.delete(message.id);
    if (message.type === 'error') waiting.reject(new Error(`${message.error}: ${message.message}`));
    else waiting.resolve(message.result);
  }

  command(method, params) {
    this.last = (this.last || 0) + 1;
    const id = this.last;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.socket.send(JSON.stringify({ id, method, params }));
    });
  }

  /** Runs this before every script of every page to come. */
  preload(source) {
    return this.command('script.addPreloadScript', { functionDeclaration: `() => { ${source} }` });
  }

  goto(url) {
    return this.command('browsingContext.navigate', { context: this.context, url, wait: 'complete' });
  }

  /** The value of an expression, awaited; it must be fit for JSON. */
  async evaluate(expression) {
    const answer = await this.command('script.evaluate', {
      expression: `(async () => JSON.stringify((await (${expression})) ?? null))()`,
      target: { context: this.context },
      awaitPromise: true,
      userActivation: false,
    });
    if (answer.type === 'exception') throw new Error(answer.exceptionDetails.text);
    return JSON.parse(answer.result.value);
  }

  /** A click of the mouse, as a person would. */
  async click(selector) {
    const box = await this.evaluate(`(() => { const e = document.querySelector(${JSON.stringify(selector)});
      e.scrollIntoView({ block: 'center' }); const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; })()`);
    const [x, y] = box.map(Math.round);
    await this.command('input.performActions', {
      context: this.context,
      actions: [{
        type: 'pointer',
        id: 'mouse',
        actions: [{ type: 'pointerMove', x, y }, { type: 'pointerDown', button: 0 }, { type: 'pointerUp', button: 0 }],
      }],
    });
  }

  async screenshot(file) {
    const { data } = await this.command('browsingContext.captureScreenshot', { context: this.context });
    writeFileSync(file, Buffer.from(data, 'base64'));
  }

  async close() {
    this.socket?.close();
    const ended = new Promise((resolve) => { this.child.once('exit', resolve); });
    this.child.kill('SIGTERM');
    const hard = setTimeout(() => this.child.kill('SIGKILL'), 5000);
    if (this.child.exitCode === null && this.child.signalCode === null) await ended;
    clearTimeout(hard);
    rmSync(this.profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}
