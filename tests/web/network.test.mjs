// What a network and a server do to a meeting, and that the page comes back by itself.

import assert from 'node:assert/strict';
import test, { after, afterEach, before } from 'node:test';
import { bench, connected, join, legOf, shot, until } from './lib.mjs';

let setup;
let mock;

before(async () => {
  setup = await bench();
  mock = setup.mock;
});

afterEach(() => setup.tidy());

after(() => setup.close());

const posts = () => mock.requests.filter((request) => request.method === 'POST' && request.status === 201).length;

test('a server that forgot everybody is joined anew, with hand and chat as they were', async () => {
  const page = await join(setup, { name: 'Ana' });
  const first = legOf(mock, 'Ana');
  await page.click('#mute');
  await page.click('#hand');
  await page.click('#chat-toggle');
  await page.fill('#chat-text', 'once');
  await page.keyboard.press('Enter');
  await page.waitForSelector('#chat-log .message');
  mock.dropAll();
  await until(() => legOf(mock, 'Ana')?.hand && legOf(mock, 'Ana') !== first, 'a new leg with its hand up', 20000);
  await connected(page);
  assert.equal(legOf(mock, 'Ana').audio, false);
  assert.equal(await page.locator('#chat-log .message').count(), 1);
  assert.match(await page.textContent('#announce'), /connection is back/);
});

test('events that were cut are opened again, and the leg goes on', async () => {
  const page = await join(setup, { name: 'Ana' });
  const leg = legOf(mock, 'Ana');
  const before = leg.socket;
  before.terminate();
  await until(() => leg.socket !== before && leg.socket.readyState === 1, 'the events are back');
  mock.sendRoster();
  assert.equal(posts(), 1);
  assert.equal(await page.getAttribute('body', 'data-state'), 'connected');
});

test('a connection that is disturbed is mended by an ICE restart', async () => {
  const page = await join(setup, { name: 'Ana' });
  const ufrag = () => page.evaluate(() => /ice-ufrag:(\S+)/.exec(window.tessera.session.pc.remoteDescription.sdp)[1]);
  const before = await ufrag();
  // What a network loss looks like from inside: the state of the connection alone.
  await page.evaluate(() => {
    const { leg } = window.tessera.session;
    Object.defineProperty(leg, 'state', { configurable: true, get: () => 'failed' });
    leg.dispatchEvent(new Event('state'));
  });
  await until(() => mock.requests.some((r) => r.method === 'PATCH' && r.headers['if-match'] === '*' && r.status === 200), 'restart');
  await page.waitForFunction(() => document.body.dataset.state === 'restarting');
  assert.match(await page.textContent('#stage-text'), /Mending/);
  await shot(page, 'restarting');
  await page.evaluate(() => {
    const { leg } = window.tessera.session;
    delete leg.state;
    leg.dispatchEvent(new Event('state'));
  });
  await page.waitForFunction(() => document.body.dataset.state === 'connected');
  assert.notEqual(await ufrag(), before);
  assert.equal(posts(), 1);
  // Candidates of the new generation go out under the new tag, and media flows on it.
  await until(() => mock.requests.some((r) => r.method === 'PATCH' && r.headers['if-match'] === '"2"' && r.status === 204), 'trickle');
  const frames = () => page.evaluate(() => document.querySelector('#picture').getVideoPlaybackQuality().totalVideoFrames);
  const seen = await frames();
  await until(async () => await frames() > seen + 5, 'the picture moves');
  assert.deepEqual(page.complaints, []);
});

test('a leg whose restart is refused is joined anew', async () => {
  const page = await join(setup, { name: 'Ana' });
  const { id } = legOf(mock, 'Ana');
  mock.legs.get(id).socket.terminate();
  mock.legs.delete(id);
  await page.evaluate(() => {
    const { leg } = window.tessera.session;
    Object.defineProperty(leg, 'state', { configurable: true, get: () => 'failed' });
    leg.dispatchEvent(new Event('state'));
  });
  await until(() => posts() === 2, 'a new join');
  await connected(page);
  assert.ok(mock.requests.some((r) => r.method === 'PATCH' && r.headers['if-match'] === '*' && r.status === 404));
});

test('a server that is away is asked until it is back, and a full one when it says so', async () => {
  const page = await join(setup, { name: 'Ana' });
  mock.down = true;
  mock.dropAll();
  await page.waitForFunction(() => document.body.dataset.state === 'waiting', null, { timeout: 25000 });
  assert.match(await page.textContent('#stage-text'), /Trying again/);
  await shot(page, 'waiting');
  mock.refuse = { status: 503, error: 'full', headers: { 'Retry-After': '1' } };
  mock.down = false;
  await until(() => mock.requests.some((request) => request.status === 503), 'a 503');
  mock.refuse = null;
  await connected(page);
  assert.equal(posts(), 2);
});

test('a server that restarts says so, and the page follows', async () => {
  const page = await join(setup, { name: 'Ana' });
  mock.tell({ type: 'bye', reason: 'shutdown' });
  await until(() => posts() === 2, 'a new join');
  await connected(page);
});

test('a leg on which nothing arrives any more is joined anew', async () => {
  const page = await join(setup, { name: 'Ana' });
  await page.evaluate(() => window.tessera.session.stalled(9000));
  assert.equal(await page.getAttribute('body', 'data-state'), 'connected');
  await page.evaluate(() => window.tessera.session.stalled(11000));
  await until(() => posts() === 2, 'a new join');
  await connected(page);
});

test('a server that ends every leg at once is not asked in a circle', async () => {
  const page = await join(setup, { name: 'Ana' });
  const told = new Set();
  const end = Date.now() + 5000;
  await until(() => {
    for (const leg of mock.people.filter((l) => l.socket && !told.has(l))) {
      told.add(leg);
      mock.tell({ type: 'bye', reason: 'shutdown' }, leg);
    }
    return Date.now() > end;
  }, 'five seconds');
  assert.ok(posts() >= 2 && posts() <= 5, `${posts()} joins`);
  await connected(page);
});

test('the quality is shown in words', async () => {
  const page = await join(setup, { name: 'Ana' });
  await page.waitForSelector('#quality:not([data-quality=unknown])');
  assert.match(await page.textContent('#quality-text'), /^Connection: (good|fair|poor)$/);
  await page.click('#quality summary');
  assert.match(await page.textContent('#quality-loss'), /^[\d.]+ %$/);
  assert.match(await page.textContent('#quality-codecs'), /opus/);
  await page.keyboard.press('Escape');
  assert.equal(await page.isVisible('#quality-loss'), false);
});
