// The kiosk: a screen that nobody touches.

import assert from 'node:assert/strict';
import test, { after, afterEach, before } from 'node:test';
import { CAMERA, LOUD, bench, connected, open, shot, until } from './lib.mjs';

let setup; // as browsers come: no sound without a touch
let loud; // with the kiosk flag of the README

before(async () => {
  setup = await bench([]);
  loud = await bench([...CAMERA, ...LOUD]);
});

afterEach(() => Promise.all([setup.tidy(), loud.tidy()]));

after(() => Promise.all([setup.close(), loud.close()]));

test('it starts by itself, watches without being shown, and asks for one touch for the sound', async () => {
  const page = await open(setup, '/r/salon?kiosk');
  await connected(page);
  const [post] = setup.mock.requests;
  const url = new URL(post.path, setup.mock.url);
  assert.equal(url.searchParams.get('hidden'), '1');
  assert.equal(post.body.match(/^a=recvonly/gm).length, 2);
  await page.waitForSelector('#kiosk-sound:not([hidden])');
  await shot(page, 'kiosk-button');
  const seen = await page.locator('button:visible').count();
  assert.equal(seen, 1);
  assert.equal(await page.evaluate(() => document.querySelector('#kiosk-picture').muted), true);
  assert.equal(await page.evaluate(() => getComputedStyle(document.body).cursor), 'none');
  await page.click('#kiosk-sound');
  await page.waitForSelector('#kiosk-sound', { state: 'hidden' });
  assert.equal(await page.evaluate(() => document.querySelector('#kiosk-picture').muted), false);
  assert.deepEqual(page.complaints, []);
});

test('with the flag it has sound at once', async () => {
  const page = await open(loud, '/r/salon?kiosk');
  await connected(page);
  await page.waitForFunction(() => !document.querySelector('#kiosk-picture').paused);
  assert.equal(await page.evaluate(() => document.querySelector('#kiosk-picture').muted), false);
  assert.equal(await page.locator('button:visible').count(), 0);
  await shot(page, 'kiosk');
});

test('it comes back for ever, whatever the server answers', async () => {
  const { mock } = loud;
  const page = await open(loud, '/r/salon?kiosk');
  await connected(page);
  const posts = () => mock.requests.filter((request) => request.method === 'POST');
  mock.refuse = { status: 403, error: 'locked' };
  mock.tell({ type: 'bye', reason: 'kicked' });
  await until(() => posts().filter((r) => r.status === 403).length >= 2, 'asks again after a refusal');
  await page.waitForFunction(() => /Trying again|Connecting/.test(document.querySelector('#kiosk-text').textContent));
  mock.refuse = null;
  await connected(page);
  assert.equal(await page.textContent('#kiosk-text'), '');
});

test('kiosk=send takes part with camera and microphone', async () => {
  const { mock } = loud;
  const page = await open(loud, '/r/salon?kiosk=send&name=Salon%20bleu');
  await connected(page);
  assert.equal(mock.requests[0].path, '/join/salon?name=Salon+bleu');
  assert.equal(mock.requests[0].body.match(/^a=sendrecv/gm).length, 2);
  await until(async () => (await mock.peerStats(mock.people[0])).video?.frames > 0, 'its camera arrives');
  assert.equal(mock.people[0].video, true);
});
