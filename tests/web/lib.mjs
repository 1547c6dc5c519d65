// What the tests of the page share: a mock, a Chromium, its media peer, and pages with a camera.

import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { chromium } from 'playwright-core';
import { Mock } from './mock/server.mjs';

const SHOTS = process.env.SHOTS || ''; // a folder for pictures of the page, none unless set
if (SHOTS) mkdirSync(SHOTS, { recursive: true });

// Nothing of these may reach out: the browser talks to 127.0.0.1 alone. "tessera.test" is this
// machine under a name that browsers do not trust, so that an insecure origin can be had.
export const ARGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--allow-loopback-in-peer-connection',
  '--disable-features=WebRtcHideLocalIpsWithMdns',
  '--host-resolver-rules=MAP tessera.test 127.0.0.1, EXCLUDE 127.0.0.1, MAP * ~NOTFOUND',
];

// Two cameras of few pictures a second: the machine that tests has other work.
const DEVICES = '--use-fake-device-for-media-stream=device-count=2,fps=8';
export const CAMERA = [DEVICES, '--use-fake-ui-for-media-stream'];
export const DENIED = [DEVICES, '--deny-permission-prompts'];
export const LOUD = ['--autoplay-policy=no-user-gesture-required'];

/** A mock and a browser with its media peer. args: CAMERA, DENIED or LOUD. */
export async function bench(args = CAMERA) {
  const mock = await new Mock().listen();
  const executablePath = process.env.CHROMIUM || '/usr/bin/chromium';
  // The peer is a browser of its own, so that what is denied to the page is not denied to it.
  const far = await chromium.launch({ executablePath, args: [...ARGS, ...LOUD] });
  const peer = await far.newPage();
  await peer.goto(`${mock.url}/mock/peer.html`);
  await peer.waitForFunction(() => document.title === 'ready');
  const browser = await chromium.launch({ executablePath, args: [...ARGS, ...args], ignoreDefaultArgs: ['--mute-audio'] });
  return {
    mock,
    browser,
    /** Closes what a test left open, so that one that failed does not disturb the next. */
    async tidy() {
      for (const context of browser.contexts()) await context.close();
      mock.dropAll();
      Object.assign(mock, { chats: [], requests: [], refuse: null, down: false });
    },
    async close() {
      await browser.close();
      await far.close();
      mock.close();
    },
  };
}

/** A page of its own context. Whatever it logs as an error or breaks of the policy is kept in page.complaints. */
export async function open({ browser, mock }, address, { host = '127.0.0.1', ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: 'en-GB', ...options });
  const page = await context.newPage();
  page.complaints = [];
  page.on('console', (message) => message.type() === 'error' && page.complaints.push(message.text()));
  page.on('pageerror', (error) => page.complaints.push(error.stack));
  page.setDefaultTimeout(15000);
  await page.goto(`http://${host}:${mock.port}${address}`);
  await page.waitForFunction(() => document.body.dataset.view);
  return page;
}

/** From the link into the meeting: the name, the one button, and wait for the picture. */
export async function join(setup, { room = 'r', name = 'Ana', ...options } = {}) {
  const page = await open(setup, `/r/${room}`, options);
  await page.fill('#name', name);
  await page.waitForFunction(() => !document.querySelector('#preview').srcObject === false
    || document.querySelector('#device-problem').hidden === false || document.querySelector('#prejoin-notice').hidden === false);
  await page.click('#join');
  await connected(page);
  return page;
}

export async function connected(page) {
  await page.waitForFunction(() => document.body.dataset.state === 'connected');
  await page.waitForFunction(() => document.querySelector('#picture').videoWidth > 0
    || document.querySelector('#kiosk-picture').videoWidth > 0);
}

/** The leg of the mock whose person has this name. */
export function legOf(mock, name) {
  return mock.people.find((leg) => leg.name === name);
}

export async function shot(page, name) {
  if (SHOTS) await page.screenshot({ path: path.join(SHOTS, `${name}.png`) });
}

/** Waits until check() is true; for what happens on the mock's side. */
export async function until(check, what, ms = 15000) {
  const end = Date.now() + ms;
  while (!(await check())) {
    if (Date.now() > end) throw new Error(`not within ${ms} ms: ${what}`);
    await new Promise((go) => { setTimeout(go, 50); });
  }
}
