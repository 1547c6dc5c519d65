// Joining, being there, and leaving: the page in Chromium against the mock.

import assert from 'node:assert/strict';
import test, { after, afterEach, before } from 'node:test';
import { CAMERA, DENIED, bench, connected, join, legOf, open, shot, until } from './lib.mjs';

let setup;
let mock;

before(async () => {
  setup = await bench(CAMERA);
  mock = setup.mock;
});

afterEach(() => setup.tidy());

after(() => setup.close());

const senderTrack = (page, kind) => page.evaluate((k) => {
  const { track } = window.tessera.session.leg.senders[k];
  return track && { enabled: track.enabled, state: track.readyState, label: track.label };
}, kind);

test('one button from the link into the meeting, and leaving ends the leg', async () => {
  const page = await join(setup, { room: 'Conseil municipal', name: 'Ana' });
  const post = mock.requests.find((request) => request.method === 'POST');
  assert.equal(post.path, '/join/Conseil%20municipal?name=Ana');
  assert.equal(post.headers['content-type'], 'application/sdp');
  assert.equal(post.body.match(/^m=/gm).length, 2);
  assert.equal(post.body.match(/^a=sendrecv/gm).length, 2);
  assert.match(await page.textContent('#meeting-title'), /Conseil municipal/);
  const leg = legOf(mock, 'Ana');
  await until(async () => (await mock.peerStats(leg)).video?.frames > 0, 'the camera arrives at the far end');
  assert.deepEqual(leg.heard[0], { type: 'state', audio: true, video: true });
  await until(() => mock.requests.some((r) => r.method === 'PATCH' && r.status === 204 && /end-of-candidates/.test(r.body)), 'trickle');
  await page.click('#leave');
  await until(() => mock.requests.at(-1).method === 'DELETE' && mock.legs.size === 0, 'DELETE');
  assert.equal(await page.getAttribute('body', 'data-view'), 'prejoin');
  assert.match(await page.textContent('#prejoin-notice'), /left/);
  await shot(page, 'left');
  // Again, from there.
  await page.click('#join');
  await connected(page);
  assert.deepEqual(await senderTrack(page, 'video').then((t) => t.state), 'live');
  assert.deepEqual(page.complaints, []);
});

test('mute silences the track and says so to the room', async () => {
  const page = await join(setup, { name: 'Bruno' });
  const leg = legOf(mock, 'Bruno');
  await page.click('#mute');
  assert.equal((await senderTrack(page, 'audio')).enabled, false);
  await until(() => leg.audio === false, 'state');
  assert.equal(await page.textContent('#mute span'), 'Unmute');
  await page.waitForSelector('#roster li[data-audio=false] .mic-off', { state: 'attached' });
  await page.keyboard.press('m');
  assert.equal((await senderTrack(page, 'audio')).enabled, true);
  await until(() => leg.audio === true, 'state');
});

test('camera off gives the camera back, camera on sends again', async () => {
  const page = await join(setup, { name: 'Bruno' });
  const leg = legOf(mock, 'Bruno');
  await page.keyboard.press('c');
  await page.waitForFunction(() => window.tessera.session.leg.senders.video.track === null);
  await until(() => leg.video === false, 'state');
  await page.click('#camera-toggle');
  await page.waitForFunction(() => window.tessera.session.leg.senders.video.track?.readyState === 'live');
  await until(() => leg.video === true, 'state');
  const frames = async () => (await mock.peerStats(leg)).video?.frames || 0;
  const seen = await frames();
  await until(async () => await frames() > seen + 5, 'frames flow again');
  assert.deepEqual(page.complaints, []);
});

test('the sender becomes as small as its tile', async () => {
  const page = await join(setup, { name: 'Bruno' });
  const leg = legOf(mock, 'Bruno');
  mock.tell({ type: 'send', maxWidth: 160, maxHeight: 90, maxFps: 10, maxBitrate: 90000 }, leg);
  await page.waitForFunction(() => {
    const [now] = window.tessera.session.leg.senders.video.getParameters().encodings;
    return now.maxBitrate === 90000 && now.maxFramerate === 10 && now.scaleResolutionDownBy >= 4;
  });
  await until(async () => (await mock.peerStats(leg)).video?.width <= 160, 'the far end gets 160 pixels');
  mock.tell({ type: 'send', maxWidth: 0, maxHeight: 0, maxFps: 0, maxBitrate: 0 }, leg);
  await page.waitForFunction(() => !window.tessera.session.leg.senders.video.getParameters().encodings[0].active);
  mock.tell({ type: 'send', maxWidth: 1280, maxHeight: 720, maxFps: 30, maxBitrate: 1500000 }, leg);
  await page.waitForFunction(() => {
    const [now] = window.tessera.session.leg.senders.video.getParameters().encodings;
    return now.active && now.scaleResolutionDownBy === 1;
  });
});

test('another camera can be chosen while joined', async () => {
  const page = await join(setup, { name: 'Bruno' });
  const before = await senderTrack(page, 'video');
  await page.click('#settings-open');
  await page.waitForFunction(() => Number(document.querySelector('#settings-level').ariaValueNow) > 0);
  await page.selectOption('#settings-camera', { index: 1 });
  await page.waitForFunction((label) => {
    const { track } = window.tessera.session.leg.senders.video;
    return track?.readyState === 'live' && track.label !== label;
  }, before.label);
  await page.selectOption('#settings-microphone', 'none');
  await page.waitForFunction(() => window.tessera.session.leg.senders.audio.track === null);
  await page.keyboard.press('Escape');
  assert.equal(await page.textContent('#mute span'), 'Unmute');
  assert.deepEqual(page.complaints, []);
});

test('a layout is asked for by the address, chosen in the settings, and kept when joining again', async () => {
  const page = await open(setup, '/r/r?layout=speaker&name=Zoé');
  await page.click('#join');
  await connected(page);
  const posts = () => mock.requests.filter((request) => request.method === 'POST');
  assert.match(posts().at(-1).path, /layout=speaker/);
  await page.click('#settings-open');
  assert.equal(await page.inputValue('#settings-layout'), 'speaker');
  await page.selectOption('#settings-layout', 'grid');
  const leg = legOf(mock, 'Zoé');
  await until(() => leg.heard.some((m) => m.type === 'layout' && m.layout === 'grid'), 'the wish');
  await page.keyboard.press('Escape');
  const joins = posts().length;
  mock.dropAll();
  await until(() => posts().length > joins, 'another join');
  assert.match(posts().at(-1).path, /layout=grid/);
  await connected(page);
  await page.click('#leave');
  await until(() => mock.people.length === 0, 'gone');
});

test('roster, speaking, hands and chat go around the room', async () => {
  const ana = await join(setup, { name: 'Ana' });
  const chloe = await join(setup, { name: 'Chloé', locale: 'fr-FR' });
  await ana.waitForSelector('#roster li:nth-child(2)', { state: 'attached' });
  assert.equal(await ana.textContent('#roster li:nth-child(1) .name'), 'Ana (you)');
  assert.equal(await chloe.textContent('#people-title'), 'Dans la salle : 2');
  await ana.waitForFunction(() => /Chloé has joined/.test(document.querySelector('#announce').textContent));

  const { participant } = legOf(mock, 'Chloé');
  const told = await ana.textContent('#announce');
  mock.tell({ type: 'speaking', ids: [participant] });
  await ana.waitForSelector(`#roster li[data-id="${participant}"][data-speaking=true]`, { state: 'attached' });
  assert.equal(await ana.textContent('#speaking-names'), 'Chloé');
  assert.equal(await ana.textContent('#announce'), told, 'speaking is not announced');

  await chloe.keyboard.press('h');
  await ana.waitForSelector('#roster li:nth-child(1)[data-hand=true]', { state: 'attached' });
  await ana.waitForFunction(() => /raises a hand/.test(document.querySelector('#announce').textContent));
  assert.equal(await chloe.getAttribute('#hand', 'data-on'), 'true');
  // Lowered for her, by somebody who leads.
  legOf(mock, 'Chloé').hand = false;
  mock.sendRoster();
  await chloe.waitForSelector('#hand[data-on=false]');

  await chloe.waitForTimeout(1100); // what comes right after the welcome is history
  await ana.click('#chat-toggle');
  await ana.keyboard.type('<img src=x onerror=alert(1)> m c h');
  await ana.keyboard.press('Enter');
  await chloe.waitForFunction(() => document.querySelector('#unread-count').textContent === '1');
  await chloe.click('#chat-toggle');
  const message = chloe.locator('#chat-log .message').last();
  assert.equal(await message.locator('p').last().textContent(), '<img src=x onerror=alert(1)> m c h');
  assert.equal(await message.locator('b').textContent(), 'Ana');
  assert.equal(await chloe.isVisible('#unread-count'), false);
  assert.equal((await senderTrack(ana, 'audio')).enabled, true, 'keys in a text field are text');

  await chloe.context().close();
  await ana.waitForFunction(() => /Chloé has left/.test(document.querySelector('#announce').textContent));
  assert.deepEqual(ana.complaints, []);
});

test('closing the tab ends the leg', async () => {
  const page = await join(setup, { name: 'Bruno' });
  const leg = legOf(mock, 'Bruno');
  await page.goto('about:blank');
  await until(() => !mock.legs.has(leg.id), 'DELETE', 3000);
});

test('who is put out, or not let in, is told why', async () => {
  const page = await join(setup, { name: 'Bruno' });
  mock.tell({ type: 'bye', reason: 'kicked' }, legOf(mock, 'Bruno'));
  await page.waitForSelector('#prejoin-notice:has-text("taken out")');
  mock.refuse = { status: 403, error: 'the room is locked' };
  await page.click('#join');
  await page.waitForSelector('#prejoin-notice:has-text("the room is locked")');
  mock.refuse = { status: 401, error: 'no' };
  await page.click('#join');
  await page.waitForSelector('#prejoin-notice:has-text("token")');
  mock.refuse = null;
});

test('the token of the link goes out with the join alone', async () => {
  const page = await open(setup, '/r/r#token=s3cret');
  await page.click('#join');
  await connected(page);
  const post = mock.requests.filter((request) => request.method === 'POST').at(-1);
  assert.equal(post.headers.authorization, 'Bearer s3cret');
  assert.equal(post.path, '/join/r?name=Guest');
});

test('the name is remembered only where it was asked for', async () => {
  const page = await join(setup, { name: 'Ana' });
  assert.equal(await page.evaluate(() => localStorage.length), 0);
  await page.click('#leave');
  await page.check('#remember');
  await page.click('#join');
  await connected(page);
  await page.reload();
  await page.waitForSelector('#prejoin:not([hidden])');
  assert.equal(await page.inputValue('#name'), 'Ana');
  await page.uncheck('#remember');
  await page.click('#join');
  await connected(page);
  assert.equal(await page.evaluate(() => localStorage.length), 0);
});

test('the home page leads to a room, and refuses what the server would', async () => {
  const page = await open(setup, '/?lang=fr');
  assert.equal(await page.getAttribute('html', 'lang'), 'fr');
  await page.click('#open-room');
  assert.match(await page.textContent('#room-error'), /Veuillez/);
  await page.fill('#room', 'a/b');
  await page.keyboard.press('Enter');
  assert.equal(await page.getAttribute('#room', 'aria-invalid'), 'true');
  await page.fill('#room', 'Été 100%?');
  await page.keyboard.press('Enter');
  await page.waitForSelector('#prejoin:not([hidden])');
  assert.equal(await page.textContent('#prejoin-title'), 'Salle Été 100%?');
  await page.click('.language >> visible=true');
  assert.equal(await page.textContent('#prejoin-title'), 'Room Été 100%?');
  assert.equal(await page.getAttribute('html', 'lang'), 'en');
});

test('on an insecure origin people are told, and watch and listen', async () => {
  const page = await open(setup, '/r/r', { host: 'tessera.test' });
  assert.match(await page.textContent('#prejoin-notice'), /HTTPS/);
  await shot(page, 'insecure');
  await page.click('#join');
  await connected(page);
  const post = mock.requests.filter((request) => request.method === 'POST').at(-1);
  assert.equal(post.body.match(/^a=recvonly/gm).length, 2);
  assert.equal(await page.isDisabled('#mute'), true);
  assert.match(await page.textContent('#meeting-notice'), /watching/);
});

for (const [what, args, words] of [
  ['denied', DENIED, /not allowed to use camera and microphone/],
  ['missing', [], /No camera and no microphone were found/],
]) {
  test(`with devices ${what} people are told, and join with what there is`, async () => {
    const other = await bench(args);
    try {
      const context = what === 'missing' ? { permissions: ['camera', 'microphone'] } : {};
      const page = await open(other, '/r/r', context);
      await page.waitForSelector('#device-problem:not([hidden])');
      assert.match(await page.textContent('#device-problem'), words);
      await shot(page, `devices-${what}`);
      await page.click('#join');
      await connected(page);
      assert.equal(other.mock.requests[0].body.match(/^a=recvonly/gm).length, 2);
      assert.deepEqual(page.complaints, []);
    } finally {
      await other.close();
    }
  });
}
