// One real browser on the server's own page, led by a test in Python (tests/e2e/lib/browser.py):
//   node e2e_driver.mjs '{"browser":"chromium","args":[...],"options":{...},"preload":[...]}'
// A command is a line of JSON on stdin, {"id":1,"do":"goto","url":"..."}; its answer a line on stdout,
// {"id":1,"value":...} or {"id":1,"error":"..."}. Lines with "event" come by themselves. It ends, and
// its browser with it, when stdin does.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { Firefox } from './firefox.mjs';
import { ARGS } from './lib.mjs';

const HERE = path.dirname(fileURLToPath(import.meta.url));

const tell = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);

/** Chromium behind the same few functions as Firefox. */
class Chromium {
  static async launch({ args = [], relay = 0 }) {
    const self = new Chromium();
    self.browser = await chromium.launch({
      executablePath: process.env.CHROMIUM || '/usr/bin/chromium', args: [...ARGS, ...args], ignoreDefaultArgs: ['--mute-audio'],
    });
    const context = await self.browser.newContext({ viewport: { width: 1280, height: 800 }, locale: 'en-GB' });
    self.page = await context.newPage();
    self.complaints = [];
    self.page.on('console', (message) => message.type() === 'error' && self.complaints.push(message.text()));
    self.page.on('pageerror', (error) => self.complaints.push(error.stack));
    if (relay) await self.#behind(relay);
    return self;
  }

  // All of the media goes by the UDP port `relay`: the server's candidates are written as if they were
  // there (and told to the test), and it is never told of the browser's own.
  async #behind(relay) {
    const answer = async (route) => {
      const response = await route.fetch();
      const found = [];
      const body = (await response.text()).replace(/^(a=candidate:\S+ 1 udp \d+) (\S+) (\d+) /gim, (_, start, address, port) => {
        found.push({ address, port: Number(port) });
        return `${start} 127.0.0.1 ${relay} `;
      });
      if (found.length) tell({ event: 'candidates', found });
      await route.fulfill({ response, body });
    };
    await this.page.route(/\/join\/[^/?]+(\?|$)/, answer);
    await this.page.route(/\/join\/[^/]+\/[^/]+$/, async (route) => {
      if (route.request().method() !== 'PATCH') return route.fallback();
      // An ICE restart names none yet; what follows does.
      if (route.request().headers()['if-match'] === '*') return answer(route);
      return route.fulfill({ status: 204 });
    });
  }

  preload(source) {
    return this.page.addInitScript(source);
  }

  goto(url) {
    return this.page.goto(url);
  }

  evaluate(expression) {
    return this.page.evaluate(expression);
  }

  click(selector) {
    return this.page.click(selector);
  }

  async screenshot(file) {
    await this.page.screenshot({ path: file });
  }

  close() {
    return this.browser.close();
  }
}

const wanted = JSON.parse(process.argv[2]);
const browser = await (wanted.browser === 'firefox' ? Firefox : Chromium).launch(wanted);
const options = { ...wanted.options };
if (options.still) options.still = readFileSync(options.still).toString('base64');
await browser.preload(`window.e2eOptions = ${JSON.stringify(options)};\n${readFileSync(path.join(HERE, 'e2e_preload.js'), 'utf8')}`);

const commands = {
  goto: ({ url }) => browser.goto(url).then(() => null),
  evaluate: ({ expression }) => browser.evaluate(expression),
  click: ({ selector }) => browser.click(selector).then(() => null),
  screenshot: ({ file }) => browser.screenshot(file),
  complaints: () => browser.complaints,
};

async function end() {
  await browser.close().catch(() => {});
  process.exit(0);
}

tell({ event: 'ready' });
const lines = createInterface({ input: process.stdin });
lines.on('line', async (line) => {
  const request = JSON.parse(line);
  try {
    tell({ id: request.id, value: (await commands[request.do](request)) ?? null });
  } catch (error) {
    tell({ id: request.id, error: String(error.stack || error) });
  }
});
lines.on('close', end);
process.on('SIGTERM', end);
