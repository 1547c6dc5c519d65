// Everybody can use it: axe in every state and both colour schemes, 320 px, 200 % zoom, keyboard alone.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import test, { after, afterEach, before } from 'node:test';
import { bench, connected, join, legOf, open, shot } from './lib.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

let setup;

before(async () => { setup = await bench(); });

afterEach(() => setup.tidy());

after(() => setup.close());

// evaluate() comes in beside the page's policy, which would not let a script in.
async function check(page, state) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run(document, {
    runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
  }));
  const found = violations.map((v) => `${v.impact} ${v.id}: ${v.nodes.map((n) => n.target.join(' ')).join(', ')}`);
  assert.deepEqual(found, [], state);
}

// No sideways scrolling, nothing that reaches out of the window, and targets that a thumb finds.
async function fits(page, state) {
  const report = await page.evaluate(() => {
    const wide = document.documentElement.scrollWidth - window.innerWidth;
    const shown = [...document.querySelectorAll('button, input, select, summary')]
      .filter((element) => element.checkVisibility() && !element.closest('[hidden]'));
    const bad = shown.filter((element) => {
      const box = element.getBoundingClientRect();
      const least = element.type === 'checkbox' ? 24 : 40;
      return box.left < 0 || box.right > window.innerWidth + 0.5 || box.height < least || box.width < least;
    });
    // What lies over a control takes its clicks. A dialog may do so.
    const covered = document.querySelector('dialog[open]') ? [] : shown.filter((element) => {
      element.scrollIntoView({ block: 'nearest' });
      const box = element.getBoundingClientRect();
      const top = document.elementFromPoint((box.left + box.right) / 2, (box.top + box.bottom) / 2);
      return !element.contains(top) && !top?.closest('label, #quality dl');
    });
    const names = (elements) => elements.map((element) => element.id || element.className || element.tagName);
    return { wide, bad: names(bad), covered: names(covered) };
  });
  assert.ok(report.wide <= 0, `${state}: ${report.wide} px too wide`);
  assert.deepEqual(report.bad, [], state);
  assert.deepEqual(report.covered, [], state);
}

// A room with something in it: hands, phones, long names, messages, somebody who speaks.
async function fill(page) {
  const leg = legOf(setup.mock, 'Ana');
  setup.mock.tell({ type: 'roster', participants: [
    { id: leg.participant, name: 'Ana', kind: 'web', audio: true, video: true, hand: false },
    { id: 900, name: '+33 1 23 45 67 89', kind: 'sip', audio: false, video: false, hand: true },
    { id: 901, name: 'Donaudampfschifffahrtsgesellschaftskapitänin Müller', kind: 'web', audio: false, video: true },
    { id: 902, name: 'OBS', kind: 'whip', audio: true, video: true },
  ] });
  setup.mock.tell({ type: 'speaking', ids: [leg.participant, 901] });
  for (let i = 0; i < 12; i += 1) {
    setup.mock.tell({ type: 'chat', from: 900, name: 'Bruno', text: `Ligne ${i} ${'long'.repeat(i)}`, time: '2026-11-21T12:00:00Z' });
  }
  await page.waitForFunction(() => document.querySelectorAll('#chat-log .message').length === 12);
}

async function eachState(options, look) {
  const home = await open(setup, '/', options);
  await home.click('#open-room');
  await look(home, 'home');
  const prejoin = await open(setup, '/r/r', options);
  await prejoin.waitForFunction(() => document.querySelector('#preview').srcObject);
  await look(prejoin, 'prejoin');
  await prejoin.close();
  const page = await join(setup, { name: 'Ana', ...options });
  await look(page, 'meeting');
  await fill(page);
  if (await page.isHidden('#people')) await page.click('#people-toggle');
  await look(page, 'meeting, people');
  await page.click('#chat-toggle');
  await page.click('#mute');
  await page.click('#hand');
  await look(page, 'meeting, people and chat');
  if (await page.isVisible('#people')) await page.click('#people-toggle');
  await look(page, 'meeting, chat');
  await page.click('#quality summary');
  await look(page, 'meeting, quality');
  await page.click('#quality summary');
  for (const dialog of ['settings', 'help']) {
    await page.click(`#${dialog}-open`);
    await look(page, dialog);
    await page.keyboard.press('Escape');
  }
  await page.click('#leave');
  await look(page, 'left');
  const insecure = await open(setup, '/r/r', { host: 'tessera.test', ...options });
  await look(insecure, 'insecure');
  const kiosk = await open(setup, '/r/r?kiosk', options);
  await connected(kiosk);
  await kiosk.waitForSelector('#kiosk-sound:not([hidden])');
  await look(kiosk, 'kiosk');
}

// Both colour schemes, both languages, the smallest phone, a laptop at 200 %.
for (const [what, options] of [
  ['light, on a phone of 320 px', { colorScheme: 'light', viewport: { width: 320, height: 568 }, locale: 'fr-FR' }],
  ['dark, on a wide screen', { colorScheme: 'dark', viewport: { width: 1440, height: 900 } }],
]) {
  test(`axe finds nothing and everything fits in every state, ${what}`, async () => {
    await eachState(options, async (page, state) => {
      await shot(page, `${options.viewport.width}-${state}`);
      await check(page, state);
      await fits(page, state);
      assert.deepEqual(page.complaints, [], state);
    });
  });
}

for (const [what, width, height, locale] of [['200 % zoom', 640, 400, 'fr-FR'], ['a phone on its side', 568, 320, 'en'],
  ['400 % zoom', 320, 256, 'en']]) {
  test(`everything fits at ${what}`, async () => {
    await eachState({ viewport: { width, height }, locale }, async (page, state) => {
      await shot(page, `${width}-${state}`);
      await fits(page, state);
    });
  });
}

test('on a wall the picture is large and the words can be read', async () => {
  const page = await join(setup, { name: 'Ana', viewport: { width: 3840, height: 2160 } });
  const [picture, title] = await page.evaluate(() => [
    document.querySelector('#picture').clientWidth, getComputedStyle(document.querySelector('#meeting-title')).fontSize]);
  assert.ok(picture > 2800, `${picture} px`);
  assert.ok(parseFloat(title) > 24, title);
  await fits(page, 'wall');
});

async function tabTo(page, id) {
  for (let i = 0; i < 40; i += 1) {
    await page.keyboard.press('Tab');
    if (await page.evaluate(() => document.activeElement.id) === id) return;
  }
  assert.fail(`the focus never came to #${id}`);
}

test('the keyboard alone joins, acts and leaves', async () => {
  const page = await open(setup, '/r/r');
  await page.waitForFunction(() => document.querySelector('#preview').srcObject);
  assert.equal(await page.evaluate(() => document.activeElement.id), 'prejoin-title');
  await tabTo(page, 'name');
  await page.keyboard.type('Ana');
  await tabTo(page, 'join');
  const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
  assert.equal(outline, 'solid');
  await page.keyboard.press('Enter');
  await connected(page);
  assert.equal(await page.evaluate(() => document.activeElement.id), 'meeting-title');
  await page.keyboard.press('m');
  await page.waitForSelector('#mute[data-on=false]');
  await page.keyboard.press('f');
  await page.waitForFunction(() => document.fullscreenElement?.id === 'meeting');
  await shot(page, 'full-screen');
  await page.keyboard.press('f');
  await page.waitForFunction(() => !document.fullscreenElement);
  await page.keyboard.press('?');
  await page.waitForSelector('#help[open]');
  // Single keys can be switched off (WCAG 2.1.4).
  await page.focus('#keys-on');
  await page.keyboard.press('Space');
  await page.keyboard.press('Escape');
  await page.waitForSelector('#help', { state: 'hidden' });
  await page.keyboard.press('m');
  assert.equal(await page.getAttribute('#mute', 'data-on'), 'false');
  await tabTo(page, 'chat-toggle');
  await page.keyboard.press('Enter');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'chat-text');
  await page.keyboard.type('Bonjour');
  await page.keyboard.press('Enter');
  await page.waitForSelector('#chat-log .message');
  await page.keyboard.press('Escape');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'chat-toggle');
  await tabTo(page, 'leave');
  await page.keyboard.press('Enter');
  await page.waitForSelector('#prejoin:not([hidden])');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'prejoin-title');
});

test('with reduced motion nothing moves by itself', async () => {
  const page = await join(setup, { name: 'Ana', reducedMotion: 'reduce' });
  const moving = await page.evaluate(() => document.getAnimations().length);
  assert.equal(moving, 0);
  assert.equal(await page.evaluate(() => getComputedStyle(document.querySelector('#toolbar')).transitionDuration), '0s');
});
