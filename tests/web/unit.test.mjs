// What the page is made of, without a browser: texts, fragments, grades, names, size.

import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';

const WEB = fileURLToPath(new URL('../../server/web/', import.meta.url));

// Node 18 takes a .js file for a module only where a package.json says so; the page needs none, so
// the modules are loaded from a copy that has one.
const copy = mkdtempSync(join(tmpdir(), 'tessera-web-'));
cpSync(`${WEB}assets`, copy, { recursive: true });
writeFileSync(join(copy, 'package.json'), '{"type":"module"}');
const load = (name) => import(pathToFileURL(join(copy, name)));
const { roomProblem } = await load('home.js');
const { grade } = await load('quality.js');
const { credentials, iceServers, restartedAnswer, writeFragment } = await load('sdpfrag.js');
const { chooseLanguage, text, texts } = await load('texts.js');
rmSync(copy, { recursive: true });

const ASSETS = readdirSync(`${WEB}assets`);
const page = readFileSync(`${WEB}index.html`, 'utf8');
const code = ASSETS.filter((name) => name.endsWith('.js') && name !== 'texts.js')
  .map((name) => readFileSync(`${WEB}assets/${name}`, 'utf8')).join('\n');

const holes = (value) => [...value.matchAll(/\{\w+\}/g)].map(String).sort();

test('every language has every text, with the same holes', () => {
  const keys = Object.keys(texts.en);
  for (const [language, table] of Object.entries(texts)) {
    assert.deepEqual(Object.keys(table), keys, language);
    for (const key of keys) {
      assert.ok(table[key].trim(), `${language} ${key}`);
      assert.deepEqual(holes(table[key]), holes(texts.en[key]), `${language} ${key}`);
    }
  }
});

test('every text that is used exists, and every text that exists is used', () => {
  const used = new Set([...page.matchAll(/data-t(?:-label|-placeholder)?="([^"]+)"/g)].map((m) => m[1]));
  const quoted = [...code.matchAll(/['"`]([a-z]+\.[a-z][a-z.-]*)['"`]/g)].map((m) => m[1]);
  const groups = new Set(Object.keys(texts.en).map((key) => key.split('.')[0]));
  for (const key of quoted) if (groups.has(key.split('.')[0]) && !/\.(js|svg)$/.test(key)) used.add(key);
  for (const key of used) assert.ok(key in texts.en, `no text ${key}`);
  // These are put together from parts: `device.${reason}.${kind}` and the like.
  const made = /^(device\.(no-|denied|missing|busy|lost)|end\.|state\.|quality\.|language\.)/;
  for (const key of Object.keys(texts.en)) assert.ok(used.has(key) || made.test(key), `unused text ${key}`);
});

test('the document holds the English texts, so that it reads well before the script has run', () => {
  for (const [, key, content] of page.matchAll(/data-t="([^"]+)"[^>]*>([^<]*)</g)) {
    assert.equal(content.replace(/&amp;/g, '&'), texts.en[key], key);
  }
});

test('the document has nothing inline, and asks no other machine for anything', () => {
  assert.doesNotMatch(page, /<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=/i);
  for (const name of ASSETS) {
    const content = readFileSync(`${WEB}assets/${name}`, 'utf8').replace(/http:\/\/www\.w3\.org\/\d+\/\w+/g, '');
    assert.doesNotMatch(content, /https?:\/\/|@import|innerHTML|outerHTML|insertAdjacentHTML|eval\(/, name);
  }
});

test('the page is small', () => {
  const bytes = ['index.html', ...ASSETS.map((name) => `assets/${name}`)]
    .reduce((sum, name) => sum + statSync(WEB + name).size, 0);
  assert.ok(bytes < 112_000, `${bytes} bytes`);
});

test('a language is chosen by the first that we have', () => {
  assert.equal(chooseLanguage([null, 'de-DE', 'fr-CA', 'en']), 'fr');
  assert.equal(chooseLanguage(['FR', 'en']), 'fr');
  assert.equal(chooseLanguage(['toString', 'xx']), 'en');
  assert.equal(text('people.came', { name: '{n}' }), '{n} has joined.');
});

test('room names are refused as the server refuses them', () => {
  for (const good of ['r', 'Conseil municipal', '100% été', 'a.b', '..a', 'é'.repeat(63)]) assert.equal(roomProblem(good), '', good);
  for (const bad of ['*', 'a/b', 'a\\b', '..', 'a\u0007', 'é'.repeat(64)]) assert.equal(roomProblem(bad), 'home.bad', bad);
  assert.equal(roomProblem(''), 'home.empty');
});

test('a connection is graded by its worst number', () => {
  const fine = { loss: 0.001, rttMs: 20, jitterMs: 3, frozen: 0 };
  assert.equal(grade(fine), 'good');
  assert.equal(grade({ ...fine, loss: 0.02 }), 'fair');
  assert.equal(grade({ ...fine, rttMs: 300 }), 'fair');
  assert.equal(grade({ ...fine, rttMs: 300, frozen: 0.5 }), 'poor');
  assert.equal(grade({ ...fine, jitterMs: 150 }), 'poor');
});

const OFFER = 'v=0\r\na=group:BUNDLE 0 1\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=ice-ufrag:abcd\r\na=ice-pwd:secretsecretsecretsecret\r\n'
  + 'a=mid:0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=ice-ufrag:abcd\r\na=ice-pwd:secretsecretsecretsecret\r\na=mid:1\r\n';

test('a fragment names the first media line and its candidates', () => {
  assert.equal(writeFragment(OFFER, ['candidate:1 1 udp 1 127.0.0.1 9 typ host'], true),
    'a=ice-ufrag:abcd\r\na=ice-pwd:secretsecretsecretsecret\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n'
    + 'a=candidate:1 1 udp 1 127.0.0.1 9 typ host\r\na=end-of-candidates\r\n');
});

test('a restart puts the new credentials on every line and the candidates on the first', () => {
  const answer = OFFER.replace('a=mid:0\r\n', 'a=mid:0\r\na=candidate:old\r\na=end-of-candidates\r\n');
  const sdp = restartedAnswer(answer, 'a=ice-ufrag:new\r\na=ice-pwd:other\r\na=candidate:fresh\r\n');
  assert.equal(sdp.match(/a=ice-ufrag:new/g).length, 2);
  assert.deepEqual(credentials(sdp), { ufrag: 'new', pwd: 'other' });
  assert.match(sdp, /a=mid:0\r\na=candidate:fresh\r\nm=video/);
  assert.doesNotMatch(sdp, /candidate:old|abcd|secret/);
  assert.throws(() => restartedAnswer(answer, 'a=candidate:fresh\r\n'));
});

test('ICE servers come out of Link headers', () => {
  assert.deepEqual(iceServers('<stun:a:3478>; rel="ice-server", <turn:b?transport=udp>; rel="ice-server"; username="u"; '
    + 'credential="p"; credential-type="password", <https://x/>; rel="help"'),
  [{ urls: 'stun:a:3478' }, { urls: 'turn:b?transport=udp', username: 'u', credential: 'p' }]);
  assert.deepEqual(iceServers(null), []);
});
