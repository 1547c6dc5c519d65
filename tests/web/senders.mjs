// Peer connections in one headless Chromium page, worked by lines of JSON: {"verb", "options"} on standard
// input, {"result"} or {"error"} on standard output. For the end-to-end tests (tests/e2e/lib/chromium.py).
// usage: node senders.mjs http://127.0.0.1:PORT

import path from 'node:path';
import readline from 'node:readline';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const here = path.dirname(fileURLToPath(import.meta.url));
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
await page.goto(`${process.argv[2]}/healthz`); // our origin, with nothing of the page's on it
await page.addScriptTag({ path: path.join(here, 'senders.page.js') });
console.log(JSON.stringify({ result: 'ready' }));

for await (const line of readline.createInterface({ input: process.stdin })) {
  const { verb, options } = JSON.parse(line);
  const answer = await page.evaluate(([v, o]) => globalThis.senders(v, o), [verb, options])
    .then((result) => ({ result: result ?? null }), (error) => ({ error: String(error.message) }));
  console.log(JSON.stringify(answer));
}
await browser.close();
