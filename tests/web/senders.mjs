// Peer connections in one page of a headless Chromium or Firefox, worked by lines of JSON: {"verb", "options"} on
// standard input, {"result"} or {"error"} on standard output. For the end-to-end tests (tests/e2e/lib/chromium.py).
// usage: node senders.mjs http://127.0.0.1:PORT [chromium|firefox]

import { readFileSync } from 'node:fs';
import path from 'node:path';
import readline from 'node:readline';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { Firefox } from './firefox.mjs';

const script = path.join(path.dirname(fileURLToPath(import.meta.url)), 'senders.page.js');

/** A Chromium at the address: what calls a verb in its page, and what ends it. */
async function openChromium(url) {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync', '--allow-loopback-in-peer-connection',
      '--disable-features=WebRtcHideLocalIpsWithMdns', '--autoplay-policy=no-user-gesture-required',
      '--use-fake-ui-for-media-stream', '--host-resolver-rules=EXCLUDE 127.0.0.1, MAP * ~NOTFOUND'],
    ignoreDefaultArgs: ['--mute-audio'],
  });
  const page = await (await browser.newContext({ bypassCSP: true })).newPage();
  page.on('pageerror', (error) => console.error(error.stack));
  await page.goto(url);
  await page.addScriptTag({ path: script });
  return { call: (verb, options) => page.evaluate(([v, o]) => globalThis.senders(v, o), [verb, options]), close: () => browser.close() };
}

/** The same with Firefox. */
async function openFirefox(url) {
  const browser = await Firefox.launch({ prefs: { 'devtools.jsonview.enabled': false } }); // it is no page of our origin
  await browser.goto(url);
  await browser.evaluate(`(() => { ${readFileSync(script, 'utf8')} })()`);
  return {
    call: (verb, options = {}) => browser.evaluate(`senders(${JSON.stringify(verb)}, ${JSON.stringify(options)})`),
    close: () => browser.close(),
  };
}

// Our origin, with nothing of the page's on it.
const page = await (process.argv[3] === 'firefox' ? openFirefox : openChromium)(`${process.argv[2]}/healthz`);
console.log(JSON.stringify({ result: 'ready' }));

for await (const line of readline.createInterface({ input: process.stdin })) {
  const { verb, options } = JSON.parse(line);
  const answer = await page.call(verb, options)
    .then((result) => ({ result: result ?? null }), (error) => ({ error: String(error.message) }));
  console.log(JSON.stringify(answer));
}
await page.close();
